"""Statistics of parcels against counts by hand, and what is refused."""

from __future__ import annotations

import geopandas
import numpy as np
import pytest
import shapely
from affine import Affine
from shapely.geometry import box

from eo_assets.errors import ConfigurationError
from eo_assets.parcels.checking import checked_parcels
from eo_assets.parcels.statistics import parcel_statistics, windows_of

UTM = "EPSG:32635"
PIXEL = Affine(10, 0, 400_000, 0, -10, 5_000_000)
REGION = box(400_000, 4_999_000, 401_000, 5_000_000)


def frame(*polygons, crs=UTM, **columns) -> geopandas.GeoDataFrame:
    ids = [f"p{n}" for n in range(len(polygons))]
    return geopandas.GeoDataFrame({"id": ids, **columns}, geometry=list(polygons), crs=crs)


def stats(ndvi, *polygons):
    parcels = frame(*polygons)
    table = parcel_statistics(ndvi.astype(np.float32), PIXEL, parcels.crs.to_wkt(), parcels)
    return table.set_index("id")


def test_a_square_half_a_pixel_aside_counts_parts_of_pixels():
    ndvi = np.arange(25).reshape(5, 5) / 100
    # rows and columns 1 to 3: the outer ones half, the corners a quarter
    square = box(400_015, 4_999_965, 400_035, 4_999_985)
    weights = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5])
    values = ndvi[1:4, 1:4]
    found = stats(ndvi, square).loc["p0"]
    mean = (weights * values).sum() / 4
    assert found["mean"] == pytest.approx(mean, abs=1e-6)
    spread = np.sqrt((weights * (values - mean) ** 2).sum() / 4)
    assert found["sd"] == pytest.approx(spread, abs=1e-6)
    assert found["pixels"] == pytest.approx(4)
    assert found["whole_pixels"] == 1
    assert found["valid_fraction"] == pytest.approx(1)


def test_unobserved_pixels_take_no_part_and_lower_the_fraction():
    ndvi = np.full((5, 5), 0.4)
    ndvi[1, 1] = np.nan
    found = stats(ndvi, box(400_010, 4_999_970, 400_030, 4_999_990)).loc["p0"]
    assert found["mean"] == pytest.approx(0.4)
    assert found["pixels"] == pytest.approx(3)
    assert found["valid_fraction"] == pytest.approx(0.75)
    assert found["whole_pixels"] == 4


def test_a_parcel_nobody_saw_has_no_numbers():
    found = stats(np.full((5, 5), np.nan), box(400_010, 4_999_970, 400_030, 4_999_990)).loc["p0"]
    assert np.isnan(found[["mean", "median", "p10", "p90", "sd"]].astype(float)).all()
    assert found["valid_fraction"] == 0
    assert found["pixels"] == 0
    assert found["whole_pixels"] == 4


def test_windows_hold_their_parcels_and_miss_none():
    rng = np.random.default_rng(5)
    corners = rng.uniform([400_050, 4_999_100], [400_900, 4_999_900], (300, 2))
    parcels = frame(*(box(x, y, x + 37, y + 41) for x, y in corners))
    seen = []
    for (rows, columns), members in windows_of(parcels, transform=PIXEL, shape=(100, 100), size=32):
        assert rows.stop - rows.start <= 32 + 12
        assert columns.stop - columns.start <= 32 + 12
        x, y = PIXEL * (columns.start, rows.start)
        place = box(
            x, y - 10 * (rows.stop - rows.start), x + 10 * (columns.stop - columns.start), y
        )
        assert shapely.covers(place, parcels.geometry.iloc[members]).all()
        seen += list(members)
    assert sorted(seen) == list(range(300))


def test_windows_change_no_number():
    rng = np.random.default_rng(6)
    ndvi = rng.uniform(0, 1, (100, 100)).astype(np.float32)
    corners = rng.uniform([400_050, 4_999_100], [400_900, 4_999_900], (40, 2))
    parcels = frame(*(box(x, y, x + 37, y + 41) for x, y in corners))
    whole = parcel_statistics(ndvi, PIXEL, parcels.crs.to_wkt(), parcels).set_index("id")
    for window, members in windows_of(parcels, transform=PIXEL, shape=ndvi.shape, size=32):
        place = PIXEL * Affine.translation(window[1].start, window[0].start)
        part = parcel_statistics(ndvi[window], place, parcels.crs.to_wkt(), parcels.iloc[members])
        part = part.set_index("id")
        for column in part.columns:
            np.testing.assert_allclose(
                part[column], whole.loc[part.index, column], rtol=1e-6, atol=1e-6
            )


def check(parcels):
    return checked_parcels(parcels, origin="fields.parquet", region=REGION, crs=UTM)


FIELD = box(400_100, 4_999_100, 400_200, 4_999_200)


def test_other_columns_are_kept_and_parcels_come_in_the_order_of_their_ids():
    far = box(500_000, 4_999_100, 500_100, 4_999_200)
    parcels = frame(FIELD, far, FIELD, **{"crop:code": ["b", "x", "a"]})
    parcels["id"] = [20, 30, 10]
    found = check(parcels.to_crs("EPSG:4326"))
    assert found["id"].tolist() == ["10", "20"]
    assert found["crop:code"].tolist() == ["a", "b"]
    assert found.crs == UTM
    assert found["area_ha"].tolist() == pytest.approx([1, 1], abs=1e-3)


@pytest.mark.parametrize(
    ("parcels", "words"),
    [
        (frame(FIELD, crs=None), "does not state its CRS"),
        (frame(FIELD).rename(columns={"id": "fid"}), "no column 'id'"),
        (frame(FIELD, FIELD).assign(id="same"), "no column 'id'"),
        (frame(FIELD.centroid), "other than polygons"),
        (frame(box(10, 10, 20, 20)), "No parcel"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(parcels, words):
    with pytest.raises(ConfigurationError, match=words):
        check(parcels)


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_swapped_axes_are_recognised(crs):
    right = frame(FIELD).to_crs(crs)
    swapped = right.set_geometry(shapely.transform(right.geometry.array, lambda xy: xy[:, ::-1]))
    with pytest.raises(ConfigurationError, match="axes swapped"):
        check(swapped.set_crs(crs, allow_override=True))
