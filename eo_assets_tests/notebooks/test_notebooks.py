"""Every notebook runs from top to bottom, and is kept without its results."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from eo_assets.catalog.regions import read_region
from eo_assets.pipeline import band_stack, clusters, geotiff, land_cover, mosaic, stac_items
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.sample.training import training_polygons
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.tiles.process import tile_server
from eo_assets_tests.whole_archive import whole_archive

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PIXEL_M = 60
CELL_S = 300


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A running archive and tile service, and the products of one day at coarse pixels."""
    root, archive = tmp_path_factory.mktemp("notebooks"), whole_archive()
    built_in = Path(__file__).parents[2] / "eo_assets/catalog/regions/bucegi.geojson"
    feature = json.loads(built_in.read_text())
    feature["properties"]["resolution_m"] = PIXEL_M
    (root / "regions").mkdir()
    (root / "regions" / "bucegi.geojson").write_text(json.dumps(feature))
    with EmbeddedCatalog(archive, writable=False) as catalog:
        made = Settings(
            _env_file=None,
            catalog=catalog.url,
            sample_dir=archive,
            outputs=root / "outputs",
            regions=root / "regions",
            tiles_dir=root / "tiles",
            tiles_sources=str(archive.resolve()),
            tiles_workers=1,
        )
        make_products(made)
        with tile_server(made) as (_, url):
            yield made.model_copy(update={"tiles_url": url})


def make_products(settings):
    region = read_region(settings.regions / "bucegi.geojson")
    where = Partition(region=region, date=dt.date(2023, 7, 15))
    store, runner = Store(settings.outputs), InProcess()
    url = settings.catalog
    search = Search(catalog="sample", url=url, lasting=False, partition=where)
    stac_items.materialise(search, store=store, runner=runner)
    band_stack.materialise(where, store=store, runner=runner, failure_budget=0.1)
    mosaic.materialise(where, store=store, runner=runner, failure_budget=0.1, block_px=2048)
    geotiff.materialise(where, store=store, runner=runner)
    clusters.materialise(where, store=store, runner=runner, options=ClusterOptions(n_clusters=6))
    land_cover.materialise(
        where, store=store, runner=runner, options=land_cover.LandCoverOptions(),
        polygons=training_polygons(settings.sample_dir),
    )  # fmt: skip


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_short_and_kept_without_results(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count is None and not cell.outputs for cell in code)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert len(notebook.cells) <= 16
    first, last = notebook.cells[0], notebook.cells[-1]
    assert "**What you learn.**" in first.source
    assert "What to do next" in last.source


@pytest.mark.integration
@pytest.mark.notebooks
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path, settings, monkeypatch, tmp_path):
    for name, value in settings.environment().items():
        if name.startswith("EO_ASSETS_"):
            monkeypatch.setenv(name, value)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=CELL_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    kinds = {kind for cell in code for out in cell.outputs for kind in out.get("data", {})}
    assert kinds & {"image/png", "application/vnd.jupyter.widget-view+json"}
    complaints = [out.text for cell in code for out in cell.outputs if out.get("name") == "stderr"]
    assert not complaints


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 5
