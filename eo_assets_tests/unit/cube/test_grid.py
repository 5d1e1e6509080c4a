from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import mapping

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.cube.grid import (
    Grid,
    blocks,
    inside,
    project_outline,
    region_crs,
    region_geobox,
)
from eo_assets.errors import RegionError
from eo_assets_tests.stac_api_items import box
from eo_assets_tests.tiny_archive import UTM


def region(west, south, east, north, **changes):
    return Region(id="r", title="R", geometry=box(west, south, east, north), **changes)


def test_the_bucegi_at_10_m():
    geobox = region_geobox(load_regions()["bucegi"])
    assert geobox.crs == "EPSG:32635"
    assert tuple(geobox.shape) == (2482, 2004)
    assert tuple(geobox.boundingbox) == (370_630, 5_017_230, 390_670, 5_042_050)


@pytest.mark.parametrize(
    ("resolution_m", "bounds"),
    [
        (20, (370_620, 5_017_220, 390_680, 5_042_060)),
        (60, (370_620, 5_017_200, 390_720, 5_042_100)),
    ],
)
def test_coarser_grids_of_the_bucegi(resolution_m, bounds):
    bucegi = load_regions()["bucegi"].model_copy(update={"resolution_m": resolution_m})
    assert tuple(region_geobox(bucegi).boundingbox) == bounds


def test_landsat_pixels_have_their_centres_on_multiples_of_30_m():
    geobox = region_geobox(load_regions()["bucegi-landsat"])
    assert geobox.resolution.x == 30
    assert geobox.transform.c % 30 == 15
    assert geobox.transform.f % 30 == 15


def test_the_utm_zone_is_that_of_the_centre():
    assert region_crs(region(25.3, 45.3, 25.6, 45.5)) == "EPSG:32635"
    assert region_crs(region(23.9, 45.3, 24.0, 45.5)) == "EPSG:32634"
    assert region_crs(region(24.0, 45.3, 24.1, 45.5)) == "EPSG:32635"
    assert region_crs(region(-180, 1, -179, 2)) == "EPSG:32601"
    assert region_crs(region(179, 1, 180, 2)) == "EPSG:32660"
    assert region_crs(region(-70.2, -33.6, -70.0, -33.4)) == "EPSG:32719"


def test_in_the_southern_hemisphere_northings_are_positive():
    bounds = region_geobox(region(-70.7, -33.6, -70.5, -33.4)).boundingbox
    assert 6_200_000 < bounds.bottom < bounds.top < 6_400_000


@given(
    st.floats(-179, 178), st.floats(-79, 78), st.floats(0.001, 0.3), st.sampled_from([10, 20, 30])
)
def test_a_grid_covers_its_region_tightly_and_lies_on_multiples(west, south, size, resolution_m):
    one = region(west, south, west + size, south + size, resolution_m=resolution_m)
    geobox = region_geobox(one)
    to_grid = Transformer.from_crs("EPSG:4326", geobox.crs.to_wkt(), always_xy=True)
    ring = shapely.segmentize(shapely.box(west, south, west + size, south + size), 0.005)
    xs, ys = to_grid.transform(*shapely.get_coordinates(ring).T)
    bounds = geobox.boundingbox
    assert bounds.left % resolution_m == bounds.top % resolution_m == 0
    # a few centimetres of curvature between points, a hundredth of a pixel of snapping
    slack = 0.1 + resolution_m / 100
    assert -slack <= xs.min() - bounds.left < resolution_m + slack
    assert -slack <= bounds.right - xs.max() < resolution_m + slack
    assert -slack <= ys.min() - bounds.bottom < resolution_m + slack
    assert -slack <= bounds.top - ys.max() < resolution_m + slack


def test_a_region_may_choose_its_crs():
    geobox = region_geobox(region(25.3, 45.3, 25.4, 45.4, crs="EPSG:3035", resolution_m=100))
    assert geobox.crs == "EPSG:3035"
    assert geobox.transform.c % 100 == 0


@pytest.mark.parametrize(
    ("crs", "message"),
    [
        ("EPSG:4326", "projected CRS in metres"),
        ("EPSG:2263", "projected CRS in metres"),  # feet
        ("EPSG:999999", "unknown CRS"),
        ("nonsense", "unknown CRS"),
        ("", "unknown CRS|projected CRS"),
    ],
)
def test_an_unusable_crs_is_refused(crs, message):
    with pytest.raises(RegionError, match=message) as caught:
        region_geobox(region(25.3, 45.3, 25.4, 45.4, crs=crs))
    assert caught.value.remedy


def test_a_region_too_large_is_refused_with_its_size():
    with pytest.raises(RegionError, match=r"pixels of 10 m.*at most 2,000,000,000"):
        region_geobox(region(0, 30, 20, 60))
    with pytest.raises(RegionError, match="coarser resolution_m"):
        region_geobox(region(25, 45, 26, 46, resolution_m=0.01))


def test_a_region_its_crs_cannot_show_is_refused():
    with pytest.raises(RegionError):
        region_geobox(region(-60, -40, -59, -39, crs="EPSG:3995"))


def test_a_grid_survives_json():
    geobox = region_geobox(load_regions()["bucegi-landsat"])
    grid = Grid.of(geobox)
    assert Grid.model_validate_json(grid.model_dump_json()).geobox == geobox


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([64, 512]), st.integers(1, 12))
def test_blocks_partition_a_grid_along_chunks(rows, columns, chunk, times):
    geobox = GeoBox((rows, columns), Affine(10, 0, 0, 0, -10, 0), UTM)
    size = chunk * times + chunk // 3
    found = list(blocks(geobox, size=size, chunk=chunk))
    assert [block.index for block in found] == list(range(len(found)))
    covered = np.zeros((rows, columns), np.uint8)
    for block in found:
        covered[block.slices] += 1
        height, width = np.diff(block.rows)[0], np.diff(block.columns)[0]
        assert 0 < height <= size
        assert 0 < width <= size
        assert block.rows[0] % chunk == block.columns[0] % chunk == 0
        assert block.of(geobox) == geobox[block.slices]
    assert (covered == 1).all()


def test_blocks_come_out_about_even():
    geobox = GeoBox((5632, 100), Affine(10, 0, 0, 0, -10, 0), UTM)
    heights = [np.diff(b.rows)[0] for b in blocks(geobox, size=2048, chunk=512)]
    # 11 chunks in 3 blocks: not 4 + 4 + 3 pieces of a greedy cut only by luck
    assert sorted(heights) == [1536, 2048, 2048]


@given(st.integers(0, 2**31))
def test_inside_agrees_with_point_in_polygon(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    radii = rng.uniform(60, 300, 9)
    outline = shapely.Polygon(
        np.stack([350 + radii * np.cos(angles), -310 + radii * np.sin(angles)], axis=1),
        [shapely.box(330, -330, 371, -300).exterior.coords],
    )
    if not outline.is_valid:
        outline = shapely.make_valid(outline).buffer(0)
    geobox = GeoBox((64, 70), Affine(10, 0, 0, 0, -10, 0), UTM)
    x, y = np.meshgrid(geobox.coordinates["x"].values, geobox.coordinates["y"].values)
    expected = shapely.contains_xy(outline, x, y)
    # on the line itself either answer is right
    far = shapely.distance(outline.boundary, shapely.points(x, y)) > 1e-6
    assert np.array_equal(inside(geobox, mapping(outline))[far], expected[far])


def test_straight_lines_in_degrees_stay_straight_in_degrees():
    # along 45.5 N across two degrees the parallel sags by 300 m below the chord in UTM
    outline = project_outline(box(24.0, 45.3, 26.0, 45.5), region_crs(region(24, 45, 26, 46)))
    to_utm = Transformer.from_crs("EPSG:4326", UTM, always_xy=True)
    x, y = to_utm.transform(25.005, 45.5)
    edge = shapely.from_wkt(outline.wkt).boundary
    assert edge.distance(shapely.Point(x, y)) < 0.05
