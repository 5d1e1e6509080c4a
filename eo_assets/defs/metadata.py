"""What people see of a product in Dagster: numbers that plot over partitions, previews, tables."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from eo_assets.defs.product_store import ProductStore
from eo_assets.places import Place
from eo_assets.storage.emptiness import reason

if TYPE_CHECKING:
    from eo_assets.storage.store import Record

_ORDER = {".html": 1, ".png": 2}
"""Kinds of files that people look at, in this order."""

_PREVIEW_PX = 560
"""Width of a picture where the server of products can narrow it; it fits beside the partitions."""

_MOST_ROWS = 50
"""More rows of a table are left to the file: metadata lies in Dagster's database."""


def record_metadata(record: Record, folder: Place, products: ProductStore) -> dict[str, Any]:
    """Turn a product's record into Dagster metadata.

    Args:
        record: The record.
        folder: The product's folder.
        products: The store it is in.

    Returns:
        Metadata by label: previews and links, tables, numbers.
    """
    metadata: dict[str, Any] = {"empty": bool(record.empty)}
    if record.empty:
        metadata["reason"] = reason(record.empty)
    if checks := _checks(record):
        metadata["checks"] = checks
    files = {role: folder / name for role, name in record.files.items()}
    # what people look at comes first, what they copy last
    for role, path in sorted(files.items(), key=lambda entry: _ORDER.get(entry[1].suffix, 0)):
        if path.suffix in _ORDER:
            metadata[role] = _shown(path, products)
    if on_map := products.map_link(record):
        metadata["map"] = dg.MetadataValue.url(on_map)
    metadata |= _tables(record, folder)
    metadata |= {label: value for label, value in record.summary.items() if value != ""}
    for role, path in files.items():
        if path.suffix not in _ORDER:
            # a number may have the name of a file's role: eight classes, the map of classes
            metadata[f"{role}_file" if role in metadata else role] = _linked(path, products)
    return metadata | {"path": dg.MetadataValue.path(str(folder))}


def _checks(record: Record) -> str:
    """Sum up what Dagster shows on another page."""
    from eo_assets.pipeline.verdicts import verdicts_of

    verdicts = [verdict for _, verdict in verdicts_of(record)]
    worst = [
        f"{verdict.check} {'warns' if verdict.warning else 'FAILED'}"
        for verdict in verdicts
        if not verdict.passed
    ]
    passed = len(verdicts) - len(worst)
    return ", ".join([*worst, f"{passed} passed"]) if verdicts else ""


def _shown(path: Place, products: ProductStore) -> dg.MetadataValue[Any]:
    link = products.link(path)
    if link and path.suffix == ".png":
        # in place as long as it is short: an address, never the picture itself
        return dg.MetadataValue.md(f"[![{path.stem}]({link}?width={_PREVIEW_PX})]({link})")
    return _linked(path, products)


def _linked(path: Place, products: ProductStore) -> dg.MetadataValue[Any]:
    link = products.link(path)
    if link and not path.is_dir():
        return dg.MetadataValue.url(link)
    return dg.MetadataValue.path(str(path))


def _tables(record: Record, folder: Place) -> dict[str, dg.MetadataValue[Any]]:
    if "items" in record.files:
        return {"scenes": _table(_scenes(folder / record.files["items"]))}
    if "classes_table" in record.files and "signatures_table" in record.files:
        classes = _classes(folder / record.files["classes_table"])
        signatures = _signatures(folder / record.files["signatures_table"])
        return {"class_table": _table(classes), "means": _table(signatures)}
    return {}


def _scenes(path: Place) -> list[dict[str, Any]]:
    snapshot = json.loads(path.read_text(encoding="utf-8"))
    used = [
        {
            "scene": item["id"],
            "acquired": item["properties"].get("datetime"),
            "platform": item["properties"].get("platform"),
            "cloud_pct": item["properties"].get("eo:cloud_cover"),
            "left out because": None,
        }
        for item in snapshot["features"]
    ]
    excluded = snapshot["eo_assets"]["excluded"]
    return used + [
        dict.fromkeys(("acquired", "platform", "cloud_pct"))
        | {"scene": one["id"], "left out because": one["reason"]}
        for one in excluded
    ]


def _classes(path: Place) -> list[dict[str, Any]]:
    from eo_assets.storage.tables import read_table

    columns = ["class_id", "name", "area_ha", "share_pct", "ndvi", "silhouette", "drift"]
    rounded = read_table(path, columns).round(
        {"area_ha": 1, "share_pct": 2, "ndvi": 3, "silhouette": 3, "drift": 3}
    )
    return [{str(k): v for k, v in row.items()} for row in rounded.to_dict("records")]


def _signatures(path: Place) -> list[dict[str, Any]]:
    from eo_assets.storage.tables import read_table

    long = read_table(path, ["class_id", "band", "mean"]).round({"mean": 3})
    bands = list(dict.fromkeys(long["band"]))
    wide = long.pivot_table(index="band", columns="class_id", values="mean", dropna=False)
    rows = wide.loc[bands].reset_index().to_dict("records")
    return [{str(k): v for k, v in row.items()} for row in rows]


def _table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue[Any]:
    records = [
        dg.TableRecord({label: _plain(value) for label, value in row.items()})
        for row in rows[:_MOST_ROWS]
    ]
    columns = list(rows[0]) if rows else []
    schema = dg.TableSchema(
        [dg.TableColumn(label, _type([row[label] for row in rows])) for label in columns]
    )
    return dg.MetadataValue.table(records, schema)


def _plain(value: Any) -> str | int | float | bool | None:
    number = value.item() if hasattr(value, "item") else value
    return None if isinstance(number, float) and math.isnan(number) else number


def _type(values: Sequence[Any]) -> str:
    known = [value for value in map(_plain, values) if value is not None]
    if known and all(isinstance(value, int) for value in known):
        return "int"
    return "float" if known and all(isinstance(v, int | float) for v in known) else "string"
