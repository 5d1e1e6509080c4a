"""The virtual cube of a partition: how its pixels are going to be computed, and from what.

Nothing is read but headers: every file is known to exist and to be usable before the first block
is computed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph import CompositeMethod, VirtualCube
from eo_assets.cube.grid import Grid, region_geobox
from eo_assets.cube.probing import Probe, probe_scene, with_grids
from eo_assets.cube.scene import Scene, scene_of
from eo_assets.errors import FailureBudgetError, SourceContractError
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import GRID
from eo_assets.storage.store import Record, Store, digest_of

STEP = "band_stack"
CUBE = "cube.json"
PROBES = "probes.json"


def materialise(
    partition: Partition,
    *,
    store: Store,
    runner: TaskRunner,
    failure_budget: float,
    composite: CompositeMethod = "first",
) -> Record:
    """Describe the partition's pixels and look at the header of every file they need.

    Args:
        partition: The partition.
        store: Where the items are and the cube goes.
        runner: Where headers are read.
        failure_budget: Share of the scenes that may have an unusable file, 0-1. Such scenes are
            left out and named in the record; so are those whose pixels contradict their item, for
            a person to decide.
        composite: How several observations of a pixel become one.

    Returns:
        The record; empty when there are no items.

    Raises:
        MissingArtifactError: ``stac_items`` has not been materialised.
        FailureBudgetError: Too many scenes have an unusable file or are in quarantine, or all.
        SourceUnavailableError: A server does not answer.
        StorageError: The cube cannot be stored.
    """
    upstream = store.read_record(partition, "stac_items")
    geobox = region_geobox(partition.region)
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    items = json.loads(
        (store.folder(partition, "stac_items") / upstream.files["items"]).read_text()
    )
    scenes, faults = scenes_of(items["features"], partition)
    probes = runner.map(probe_scene, scenes, label="headers of scenes")
    usable, quarantined = [], {}
    for scene, of_scene in zip(scenes, probes, strict=True):
        scene_faults = [probe.fault for probe in of_scene if probe.fault]
        doubts = [probe.radiometry for probe in of_scene if probe.quarantined]
        if scene_faults:
            faults[scene.id] = " ".join(scene_faults)
        elif doubts:
            quarantined[scene.id] = " ".join(doubts)
        else:
            usable.append(with_grids(scene, of_scene))
    _check_budget({**faults, **quarantined}, len(items["features"]), failure_budget, partition)
    cube, grid = describe(partition, usable, composite=composite), Grid.of(geobox)
    files = [probe for of_scene in probes for probe in of_scene]
    record = Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        summary={
            "scenes": len(usable),
            "composite": composite,
            "scenes_left_out": len(faults) + len(quarantined),
            "left_out": "; ".join(f"{name}: {why}" for name, why in sorted(faults.items())),
            "quarantined": "; ".join(f"{name} {why}" for name, why in sorted(quarantined.items())),
            "files": len(files),
            "bands": ", ".join(cube.bands),
            "width_px": int(geobox.shape[1]),
            "height_px": int(geobox.shape[0]),
            "resolution_m": float(geobox.resolution.x),
            "crs": str(geobox.crs),
            "warnings": "; ".join(
                sorted({f"{p.scene} {p.band}: {p.warning}" for p in files if p.warning})
            ),
        },
        upstream={"stac_items": upstream.digest},
        files={"cube": CUBE, "grid": GRID, "probes": PROBES},
        digest=stack_digest(cube, grid),
    )
    with store.publish(partition, STEP) as folder:
        write_stack(folder, cube, grid)
        (folder / PROBES).write_text(_probe_table(files, faults, quarantined), encoding="utf-8")
        store.write_record(folder, record)
    return record


def stack_digest(cube: VirtualCube, grid: Grid) -> str:
    """Identify the pixels a cube has on a grid."""
    return digest_of(STEP, cube.digest, grid.model_dump_json())


def write_stack(folder: Place, cube: VirtualCube, grid: Grid) -> None:
    """Write a cube and its grid."""
    (folder / CUBE).write_text(cube.model_dump_json(indent=1), encoding="utf-8")
    (folder / GRID).write_text(grid.model_dump_json(), encoding="utf-8")


def describe(
    partition: Partition, scenes: Sequence[Scene], *, composite: CompositeMethod
) -> VirtualCube:
    """Describe how a partition's mosaic is computed from scenes.

    Args:
        partition: The partition.
        scenes: Its scenes.
        composite: How several observations of a pixel become one.

    Returns:
        The cube: calibrated, usable pixels, least cloudy scene first, composited and clipped.
    """
    region = partition.region
    collection = get_collection(region.collection)
    bands = region.bands or collection.default_bands
    cube = VirtualCube.load(collection.id, tuple(scenes), bands)
    if collection.quality:
        cube = cube.valid(collection.quality, keep_snow=region.keep_snow)
    return cube.composite(composite, order="least_cloudy").clip(region.geometry)


def scenes_of(
    items: Sequence[dict[str, Any]], partition: Partition
) -> tuple[list[Scene], dict[str, str]]:
    """Make scenes of items.

    Args:
        items: STAC items, unsigned.
        partition: The partition they are for.

    Returns:
        Scenes, not yet probed; and items that cannot be used, with the reason.
    """
    collection = get_collection(partition.region.collection)
    bands = partition.region.bands or collection.default_bands
    scenes, faults = [], {}
    for item in items:
        try:
            scenes.append(scene_of(item, collection, bands))
        except SourceContractError as error:
            faults[item["id"]] = error.problem
    return scenes, faults


def _check_budget(
    faults: dict[str, str], n_scenes: int, budget: float, partition: Partition
) -> None:
    # nothing left is a failure whatever the budget: there is no emptiness to report
    if len(faults) <= budget * n_scenes and len(faults) < n_scenes:
        return
    named = " ".join(f"{name}: {why}" for name, why in list(faults.items())[:3])
    raise FailureBudgetError(
        f"{len(faults)} of {n_scenes} scenes of {partition} cannot be used; at most "
        f"{budget:.0%} may fail. {named}",
        "Exclude them, mend the archive, or raise EO_ASSETS_FAILURE_BUDGET.",
    )


def _probe_table(
    probes: Sequence[Probe], faults: dict[str, str], quarantined: dict[str, str]
) -> str:
    rows = [
        {
            "scene": probe.scene,
            "band": probe.band,
            "href": probe.href,
            "grid": probe.grid.model_dump() if probe.grid else None,
            "dtype": probe.dtype,
            "block": probe.block,
            "overviews": probe.overviews,
            "fault": probe.fault,
            "warning": probe.warning,
            "radiometry": probe.radiometry,
        }
        for probe in probes
    ]
    table = {"files": rows, "scenes_left_out": faults, "quarantined": quarantined}
    return json.dumps(table, indent=1)
