"""A store with two dates of a small region, classes of both; on the second a wood is felled."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import zarr

from eo_assets.pipeline import clusters
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record
from eo_assets_tests import published_mosaic
from eo_assets_tests.published_mosaic import PARTITION, MosaicStore, store_with_mosaic
from eo_assets_tests.synthetic_scene import SENTINEL_2, SPECTRA

LATER = Partition(PARTITION.region, dt.date(2023, 9, 23))
FELLED = slice(20, 50), slice(10, 60)
"""Where broadleaf forest is bare rock on the later date."""

OPTIONS = clusters.ClusterOptions(n_clusters=6, k_range=(2, 4), sample_size=2500)


def store_with_two_dates(folder: Path, *, shape: tuple[int, int]) -> MosaicStore:
    """Publish a mosaic and the same with forest felled in ``FELLED``, classes of both."""
    store = store_with_mosaic(folder, shape=shape)
    _publish_again(store, LATER, shape)
    path = store.folder(LATER, "mosaic") / "mosaic.zarr"
    group = zarr.open_group(path, mode="r+")
    broadleaf = list(SPECTRA).index("broadleaf") + 1
    felled = np.zeros(shape, bool)
    felled[FELLED] = store.truth[FELLED] == broadleaf
    for name, reflectance in zip(SENTINEL_2, SPECTRA["rock"], strict=True):
        pixels = group[name][:]
        pixels[felled] = round(reflectance * 10_000)
        group[name][:] = pixels
    store.felled = felled
    for partition in (PARTITION, LATER):
        clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS)
    return store


def _publish_again(store: MosaicStore, partition: Partition, shape: tuple[int, int]) -> None:
    former = published_mosaic.PARTITION
    try:
        published_mosaic.PARTITION = partition
        again = store_with_mosaic(store.root, shape=shape)
    finally:
        published_mosaic.PARTITION = former
    record = again.read_record(partition, "mosaic")
    with store.publish(partition, "mosaic") as place:
        # the same pixels, another product
        (store.folder(partition, "mosaic") / "mosaic.zarr").rename(place / "mosaic.zarr")
        store.write_record(place, record.model_copy(update={"digest": "another mosaic"}))


def empty_date(store: MosaicStore, partition: Partition, reason: str) -> None:
    """Publish a date without an image."""
    upstream = Record(
        step="band_stack",
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        empty=reason,
        digest="none",
    )
    store.publish_empty(partition, "mosaic", upstream=upstream)
