import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from shapely.geometry import Polygon, box

from eo_assets.fires.sites import Ground, site_table

TRANSFORM = Affine(20, 0, 600_000, 0, -20, 5_000_000)
GROUND = Ground(TRANSFORM, pyproj.CRS(32635).to_wkt())


@pytest.fixture
def codes():
    return np.random.default_rng(5).integers(0, 9, (30, 40)).astype(np.uint8)


@pytest.fixture
def sites():
    shapes = {
        "corner": box(600_010, 4_999_950, 600_050, 4_999_990),
        "crooked": Polygon([(600_103, 4_999_507), (600_391, 4_999_633), (600_250, 4_999_900)]),
        "overlaps": Polygon([(600_200, 4_999_500), (600_500, 4_999_700), (600_260, 4_999_888)]),
        "half outside": box(600_700, 4_999_300, 601_000, 4_999_600),
        "elsewhere": box(700_000, 4_999_300, 701_000, 4_999_600),
    }
    return geopandas.GeoDataFrame(
        {"id": list(shapes), "name": ["Corner", None, "Overlaps", "Half", "Elsewhere"]},
        geometry=list(shapes.values()),
        crs=32635,
    )


def test_hectares_are_those_of_pixels_cut_by_the_outline(codes, sites):
    """Each pixel as a square, intersected by shapely."""
    rows, columns = np.indices(codes.shape)
    left, top = 600_000 + 20 * columns, 5_000_000 - 20 * rows
    squares = shapely.box(left, top - 20, left + 20, top)
    table = site_table(codes, GROUND, sites)
    for site, row in zip(sites.geometry, table.to_dict("records"), strict=True):
        shares = shapely.area(shapely.intersection(squares, site)) / 10_000
        keys = {"low_ha": 4, "moderate_low_ha": 5, "moderate_high_ha": 6, "high_ha": 7}
        for key, code in keys.items():
            assert row[key] == pytest.approx(shares[codes == code].sum(), abs=2e-4), key
        burnt = shares[(codes >= 4) & (codes <= 7)].sum()
        assert row["burnt_ha"] == pytest.approx(burnt, abs=2e-4)
        assert row["seen_ha"] == pytest.approx(shares[codes > 0].sum(), abs=2e-4)
        assert row["site_ha"] == pytest.approx(site.area / 10_000, abs=1e-4)


def test_a_site_that_was_not_seen_has_no_share(codes, sites):
    table = site_table(np.zeros_like(codes), GROUND, sites)
    assert table["seen_ha"].tolist() == [0.0] * 5
    assert table["burnt_pct"].isna().all()


def test_a_site_without_a_name_is_called_by_its_id(codes, sites):
    assert site_table(codes, GROUND, sites)["name"].tolist()[1] == "crooked"
    assert site_table(codes, GROUND, sites[["id", "geometry"]])["name"].tolist()[0] == "corner"
