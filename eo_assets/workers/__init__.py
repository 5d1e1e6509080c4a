"""WHO COMPUTES: where Dask's workers come from, and what they must have to give our results."""
