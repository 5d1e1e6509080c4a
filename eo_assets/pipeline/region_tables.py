"""What the dates of a region say, as tables: from records and small tables, never from pixels."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from eo_assets import __version__
from eo_assets.errors import MissingArtifactError
from eo_assets.places import Place
from eo_assets.storage.emptiness import reason
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Record, Store, digest_of
from eo_assets.storage.tables import read_table

MOSAIC, CLUSTERS, REPORTS = "mosaic", "clusters", "reports"
SHARES = ("valid_pct", "masked_pct", "no_coverage_pct", "failed_read_pct")
NDVI = ("mean", "p10", "p90")


@dataclass(frozen=True, kw_only=True)
class RegionTables:
    """A region over time.

    Attributes:
        dates: One row a date: ``date, digest, empty`` (reason, empty text where there is an image),
            ``why`` (the same for people), ``valid_pct, masked_pct, no_coverage_pct,
            failed_read_pct, ndvi_mean, ndvi_p10, ndvi_p90`` (NaN where unknown), ``code_book`` and
            ``report`` (file of the report, relative to the region's folder), empty where there is
            none.
        areas: One row a date and class: ``date, class_id, name, colour, area_ha, share_pct,
            code_book``.
    """

    dates: pd.DataFrame
    areas: pd.DataFrame

    @classmethod
    def none(cls) -> RegionTables:
        """No date."""
        dates = ["date", "digest", "empty", "why", *SHARES]
        dates += [f"ndvi_{name}" for name in NDVI] + ["code_book", "report"]
        areas = ["date", "class_id", "name", "colour", "area_ha", "share_pct", "code_book"]
        return cls(dates=pd.DataFrame(columns=dates), areas=pd.DataFrame(columns=areas))


def collect(
    subject: WholeRegion, store: Store, dates: list[dt.date], former: RegionTables
) -> tuple[RegionTables, int]:
    """Collect what dates say; what has not changed since is taken from former tables.

    Args:
        subject: The region.
        store: Where the products are.
        dates: Dates whose mosaic has been materialised.
        former: Tables made before.

    Returns:
        The tables in order of dates, and of how many dates products were read anew.

    Raises:
        StaleArtifactError: A product was written by an incompatible version.
    """
    known = former.dates.set_index("date")["digest"].to_dict()
    rows, areas, read = [], [], 0
    for date in dates:
        partition = Partition(subject.region, date)
        records = _records(partition, store)
        digest = digest_of(
            __version__, *(f"{step} {record.digest}" for step, record in records.items())
        )
        if known.get(str(date)) == digest:
            rows.append(former.dates[former.dates["date"] == str(date)])
            areas.append(former.areas[former.areas["date"] == str(date)])
            continue
        read += 1
        rows.append(pd.DataFrame([_row(partition, records, digest, store)]))
        areas.append(_areas(partition, records, store))
    found = RegionTables.none()
    return RegionTables(
        dates=_joined(rows, found.dates).reset_index(drop=True),
        areas=_joined(areas, found.areas).reset_index(drop=True),
    ), read


def _joined(parts: list[pd.DataFrame], none: pd.DataFrame) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled)[list(none.columns)] if filled else none


def _records(partition: Partition, store: Store) -> dict[str, Record]:
    found = {MOSAIC: store.read_record(partition, MOSAIC)}
    for step in (CLUSTERS, REPORTS):
        try:
            found[step] = store.read_record(partition, step)
        except MissingArtifactError:
            continue
    return found


def _row(
    partition: Partition, records: dict[str, Record], digest: str, store: Store
) -> dict[str, Any]:
    mosaic, clusters, reports = records[MOSAIC], records.get(CLUSTERS), records.get(REPORTS)
    ndvi: dict[str, Any] = {"mean": mosaic.summary.get("ndvi_mean")}
    page = ""
    if reports is not None:
        folder = store.folder(partition, REPORTS)
        said = json.loads((folder / reports.files["numbers"]).read_text(encoding="utf-8"))
        ndvi |= said.get("ndvi", {})
        page = f"{partition.period}/{folder.name}/{reports.files['report']}"
    return {
        "date": str(partition.date),
        "digest": digest,
        "empty": mosaic.empty or "",
        "why": reason(mosaic.empty),
        **{name: _number(mosaic.summary.get(name)) for name in SHARES},
        **{f"ndvi_{name}": _number(ndvi.get(name)) for name in NDVI},
        "code_book": "" if clusters is None else str(clusters.summary.get("code_book", "")),
        "report": page,
    }


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _areas(partition: Partition, records: dict[str, Record], store: Store) -> pd.DataFrame:
    clusters = records.get(CLUSTERS)
    if clusters is None or clusters.empty:
        return RegionTables.none().areas
    path = store.folder(partition, CLUSTERS) / clusters.files["classes_table"]
    columns = ["class_id", "name", "colour", "area_ha", "share_pct"]
    return read_table(path, columns).assign(
        date=str(partition.date), code_book=str(clusters.summary.get("code_book", ""))
    )


def read_tables(folder: Place, dates: str, areas: str) -> RegionTables:
    """Read tables made before; none where there are none."""
    try:
        return RegionTables(dates=read_table(folder / dates), areas=read_table(folder / areas))
    except FileNotFoundError:
        return RegionTables.none()
