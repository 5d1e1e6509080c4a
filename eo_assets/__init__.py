"""Earth-observation pipelines as Dagster assets on Dask."""

__version__ = "0.1.0"
