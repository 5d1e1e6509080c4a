"""Which model labels a date: the code book of its region, founded or extended where need be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from eo_assets.clustering.code_book import CodeBook
from eo_assets.clustering.model import ClusterModel
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.class_sampling import SampledMosaic, sample_mosaic
from eo_assets.pipeline.classification import (
    Clusters,
    find_unlike,
    learn_classes,
    scan_numbers,
)
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.storage.code_books import read_code_book, update_code_book
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Store

FEW_PCT = 50.0
"""A reference that shows less of the region than this may lack classes."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """A model whose classes have their place in a code book.

    Attributes:
        key: Of the code book.
        book: The code book.
        model: The model that labels this date.
        warnings: What people should know about the code book.
    """

    key: str
    book: CodeBook
    model: ClusterModel
    warnings: tuple[str, ...] = ()


def sample_partition(
    partition: Partition, *, store: Store, options: ClusterOptions, runner: TaskRunner
) -> SampledMosaic:
    """Take a sample of a partition's stored mosaic, which is not empty.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        ConfigurationError: An option is out of range.
    """
    record = store.read_record(partition, "mosaic")
    grid = grid_of(partition, store)
    mosaic = store.folder(partition, "mosaic") / record.files["mosaic"]
    return sample_mosaic(str(mosaic), grid.geobox, options, runner=runner)


def identify(
    partition: Partition,
    sampled: SampledMosaic,
    k_scan: pd.DataFrame,
    *,
    store: Store,
    options: ClusterOptions,
    runner: TaskRunner,
) -> Identified | None:
    """Find the classes of a date in its region's code book.

    Where there is no code book, the reference date founds it: the given one, or else this date.
    Of several runs that found it at the same time the first to finish counts. What this date shows
    beside the reference's classes is matched to classes added before, or added.

    Args:
        partition: The partition.
        sampled: Its mosaic and sample, of at least one pixel.
        k_scan: From ``scan_numbers``.
        store: The product store.
        options: How to group.
        runner: Runs the tasks.

    Returns:
        The model and its code book; None when the reference has too few pixels to found one.

    Raises:
        MissingArtifactError: The mosaic of the reference date has not been materialised.
        ConfigurationError: The reference date has no image.
        StorageError: The code book cannot be stored.
    """
    region, key = partition.region, options.key(sampled.recipe)
    date, mosaic = str(partition.date), store.read_record(partition, "mosaic").digest
    book = read_code_book(store, region, key)
    if book is None:
        proposed = _found(partition, sampled, k_scan, store=store, options=options, runner=runner)
        if proposed is None:
            return None
        book = update_code_book(store, region, key, lambda former: former or proposed)
    if not book.knows(date, mosaic):
        groups, names = find_unlike(sampled, book.model, runner=runner)
        first = book
        book = update_code_book(
            store,
            region,
            key,
            # should somebody remove the file meanwhile, what it held is kept
            lambda former: (former or first).seen(date, mosaic, groups=groups, names=names),
        )
    return Identified(key=key, book=book, model=book.model_for(date), warnings=_warnings(book))


def _found(
    partition: Partition,
    sampled: SampledMosaic,
    k_scan: pd.DataFrame,
    *,
    store: Store,
    options: ClusterOptions,
    runner: TaskRunner,
) -> CodeBook | None:
    reference = replace(partition, date=options.reference_date or partition.date)
    record = store.read_usable(reference, "mosaic")
    if reference.date != partition.date:
        if record.empty:
            raise ConfigurationError(
                f"The reference date {reference.date} has no image ({record.empty}).",
                "Choose a reference date that shows most of the region.",
            )
        sampled = sample_partition(reference, store=store, options=options, runner=runner)
        k_scan = scan_numbers(sampled, options, runner=runner)
    model = learn_classes(sampled, k_scan, date=str(reference.date), runner=runner)
    if model is None:
        return None
    shown = float(record.summary.get("valid_pct", 100.0))
    return CodeBook.found(model, date=str(reference.date), mosaic=record.digest, valid_pct=shown)


def _warnings(book: CodeBook) -> tuple[str, ...]:
    if book.valid_pct >= FEW_PCT:
        return ()
    warning = (
        f"The classes were founded on {book.reference}, which shows {book.valid_pct:.0f} % of the "
        "region; give a clearer reference date."
    )
    return (warning,)


def continuity(
    identified: Identified, clusters: Clusters, date: dt.date
) -> dict[str, float | int | str]:
    """Say how a date's classes continue those of the code book.

    Args:
        identified: The model and its code book.
        clusters: The labelled mosaic.
        date: The date.

    Returns:
        ``matched_share_pct``: valid area, estimated from the sample, within the gate of a class
        that was known before; ``unlike_pct``: beyond the gate of its class; ``drift``: distance of
        class means from their centres, standard deviations of the reference, weighted by area;
        ``new_classes``: classes this date was the first to show; ``missing_classes``: their ids;
        ``reference_date`` and ``code_book``.
    """
    found, model = clusters.recognition, identified.model
    new = [c.class_id for c in model.additions.identities if c.since == str(date)]
    ids = np.array(model.class_ids)[found.rows]
    known = ~found.unlike & ~np.isin(ids, new)
    classes = clusters.classes
    missing = classes.loc[classes["count"] == 0, "class_id"]
    return {
        "matched_share_pct": round(100 * float(known.mean()), 3),
        "unlike_pct": round(100 * float(found.unlike.mean()), 3),
        "drift": round(found.mean_drift, 4),
        "new_classes": len(new),
        "missing_classes": ", ".join(map(str, missing)),
        "reference_date": identified.book.reference,
        "code_book": identified.key,
    }
