"""A scene: what of a STAC item matters for computing with its pixels, and nothing provider-shaped.

Hrefs are unsigned; whoever reads signs (``eo_assets.cube.access``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from eo_assets.catalog.bands import Band
from eo_assets.catalog.collections import Collection
from eo_assets.catalog.collections.model import StacItem
from eo_assets.catalog.quality import QualityBand
from eo_assets.catalog.radiometry import Radiometry
from eo_assets.cube.grid import Grid
from eo_assets.errors import SourceContractError

LANDSAT_PATHS = 233
"""Of the second Worldwide Reference System, once around the Earth."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Value):
    """One raster file of a scene.

    Attributes:
        href: Unsigned address.
        grid: Its pixels' grid as its header states it; None before it was probed.
        layer: Number of the band in the file, from 1; or the name of an array of a Zarr group.
    """

    href: str
    grid: Grid | None = None
    layer: int | str = 1


class SourceBand(SourceFile):
    """One band of a scene: its file and how its digital numbers become values.

    Attributes:
        scale: Value of one digital number.
        offset: Added after scaling.
        nodata: Digital number that means "no observation".
        valid_min: Smallest valid digital number.
        valid_max: Largest valid digital number.
        value_scale: Value of one stored step of the product.
        value_offset: Value of a stored zero of the product.
        dtype: Data type of the file's pixels.
        reason: Why this radiometry holds.
        resampling: ``average`` for quantities, averaged and interpolated; ``nearest`` for classes,
            which have no mean.
        title: For people; empty where the collection says it.
        units: Of the value.
    """

    scale: float
    offset: float
    nodata: int
    valid_min: int
    valid_max: int
    value_scale: float
    value_offset: float = 0.0
    dtype: str = "uint16"
    reason: str
    resampling: Literal["average", "nearest"] = "average"
    title: str = ""
    units: str = "1"


class Scene(_Value):
    """One acquisition of one tile.

    Attributes:
        id: STAC item id.
        acquired: Time of acquisition, UTC.
        platform: Satellite, lower case: ``sentinel-2a``.
        pass_id: Identifies the satellite's pass; scenes of one pass show the same moment.
        cloud_cover_pct: Cloud as the provider states it, per cent; None when not stated.
        baseline: Processing baseline, where the provider has one.
        bbox_4326: West, south, east, north; degrees.
        bands: Bands by name; optional ones the item lacks are not there.
        quality: File of the quality band; None where the collection has none.
        doubtful: The item contradicts itself about its radiometry.
    """

    id: str
    acquired: dt.datetime
    platform: str
    pass_id: str
    cloud_cover_pct: float | None
    baseline: str | None
    bbox_4326: tuple[float, float, float, float]
    bands: dict[str, SourceBand]
    quality: SourceFile | None
    doubtful: bool = False


def acquisition_time(item: StacItem) -> dt.datetime:
    """Read when an item was acquired.

    Args:
        item: A STAC item.

    Returns:
        The time, aware, UTC. Items without a ``datetime`` give their start.

    Raises:
        SourceContractError: The item states no readable time.
    """
    properties = item.get("properties", {})
    stated = properties.get("datetime") or properties.get("start_datetime")
    try:
        time = dt.datetime.fromisoformat(str(stated))
    except ValueError as error:
        raise SourceContractError(
            f"Item {item.get('id')} states the datetime {stated!r}; RFC 3339 was expected.",
            "Report the item to its provider.",
        ) from error
    return time.astimezone(dt.UTC) if time.tzinfo else time.replace(tzinfo=dt.UTC)


def pass_id(item: StacItem) -> str:
    """Name the satellite's pass an item belongs to.

    Args:
        item: A STAC item.

    Returns:
        The Sentinel-2 datatake without its baseline; Landsat's platform, path and the day that
        path was flown; or the platform and the minute.
    """
    properties = item.get("properties", {})
    platform = str(properties.get("platform", "")).lower()
    datatake = properties.get("s2:datatake_id")
    if datatake:
        return str(datatake).rsplit("_N", 1)[0]
    time = acquisition_time(item)
    path = str(properties.get("landsat:wrs_path"))
    if path.isdigit():
        # paths are flown from east to west within a day: midnight UTC would divide one of them
        start = time - dt.timedelta(days=int(path) / LANDSAT_PATHS)
        return f"{platform}_{path}_{start:%Y%m%d}"
    return f"{platform}_{time:%Y%m%dT%H%M}"


def scene_of(item: StacItem, collection: Collection, bands: tuple[str, ...]) -> Scene:
    """Make a scene of a STAC item.

    Args:
        item: The item, hrefs unsigned.
        collection: The collection it belongs to.
        bands: Names of the bands wanted.

    Returns:
        The scene; its files are not yet probed.

    Raises:
        SourceContractError: The item lacks a band, or a property the radiometry depends on.
    """
    publication = collection.publication_of(item)
    stac_assets: Mapping[str, Any] = item["assets"]
    quality = (collection.quality.name,) if collection.quality else ()
    keys = {name: publication.stac_asset_key(name, stac_assets) for name in (*bands, *quality)}
    hrefs = {name: str(stac_assets[key]["href"]) for name, key in keys.items() if key}
    missing = [
        f"{name} ({publication.stac_asset_keys.get(name, '-')})"
        for name in keys
        if name not in hrefs and (name in quality or not collection.band(name).optional)
    ]
    if missing:
        raise SourceContractError(
            f"Item {item['id']} of {collection.id} has no STAC asset for {', '.join(missing)}; "
            f"it has {', '.join(sorted(stac_assets))}.",
            "Leave these bands out of the region's bands, or exclude the item.",
        )
    properties = item["properties"]
    present = [name for name in bands if name in hrefs]
    radiometry = {n: publication.rule(n).resolve(item["id"], properties) for n in present}
    baseline = properties.get("s2:processing_baseline")
    return Scene(
        id=item["id"],
        acquired=acquisition_time(item),
        platform=str(properties.get("platform", "unknown")).lower(),
        pass_id=pass_id(item),
        cloud_cover_pct=properties.get("eo:cloud_cover"),
        baseline=None if baseline is None else str(baseline),
        bbox_4326=tuple(item["bbox"]),
        bands={
            name: _source_band(hrefs[name], radiometry[name], collection.band(name))
            for name in present
        },
        quality=SourceFile(href=hrefs[quality[0]]) if quality else None,
        doubtful=any(r.doubtful for r in radiometry.values()),
    )


def _source_band(href: str, radiometry: Radiometry, band: Band) -> SourceBand:
    return SourceBand(
        href=href,
        scale=radiometry.scale,
        offset=radiometry.offset,
        nodata=radiometry.nodata,
        valid_min=radiometry.valid_min,
        valid_max=radiometry.valid_max,
        value_scale=band.quantity.scale,
        value_offset=band.quantity.offset,
        dtype=band.source_dtype,
        reason=radiometry.reason,
    )


def with_quality_as_band(scene: Scene, quality: QualityBand) -> Scene:
    """Give a scene whose quality band can be read as a band, under its own name.

    Args:
        scene: The scene.
        quality: Its collection's quality band.

    Returns:
        The scene; as it is where it has no quality band.
    """
    if scene.quality is None:
        return scene
    fill = quality.fill[0] if quality.kind == "classes" else 1 << quality.fill[0]
    band = SourceBand(
        href=scene.quality.href,
        grid=scene.quality.grid,
        scale=1,
        offset=0,
        nodata=fill,
        valid_min=1,
        valid_max=65_534,
        value_scale=1,
        dtype="uint8" if quality.kind == "classes" else "uint16",
        reason="classes, as they are stored",
        resampling="nearest",
        title=f"Quality band {quality.name}",
    )
    return scene.model_copy(update={"bands": {**scene.bands, quality.name: band}})
