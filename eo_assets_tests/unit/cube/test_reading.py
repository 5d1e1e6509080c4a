"""Reading onto a grid, judged by hand and by GDAL's warper."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import example, given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from scipy.ndimage import map_coordinates

from eo_assets.cube.block_index import stored_bytes
from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.grid import Grid
from eo_assets.cube.reading import read_band, read_usability
from eo_assets.cube.scene import SourceFile
from eo_assets.cube.warp import bilinear, block_mean, nearest, source_coordinates
from eo_assets.errors import SourceContractError
from eo_assets_tests.tiny_archive import UTM, band_at, coded, write_tif

X, Y = 399_960.0, 5_000_040.0
CODE = coded(1, (64, 48))
EVERYTHING = ValidPixels(
    data="s", kind="classes", fill=(0,), invalid=(9,), cloud=(9,), opening_m=0, dilation_m=20
)


def grid(rows, columns, *, x=X, y=Y, pixel_m=10.0, crs=UTM):
    return GeoBox((rows, columns), Affine(pixel_m, 0, x, 0, -pixel_m, y), crs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def fine(folder):
    return band_at(write_tif(folder / "fine.tif", CODE, origin=(X, Y), block=16))


@pytest.fixture(scope="module")
def coarse(folder):
    return band_at(write_tif(folder / "coarse.tif", CODE, origin=(X, Y), pixel_m=20, block=16))


def smooth(rows, columns):
    """A ramp with a gentle wave, whose value tells the coordinate."""
    y, x = np.mgrid[:rows, :columns] + 0.5
    return (2000 + 30 * x + 17 * y + 40 * np.sin(x / 9) * np.cos(y / 7)).astype(np.uint16)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [((0, 64), (0, 48)), ((10, 11), (7, 9)), ((60, 70), (40, 60)), ((-5, 3), (-4, 50))],
)
def test_a_window_of_the_same_grid_is_copied(fine, rows, columns):
    wanted = grid(rows[1] - rows[0], columns[1] - columns[0], x=X + 10 * columns[0],
                  y=Y - 10 * rows[0])  # fmt: skip
    packed, window = read_band(fine, wanted)
    padded = np.pad(CODE, 20)[rows[0] + 20 : rows[1] + 20, columns[0] + 20 : columns[1] + 20]
    assert np.array_equal(packed, padded)
    # not a pixel more is decoded than is wanted
    assert window.values.size == np.count_nonzero(padded)


@pytest.mark.parametrize(("dx", "dy"), [(48, 0), (-48, 0), (0, 64), (0, -64), (999, 999)])
def test_a_file_that_is_only_touched_or_far_away_is_not_read(fine, coarse, dx, dy):
    wanted = grid(64, 48, x=X + 10 * dx, y=Y - 10 * dy)
    packed, window = read_band(fine, wanted)
    assert window is None
    assert not packed.any()
    if abs(dx) == 999:
        usable, window = read_usability(SourceFile(href=coarse.href), EVERYTHING, wanted)
        assert window is None
        assert not usable.observed.any()


def test_coarse_pixels_are_repeated(coarse):
    packed, window = read_band(coarse, grid(128, 96))
    assert np.array_equal(packed, np.kron(CODE, np.ones((2, 2), np.uint16)))
    assert window.values.size == CODE.size


@pytest.mark.parametrize(("row", "column"), [(1, 1), (1, 0), (0, 3), (-1, -3), (121, 91)])
def test_a_window_may_begin_in_the_middle_of_a_coarse_pixel(coarse, row, column):
    packed, _ = read_band(coarse, grid(9, 7, x=X + 10 * column, y=Y - 10 * row))
    whole = np.pad(np.kron(CODE, np.ones((2, 2), np.uint16)), 10)
    assert np.array_equal(packed, whole[row + 10 : row + 19, column + 10 : column + 17])


def test_fine_pixels_are_averaged_without_the_unobserved(folder):
    values = CODE.copy()
    values[0, 0], values[2:4, 2:4], values[0, 2:4] = 0, 0, 0
    band = band_at(write_tif(folder / "holes.tif", values, origin=(X, Y)))
    packed, _ = read_band(band, grid(32, 24, pixel_m=20))
    expected = np.zeros((32, 24), np.uint16)
    for row in range(32):
        for column in range(24):
            square = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(int)
            seen = square[square > 0]
            if seen.size:
                expected[row, column] = np.floor(seen.mean() + 0.5)
    assert np.array_equal(packed, expected)
    assert packed[1, 1] == 0


def test_a_file_of_odd_size_is_averaged_up_to_its_edge(folder):
    band = band_at(write_tif(folder / "odd.tif", CODE[:63, :47], origin=(X, Y)))
    packed, _ = read_band(band, grid(33, 25, pixel_m=20))
    assert packed[31, 23] == CODE[62, 46]
    assert packed[31, 0] == np.floor(CODE[62, :2].mean() + 0.5)
    assert not packed[32].any()
    assert not packed[:, 24].any()


def warped(path, wanted, resampling=Resampling.bilinear):
    # GDAL widens its kernel by a few per cent for grids turned against each other, unless told
    scale = {"XSCALE": 1, "YSCALE": 1} if resampling == Resampling.bilinear else {}
    with rasterio.open(path) as file:
        target = np.zeros(wanted.shape, np.float32)
        reproject(
            file.read(1).astype(np.float32),
            target,
            src_transform=file.transform,
            src_crs=file.crs,
            src_nodata=0,
            dst_transform=wanted.transform,
            dst_crs=str(wanted.crs),
            dst_nodata=0,
            resampling=resampling,
            tolerance=0,
            **scale,
        )
    return target


def test_half_a_pixel_aside_is_interpolated_as_gdal_does(folder):
    path = write_tif(folder / "ramp.tif", smooth(64, 64), origin=(X, Y))
    wanted = grid(50, 50, x=X + 55, y=Y - 55)
    packed, _ = read_band(band_at(path), wanted)
    assert np.abs(packed - warped(path, wanted)).max() <= 1
    by_hand = smooth(64, 64)[5:57, 5:57].astype(float)
    mean = (by_hand[:-1, :-1] + by_hand[1:, :-1] + by_hand[:-1, 1:] + by_hand[1:, 1:]) / 4
    assert np.abs(packed - mean[:50, :50]).max() <= 0.5


def test_interpolation_leaves_the_unobserved_out(folder):
    values = smooth(64, 64)
    values[20:30, 20:30] = 0
    path = write_tif(folder / "gap.tif", values, origin=(X, Y))
    wanted = grid(50, 50, x=X + 53, y=Y - 52)
    packed, _ = read_band(band_at(path), wanted)
    # the gap is the pixels it is nearest to, and no value at its edge is pulled down
    gap = warped(path, wanted, Resampling.nearest) == 0
    assert np.array_equal(packed == 0, gap)
    whole, _ = read_band(
        band_at(write_tif(folder / "nogap.tif", smooth(64, 64), origin=(X, Y))), wanted
    )
    edge = ~gap & (packed != whole)
    assert edge.any()
    assert np.abs(packed.astype(int) - whole)[edge].max() < 40


def other_zone(rows=120, columns=120, pixel_m=10.0):
    """A grid in UTM 34N over the middle of a 200 × 200 pixel file at (X, Y) in 35N."""
    x, y = Transformer.from_crs(UTM, "EPSG:32634", always_xy=True).transform(X + 1000, Y - 1000)
    x0 = np.floor(x / pixel_m) * pixel_m - columns / 2 * pixel_m
    y0 = np.floor(y / pixel_m) * pixel_m + rows / 2 * pixel_m
    return grid(rows, columns, x=x0, y=y0, pixel_m=pixel_m, crs="EPSG:32634")


def test_another_utm_zone_is_read_where_gdal_reads_it(folder):
    row, column = np.mgrid[:200, :200]
    plane = (2000 + 100 * column + 200 * row).astype(np.uint16)
    path = write_tif(folder / "zone.tif", plane, origin=(X, Y))
    wanted = other_zone(80, 90)
    packed, _ = read_band(band_at(path), wanted)
    # a hundredth of a pixel is 1 across and 2 down; half a step is rounding
    assert np.abs(packed - warped(path, wanted)).max() <= 1


def test_another_utm_zone_is_interpolated_as_scipy_does(folder):
    path = write_tif(folder / "wave.tif", smooth(200, 200), origin=(X, Y))
    wanted = other_zone(80, 90)
    packed, _ = read_band(band_at(path), wanted)
    to_source = Transformer.from_crs("EPSG:32634", UTM, always_xy=True)
    column, row = np.meshgrid(np.arange(90) + 0.5, np.arange(80) + 0.5)
    x, y = to_source.transform(*(wanted.transform @ (column, row)))
    positions = [(Y - y) / 10 - 0.5, (x - X) / 10 - 0.5]
    expected = map_coordinates(smooth(200, 200).astype(float), positions, order=1)
    assert np.abs(packed - expected).max() <= 0.6


def test_source_coordinates_are_exact_to_a_thousandth_of_a_pixel():
    wanted = other_zone()
    found = source_coordinates(wanted, UTM, Affine(10, 0, X, 0, -10, Y))
    to_source = Transformer.from_crs("EPSG:32634", UTM, always_xy=True)
    column, row = np.meshgrid(np.arange(120) + 0.5, np.arange(120) + 0.5)
    x, y = to_source.transform(*(wanted.transform @ (column, row)))
    assert np.abs(found.columns - (x - X) / 10).max() < 1e-3
    assert np.abs(found.rows - (Y - y) / 10).max() < 1e-3


@given(st.integers(0, 119), st.integers(0, 119), st.integers(1, 40), st.integers(1, 40))
@example(top=5, left=7, height=30, width=1)
@example(top=5, left=7, height=1, width=1)
def test_source_coordinates_do_not_depend_on_the_window(top, left, height, width):
    wanted = other_zone()
    whole = source_coordinates(wanted, UTM, Affine(10, 0, X, 0, -10, Y))
    window = (slice(top, min(top + height, 120)), slice(left, min(left + width, 120)))
    part = source_coordinates(wanted[window], UTM, Affine(10, 0, X, 0, -10, Y))
    assert np.array_equal(part.columns, whole.columns[window])
    assert np.array_equal(part.rows, whole.rows[window])


@pytest.mark.parametrize(("pixel_m", "origin"), [(15.0, 5.0), (30.0, 5.0), (40.0, 15.0)])
@given(st.integers(0, 29), st.integers(0, 29), st.integers(1, 12), st.integers(1, 12))
def test_a_warped_window_is_cut_out_of_the_warped_whole(
    folder, pixel_m, origin, top, left, height, width
):
    path = folder / "windows.tif"
    if not path.exists():
        rng = np.random.default_rng(3)
        write_tif(path, rng.integers(0, 9, (128, 128)).astype(np.uint16) * 3000, origin=(X, Y))
    size = 30
    wanted = grid(size, size, x=X + origin, y=Y - origin, pixel_m=pixel_m)
    window = (slice(top, min(top + height, size)), slice(left, min(left + width, size)))
    whole, _ = read_band(band_at(path), wanted)
    part, _ = read_band(band_at(path), wanted[window])
    assert np.array_equal(part, whole[window])


def test_a_coarser_grid_that_does_not_align_averages_first(folder):
    path = write_tif(folder / "average.tif", smooth(128, 128), origin=(X, Y))
    wanted = grid(12, 12, x=X + 165, y=Y - 165, pixel_m=40)
    packed, _ = read_band(band_at(path), wanted)
    average = warped(path, wanted, Resampling.average)
    # on a smooth ramp GDAL's average and an interpolated average differ by little
    assert np.abs(packed - average).max() < 30


def test_probed_and_unprobed_files_are_read_alike(fine):
    wanted = grid(40, 40, x=X + 100)
    known = fine.model_copy(update={"grid": Grid.of(grid(64, 48))})
    assert np.array_equal(read_band(fine, wanted)[0], read_band(known, wanted)[0])


def test_what_a_window_takes_of_a_file_is_the_size_of_its_blocks(folder):
    path = folder / "plain.tif"
    profile = {"driver": "GTiff", "height": 64, "width": 48, "count": 1, "dtype": "uint16"}
    profile |= {"crs": UTM, "transform": Affine(10, 0, X, 0, -10, Y)}
    with rasterio.open(path, "w", **profile, tiled=True, blockxsize=16, blockysize=16) as file:
        file.write(CODE, 1)
    # by hand: rows 10 to 40 lie in three blocks, columns 16 to 33 in two, of 16 x 16 x 2 bytes
    window = slice(10, 40), slice(16, 33)
    assert stored_bytes(SourceFile(href=str(path)), window) == 3 * 2 * 512


def test_a_file_of_another_type_is_refused(folder):
    path = write_tif(folder / "float.tif", CODE.astype(np.float32), origin=(X, Y))
    with pytest.raises(SourceContractError, match=r"float.tif has float32 pixels"):
        read_band(band_at(path), grid(4, 4))
    with pytest.raises(SourceContractError, match=r"float.tif has float32 pixels"):
        read_usability(SourceFile(href=str(path)), EVERYTHING, grid(4, 4))


@given(st.integers(0, 90), st.integers(0, 70), st.integers(1, 30), st.integers(1, 30))
def test_usability_of_a_window_is_cut_out_of_the_whole(folder, top, left, height, width):
    path = folder / "scl.tif"
    if not path.exists():
        rng = np.random.default_rng(5)
        write_tif(path, rng.choice([0, 4, 4, 4, 9], (50, 40)).astype(np.uint8), origin=(X, Y),
                  pixel_m=20)  # fmt: skip
    wanted = grid(120, 100, x=X - 100, y=Y + 100)
    rule = EVERYTHING.model_copy(update={"opening_m": 0.0, "dilation_m": 40.0})
    whole, _ = read_usability(SourceFile(href=str(path)), rule, wanted)
    window = (slice(top, min(top + height, 120)), slice(left, min(left + width, 100)))
    part, _ = read_usability(SourceFile(href=str(path)), rule, wanted[window])
    assert np.array_equal(part.observed, whole.observed[window])
    assert np.array_equal(part.valid, whole.valid[window])


def test_a_grid_on_the_other_side_of_the_earth_touches_nothing(fine):
    far = GeoBox((40, 40), Affine(10, 0, 400_000, 0, -10, 5_000_000), "EPSG:32605")
    packed, window = read_band(fine, far)
    assert window is None
    assert not packed.any()


def test_coordinates_that_are_no_numbers_are_outside():
    rows = np.array([[0.5, np.nan, np.inf]])
    columns = np.array([[0.5, 0.5, 0.5]])
    values = np.full((3, 3), 7, np.uint16)
    assert nearest(values, rows, columns, outside=0).tolist() == [[7, 0, 0]]
    assert bilinear(values, rows, columns).tolist() == [[7, 0, 0]]


@given(st.integers(0, 2**31), st.sampled_from([2, 3, 6]))
def test_block_mean_rounds_half_up_whatever_the_numbers(seed, factor):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 65_535, (4 * factor, 3 * factor)).astype(np.uint16)
    values[rng.random(values.shape) < 0.3] = 0
    result = block_mean(values, factor)
    for row in range(4):
        for column in range(3):
            square = values[row * factor :, column * factor :][:factor, :factor]
            seen = [int(v) for v in square.ravel() if v]
            expected = (2 * sum(seen) + len(seen)) // (2 * len(seen)) if seen else 0
            assert result[row, column] == expected
