"""A mosaic as a STAC item: its graph, its scenes, and a checksum of its pixels.

A Zarr is a folder of many files whose bytes may differ where pixels do not, so it is the pixels
that are hashed: a digest a chunk, taken where the block is computed, and one of all of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import xarray as xr

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Block, Grid
from eo_assets.places import Place
from eo_assets.storage.mosaic_zarr import CHUNK
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import (
    SHA_256,
    band_of,
    file_asset,
    product_item,
    write_item,
)
from eo_assets.storage.provenance import PIXEL_CHECKSUM, origin_of
from eo_assets.storage.store import Record, Store, acquisition_times

ZARR_TYPE = "application/vnd.zarr; version=3"

ChunkDigests = Mapping[tuple[int, int], bytes]
"""SHA-256 of the pixels of each chunk, by row and column of the chunk."""


def digest_chunks(block: Block, pixels: xr.Dataset) -> ChunkDigests:
    """Hash the pixels of a block, chunk by chunk, so that blocks of any size give the same.

    Args:
        block: The block, whose edges are those of chunks.
        pixels: Its pixels, packed, ``(y, x)``.
    """
    rows, columns = pixels.sizes["y"], pixels.sizes["x"]
    digests = {}
    for top in range(0, rows, CHUNK):
        for left in range(0, columns, CHUNK):
            total = hashlib.sha256()
            part = slice(top, top + CHUNK), slice(left, left + CHUNK)
            for name in sorted(map(str, pixels.data_vars)):
                total.update(name.encode())
                total.update(pixels[name].to_numpy()[part].tobytes())
            at = (block.rows[0] + top) // CHUNK, (block.columns[0] + left) // CHUNK
            digests[at] = total.digest()
    return digests


def pixel_checksum(blocks: Iterable[ChunkDigests]) -> str:
    """Hash all chunks of a mosaic, row by row: a multihash."""
    chunks = {at: digest for block in blocks for at, digest in block.items()}
    total = hashlib.sha256(b"".join(chunks[at] for at in sorted(chunks)))
    return f"{SHA_256}{total.hexdigest()}"


def write_mosaic_item(
    partition: Partition,
    cube: VirtualCube,
    grid: Grid,
    record: Record,
    checksum: str,
    *,
    folder: Place,
    store: Store,
) -> str:
    """Write the item of a mosaic beside it.

    Args:
        partition: The partition.
        cube: The graph it was computed with.
        grid: Its grid.
        record: Its record so far.
        checksum: Of its pixels, from ``pixel_checksum``.
        folder: Where the mosaic is.
        store: Where the snapshot of its scenes is.

    Returns:
        Name of the file.
    """
    collection = get_collection(partition.region.collection)
    name = partition.product_name(
        "mosaic", crs=grid.crs, resolution_m=float(grid.geobox.resolution.x)
    )
    bands = [collection.band(band) for band in cube.bands]
    pixels = {
        "href": f"./{record.files['mosaic']}",
        "type": ZARR_TYPE,
        "title": f"{collection.title}: {collection.product}, with the origin of each pixel",
        "roles": ["data"],
        "bands": [band_of(band, nodata=band.quantity.nodata) for band in bands],
        PIXEL_CHECKSUM: checksum,
    }
    thumbnail = file_asset(
        folder / record.files["thumbnail"],
        media_type="image/png",
        title="Thumbnail",
        roles=("thumbnail",),
    )
    item = product_item(
        partition,
        grid.geobox,
        item_id=name,
        acquired=acquisition_times(record),
        stac_assets={"mosaic": pixels, "thumbnail": thumbnail},
        origin=origin_of(partition, store, record.step),
        properties={
            "eo:cloud_cover": record.summary["masked_pct"],
            "eo_assets:valid_pct": record.summary["valid_pct"],
            "eo_assets:cube": cube.digest,
        },
    )
    write_item(folder / f"{name}.json", item)
    return f"{name}.json"
