"""Every product of the chain is made again from its STAC item alone, byte for byte.

Two dates of a small region of the sample: the first founds the classes, the second is labelled
with its model.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import shutil

import pytest
from rich.console import Console

from eo_assets.commands.replay import run_replay
from eo_assets.definitions import STEPS
from eo_assets.errors import (
    ConfigurationError,
    MissingArtifactError,
    SourceReadError,
    StaleArtifactError,
    UntrustedArtifactError,
)
from eo_assets.pipeline import (
    band_stack,
    clusters,
    geotiff,
    index_maps,
    mosaic,
    reports,
    segments,
    stac_items,
)
from eo_assets.pipeline.replay import replay_item
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.product_files import unchecked
from eo_assets_tests.whole_archive import CORNER

pytestmark = pytest.mark.integration

FOUNDER, LATER = (Partition(CORNER, dt.date(2023, 7, day)) for day in (15, 25))
OPTIONS = clusters.ClusterOptions(n_clusters=5, k_range=(2, 4), sample_size=5000)
CHAIN = [step for step in STEPS if step not in {"stac_items", "band_stack"}]
ON_DEMAND = ["index_maps", "segments"]


def make(partition, store, url):
    common = {"store": store, "runner": InProcess()}
    search = stac_items.Search(catalog="sample", url=url, lasting=False, partition=partition)
    stac_items.materialise(search, **common)
    band_stack.materialise(partition, failure_budget=0.0, **common)
    mosaic.materialise(partition, failure_budget=0.0, block_px=1024, **common)
    geotiff.materialise(partition, **common)
    clusters.materialise(partition, options=OPTIONS, **common)
    reports.materialise(partition, **common)


@pytest.fixture(scope="module")
def store(archive, tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("replay") / "outputs")
    with EmbeddedCatalog(archive, hrefs="file") as catalog:
        for partition in (FOUNDER, LATER):
            make(partition, store, catalog.url)
    common = {"store": store, "runner": InProcess()}
    wanted = index_maps.MapOptions(maps=("ndvi", "true_colour"))
    index_maps.materialise(FOUNDER, options=wanted, **common)
    segments.materialise(FOUNDER, options=segments.SegmentOptions(size_ha=2.0), **common)
    return store


def item_of(store, partition, step):
    return store.folder(partition, step) / store.read_record(partition, step).files["stac_item"]


def again(item, folder):
    # other blocks than those it was made with
    return replay_item(item, store=Store(folder), runner=InProcess(), block_px=512)


@pytest.mark.parametrize(
    ("partition", "step"),
    [*((FOUNDER, step) for step in (*CHAIN, *ON_DEMAND)), (LATER, "clusters"), (LATER, "reports")],
    ids=lambda value: str(getattr(value, "date", value)),
)
def test_every_product_is_made_again_byte_for_byte(store, tmp_path, partition, step):
    item = item_of(store, partition, step)
    # nothing is there but the item, and a report's classes
    alone = tmp_path / "alone" / step
    alone.mkdir(parents=True)
    shutil.copy(item, alone)
    if step == "reports":
        shutil.copytree(store.folder(partition, "clusters"), alone.parent / "clusters")
    if step == "clusters":
        shutil.copy(item.parent / "model.json", alone)
    found = again(alone / item.name, tmp_path / "again")
    assert {file.name: file.made for file in found.files} == {
        file.name: file.recorded for file in found.files
    }
    assert len(found.files) == len(json.loads(item.read_text(encoding="utf-8"))["assets"])
    assert found.equal
    assert not found.other_software
    # the item itself is the same too: nothing in it depends on when or where it was written
    assert (found.folder / item.name).read_bytes() == item.read_bytes()
    # what has no item of its own is in that of the others
    stack, restored = store.folder(partition, "band_stack"), found.folder.parent / "band_stack"
    for name in ("cube.json", "grid.json"):
        assert (restored / name).read_bytes() == (stack / name).read_bytes()


def test_the_item_says_sources_software_graph_and_checksums(store):
    for step in CHAIN:
        assert unchecked(store.folder(LATER, step)) == set()
        item = json.loads(item_of(store, LATER, step).read_text(encoding="utf-8"))
        properties = item["properties"]
        derived = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
        assert sum(href.startswith("S2B_MSIL2A_20230725") for href in derived) == 2
        assert {"eo_assets", "python", "numpy", "gdal"} <= set(properties["processing:software"])
        graph = properties["processing:expression"]["expression"]["nodes"]
        assert {node["op"] for node in graph.values()} >= {"load_scenes", "composite", "clip"}
        for stac_asset in item["assets"].values():
            checksum = stac_asset.get("file:checksum") or stac_asset["eo_assets:pixel_checksum"]
            assert re.fullmatch("1220[0-9a-f]{64}", checksum)


def test_the_command_names_what_differs_and_other_software(store, tmp_path):
    content = json.loads(item_of(store, FOUNDER, "geotiff").read_text(encoding="utf-8"))
    content["assets"]["data"]["file:checksum"] = "1220" + 64 * "0"
    content["properties"]["processing:software"]["gdal"] = "3.0.0"
    (tmp_path / "item.json").write_text(json.dumps(content), encoding="utf-8")
    said = io.StringIO()
    same = run_replay(
        load_settings(), item=tmp_path / "item.json", keep=tmp_path / "kept",
        console=Console(file=said, width=120),
    )  # fmt: skip
    assert not same
    assert "differs" in said.getvalue()
    assert "Made with gdal 3.0.0" in said.getvalue()
    assert list((tmp_path / "kept").rglob("*.tif"))
    with pytest.raises(ConfigurationError, match="is not empty"):
        run_replay(
            load_settings(), item=tmp_path / "item.json", keep=tmp_path / "kept", console=Console()
        )


def test_sources_that_are_gone_are_named(store, archive, tmp_path):
    text = item_of(store, FOUNDER, "geotiff").read_text(encoding="utf-8")
    (tmp_path / "item.json").write_text(text.replace("/B04.tif", "/B99.tif"), encoding="utf-8")
    with pytest.raises(SourceReadError, match=r"sources cannot be read.*B99\.tif|red"):
        again(tmp_path / "item.json", tmp_path / "again")


def test_another_model_is_not_trusted(store, tmp_path):
    item = item_of(store, LATER, "clusters")
    shutil.copy(item, tmp_path)
    with pytest.raises(MissingArtifactError, match="model"):
        again(tmp_path / item.name, tmp_path / "without")
    model = (item.parent / "model.json").read_text(encoding="utf-8")
    (tmp_path / "model.json").write_text(model + " ", encoding="utf-8")
    with pytest.raises(UntrustedArtifactError, match="is not the model"):
        again(tmp_path / item.name, tmp_path / "again")


def test_an_item_of_somebody_else_is_refused(archive, tmp_path):
    scene = next((archive / "sentinel-2-l2a").glob("S2*/*.json"))
    with pytest.raises(StaleArtifactError, match="does not say how its product is made"):
        again(scene, tmp_path)
    with pytest.raises(MissingArtifactError, match="cannot be read as a STAC item"):
        again(tmp_path / "none.json", tmp_path)
