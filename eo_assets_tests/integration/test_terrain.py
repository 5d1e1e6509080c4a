"""Terrain from elevation tiles: against the truth, across tiles and 180°, with tiles missing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import dagster as dg
import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Geod

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.definitions import build_defs
from eo_assets.pipeline import terrain as step
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.store import Store

pytestmark = pytest.mark.integration

RISE = 0.2
"""Of the made-up tiles' ground, metres a metre, to the east."""


def write_tile(root: Path, latitude: int, longitude: int, *, west: float, size: int = 300) -> None:
    """A piece of a GLO-30 tile, southmost in it: a plane that rises eastwards from a meridian."""
    ns, ew = "NS"[latitude < 0], "EW"[longitude < 0]
    corner = f"{ns}{abs(latitude):02d}_00_{ew}{abs(longitude):03d}_00"
    name = f"Copernicus_DSM_COG_10_{corner}_DEM"
    second = 1 / 3600
    columns = west + np.arange(size) * second
    rows = latitude + (size - np.arange(size)) * second
    length_m = Geod(ellps="WGS84").inv(0, latitude, second, latitude)[2]
    from_meridian = (columns - np.round(columns)) / second
    heights = np.broadcast_to(1000 + RISE * length_m * from_meridian, (size, size))
    folder = root / name
    folder.mkdir(parents=True)
    transform = Affine(second, 0, columns[0] - second / 2, 0, -second, rows[0] + second / 2)
    with rasterio.open(
        folder / "data.tif", "w", driver="GTiff", dtype="float32", count=1, height=size, width=size,
        crs="EPSG:4326", transform=transform, tiled=True, blockxsize=64, blockysize=64,
    ) as file:  # fmt: skip
        file.write(heights.astype(np.float32), 1)
    bounds = [columns[0], float(rows[-1]), float(columns[-1]), float(rows[0])]
    w, s, e, n = bounds
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": step.COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]},
        "bbox": bounds,
        "properties": {"datetime": "2021-04-22T00:00:00Z", "platform": "TanDEM-X"},
        "links": [],
        "assets": {"data": {"href": "./data.tif"}},
    }
    (folder / "item.json").write_text(json.dumps(item), encoding="utf-8")


def rectangle(west: float, south: float, east: float, north: float) -> list:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def region(**geometry) -> Region:
    return step.on_elevation(Region(id="test", title="Test", geometry=geometry))


def make(archive: Path, where: Region, outputs: Path, *, block_px: int = 2048, **options):
    store, subject = Store(outputs), WholeRegion(where)
    with EmbeddedCatalog(archive, writable=False) as catalog:
        record = step.materialise(
            subject,
            catalog="test",
            url=catalog.url,
            store=store,
            runner=InProcess(),
            options=step.TerrainOptions(**options),
            block_px=block_px,
        )
    return record, store.folder(subject, step.STEP)


def layer(folder: Path, record, name: str) -> np.ndarray:
    """A layer of the product in its units; NaN unknown."""
    with rasterio.open(folder / record.files["aspect" if name == "aspect" else "terrain"]) as file:
        band = file.descriptions.index(name) + 1
        stored = file.read(band)
        values = stored * file.scales[band - 1] + file.offsets[band - 1]
    return np.where(stored > 0, values, np.nan)


@pytest.fixture(scope="module")
def bucegi(archive, tmp_path_factory):
    where = step.on_elevation(load_regions()["bucegi"])
    return make(archive, where, tmp_path_factory.mktemp("terrain"))


def test_heights_and_slopes_are_those_of_the_true_ground(bucegi, archive):
    record, folder = bucegi
    with rasterio.open(archive / "truth" / "elevation.tif") as file:
        truth, at = file.read(1), file.transform
    with rasterio.open(folder / record.files["terrain"]) as file:
        place = file.transform
    # the product's pixels are three of the truth's a side, counted from its upper left corner
    column, row = (round((at.c - place.c) / -10), round((place.f - at.f) / -10))
    heights = layer(folder, record, "elevation")
    rows, columns = (slice(10, n - 10) for n in heights.shape)
    whole = np.full([3 * n for n in heights.shape], np.nan)
    inner = whole[max(-row, 0) :, max(-column, 0) :]
    part = truth[max(row, 0) :, max(column, 0) :][: inner.shape[0], : inner.shape[1]]
    inner[: part.shape[0], : part.shape[1]] = part
    mean = whole.reshape(heights.shape[0], 3, heights.shape[1], 3).mean(axis=(1, 3))
    apart = (heights - mean)[rows, columns]
    assert np.nanmedian(np.abs(apart)) < 0.6
    assert np.nanpercentile(np.abs(apart), 99) < 8
    south, east = np.gradient(mean, 30.0)
    expected = np.degrees(np.arctan(np.hypot(south, east)))[rows, columns]
    slopes = layer(folder, record, "slope")[rows, columns]
    assert np.nanmedian(np.abs(slopes - expected)) < 0.7
    assert np.nanmean(slopes - expected) == pytest.approx(0, abs=1.0)


def test_what_is_stored_is_horns_formula_of_what_is_stored(bucegi):
    record, folder = bucegi
    z = layer(folder, record, "elevation")
    row, column = 400, 300
    (a, b, c), (d, _, f), (g, h, i) = z[row - 1 : row + 2, column - 1 : column + 2]
    p = ((c + 2 * f + i) - (a + 2 * d + g)) / (8 * 30)
    q = ((g + 2 * h + i) - (a + 2 * b + c)) / (8 * 30)
    found = {name: layer(folder, record, name)[row, column] for name in ("slope", "aspect")}
    assert found["slope"] == pytest.approx(np.degrees(np.arctan(np.hypot(p, q))), abs=0.006)
    assert found["aspect"] == pytest.approx(np.degrees(np.arctan2(-p, q)) % 360, abs=0.006)


def test_no_byte_depends_on_the_blocks(bucegi, archive, tmp_path):
    record, folder = bucegi
    where = step.on_elevation(load_regions()["bucegi"])
    other, beside = make(archive, where, tmp_path, block_px=512)
    for role in ("terrain", "aspect"):
        one, two = (f / r.files[role] for f, r in ((folder, record), (beside, other)))
        assert (
            hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(two.read_bytes()).digest()
        )
    lengths = [
        geopandas.read_parquet(f / "contours.parquet").dissolve("elevation_m").length
        for f in (folder, beside)
    ]
    assert (lengths[0] - lengths[1]).abs().max() < 1.0


def test_contours_lie_at_their_height(bucegi):
    record, folder = bucegi
    lines = geopandas.read_parquet(folder / record.files["contours"])
    z = layer(folder, record, "elevation")
    with rasterio.open(folder / record.files["terrain"]) as file:
        assert lines.crs == file.crs
        for line in lines[lines.length > 2000].sample(20, random_state=1).itertuples():
            x, y = line.geometry.interpolate(0.5, normalized=True).coords[0]
            column, row = ~file.transform * (x, y)
            # heights hold at pixel centres: between the four around the point
            r, c = int(np.floor(row - 0.5)), int(np.floor(column - 0.5))
            around = z[r : r + 2, c : c + 2]
            assert around.min() - 0.2 <= line.elevation_m <= around.max() + 0.2


def test_the_item_states_bands_and_files(bucegi):
    record, folder = bucegi
    item = json.loads((folder / record.files["stac_item"]).read_text())
    rasters, page = {"terrain", "aspect"}, {"report", "numbers", "relief", "slope"}
    assert set(item["assets"]) == rasters | page | {"contours"}
    for asset in item["assets"].values():
        path = folder / asset["href"]
        assert asset["file:size"] == path.stat().st_size
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert asset["file:checksum"] == f"1220{digest}"


@pytest.fixture(scope="module")
def coast(tmp_path_factory):
    """A tile east of 25° and none west of it."""
    root = tmp_path_factory.mktemp("coast")
    write_tile(root, 45, 25, west=25.0)
    return root, region(type="Polygon", coordinates=[rectangle(24.98, 45.01, 25.03, 45.05)])


def test_a_missing_tile_is_named_and_its_heights_are_unknown(coast, tmp_path):
    record, folder = make(*coast, tmp_path)
    assert record.summary["missing_tiles"] == "N45_E024"
    assert record.summary["known_pct"] == pytest.approx(60, abs=1.5)
    assert record.summary["sea_pct"] == 0
    heights = layer(folder, record, "elevation")
    assert np.nanmin(heights) > 990


def test_a_missing_tile_is_sea_for_those_who_say_so(coast, tmp_path):
    record, folder = make(*coast, tmp_path, missing_tiles="sea")
    assert record.summary["missing_tiles"] == "N45_E024"
    assert record.summary["known_pct"] == 100
    assert record.summary["sea_pct"] == pytest.approx(40, abs=1.5)
    heights = layer(folder, record, "elevation")
    assert ((np.abs(heights) < 0.08) | (heights > 990) | np.isnan(heights)).all()


def test_a_region_without_any_tile_is_empty(coast, tmp_path):
    root, _ = coast
    far = region(type="Polygon", coordinates=[rectangle(31.5, 43.4, 31.6, 43.5)])
    record, folder = make(root, far, tmp_path)
    assert record.empty == step.NO_ELEVATION
    assert record.summary["missing_tiles"] == "N43_E031"
    assert [path.name for path in folder.iterdir()] == ["record.json"]


def test_a_plane_stays_a_plane_across_180_degrees(tmp_path):
    write_tile(tmp_path / "tiles", -17, 179, west=180 - 300 / 3600)
    write_tile(tmp_path / "tiles", -17, -180, west=-180.0)
    where = region(
        type="MultiPolygon",
        coordinates=[
            [rectangle(179.95, -16.99, 180, -16.95)],
            [rectangle(-180, -16.99, -179.95, -16.95)],
        ],
    )
    record, folder = make(tmp_path / "tiles", where, tmp_path / "outputs")
    assert record.summary["missing_tiles"] == ""
    assert record.summary["known_pct"] == 100
    apart = np.abs(layer(folder, record, "slope") - np.degrees(np.arctan(RISE)))[5:-5, 5:-5]
    # within half a pixel of a file's edge nothing is interpolated between files: three columns
    assert np.nanmax(apart) < 3
    assert (apart > 0.4).any(axis=0).sum() <= 6
    assert np.nanmean(apart > 0.4) < 0.012
    aspects = layer(folder, record, "aspect")[5:-5, 5:-5]
    assert np.nanmedian(np.abs(aspects - 270)) < 1


def test_the_asset_shows_pictures_and_numbers(archive, scheduler, tmp_path):
    settings = load_settings(
        catalog="sample", sample_dir=archive, dask_address=scheduler, outputs=tmp_path
    )
    asset = dg.AssetKey("terrain")
    with dg.DagsterInstance.ephemeral() as instance:
        defs = build_defs(settings)
        result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
            partition_key="bucegi", asset_selection=[asset], instance=instance
        )
    [event] = result.asset_materializations_for_node("terrain")
    assert event.partition == "bucegi"
    assert event.metadata["highest_m"].value == pytest.approx(2500, abs=15)
    assert {"relief", "slope", "report", "contours_file"} <= set(event.metadata)
