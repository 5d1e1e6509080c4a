"""Three years of severity maps drawn by hand, and how often each pixel burnt."""

import geopandas
import numpy as np
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from eo_assets.errors import ConfigurationError, GridMismatchError
from eo_assets.pipeline.burn_files import unchanged_dnbr
from eo_assets.pipeline.burn_history import HistoryTask, count_years
from eo_assets.pipeline.burn_scenes import Season

#  . unburnt  x burnt  - not seen
YEARS = {
    2021: ["xx..-", "x...-", "....-"],
    2022: [".xx.-", "....-", "...-x"],
    2023: [".x..-", "x...-", "....."],
}
CODES = {".": 3, "x": 6, "-": 0}
TRANSFORM = Affine(20, 0, 600_000, 0, -20, 5_000_000)


def write(path, lines, transform=TRANSFORM):
    codes = np.array([[CODES[one] for one in line] for line in lines], np.uint8)
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": 0, "crs": "EPSG:32635"}
    height, width = codes.shape
    with rasterio.open(path, "w", height=height, width=width, transform=transform, **profile) as f:
        f.write(codes, 1)
    return str(path)


@pytest.fixture
def task(tmp_path):
    sites = geopandas.GeoDataFrame(
        {"id": ["left", "half"]},
        # the first two columns, and half of the first pixel of each
        geometry=[box(600_000, 4_999_940, 600_040, 5_000_000),
                  box(600_000, 4_999_940, 600_010, 5_000_000)],
        crs=32635,
    )  # fmt: skip
    maps = {year: write(tmp_path / f"{year}.tif", lines) for year, lines in YEARS.items()}
    return HistoryTask(maps=maps, target=str(tmp_path / "times.tif"), sites=sites, tags={})


def test_repeat_burns_by_hand(task):
    history = count_years(task)
    with rasterio.open(task.target) as file:
        stored = file.read(1)
        assert file.nodata == 255
        assert file.colormap(1)[2][:3] == (168, 40, 60)
    # by hand, pixel by pixel
    assert stored.tolist() == [[1, 3, 1, 0, 255], [2, 0, 0, 0, 255], [0, 0, 0, 0, 1]]
    assert history.burnt_ha == pytest.approx(5 * 0.04)
    assert history.repeat_ha == pytest.approx(2 * 0.04)
    left, half = history.by_site.to_dict("records")
    assert (left["burnt_once_ha"], left["repeat_ha"]) == (0.04, 0.08)
    assert (half["burnt_once_ha"], half["repeat_ha"]) == (0.02, 0.02)


def test_years_on_different_grids_are_not_compared(task, tmp_path):
    moved = write(tmp_path / "2024.tif", YEARS[2023], TRANSFORM * Affine.translation(1, 0))
    with pytest.raises(GridMismatchError, match="2021, 2022, 2023"):
        count_years(HistoryTask(maps={**task.maps, 2024: moved}, target=task.target,
                                sites=task.sites, tags={}))  # fmt: skip


def test_the_offset_is_the_median_of_unchanged_vegetation():
    values = np.round(np.random.default_rng(3).normal(0.03, 0.02, 1001), 3)
    burnt = np.full(5000, 0.6)
    steps = np.rint(np.concatenate([values, burnt]) * 1000).astype(int) + 1000
    counts = np.bincount(steps, minlength=2001)
    near = values[np.abs(values) <= 0.1]
    assert unchanged_dnbr(counts) == pytest.approx(np.median(near), abs=1e-9)
    assert unchanged_dnbr(np.zeros(2001, int)) == 0


@pytest.mark.parametrize("text", ["", "07-01", "08-31..07-01", "02-30..03-01", "7-1..8-31"])
def test_a_season_is_two_days_in_order(text):
    with pytest.raises(ConfigurationError, match="season"):
        Season(text).days(2024)


def test_a_season_has_its_days_in_every_year():
    assert [str(day) for day in Season("07-01..08-31").days(2019)] == ["2019-07-01", "2019-08-31"]
