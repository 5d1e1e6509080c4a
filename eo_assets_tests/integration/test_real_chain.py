"""The whole chain from the command line over real scenes of Styria and Slovenia, at 120 m."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.merge import merge

from eo_assets.definitions import STEPS
from eo_assets_tests.stac_api_items import box

pytestmark = [pytest.mark.real_data, pytest.mark.integration]

SCL_VEGETATION, SCL_CLOUDS = 4, (3, 8, 9, 10)


def listing(folder):
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def scenes(real_data):
    folder = real_data / "sentinel-2-l2a-120m"
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {folder} does not exist")
    return folder


@pytest.fixture(scope="module")
def made(scenes, scheduler, tmp_path_factory):
    """Folder of the products of a region over 33TWL and 33TWM, which meet about 46.0 N."""
    root = tmp_path_factory.mktemp("real")
    region = {
        "type": "Feature",
        "properties": {"resolution_m": 120, "bands": ["blue", "green", "red", "nir"]},
        "geometry": box(15.2, 45.7, 16.2, 46.3),
    }
    (root / "styria.geojson").write_text(json.dumps(region))
    before = listing(scenes)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
    done = subprocess.run(
        [sys.executable, "-m", "eo_assets.cli", "materialize", "--catalog", scenes,
         "--region", "styria.geojson", "--date", "2023-08-15", "--outputs", "outputs"],
        cwd=root,
        env={**clean, "EO_ASSETS_DASK_ADDRESS": scheduler},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert listing(scenes) == before, "the archive was written to"
    return root / "outputs" / "styria" / "sentinel-2-l2a" / "2023-08-15"


def record(made, step):
    return json.loads((made / step / "record.json").read_text())


@pytest.fixture(scope="module")
def bands(made):
    """Reflectance by band, NaN where there is none, and the grid."""
    path = made / "geotiff" / record(made, "geotiff")["files"]["geotiff"]
    with rasterio.open(path) as file:
        values = file.read(masked=True).astype(np.float32) * file.scales[0]
        return dict(zip(file.descriptions, values.filled(np.nan), strict=True)), file.profile


def scene_classes(scenes, profile):
    """The scene classification of both tiles put together by rasterio, on the products' grid."""
    left, top = profile["transform"] * (0, 0)
    right, bottom = profile["transform"] * (profile["width"], profile["height"])
    files = [rasterio.open(path) for path in sorted(scenes.glob("*20230815*/SCL.tif"))]
    try:
        merged, _ = merge(files, bounds=(left, bottom, right, top), res=120, nodata=0)
    finally:
        for file in files:
            file.close()
    return merged[0]


def test_every_product_is_there_and_none_is_empty(made):
    assert {step: record(made, step)["empty"] for step in STEPS} == dict.fromkeys(STEPS)
    assert record(made, "stac_items")["summary"]["items"] == 2


def test_vegetation_is_as_green_as_in_august(bands, scenes):
    values, profile = bands
    assert str(profile["crs"]) == "EPSG:32633"
    vegetation = scene_classes(scenes, profile) == SCL_VEGETATION
    ndvi = (values["nir"] - values["red"]) / (values["nir"] + values["red"])
    median = float(np.nanmedian(ndvi[vegetation]))
    print(f"median NDVI of vegetation {median:.3f}, n {np.isfinite(ndvi[vegetation]).sum():,}")
    assert 0.78 <= median <= 0.86


def test_there_is_no_gap_where_the_tiles_meet(bands, made, scenes):
    values, profile = bands
    classes = scene_classes(scenes, profile)
    summary = record(made, "mosaic")["summary"]
    assert summary["no_coverage_pct"] == summary["failed_read_pct"] == 0
    with rasterio.open(next(scenes.glob("*33TWL_20230815*/B04.tif"))) as south:
        edge = south.bounds.top
    row = int((profile["transform"].f - edge) / 120)
    assert 10 < row < profile["height"] - 10
    near = slice(row - 10, row + 10)
    valid = np.isfinite(values["red"])
    clear = ~np.isin(classes, (0, 1, *SCL_CLOUDS))
    inside = np.zeros_like(clear)
    inside[near, 15:-15] = True
    share = valid[inside & clear].mean()
    print(f"valid at the seam {share:.2%}, mosaic {summary['valid_pct']} %")
    assert share >= 0.97
    # and no step in brightness: rows beside the edge of the tile are alike
    rows = np.nanmedian(values["nir"][near], axis=1)
    assert np.abs(np.diff(rows)).max() < 0.03


def test_classes_and_report_are_made_of_real_pixels(made):
    clusters = record(made, "clusters")
    assert clusters["summary"]["classes"] == 8
    assert clusters["summary"]["silhouette"] > 0.15
    page = (made / "reports" / "report.html").read_text(encoding="utf-8")
    assert "S2A_33TWM_20230815_0_L2A" in page
    assert "S2A_33TWL_20230815_0_L2A" in page
