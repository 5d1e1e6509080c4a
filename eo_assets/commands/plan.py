"""What a backfill is going to cost, before it is started; and how far that was right, after."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from eo_assets.cube.access import reader_threads
from eo_assets.cube.block_index import Cost
from eo_assets.defs.source import SceneSource
from eo_assets.pipeline.plan_actual import Calibration, actual_cost, calibrate
from eo_assets.pipeline.planning import Order, Planned, plan
from eo_assets.pipeline.stac_items import Search
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import Settings
from eo_assets.storage.emptiness import reason
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store


def show_plan(
    settings: Settings,
    *,
    partitions: Sequence[Partition],
    compare: bool,
    as_json: bool,
    console: Console,
) -> None:
    """Show what partitions are going to cost; with ``compare``, beside what they did cost.

    Args:
        settings: The settings.
        partitions: The partitions.
        compare: Show what the read logs of stored mosaics say, too.
        as_json: Print JSON, not a table.
        console: Where to print.

    Raises:
        SourceUnavailableError: The catalogue or a file's server does not answer.
        ConfigurationError: The catalogue denies access, or is none.
    """
    store = Store(settings.outputs)
    calibration = calibrate(store)
    rows = []
    with contextlib.ExitStack() as stack:
        url = _catalog_url(settings, stack)
        for partition in partitions:
            planned = plan(_order(settings, partition, url))
            row = _row(planned, partition, calibration, settings)
            if compare:
                cost = actual_cost(store, partition, planned.indexes)
                row["actual"] = cost and asdict(cost)
            rows.append(row)
    if as_json:
        document = {"calibration": asdict(calibration), "partitions": rows, "total": _total(rows)}
        console.print_json(json.dumps(document))
        return
    if compare:
        console.print(_comparison(rows))
    else:
        console.print(_table(rows))
        for line in _empty(rows):
            console.print(line, soft_wrap=True)
    console.print(
        f"Reading {calibration.mpx_per_s:.1f} million pixels a second and thread, from "
        f"{calibration.origin}; {settings.dask_n_workers} workers, "
        f"{settings.dask_memory_limit} each.",
        soft_wrap=True,
    )


def _catalog_url(settings: Settings, stack: contextlib.ExitStack) -> str:
    source = SceneSource(catalog=settings.catalog, sample_dir=str(settings.sample_dir))
    if source.directory is None:
        return source.url
    return stack.enter_context(EmbeddedCatalog(Path(source.directory), writable=False)).url


def _order(settings: Settings, partition: Partition, url: str) -> Order:
    own = partition.region.max_cloud_cover_pct
    limit = settings.max_cloud_cover_pct
    search = Search(
        catalog=settings.catalog,
        url=url,
        partition=partition,
        max_cloud_cover_pct=limit if own is None else min(own, limit),
    )
    return Order(search=search, composite=settings.composite, block_px=settings.block_px)


def _row(
    planned: Planned, partition: Partition, calibration: Calibration, settings: Settings
) -> dict[str, Any]:
    estimate = planned.estimate
    href = next(iter(planned.hrefs), "")
    seconds = calibration.seconds(
        empty=bool(estimate.empty),
        source_px=estimate.expected.pixels,
        region_px=estimate.region_px,
        readers=settings.dask_n_workers * reader_threads(href),
    )
    return {
        "partition": partition.key,
        "empty": estimate.empty,
        "items": estimate.items,
        "left_out": dict(estimate.left_out),
        "files": estimate.files,
        "requests": estimate.requests,
        "expected": asdict(estimate.expected),
        "most": asdict(estimate.most),
        "worker_peak_mb": round(estimate.worker_peak_mb, 1),
        "output_mb": round(estimate.output_mb, 1),
        "seconds": round(seconds, 1),
    }


def _total(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    added = ("items", "files", "requests", "output_mb", "seconds")
    total: dict[str, Any] = {name: round(sum(row[name] for row in rows), 1) for name in added}
    for name in ("expected", "most"):
        total[name] = asdict(sum((Cost(**row[name]) for row in rows), Cost()))
    total["worker_peak_mb"] = max((row["worker_peak_mb"] for row in rows), default=0.0)
    return total


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    titles = ("items", "files", "requests", "blocks", "MB to\nread", "at\nmost", "worker\nMB",
              "stored\nMB", "time")  # fmt: skip
    # ten columns within the 80 of a terminal
    table = Table(show_footer=True, box=SIMPLE, padding=0, show_edge=False)
    table.add_column("partition", footer="total", min_width=len("2023-07-15"), overflow="fold")
    for title, footer in zip(titles, _cells(_total(rows)), strict=True):
        table.add_column(title, justify="right", footer=footer)
    for row in rows:
        if not row["empty"]:
            lines = (*row["partition"].split("|"), _left_out(row))
            table.add_row("\n".join(line for line in lines if line), *_cells(row))
    return table


def _empty(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say in a line a reason how many partitions are going to be empty: most of a long range."""
    found = Counter(row["empty"] for row in rows if row["empty"])
    return [f"{number} going to be empty: {reason(name)}" for name, number in found.items()]


def _left_out(row: dict[str, Any]) -> str:
    return f"[dim]{len(row['left_out'])} items left out[/]" if row["left_out"] else ""


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    seconds = row["seconds"]
    return (
        f"{row['items']:,}",
        f"{row['files']:,}",
        f"{row['requests']:,}",
        f"{row['expected']['blocks']:,}",
        f"{row['expected']['bytes'] / 1e6:,.1f}",
        f"{row['most']['bytes'] / 1e6:,.1f}",
        f"{row['worker_peak_mb']:,.0f}",
        f"{row['output_mb']:,.1f}",
        f"{seconds:.1f} s" if seconds < 600 else f"{seconds / 60:,.0f} min",
    )


def _comparison(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table("partition", "", *("windows", "blocks", "MB read", "ranges"), title="estimate")
    for column in table.columns[2:]:
        column.justify = "right"
    for row in rows:
        table.add_row(row["partition"], "expected", *_of_cost(row["expected"]))
        actual = row["actual"]
        table.add_row("", "actual", *(_of_cost(actual) if actual else ["not made yet"]))
    return table


def _of_cost(cost: dict[str, int]) -> tuple[str, ...]:
    return (
        f"{cost['windows']:,}",
        f"{cost['blocks']:,}",
        f"{cost['bytes'] / 1e6:,.1f}",
        f"{cost['ranges']:,}",
    )
