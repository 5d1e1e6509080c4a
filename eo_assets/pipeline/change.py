"""Change between two dates of a region: of an index, and of classes."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

from eo_assets import __version__
from eo_assets.catalog.indices import get_index
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError, GridMismatchError, MissingArtifactError
from eo_assets.pipeline.change_numbers import changed_pct, hectares_of, summarise, transition_table
from eo_assets.pipeline.change_page import change_page, sketch_change
from eo_assets.pipeline.change_tasks import (
    DifferenceTask,
    TransitionTask,
    write_difference,
    write_transitions,
)
from eo_assets.pipeline.stored_classes import StoredClasses, read_classes
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place
from eo_assets.reporting.figures import draw
from eo_assets.reporting.page import Picture, render
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, digest_of
from eo_assets.storage.tables import write_table

STEP = "change"
PAGE, TRANSITIONS = "report.html", "transitions.parquet"


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """What to compare.

    Attributes:
        earlier: The earlier date; None for the last date before that has an image.
        index: Name of the index.
    """

    earlier: dt.date | None = None
    index: str = "ndvi"


def materialise(
    partition: Partition, *, store: Store, runner: TaskRunner, options: ChangeOptions
) -> Record:
    """Compare a date with an earlier one of the same region, and publish maps, tables and a page.

    Classes are compared when both dates have them from the same code book.

    Args:
        partition: The later date.
        store: Where the products of both are and the change goes.
        runner: Where it is computed.
        options: What to compare.

    Returns:
        The record; empty when the later mosaic is.

    Raises:
        MissingArtifactError: A mosaic has not been materialised, or there is no earlier one.
        RejectedArtifactError: A mosaic failed a blocking check.
        ConfigurationError: The earlier date is not earlier or has no image, or a band is missing.
        GridMismatchError: The region's grid was another one on the earlier date.
        UnknownNameError: There is no index of that name.
        StorageError: The products cannot be stored.
    """
    get_index(options.index)
    later = store.read_usable(partition, "mosaic")
    if later.empty:
        return store.publish_empty(partition, STEP, upstream=later)
    before = replace(partition, date=_earlier(partition, store, options))
    earlier = store.read_usable(before, "mosaic")
    if earlier.empty:
        raise ConfigurationError(
            f"{before} has no image ({earlier.empty}).", "Choose another earlier date."
        )
    grid = _common_grid(before, partition, store)
    name = partition.product_name(
        f"{options.index}-since-{before.date:%Y%m%d}",
        crs=grid.crs,
        resolution_m=abs(grid.transform[0]),
    )
    tags = {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "EARLIER": str(before.date),
        "LATER": str(partition.date),
        "EARLIER_MOSAIC": earlier.digest,
        "LATER_MOSAIC": later.digest,
    }
    both = _comparable_classes(before, partition, store)
    needs = 8 * grid.shape[0] * grid.shape[1]
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        difference = DifferenceTask(
            earlier=str(store.folder(before, "mosaic") / earlier.files["mosaic"]),
            later=str(store.folder(partition, "mosaic") / later.files["mosaic"]),
            index=options.index,
            grid=grid,
            target=str(folder / f"{name}.tif"),
            tags=tags,
        )
        [counts] = runner.map(write_difference, [difference], label="difference")
        table = None
        if both is not None:
            task = TransitionTask(
                earlier=both[0].labels,
                later=both[1].labels,
                grid=grid,
                target=str(folder / f"{name.replace(options.index, 'classes', 1)}.tif"),
                tags=tags,
            )
            [pairs] = runner.map(write_transitions, [task], label="classes")
            table = transition_table(pairs, both[0].classes, both[1].classes, hectares_of(grid))
            write_table(folder / TRANSITIONS, table)
        summary = summarise(counts, hectares_of(grid))
        files = {"difference_map": place(difference.target).name}
        if table is not None:
            files |= {"transition_map": place(task.target).name, "transitions_table": TRANSITIONS}
        dates = (str(before.date), str(partition.date))
        sketches = sketch_change(folder, files, grid, options.index, dates, summary, table, runner)
        drawings = runner.map(draw, sketches, label="figures")
        pictures = []
        for sketch, drawing in zip(sketches, drawings, strict=True):
            (folder / f"{sketch.key}.png").write_bytes(drawing.png)
            pictures.append(Picture(sketch=sketch, drawing=drawing))
        page = change_page(partition, options.index, dates, summary, table, pictures, tags)
        (folder / PAGE).write_bytes(render(page).encode())
        record = Record(
            step=STEP,
            region=partition.region.id,
            collection=partition.region.collection,
            date=str(partition.date),
            summary={"earlier": dates[0], "index": options.index, **summary}
            | ({} if table is None else {"changed_class_pct": changed_pct(table)}),
            upstream={"mosaic": later.digest, "earlier_mosaic": earlier.digest},
            files={"report": PAGE, **{s.key: f"{s.key}.png" for s in sketches}, **files},
            digest=digest_of(STEP, __version__, options.index, earlier.digest, later.digest),
        )
        store.write_record(folder, record)
    return record


def _earlier(partition: Partition, store: Store, options: ChangeOptions) -> dt.date:
    if options.earlier is not None:
        if options.earlier >= partition.date:
            raise ConfigurationError(
                f"{options.earlier} is not before {partition.date}.", "Choose an earlier date."
            )
        return options.earlier
    for date in reversed(store.dates(partition.region, "mosaic")):
        if date < partition.date:
            record = store.read_record(replace(partition, date=date), "mosaic")
            if not record.empty and not record.rejections:
                return date
    raise MissingArtifactError(
        f"There is no image of {partition.region.id} before {partition.date}.",
        "Materialise mosaic of an earlier date first.",
    )


def _common_grid(before: Partition, after: Partition, store: Store) -> Grid:
    first, second = (grid_of(one, store) for one in (before, after))
    if first != second:
        raise GridMismatchError(
            f"The grids of {before} and {after} differ.", "Materialise the older one again."
        )
    return second


def _comparable_classes(
    before: Partition, after: Partition, store: Store
) -> tuple[StoredClasses, StoredClasses] | None:
    try:
        first, second = read_classes(before, store), read_classes(after, store)
    except MissingArtifactError:
        return None
    if first is None or second is None:
        return None
    books = {one.record.summary.get("code_book") for one in (first, second)}
    return (first, second) if len(books) == 1 and None not in books else None
