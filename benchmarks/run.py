"""All benchmarks, one after the other, and the tables and the plot of ``docs/benchmarks.md``.

    python benchmarks/run.py --peers .venv-peers/bin/python [--quick]

A part that fails or takes too long is named in the document, and the others go on.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
import rasterio

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
DOCUMENT = HERE.parent / "docs" / "benchmarks.md"
PLOT = HERE.parent / "docs" / "images" / "benchmark-mosaic.png"
START, END = "<!-- results: written by make bench -->", "<!-- end of results -->"
VERSIONS = ("numpy", "rasterio", "zarr", "dask", "dagster", "odc-stac", "scikit-learn")


@dataclass(frozen=True)
class Part:
    """One script.

    Attributes:
        title: In the document.
        script: Its name, and its arguments.
        quick: Its arguments in place of these, for a first impression; None to leave it out.
        minutes: It is stopped after as many.
        to_file: ``--json`` takes the name of a file; else figures are printed.
    """

    title: str
    script: tuple[str, ...]
    quick: tuple[str, ...] | None
    minutes: float
    to_file: bool = False


def parts(peers: str, scratch: str) -> list[Part]:
    mosaic = ("mosaic.py", "--peers", peers, "--scratch", scratch)
    few = ("--only", "limit", "odc-stac")
    return [
        Part("Mosaic to COG: region of 20 × 24 km at 10 m, local files", (*mosaic, "--rounds", "5"),
             (*mosaic, "--rounds", "2", *few), 8),
        Part("Mosaic to COG: the same over HTTP, 30 ms",
             (*mosaic, "--rounds", "5", "--delay-ms", "30", *few), None, 5),
        Part("Mosaic to COG: a tile of 110 km at 20 m, local files",
             (*mosaic, "--rounds", "5", "--case", "tile", *few), None, 6),
        Part("Clustering", ("clustering.py",), ("clustering.py", "--rows", "600"), 4),
        Part("Orchestration: a month of two regions, Dagster against a plain loop",
             ("orchestration.py",), None, 4, to_file=True),
        Part("Tiles against titiler", ("tiles_vs_titiler.py",), None, 4, to_file=True),
    ]  # fmt: skip


def run(part: Part, arguments: tuple[str, ...]) -> Any:
    """Run a part; give its figures, or why there are none as text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, str(HERE / arguments[0]), *arguments[1:], "--json"]
        command += [str(file)] if part.to_file else []
        try:
            done = subprocess.run(
                command, timeout=part.minutes * 60, capture_output=True, text=True, check=True
            )
            return json.loads(file.read_text() if part.to_file else done.stdout)
        except subprocess.TimeoutExpired:
            return f"Not measured: it took more than {part.minutes:g} minutes."
        except subprocess.CalledProcessError as error:
            said = (error.stderr.strip().splitlines() or ["nothing"])[-1]
            return f"Not measured: it ended with code {error.returncode} and said: {said}"


def table(figures: Any) -> str:
    """Write figures as Markdown: rows where there are rows, else one line a figure."""
    if isinstance(figures, str):
        return figures
    rows = figures.get("rows", figures) if isinstance(figures, dict) else figures
    if not isinstance(rows, list):
        rows = [{"figure": name, "value": value} for name, value in flat(rows)]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(row.get(c, "–")) for c in columns) + " |" for row in rows]
    return "\n".join(lines)


def flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Name nested figures by their path."""
    found = []
    for name, value in figures.items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{name} / ")
        else:
            found.append((prefix + name, value))
    return found


def plot(figures: dict[str, Any]) -> None:
    """Draw processor time against the limit, a group a case."""
    cases = {n: f["rows"] for n, f in figures.items() if n.startswith("Mosaic") and "rows" in f}
    if not cases:
        return
    figure, axes = plt.subplots(
        len(cases), 1, figsize=(7, 1 + 1.6 * len(cases)), squeeze=False, layout="constrained"
    )
    for axis, (name, rows) in zip(axes[:, 0], cases.items(), strict=True):
        lines = sorted(rows, key=lambda row: -row["cpu_x"])
        names = [line["contestant"] for line in lines]
        colours = ["#1b7f5c" if name == "eo_assets" else "#9aa5ad" for name in names]
        bars = axis.barh(names, [line["cpu_x"] for line in lines], color=colours)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_title(name.partition(": ")[2], loc="left", fontsize=10)
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1, 0].set_xlabel("processor time, times that of GDAL decoding and writing alone")
    PLOT.parent.mkdir(exist_ok=True)
    figure.savefig(PLOT, dpi=110)


def machine() -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    load = os.getloadavg()[1]
    return (
        f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), load "
        f"{load:.1f} when it began; Python {platform.python_version()}, GDAL "
        f"{rasterio.__gdal_version__}, {libraries}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable)
    parser.add_argument("--quick", action="store_true", help="five minutes; the document stays")
    options = parser.parse_args()
    sections, figures, about = [], {}, machine()
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts(options.peers, scratch):
            arguments = part.quick if options.quick else part.script
            if arguments is None:
                continue
            started = time.monotonic()
            figures[part.title] = run(part, arguments)
            took = time.monotonic() - started
            command = " ".join(a for a in arguments if a not in (options.peers, scratch))
            command = command.replace(" --peers", "").replace(" --scratch", "")
            sections.append(
                f"### {part.title}\n\n`{command}`, {took:.0f} s\n\n{table(figures[part.title])}\n"
            )
            print(sections[-1], flush=True)
    if options.quick:
        return
    plot({name: value for name, value in figures.items() if isinstance(value, dict)})
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(START)
    after = rest.partition(END)[2]
    body = "\n".join([START, "", about, "", *sections, END])
    DOCUMENT.write_text(before + body + after, encoding="utf-8")


if __name__ == "__main__":
    main()
