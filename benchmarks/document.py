"""The results in ``docs/benchmarks.md``: targets, plots, and a table a part."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rasterio
from plots import draw
from targets import judged

DOCUMENT = Path(__file__).parent.parent / "docs" / "benchmarks.md"
IMAGES = DOCUMENT.parent / "images"
START, END = "<!-- {}: written by make bench -->", "<!-- end of {} -->"
VERSIONS = ("numpy", "rasterio", "zarr", "dask", "dagster", "scikit-learn")

Row = dict[str, Any]

FOR_PLOTS = ("constant_s", "slope_s")
COLUMNS = {
    "wall_s": "wall, s", "cpu_s": "CPU, s", "first_cpu_s": "first CPU, s", "peak_mb": "peak, MB",
    "wall_x": "wall ×", "cpu_x": "CPU ×", "peak_mb_x": "peak ×", "mb_read": "read, MB",
    "equal_pct": "equal pixels, %", "ari_truth": "ARI truth", "ari_sampled": "ARI sampled",
    "sampled_time_pct": "sampled takes, %", "peak_worker_mb": "peak of a worker, MB",
    "cpu_s_more_a_partition": "more CPU a partition, s",
}  # fmt: skip


def machine() -> str:
    """Say on what was measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    return (
        f"Measured {dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC on {os.cpu_count()} cores "
        f"({platform.machine()}, {processor()}), {memory:.0f} GB; load {os.getloadavg()[0]:.1f} "
        f"when it began. Python {platform.python_version()}, GDAL {rasterio.__gdal_version__}, "
        f"{libraries}; peers as pinned in `benchmarks/peers.txt`."
    )


def processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown processor"


def rows_of(figures: Any) -> Iterable[Row]:
    """Give the rows of a part's figures."""
    match figures:
        case [*rows] | {"rows": [*rows]}:
            return [{k: v for k, v in row.items() if k not in FOR_PLOTS} for row in rows]
        case {"ways": dict(ways)}:
            return [{"way": name, **one} for name, one in ways.items()]
        case {"measured": [*rows]}:
            return rows
    return [{"way": name, **one} for name, one in figures.items()]


def cell(value: Any) -> str:
    """Write a value in a cell: numbers with three figures that matter."""
    match value:
        case None:
            return "–"
        case float():
            return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
        case dict():
            return ", ".join(f"{name} {cell(one)}" for name, one in value.items())
        case list():
            return ", ".join(cell(one) for one in value)
    return str(value)


def table(rows: Iterable[Row]) -> str:
    """Write rows as Markdown; a column that none has is left out."""
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [[COLUMNS.get(name, name.replace("_", " ")) for name in names], ["---"] * len(names)]
    lines += [[cell(row.get(name)) for name in names] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(part: dict[str, Any]) -> str:
    """Write a part: title, command, note, table or fault."""
    head = (
        f"### {part['title']}\n\n`{part['command']}`, {part['seconds']} s. {part['note']}".strip()
    )
    body = f"Not measured: {part['fault']}." if "fault" in part else table(rows_of(part["figures"]))
    return f"{head}\n\n{body}\n"


def write_document(report: dict[str, Any]) -> None:
    """Write what was found between the marks of the document, and draw the plots."""
    found = {name: one["figures"] for name, one in report["parts"].items() if "figures" in one}
    pictures = draw(found, IMAGES)
    targets = f"{report['machine']}\n\n{table(judged(found))}\n"
    plots = "\n\n".join(f"![{title}](images/{name})" for name, title in pictures.items())
    sections = "\n".join(show(one) for one in report["parts"].values())
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, body in (("targets", targets), ("results", f"{plots}\n\n{sections}")):
        before, mark, rest = text.partition(START.format(name))
        _, last, after = rest.partition(END.format(name))
        if not (mark and last):
            raise SystemExit(f"{DOCUMENT.name} has no place for {name}")
        text = f"{before}{mark}\n\n{body}\n{last}{after}"
    DOCUMENT.write_text(text, encoding="utf-8")
