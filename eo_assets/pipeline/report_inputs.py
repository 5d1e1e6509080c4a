"""What a report is made from, read from the products of the steps before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from odc.geo.geobox import GeoBox

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph import parse_cube
from eo_assets.pipeline.stored_classes import StoredClasses, read_classes
from eo_assets.places import Place
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Store


@dataclass(frozen=True, kw_only=True)
class UsedScene:
    """A scene of the mosaic.

    Attributes:
        id: STAC item id.
        acquired: Time of acquisition, UTC.
        platform: Satellite.
        cloud_cover_pct: Cloud as the provider states it; None when not stated.
        baseline: Processing baseline, where the provider has one.
    """

    id: str
    acquired: dt.datetime
    platform: str
    cloud_cover_pct: float | None
    baseline: str | None


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """Everything a report says.

    Attributes:
        region: Region id.
        title: Region, for people.
        date: Solar day.
        collection: Collection, for people.
        empty: Why there is nothing, or no class, to see; None when all is there.
        mosaic: Path of the mosaic; None when it has no valid pixel.
        geobox: Its grid.
        classes: The classification; None when there is none.
        scenes: Scenes of the mosaic, in the order its ``source`` counts them.
        coverage: Share of the region's pixels, per cent: ``valid_pct``, ``masked_pct``,
            ``no_coverage_pct``, ``failed_read_pct``.
        reading: What the record of the mosaic says of its making.
        digests: Digest of each product it is made from, by step.
    """

    region: str
    title: str
    date: dt.date
    collection: str
    empty: str | None = None
    mosaic: str | None = None
    geobox: GeoBox | None = None
    classes: StoredClasses | None = None
    scenes: tuple[UsedScene, ...] = ()
    coverage: Mapping[str, float] = field(default_factory=dict)
    reading: Mapping[str, float | int | str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)


COVERAGE = ("valid_pct", "masked_pct", "no_coverage_pct", "failed_read_pct")


def read_inputs(partition: Partition, store: Store) -> ReportInputs:
    """Read what a partition's report is made from.

    Args:
        partition: The partition.
        store: Where its products are.

    Returns:
        The inputs; without mosaic or classes where those are empty.

    Raises:
        MissingArtifactError: ``mosaic`` or ``clusters`` has not been materialised.
        StaleArtifactError: One was written by an incompatible version.
    """
    mosaic = store.read_usable(partition, "mosaic")
    clusters = store.read_record(partition, "clusters")
    folder = store.folder(partition, "mosaic")
    described = store.read_record(partition, "band_stack").empty is None
    stack = store.folder(partition, "band_stack")
    return ReportInputs(
        region=partition.region.id,
        title=partition.region.title,
        date=partition.date,
        collection=get_collection(partition.region.collection).title,
        empty=mosaic.empty or clusters.empty,
        mosaic=None if mosaic.empty else str(folder / mosaic.files["mosaic"]),
        geobox=grid_of(partition, store).geobox if described else None,
        classes=read_classes(partition, store),
        scenes=_scenes(stack) if described else (),
        coverage={name: float(mosaic.summary[name]) for name in COVERAGE if name in mosaic.summary},
        reading=dict(mosaic.summary),
        digests={"mosaic": mosaic.digest, "clusters": clusters.digest},
    )


def _scenes(folder: Place) -> tuple[UsedScene, ...]:
    path = folder / "cube.json"
    cube = parse_cube(path.read_text(encoding="utf-8"), origin=str(path))
    return tuple(
        UsedScene(
            id=scene.id,
            acquired=scene.acquired,
            platform=scene.platform,
            cloud_cover_pct=scene.cloud_cover_pct,
            baseline=scene.baseline,
        )
        for scene in cube.scenes
    )
