"""In which order: one module a step, named like the asset it makes.

A step takes a partition, the store and a task runner; it reads the products of the steps before
it from the store, computes on the runner and publishes its own. Steps never import one another.
"""
