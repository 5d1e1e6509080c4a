"""A STAC API over a directory of STAC items and files.

Belongs here: reading, searching and changing such a directory, and serving it over HTTP with
stac-fastapi. Does not belong here: what the items describe, and how a sample archive is made.

Imported from where they are, so that no door pays for another's start-up:
``embedded.EmbeddedCatalog`` starts the service as a child process, ``server.serve`` runs it in
this one, ``app.create_app`` makes the ASGI application.

The API: https://github.com/radiantearth/stac-api-spec
"""

import logging

# stac-fastapi warns, while it is imported, of default titles that are replaced later
logging.getLogger("stac_fastapi.types.config").setLevel(logging.ERROR)
