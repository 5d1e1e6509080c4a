"""Files of a product, and what its STAC item says of them."""

from __future__ import annotations

import json
from pathlib import Path

from eo_assets.pipeline.mosaic import READS
from eo_assets.storage.product_item import multihash
from eo_assets.storage.provenance import PIXEL_CHECKSUM
from eo_assets.storage.store import RECORD


def unchecked(folder: Path) -> set[str]:
    """Names of a product's files that its item does not name with their checksum.

    The log of what was read is no part of the product: how long reads took is never the same. Files
    of a Zarr count as one.
    """
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    item = record["files"]["stac_item"]
    described = json.loads((folder / item).read_text(encoding="utf-8"))["assets"].values()
    checked = {
        one["href"].removeprefix("./")
        for one in described
        if PIXEL_CHECKSUM in one or one["file:checksum"] == multihash(folder / one["href"])
    }
    return {path.name for path in folder.iterdir()} - checked - {RECORD, item, READS}
