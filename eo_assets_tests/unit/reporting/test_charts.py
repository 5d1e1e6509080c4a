import numpy as np
import pandas as pd
import pytest

from eo_assets.reporting import class_charts, quality_charts
from eo_assets.reporting.overview import NDVI_BINS, quantile
from eo_assets.reporting.style import spread_out, to_png

CLASSES = pd.DataFrame(
    {
        "class_id": [1, 2],
        "name": ["bare", "dense vegetation"],
        "colour": ["#7F4B17", "#09583D"],
        "area_ha": [12.5, 4000.25],
        "share_pct": [0.3, 99.7],
    }
)
SIGNATURES = pd.DataFrame(
    {
        "class_id": [1, 1, 1, 2, 2, 2],
        "band": ["red", "nir", "lwir11"] * 2,
        "wavelength_um": [0.665, 0.842, 10.9] * 2,
        "units": ["1", "1", "K"] * 2,
        "mean": [0.2, 0.22, 300.0, 0.03, 0.4, 290.0],
        "sd": [0.02, 0.02, 1.0, 0.01, 0.05, 1.0],
        "count": [9, 9, 9, 9, 9, 9],
    }
)


@pytest.fixture
def sample():
    rng = np.random.default_rng(0)
    ids = rng.integers(1, 3, 2000)
    return pd.DataFrame(
        {
            "red": np.where(ids == 1, 0.2, 0.03) + rng.normal(0, 0.01, 2000),
            "nir": np.where(ids == 1, 0.22, 0.4) + rng.normal(0, 0.02, 2000),
            "class_id": ids,
            "silhouette": rng.uniform(-0.2, 0.9, 2000),
        }
    )


def labels_of(figure):
    return [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]


def test_signatures_draw_each_class_at_its_means_and_leave_heat_out():
    figure = class_charts.draw_signatures(SIGNATURES, CLASSES)
    lines = {line.get_label(): line.get_xydata().tolist() for line in figure.axes[0].lines}
    assert lines["1  bare"] == [[0.665, 0.2], [0.842, 0.22]]
    assert lines["2  dense vegetation"] == [[0.665, 0.03], [0.842, 0.4]]
    assert labels_of(figure) == [
        ("Wavelength (µm, logarithmic)", "Surface reflectance (1 = 100 %)")
    ]


def test_the_band_of_deviation_is_one_deviation_wide():
    figure = class_charts.draw_signatures(SIGNATURES, CLASSES)
    corners = figure.axes[0].collections[0].get_paths()[0].vertices
    at_red = corners[np.isclose(corners[:, 0], 0.665), 1]
    assert (at_red.min(), at_red.max()) == pytest.approx((0.18, 0.22))


def test_areas_are_labelled_in_hectares_and_per_cent():
    figure = class_charts.draw_areas(CLASSES)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert widths == [12.5, 4000.25]
    assert texts == ["12 ha · 0.30 %", "4,000 ha · 99.70 %"]
    assert labels_of(figure)[0][0] == "Area (ha)"


def test_scatter_plots_show_the_pixels_and_the_middle_of_each_class(sample):
    figure = class_charts.draw_red_nir(sample, CLASSES)
    assert np.allclose(figure.axes[0].collections[0].get_offsets(), sample[["red", "nir"]])
    means = sample.groupby("class_id")[["red", "nir"]].mean().to_numpy()
    drawn = np.array([line.get_xydata()[0] for line in figure.axes[0].lines])
    assert np.allclose(drawn, means)


def test_principal_components_state_the_variance_scikit_learn_finds(sample):
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    figure = class_charts.draw_principal_components(sample, CLASSES)
    judge = PCA(2).fit(StandardScaler().fit_transform(sample[["red", "nir"]]))
    expected = f"; {100 * judge.explained_variance_ratio_[0]:.0f} % of the variance"
    assert expected in labels_of(figure)[0][0]
    assert "(SD of the bands; " in labels_of(figure)[0][1]


def test_principal_components_of_a_single_band_are_drawn(sample):
    figure = class_charts.draw_principal_components(sample.drop(columns="nir"), CLASSES)
    assert "; 100 % of the variance" in labels_of(figure)[0][0]


def test_a_class_far_beyond_the_others_is_named_instead_of_squeezing_them(sample):
    sample.loc[0, ["red", "nir", "class_id"]] = [0.8, 0.9, 3]
    snow = {"class_id": 3, "name": "snow", "colour": "#FFFFFF", "area_ha": 1, "share_pct": 0}
    classes = pd.concat([CLASSES, pd.DataFrame([snow])])
    axes = class_charts.draw_red_nir(sample.astype({"class_id": int}), classes).axes[0]
    assert axes.get_xlim()[1] < 0.3
    assert "class 3" in axes.get_title(loc="right")


def test_silhouettes_mark_the_mean(sample):
    figure = quality_charts.draw_silhouettes(sample, CLASSES)
    assert f"mean {sample['silhouette'].mean():.2f}" in [t.get_text() for t in figure.axes[0].texts]
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["1", "2"]


def test_the_scan_marks_the_chosen_and_the_suggested_number():
    scan = pd.DataFrame(
        {
            "k": [2, 3, 4],
            "inertia": [9.0, 5.0, 4.0],
            "silhouette": [0.3, 0.5, 0.4],
            "calinski_harabasz": [1e5, 2e5, 1e5],
            "davies_bouldin": [0.9, 0.6, 0.7],
        }
    )
    figure = quality_charts.draw_k_scan(scan, chosen=4, suggested=3)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["Inertia (SD²)", "Mean silhouette", "Calinski–Harabasz", "Davies–Bouldin"]
    curve, chosen, suggested = figure.axes[0].lines
    assert curve.get_xydata().tolist() == [[2, 9], [3, 5], [4, 4]]
    assert chosen.get_xdata() == [4, 4]
    assert suggested.get_xydata().tolist() == [[3, 5]]
    assert len(quality_charts.draw_k_scan(scan, chosen=4, suggested=None).axes[0].lines) == 2


def test_the_histogram_is_drawn_in_per_cent_of_all_pixels():
    counts = np.zeros(len(NDVI_BINS) - 1, np.int64)
    counts[150], counts[190] = 25, 75
    axes = quality_charts.draw_ndvi_histogram(counts).axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == pytest.approx(100)
    assert axes.get_ylabel() == "Share of valid pixels (%)"


def test_quantiles_of_a_histogram_are_those_of_its_pixels():
    ndvi = np.random.default_rng(3).normal(0.6, 0.15, 50_000).clip(-1, 1)
    counts, _ = np.histogram(ndvi, NDVI_BINS)
    for share in (0.05, 0.5, 0.95):
        assert quantile(counts, NDVI_BINS, share) == pytest.approx(
            np.quantile(ndvi, share), abs=0.005
        )


def test_labels_are_moved_apart_only_as_far_as_needed():
    assert spread_out([0.0, 0.1, 0.15, 2.0], 0.5) == [0.0, 0.5, 1.0, 2.0]
    assert spread_out([], 1) == []


def test_the_same_figure_gives_the_same_bytes():
    first, second = (to_png(class_charts.draw_areas(CLASSES)) for _ in range(2))
    assert first == second
    assert first.startswith(b"\x89PNG")
