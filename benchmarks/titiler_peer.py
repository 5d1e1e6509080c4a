"""titiler as people run it, to be measured against; started by ``tiles_vs_titiler.py``.

Runs in an environment of its own, for nothing of it is needed otherwise::

    python titiler_peer.py PORT ITEMS.json

``/cog`` is titiler.core's own factory, ``/mosaic`` titiler.mosaic's over the first ``url`` items of
the list: objects with the addresses of their ``nir`` and ``red`` files.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

import attr
import uvicorn
from fastapi import FastAPI
from rasterio.crs import CRS
from rio_tiler.io import MultiBaseReader, Reader
from rio_tiler.mosaic.backend import BaseBackend
from titiler.core.dependencies import AssetsExprParams
from titiler.core.factory import TilerFactory
from titiler.mosaic.factory import MosaicTilerFactory

ITEMS: list[dict[str, str]] = []


@attr.s
class ItemReader(MultiBaseReader):
    """Reads an item whose files are known already: less work than a STAC item would be."""

    reader = Reader
    assets: ClassVar = ["nir", "red"]
    bounds = attr.ib(init=False, default=(-180, -90, 180, 90))
    crs = attr.ib(init=False, factory=lambda: CRS.from_epsg(4326))

    def _get_asset_info(self, asset: Any) -> Any:
        name = asset if isinstance(asset, str) else asset["name"]
        return {
            "url": self.input[name],
            "name": name,
            "reader_options": {},
            "method_options": {},
        }


@attr.s
class FirstItems(BaseBackend):
    """A mosaic of so many items, known without a search."""

    bounds = attr.ib(init=False, default=(-180, -90, 180, 90))
    crs = attr.ib(init=False, factory=lambda: CRS.from_epsg(4326))
    minzoom = attr.ib(init=False, default=0)
    maxzoom = attr.ib(init=False, default=24)

    def assets_for_tile(self, *_: Any, **__: Any) -> list[Any]:
        """Give the items."""
        return ITEMS[: int(self.input)]

    assets_for_point = assets_for_bbox = assets_for_tile


def main() -> None:
    """Serve."""
    ITEMS.extend(json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
    app = FastAPI()
    app.include_router(TilerFactory().router, prefix="/cog")
    mosaic = MosaicTilerFactory(
        backend=FirstItems, dataset_reader=ItemReader, layer_dependency=AssetsExprParams
    )
    app.include_router(mosaic.router, prefix="/mosaic")
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error")


if __name__ == "__main__":
    main()
