"""A store that holds a synthetic mosaic, for the tests of what is made from one."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import load_regions
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets_tests.synthetic_scene import write_scene

SOURCES = [{"id": "scene", "links": [{"rel": "self", "href": "https://example.com/scene"}]}]
PARTITION = Partition(load_regions()["bucegi"], dt.date(2023, 7, 15))


class MosaicStore(Store):
    """A store and the land cover its mosaic shows: 1 to 6, 0 where nothing was observed."""

    truth: np.ndarray
    grid: Grid


def store_with_mosaic(
    folder: Path, *, shape: tuple[int, int], empty: str | None = None
) -> MosaicStore:
    """Publish a synthetic mosaic and its grid, of 20 m pixels."""
    store = MosaicStore(folder)

    def record(step, **more):
        return Record(
            step=step,
            region=PARTITION.region.id,
            collection=PARTITION.region.collection,
            date=str(PARTITION.date),
            digest=f"digest of {step}",
            **more,
        )

    with store.publish(PARTITION, "mosaic") as place:
        scene = write_scene(place / "mosaic.zarr", shape=shape)
        times = {
            "acquired_first": "2023-07-15T09:20:31+00:00",
            "acquired_last": "2023-07-15T09:20:45+00:00",
        }
        files = {"mosaic": "mosaic.zarr"}
        store.write_record(place, record("mosaic", summary=times, files=files, empty=empty))
    store.truth, store.grid = scene.truth, Grid.of(scene.geobox)
    with store.publish(PARTITION, "band_stack") as place:
        (place / "grid.json").write_text(store.grid.model_dump_json(), encoding="utf-8")
        store.write_record(place, record("band_stack"))
    publish_sources(store, PARTITION)
    return store


def publish_sources(store: Store, partition: Partition) -> None:
    """Publish the snapshot of one scene and a graph over it, beside what is there."""
    folder = store.folder(partition, "stac_items")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.json").write_text(json.dumps({"features": SOURCES}), encoding="utf-8")
    collection = get_collection(partition.region.collection)
    cube = VirtualCube.load(collection.id, (), collection.default_bands)
    folder = store.folder(partition, "band_stack")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cube.json").write_text(cube.model_dump_json(), encoding="utf-8")
