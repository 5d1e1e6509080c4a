"""Published products with STAC items: what catalogues are given."""

from __future__ import annotations

import datetime as dt

import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.places import writing
from eo_assets.storage.partition import Subject
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import Record, Store
from eo_assets_tests.tiny_archive import UTM

_GRID = GeoBox((4, 4), Affine(10, 0, 400_000, 0, -10, 5_000_000), UTM)


def publish_item(store: Store, subject: Subject, item_id: str, *, cloud: float = 1.5) -> Record:
    """Publish a GeoTIFF of a few pixels with its item; its record."""
    day = "2023-07-01" if subject.period == "all" else subject.period
    with store.publish(subject, "geotiff") as folder:
        path = folder / f"{item_id}.tif"
        with writing(path) as local, rasterio.open(
            local, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint16",
            crs=UTM, transform=_GRID.transform,
        ) as file:  # fmt: skip
            file.write(np.ones((1, 4, 4), np.uint16))
        item = product_item(
            subject,
            _GRID,
            item_id=item_id,
            acquired=[dt.datetime.fromisoformat(f"{day}T09:{minute}:05Z") for minute in (20, 30)],
            stac_assets={"data": raster_asset(path, title="Data", roles=("data",), bands=[])},
            origin=Origin(sources=("https://example.com/items/a", "S2A_b")),
            properties={"eo:cloud_cover": cloud},
        )
        write_item(folder / f"{item_id}.json", item)
        record = _record(subject, files={"geotiff": path.name, "stac_item": f"{item_id}.json"})
        store.write_record(folder, record)
    return record


def publish_empty(store: Store, subject: Subject) -> Record:
    """Publish an empty product; its record."""
    with store.publish(subject, "geotiff") as folder:
        record = _record(subject, empty="all_cloud")
        store.write_record(folder, record)
    return record


def _record(subject: Subject, **more: object) -> Record:
    plain = {
        "step": "geotiff",
        "region": subject.region.id,
        "collection": subject.region.collection,
        "date": subject.period,
    }
    return Record.model_validate(plain | more)
