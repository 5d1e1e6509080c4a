"""Index maps: band combinations, indices and temperature as files, for those who ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import INDICES
from eo_assets.catalog.views import View, views_of
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.pipeline.index_map_tasks import (
    MapTask,
    Stored,
    bands_needed,
    stored_as,
    write_map,
    write_picture,
)
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place, place
from eo_assets.storage.companions import companions, pictures
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin, origin_of
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, acquisition_times, digest_of, file_digest

STEP = "index_maps"


@dataclass(frozen=True, kw_only=True)
class MapOptions:
    """Which maps to make.

    Attributes:
        maps: Names of views: ``true_colour``, ``ndvi``, ``temperature``; empty for every one the
            bands of the mosaic allow.
    """

    maps: tuple[str, ...] = ()


def materialise(
    partition: Partition, *, store: Store, runner: TaskRunner, options: MapOptions
) -> Record:
    """Make maps from the mosaic: Cloud Optimized GeoTIFFs, pictures and one STAC item.

    Args:
        partition: The partition.
        store: Where the mosaic is and the maps go.
        runner: Where the maps are computed, one task a map, strip by strip.
        options: Which maps.

    Returns:
        The record; empty when the mosaic is.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        UnknownNameError: There is no map of that name.
        ConfigurationError: The mosaic lacks a band of a map that was asked for.
        StorageError: The maps cannot be stored.
    """
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    grid = grid_of(partition, store)
    mosaic = str(store.folder(partition, "mosaic") / upstream.files["mosaic"])
    with open_mosaic(mosaic) as dataset:
        available = tuple(band.name for band in bands_of(dataset))
    views = choose_views(partition.region.collection, available, options.maps)
    needs = 6 * grid.shape[0] * grid.shape[1] * len(views)
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        tasks = [
            MapTask(
                mosaic=mosaic,
                grid=grid,
                view=view,
                target=str(folder / f"{_name(partition, grid, view.name)}.tif"),
                picture=str(folder / f"{view.name}.png"),
                tags=_tags(view, available, upstream),
            )
            for view in views
        ]
        runner.map(write_map, tasks, label="maps")
        runner.map(write_picture, tasks, label="pictures")
        origin = origin_of(partition, store, STEP, options=options)
        record = _publish(folder, partition, tasks, upstream, origin)
        store.write_record(folder, record)
    return record


def choose_views(
    collection: str, available: tuple[str, ...], wanted: tuple[str, ...]
) -> tuple[View, ...]:
    """Choose the views to make.

    Args:
        collection: STAC collection id.
        available: Bands of the mosaic.
        wanted: Names of views; empty for every one the bands allow.

    Raises:
        UnknownNameError: The collection has no view of that name.
        ConfigurationError: The mosaic lacks a band of a wanted view.
    """
    # elevation is no picture of a date: it has products of its own
    known = {v.name: v for v in views_of(get_collection(collection)) if v.name != "elevation"}
    for name in wanted:
        if name not in known:
            raise UnknownNameError(
                f"{collection} has no map {name!r}.", f"Use some of: {', '.join(known)}."
            )
        bands_needed(known[name], available)
    if wanted:
        return tuple(known[name] for name in dict.fromkeys(wanted))
    possible = tuple(view for view in known.values() if _possible(view, available))
    if not possible:
        raise ConfigurationError(
            f"The bands {', '.join(available)} of {collection} make no map.",
            "Add bands to the region, or choose another collection.",
        )
    return possible


def _possible(view: View, available: tuple[str, ...]) -> bool:
    try:
        bands_needed(view, available)
    except ConfigurationError:
        return False
    return True


def _name(partition: Partition, grid: Grid, name: str) -> str:
    return partition.product_name(name, crs=grid.crs, resolution_m=abs(grid.transform[0]))


def _tags(view: View, available: tuple[str, ...], upstream: Record) -> dict[str, str]:
    index = INDICES.get(view.index)
    source = {"FORMULA_SOURCE": index.reference} if index else {}
    return {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "TITLE": view.title,
        "BANDS": " ".join(bands_needed(view, available)),
        "MOSAIC": upstream.digest,
        **source,
    }


def _publish(
    folder: Place, partition: Partition, tasks: list[MapTask], upstream: Record, origin: Origin
) -> Record:
    stac_assets: dict[str, Any] = {}
    for task in tasks:
        form = stored_as(task.view)
        stac_assets[task.view.name] = raster_asset(
            place(task.target),
            title=task.view.title,
            roles=("visual",) if form.is_picture else ("data",),
            bands=[_band(name, form) for name in form.bands],
        )
    names = [place(task.picture).name for task in tasks]
    stac_assets |= companions(folder, pictures(names, ending="_picture"))
    name = _name(partition, tasks[0].grid, "maps")
    item = product_item(
        partition,
        tasks[0].grid.geobox,
        item_id=name,
        acquired=acquisition_times(upstream),
        stac_assets=stac_assets,
        origin=origin,
        properties={"processing:lineage": "computed from the mosaic of the same day"},
    )
    write_item(folder / f"{name}.json", item)
    files = {task.view.name: place(task.picture).name for task in tasks}
    files |= {f"{task.view.name}_map": place(task.target).name for task in tasks}
    return Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        summary={
            "maps": len(tasks),
            "names": ", ".join(task.view.name for task in tasks),
            "bytes": sum(place(task.target).stat().st_size for task in tasks),
        },
        upstream={"mosaic": upstream.digest},
        files={**files, "stac_item": f"{name}.json"},
        digest=digest_of(
            STEP, upstream.digest, *(file_digest(place(task.target)) for task in tasks)
        ),
    )


def _band(name: str, form: Stored) -> dict[str, Any]:
    return {
        "name": name,
        "data_type": form.dtype,
        "nodata": form.nodata,
        "unit": form.units,
        "raster:scale": form.scale,
        "raster:offset": 0.0,
    }
