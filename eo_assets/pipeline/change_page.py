"""Pictures and page of the change between two dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.change_numbers import MUCH, changed_pct
from eo_assets.pipeline.change_tasks import ShrinkTask, shrink
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.reporting.change_figures import sketch_difference, sketch_transitions
from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.overview import decimation
from eo_assets.reporting.page import Cell, Page, Picture, Section, Table
from eo_assets.storage.partition import Partition

_MOST_ROWS = 30
_SHOWN = ("EARLIER", "LATER", "EARLIER_MOSAIC", "LATER_MOSAIC")


def sketch_change(
    folder: Place,
    files: Mapping[str, str],
    grid: Grid,
    index: str,
    dates: tuple[str, str],
    summary: Mapping[str, float | int | str],
    table: pd.DataFrame | None,
    runner: TaskRunner,
) -> list[Sketch]:
    """Sketch the maps of written changes.

    Args:
        folder: Where the GeoTIFFs are.
        files: Their names: ``difference_map`` and, if classes were compared, ``transition_map``.
        grid: Their grid.
        index: Name of the index.
        dates: The earlier and the later date.
        summary: From ``change_numbers.summarise``.
        table: From ``change_numbers.transition_table``; None when classes were not compared.
        runner: Where they are read small.
    """
    factor = decimation(grid.shape)
    maps = [ShrinkTask(str(folder / files["difference_map"]), factor, classes=False)]
    if table is not None:
        maps.append(ShrinkTask(str(folder / files["transition_map"]), factor, classes=True))
    read = runner.map(shrink, maps, label="pictures")
    pixel_m = abs(grid.transform[0]) * factor
    sketches = []
    if np.isfinite(read[0]).any():
        words = f"{summary['gain_ha']:,.0f} ha gain and {summary['loss_ha']:,.0f} ha lose more "
        sketches.append(
            sketch_difference(
                index, read[0], pixel_m=pixel_m, words=dates, summary=f"{words}than {MUCH:g}."
            )
        )
    if table is not None and not table.empty:
        sketches.append(sketch_transitions(read[1], table, pixel_m=pixel_m))
    return sketches


def change_page(
    partition: Partition,
    index: str,
    dates: tuple[str, str],
    summary: Mapping[str, float | int | str],
    table: pd.DataFrame | None,
    pictures: Sequence[Picture],
    provenance: Mapping[str, str],
) -> Page:
    """Compose the page of a change; arguments as in ``sketch_change``."""
    facts = [("Seen on both dates", f"{summary['compared_ha']:,.0f} ha")]
    if "mean_difference" in summary:
        name = index.upper()
        facts += [
            (f"Mean {name} difference", f"{summary['mean_difference']:+.3f}".replace("-", "−")),
            (f"{name} gain over {MUCH:g}", f"{summary['gain_ha']:,.0f} ha"),
            (f"{name} loss over {MUCH:g}", f"{summary['loss_ha']:,.0f} ha"),
        ]
    text = "Classes are not compared: a date has none, or they come from different code books."
    tables: list[Table] = []
    if table is not None:
        facts.append(("Other class than before", f"{changed_pct(table):.1f} %"))
        text, tables = "", [_table(table)]
    return Page(
        title=partition.region.title,
        date=f"{dates[0]} to {dates[1]}",
        collection=get_collection(partition.region.collection).title,
        empty="" if summary["compared_ha"] else "No ground was seen on both dates.",
        facts=facts,
        sections=[
            Section(id="change", title="Change", text=text, pictures=pictures, tables=tables)
        ],
        provenance=[
            ("Software", f"eo_assets {__version__}"),
            *((k.replace("_", " ").capitalize(), provenance[k]) for k in _SHOWN),
        ],
        footer="transitions.parquet and record.json" if table is not None else "record.json",
    )


def _table(table: pd.DataFrame) -> Table:
    same = table["from_id"] == table["to_id"]
    ordered = pd.concat([table[~same], table[same]])
    rows = [
        [
            Cell(text=f"{row['from_id']}  {row['from_name']}"),
            Cell(text=f"{row['to_id']}  {row['to_name']}"),
            Cell(text=f"{row['area_ha']:,.1f}"),
        ]
        for row in ordered.head(_MOST_ROWS).to_dict("records")
    ]
    more = f"; {_MOST_ROWS} of {len(table)}" if len(table) > _MOST_ROWS else ""
    return Table(
        caption=f"What class became what, by area, changes first{more}.",
        header=("From", "To", "Area (ha)"),
        rows=rows,
        numeric=frozenset({2}),
    )
