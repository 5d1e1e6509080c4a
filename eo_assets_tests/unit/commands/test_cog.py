"""``eo-assets cog``: other people's rasters made into Cloud Optimized GeoTIFFs, and checked."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from typer.testing import CliRunner

from eo_assets.cli.cog import app
from eo_assets.errors import ConfigurationError

SIZE = 1200


def cog(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def striped(path, pixels, **options):
    """Write a GeoTIFF in strips, without overviews, as most programs do by default."""
    with rasterio.open(
        path, "w", driver="GTiff", width=SIZE, height=SIZE, count=1, dtype=pixels.dtype,
        crs="EPSG:32635", transform=rasterio.Affine(10, 0, 400_000, 0, -10, 5_000_000), **options,
    ) as file:  # fmt: skip
        file.write(pixels, 1)
        if pixels.dtype == np.uint8:
            file.write_colormap(1, {1: (0, 90, 0, 255), 2: (0, 0, 200, 255)})
        else:
            file.scales, file.descriptions = (0.0001,), ("red",)
    return path


@pytest.fixture
def source(tmp_path):
    pixels = np.random.default_rng(3).integers(1, 3000, (SIZE, SIZE), dtype=np.uint16)
    return striped(tmp_path / "in.tif", pixels, nodata=0)


def test_a_raster_becomes_a_valid_one_with_the_same_pixels_and_words(source, tmp_path):
    target = tmp_path / "out.tif"
    assert cog("validate", source).exit_code == 1
    assert cog("create", source, target).exit_code == 0
    assert cog("validate", "--strict", target).exit_code == 0
    with rasterio.open(source) as before, rasterio.open(target) as after:
        np.testing.assert_array_equal(after.read(), before.read())
        assert (after.scales, after.descriptions, after.nodata) == ((0.0001,), ("red",), 0)
        assert (after.crs, after.transform) == (before.crs, before.transform)
        assert after.overviews(1)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_overviews_of_classes_have_no_class_that_is_not_there(tmp_path):
    pixels = np.random.default_rng(4).choice(np.array([1, 3], np.uint8), (SIZE, SIZE))
    source = striped(tmp_path / "classes.tif", pixels)
    assert cog("create", source, tmp_path / "out.tif").exit_code == 0
    with rasterio.open(tmp_path / "out.tif", overview_level=0) as coarse:
        # their mean would be 2
        assert set(np.unique(coarse.read())) == {1, 3}
        assert coarse.colormap(1)[1] == (0, 90, 0, 255)


def test_a_file_that_is_there_is_replaced_only_when_told(source, tmp_path):
    target = tmp_path / "out.tif"
    target.write_bytes(b"precious")
    refused = cog("create", source, target)
    assert isinstance(refused.exception, ConfigurationError)
    assert target.read_bytes() == b"precious"
    assert cog("create", "--overwrite", source, target).exit_code == 0
    assert cog("validate", target).exit_code == 0


@pytest.mark.parametrize(
    "words", [("create", "absent.tif", "x.tif"), ("validate", "absent.tif"),
              ("create", "absent.tif", "x.tif", "--overviews", "magic")],
)  # fmt: skip
def test_what_cannot_be_done_is_told_with_a_remedy(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = cog(*words).exception
    assert isinstance(error, ConfigurationError)
    assert error.remedy
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_raster_is_told(tmp_path):
    (tmp_path / "text.tif").write_text("no raster")
    assert isinstance(cog("validate", tmp_path / "text.tif").exception, ConfigurationError)


def test_a_file_cut_short_leaves_no_target(source, tmp_path):
    source.write_bytes(source.read_bytes()[:1_000_000])
    assert cog("create", source, tmp_path / "out.tif").exit_code != 0
    assert [path.name for path in tmp_path.iterdir()] == ["in.tif"]
