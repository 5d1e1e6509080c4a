import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.model import ClassIdentity
from eo_assets.clustering.signatures import add_up, sum_by_class
from eo_assets.clustering.tables import class_table, signature_table

BANDS = (
    StoredBand("red", "Red", 0.665, "1", 0.0001, 0.0, 0),
    StoredBand("nir", "Near infrared", 0.842, "1", 0.0001, 0.0, 0),
    StoredBand("lwir11", "Thermal", 10.9, "K", 0.01, 0.0, 0),
)
LABELS = np.array([[1, 1, 2, 0], [2, 2, 2, 1]], np.uint8)
PLANES = np.array(
    [
        [[100, 300, 50, 9], [70, 60, 60, 200]],
        [[4000, 4000, 100, 9], [100, 100, 100, 4000]],
        [[30000, 30200, 0, 9], [0, 0, 0, 0]],
    ],
    np.uint16,
)


@pytest.fixture
def table():
    sums = sum_by_class(LABELS, PLANES, BANDS, n_clusters=3)
    return signature_table(sums, BANDS, (1, 2, 3), pixel_area_m2=400.0).set_index(
        ["class_id", "band"]
    )


def test_means_and_deviations_are_those_of_the_pixels(table):
    assert table.loc[(1, "red"), "mean"] == pytest.approx(0.02)
    assert table.loc[(1, "red"), "sd"] == pytest.approx(np.std([0.01, 0.03, 0.02]))
    assert table.loc[(2, "red"), "mean"] == pytest.approx(np.mean([50, 70, 60, 60]) / 10_000)
    assert table.loc[(1, "nir"), "sd"] == 0


def test_missing_values_of_one_band_are_left_out(table):
    assert table.loc[(1, "lwir11"), "count"] == 2
    assert table.loc[(1, "lwir11"), "mean"] == pytest.approx(301.0)
    assert np.isnan(table.loc[(2, "lwir11"), "mean"])
    assert table.loc[(2, "lwir11"), "area_ha"] == 0


def test_areas_are_hectares(table):
    assert table.loc[(2, "red"), "area_ha"] == pytest.approx(4 * 400 / 10_000)


def test_the_class_table_counts_each_class_and_says_who_it_is():
    # class 3 does not occur, and the reference has a class 7 which is not looked at
    sums = sum_by_class(LABELS, PLANES, BANDS, n_clusters=7)
    classes = tuple(
        ClassIdentity(class_id=i, name=f"name {i}", colour=f"#10203{i}", since="2023-07-15")
        for i in (1, 2, 3)
    )
    signatures = signature_table(sums, BANDS, (1, 2, 3), pixel_area_m2=400.0)
    sample = pd.DataFrame({"class_id": [1, 1, 2], "silhouette": [0.2, 0.4, 0.9]})
    table = class_table(
        sums, signatures, sample, classes, [0.5, 1.5, np.nan], pixel_area_m2=400.0
    ).set_index("class_id")
    assert table["count"].tolist() == [3, 4, 0]
    assert table["share_pct"].tolist() == pytest.approx([300 / 7, 400 / 7, 0])
    assert table.loc[1, "ndvi"] == pytest.approx((0.4 - 0.02) / 0.42)
    assert table.loc[1, "silhouette"] == pytest.approx(0.3)
    assert table.loc[2, ["name", "colour", "since", "drift"]].tolist() == [
        "name 2",
        "#102032",
        "2023-07-15",
        1.5,
    ]


@given(cut=st.integers(1, 63), seed=st.integers(0, 999))
def test_sums_do_not_depend_on_how_pixels_are_cut_into_blocks(cut, seed):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 64).astype(np.uint8)
    planes = rng.integers(0, 65536, (3, 64)).astype(np.uint16)
    whole = sum_by_class(labels, planes, BANDS, n_clusters=3)
    parts = add_up(
        sum_by_class(labels[part], planes[:, part], BANDS, n_clusters=3)
        for part in (slice(cut), slice(cut, None))
    )
    assert np.array_equal(whole.squares, parts.squares)
    assert np.array_equal(whole.total, parts.total)
    assert np.array_equal(whole.pixels, parts.pixels)
