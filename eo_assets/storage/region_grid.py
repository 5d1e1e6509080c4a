"""The grid of a partition, beside its virtual cube: what all its products are on."""

from __future__ import annotations

from eo_assets.cube.grid import Grid
from eo_assets.places import Place, place
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store

GRID = "grid.json"
STEP = "band_stack"


def read_grid(path: Place | str) -> Grid:
    """Read a stored grid."""
    return Grid.model_validate_json(place(path).read_text(encoding="utf-8"))


def grid_of(partition: Partition, store: Store) -> Grid:
    """Read the grid of a partition whose mosaic has been materialised."""
    return read_grid(store.folder(partition, STEP) / GRID)
