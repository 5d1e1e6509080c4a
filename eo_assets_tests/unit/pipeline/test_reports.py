import datetime as dt
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import rasterio
from distributed import Client, LocalCluster
from PIL import Image

from eo_assets.pipeline.classification import ClusterOptions, make_clusters
from eo_assets.pipeline.report_inputs import ReportInputs, UsedScene
from eo_assets.pipeline.report_tasks import make_overview
from eo_assets.pipeline.report_words import class_rows, continuity
from eo_assets.pipeline.reports import build_report
from eo_assets.pipeline.stored_classes import StoredClasses
from eo_assets.pipeline.tasks import InProcess
from eo_assets.reporting.overview import LONGEST_PX
from eo_assets.storage.store import Record
from eo_assets.workers.tasks import run_tasks
from eo_assets_tests.synthetic_scene import LANDSAT, write_scene

SCENES = tuple(
    UsedScene(
        id=f"S2A_MSIL2A_2023071{n}T092031_R093_T35TLL",
        acquired=dt.datetime(2023, 7, 15, 9, 20, n, tzinfo=dt.UTC),
        platform="sentinel-2a",
        cloud_cover_pct=cloud,
        baseline=baseline,
    )
    for n, (cloud, baseline) in enumerate([(1.25, "05.09"), (None, None)])
)
DAY = {
    "region": "bucegi",
    "title": "Bucegi <Mountains> & more",
    "date": dt.date(2023, 7, 15),
    "collection": "Sentinel-2 Level-2A",
    "scenes": SCENES,
    "coverage": {"valid_pct": 89.5, "masked_pct": 10.5, "no_coverage_pct": 0.0},
}
ALL_FIGURES = {
    "true_colour", "false_colour", "ndvi", "ndwi", "ndmi", "ndvi_histogram", "band_histograms",
    "classes", "signatures", "class_areas", "principal_components", "red_nir", "silhouettes",
    "number_of_classes", "origin",
}  # fmt: skip


class Reader(HTMLParser):
    """Collects what a test asks of the page."""

    def __init__(self, text):
        super().__init__()
        self.images, self.addresses, self.tags, self.headings = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(attributes)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append(int(tag[1]))
        self.addresses += [attributes[key] for key in ("src", "href") if key in attributes]


def inputs_for(folder, *, bands=None, **changes):
    scene = write_scene(
        folder / "mosaic.zarr", shape=(90, 120), **({"bands": bands} if bands else {})
    )
    found = make_clusters(
        scene.path,
        scene.geobox,
        ClusterOptions(n_clusters=5, k_range=(2, 5), sample_size=2500),
        runner=InProcess(),
    )
    labels = folder / "classes.tif"
    with rasterio.open(
        labels, "w", driver="GTiff", dtype="uint8", count=1, nodata=0, width=120, height=90,
        crs=str(scene.geobox.crs), transform=scene.geobox.affine,
    ) as file:  # fmt: skip
        file.write(found.labels, 1)
    classes = StoredClasses(
        record=Record(step="clusters", region="bucegi", collection="any", date="2023-07-15"),
        labels=str(labels),
        model=found.model,
        classes=found.classes,
        signatures=found.signatures,
        k_scan=found.k_scan,
        sample=found.sample,
        suggested=found.suggestion.n_clusters,
        suggestion=found.suggestion.reason,
        warnings=("Mind the gap.",),
    )
    everything = {**DAY, "mosaic": scene.path, "geobox": scene.geobox, "classes": classes}
    return ReportInputs(**{**everything, **changes})


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return inputs_for(tmp_path_factory.mktemp("inputs"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, inputs):
    folder = tmp_path_factory.mktemp("report")
    build_report(inputs, folder, runner=InProcess())
    return folder


@pytest.fixture(scope="module")
def page(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


def test_every_figure_is_a_picture_file_and_on_the_page(folder, page):
    assert {path.stem for path in folder.glob("*.png")} == ALL_FIGURES
    for path in folder.glob("*.png"):
        with Image.open(path) as image:
            assert image.width > 900
        assert f'<figure id="{path.stem}">' in page


def test_the_page_needs_no_other_file_and_no_network(page):
    assert all(address.startswith("data:") for address in Reader(page).addresses)
    assert "url(" not in page
    assert "@import" not in page
    assert "<script" not in page
    assert len(page) < 3_000_000


def test_every_picture_says_in_words_what_it_shows(page):
    images = Reader(page).images
    assert len(images) == len(ALL_FIGURES)
    for image in images:
        assert len(image["alt"]) > 40
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0


def test_headings_never_skip_a_level(page):
    levels = Reader(page).headings
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_words_from_outside_are_escaped(page):
    assert "Bucegi &lt;Mountains&gt; &amp; more" in page
    assert "<Mountains>" not in page


def test_the_page_states_scenes_coverage_classes_and_provenance(page, inputs):
    for words in (SCENES[0].id, "05.09", "1.2", "89.5 %", "Mind the gap.", "In use: 5 classes"):
        assert words in page
    for name in inputs.classes.classes["name"]:
        assert name in page
    assert "minibatch_kmeans" in page
    assert "scikit-learn" in page


def test_numbers_are_those_of_the_tables(folder, inputs):
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert numbers["coverage_pct"]["valid_pct"] == 89.5
    assert numbers["scenes"][1]["cloud_cover_pct"] is None
    areas = [row["area_ha"] for row in numbers["classes"]]
    assert areas == inputs.classes.classes["area_ha"].tolist()
    assert len(numbers["signatures"]) == 5 * 10
    assert numbers["ndvi"]["p05"] < numbers["ndvi"]["median"] < numbers["ndvi"]["p95"]


def test_the_median_ndvi_is_that_of_the_mosaic(folder, inputs):
    import xarray as xr

    mosaic = xr.open_zarr(inputs.mosaic, chunks=None, consolidated=False)
    ndvi = (mosaic["nir"] - mosaic["red"]) / (mosaic["nir"] + mosaic["red"])
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert numbers["ndvi"]["median"] == pytest.approx(float(np.nanmedian(ndvi)), abs=0.005)


def test_the_same_inputs_give_the_same_page(tmp_path, inputs, page):
    build_report(inputs, tmp_path, runner=InProcess())
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


def test_reads_that_were_tried_again_leave_no_trace(tmp_path):
    made = []
    for retries in (0, 3):
        read = {"completeness_pct": 99.5, "windows_read": 40, "retries": retries}
        folder = tmp_path / f"{retries}"
        folder.mkdir()
        inputs = ReportInputs(**{**DAY, "empty": "all_cloud", "reading": read})
        build_report(inputs, folder, runner=InProcess())
        made.append([path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())])
    assert made[0] == made[1]
    assert all("99.5 % of what the archive offers" in text for text in made[0])


def test_landsat_has_the_same_report(tmp_path):
    inputs = inputs_for(tmp_path, bands=LANDSAT)
    summary = build_report(inputs, tmp_path, runner=InProcess())
    assert {name.removesuffix(".png") for name in summary.figures} == ALL_FIGURES
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert re.search(r"lwir11 \(K\)", page)


def test_bands_without_near_infrared_have_a_smaller_report(tmp_path):
    bands = {"blue": 0.49, "green": 0.56, "red": 0.665}
    inputs = inputs_for(tmp_path, bands=bands)
    summary = build_report(inputs, tmp_path, runner=InProcess())
    missing = {"ndvi", "ndwi", "ndmi", "ndvi_histogram", "false_colour", "red_nir"}
    assert {name.removesuffix(".png") for name in summary.figures} == ALL_FIGURES - missing


@pytest.mark.parametrize(
    ("reason", "words"),
    [("no_scene", "No satellite scene"), ("all_cloud", "hides the whole region"), ("odd", "odd")],
)
def test_an_empty_partition_has_a_short_page_that_says_why(tmp_path, reason, words):
    inputs = ReportInputs(**{**DAY, "scenes": (), "coverage": {}, "empty": reason})
    summary = build_report(inputs, tmp_path, runner=InProcess())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert summary.figures == ()
    assert words in page
    assert "<img" not in page
    assert len(page) < 20_000
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["empty"] == reason


def test_too_few_pixels_for_classes_still_show_pictures(tmp_path, inputs):
    few = ReportInputs(**{**vars(inputs), "classes": None, "empty": "too_few_pixels"})
    summary = build_report(few, tmp_path, runner=InProcess())
    assert {"true_colour.png", "ndvi.png", "origin.png"} <= set(summary.figures)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Too few usable pixels" in page
    assert "silhouette" not in page.lower()


def test_a_date_of_a_single_class_has_no_silhouettes_and_a_page_all_the_same(tmp_path, inputs):
    sample = inputs.classes.sample.assign(class_id=3, silhouette=np.nan)
    classes = inputs.classes.classes.assign(silhouette=np.nan)
    k_scan = inputs.classes.k_scan.assign(silhouette=np.nan)
    alone = replace(inputs.classes, sample=sample, classes=classes, k_scan=k_scan)
    summary = build_report(replace(inputs, classes=alone), tmp_path, runner=InProcess())
    figures = {name.removesuffix(".png") for name in summary.figures}
    assert figures == ALL_FIGURES - {"silhouettes", "number_of_classes"}
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r">[^<{]*\bnan\b", page)
    assert "Mean silhouette" not in page


def test_the_page_says_how_classes_continue_those_of_earlier_dates(tmp_path, inputs):
    said = {
        "reference_date": "2023-05-26",
        "matched_share_pct": 93.25,
        "unlike_pct": 1.5,
        "drift": 0.89,
        "new_classes": 1,
        "missing_classes": "2, 4",
        "code_book": "minibatch_kmeans-5-abc",
    }
    classes = inputs.classes.classes.assign(since=["2023-05-26"] * 4 + ["2023-07-15"])
    record = inputs.classes.record.model_copy(update={"summary": said})
    found = continuity(
        replace(inputs, classes=replace(inputs.classes, record=record, classes=classes))
    )
    assert dict(found) == {
        "Founded on": "2023-05-26",
        "Known classes": "93.2 % of the classified area",
        "Unlike its class": "1.5 % of the area",
        "Drift": "0.89 standard deviations of the reference: season or ground have changed",
        "New classes": f"5 ({classes['name'].iloc[4]})",
        "Classes without a pixel": "2, 4",
        "Code book": "minibatch_kmeans-5-abc",
    }


def test_the_founding_date_tells_no_drift(inputs):
    assert class_rows(inputs)["drift"].notna().all()
    said = {"reference_date": DAY["date"].isoformat()}
    record = inputs.classes.record.model_copy(update={"summary": said})
    founding = replace(inputs, classes=replace(inputs.classes, record=record))
    assert class_rows(founding)["drift"].isna().all()


def test_an_overview_does_not_depend_on_its_blocks(tmp_path, monkeypatch):
    scene = write_scene(tmp_path / "mosaic.zarr", shape=(110, 1000), chunk=100)
    whole = make_overview(scene.path, scene.geobox, runner=InProcess())
    monkeypatch.setattr("eo_assets.pipeline.report_tasks._BLOCK_PX", 130)
    parts = make_overview(scene.path, scene.geobox, runner=InProcess())
    assert whole.source.shape == (55, 500)
    assert whole.pixel_m == 40
    assert np.array_equal(whole.source, parts.source)
    assert np.array_equal(whole.ndvi_counts, parts.ndvi_counts)
    for name, counts in whole.band_counts.items():
        assert np.array_equal(counts, parts.band_counts[name])
    for name, image in whole.reflectance.items():
        assert np.array_equal(image, parts.reflectance[name], equal_nan=True)


class OnDask:
    """Runs tasks as production does, on a cluster whose programs are real."""

    def __init__(self, client):
        self.client = client

    def map(self, function, tasks, *, label):
        key = f"{label.replace(' ', '_')}-{id(tasks):x}"
        return run_tasks(self.client, function, tasks, key=key, tell=lambda _: None)


def test_dask_has_nothing_to_warn_of_in_the_largest_pictures(tmp_path, inputs):
    # warnings are errors in every test
    scene = write_scene(tmp_path / "mosaic.zarr", shape=(LONGEST_PX, LONGEST_PX))
    large = replace(inputs, mosaic=scene.path, geobox=scene.geobox)
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        summary = build_report(large, tmp_path, runner=OnDask(client))
    assert {name.removesuffix(".png") for name in summary.figures} == ALL_FIGURES
    assert summary.page_bytes < 3_000_000


def test_the_caller_never_imports_matplotlib():
    import subprocess
    import sys

    check = "import sys, eo_assets.pipeline.reports; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
