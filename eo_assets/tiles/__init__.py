"""The tile service: map tiles, values and series over HTTP, computed when somebody looks.

A layer is a virtual cube with what it was resolved to; its id is the digest of that, so that the
worker processes need to share nothing but a folder, and a tile once seen stays valid.
"""
