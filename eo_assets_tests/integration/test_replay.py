"""Every product of the chain, made on worker processes, is made again from its STAC item alone.

Two dates of a small region: the first founds the classes, the second is labelled with its model.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import pytest

from eo_assets.definitions import STEPS

pytestmark = pytest.mark.integration

CORNER = {
    "type": "Feature",
    "properties": {"id": "corner", "title": "A corner of Bucegi", "clusters": 5},
    "geometry": {
        "type": "Polygon",
        "coordinates": [
            [[25.44, 45.38], [25.47, 45.38], [25.47, 45.40], [25.44, 45.40], [25.44, 45.38]]
        ],
    },
}
FOUNDER, LATER = "2023-07-15", "2023-07-25"
DESCRIBED = [step for step in STEPS if step not in {"stac_items", "band_stack"}]


def eo_assets(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "eo_assets.cli", *map(str, arguments)],
        capture_output=True, text=True, cwd=folder, timeout=900, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(archive, tmp_path_factory, scheduler):
    """A folder of products, and the archive they are made from: links to the sample's files."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "corner.geojson").write_text(json.dumps(CORNER), encoding="utf-8")
    scenes = folder / "scenes"
    for day in (FOUNDER, LATER):
        for scene in (archive / "sentinel-2-l2a").glob(f"*_{day.replace('-', '')}T*_R*"):
            shutil.copytree(scene, scenes / "sentinel-2-l2a" / scene.name)
    shutil.copy(archive / "sentinel-2-l2a" / "collection.json", scenes / "sentinel-2-l2a")
    (folder / ".env").write_text(
        f"EO_ASSETS_CATALOG={scenes}\nEO_ASSETS_OUTPUTS=outputs\n"
        f"EO_ASSETS_DASK_ADDRESS={scheduler}\n",
        encoding="utf-8",
    )
    for day in (FOUNDER, LATER):
        done = eo_assets(folder, "materialize", "--region", "corner.geojson", "--date", day)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


def item_of(folder, day, step):
    found = (folder / "outputs" / "corner" / "sentinel-2-l2a" / day / step).glob("corner_*.json")
    return next(found)


@pytest.mark.parametrize(
    ("day", "step"), [*((FOUNDER, step) for step in DESCRIBED), (LATER, "clusters")]
)
def test_every_product_is_made_again_byte_for_byte(made, tmp_path, step, day):
    item = item_of(made, day, step)
    # nothing but the product's folders: neither snapshot nor graph nor mosaic nor code book
    alone = tmp_path / "alone"
    for needed in {step, "clusters"} if step == "reports" else {step}:
        shutil.copytree(item.parent.parent / needed, alone / needed)
    if step == "mosaic":
        shutil.rmtree(alone / step / "mosaic.zarr")
    done = eo_assets(tmp_path, "replay", alone / step / item.name)
    assert done.returncode == 0, done.stdout + done.stderr
    n_files = len(json.loads(item.read_text(encoding="utf-8"))["assets"])
    assert f"{n_files} of {n_files} files are the same" in done.stdout


def test_the_item_says_sources_software_graph_and_checksums(made):
    for step in DESCRIBED:
        item = json.loads(item_of(made, LATER, step).read_text(encoding="utf-8"))
        properties = item["properties"]
        derived = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
        assert sum("S2" in href and not href.startswith("..") for href in derived) == 2
        assert {"eo_assets", "python", "numpy", "gdal"} <= set(properties["processing:software"])
        graph = properties["processing:expression"]["expression"]["nodes"]
        assert {node["op"] for node in graph.values()} >= {"load_scenes", "composite", "clip"}
        for stac_asset in item["assets"].values():
            checksum = stac_asset.get("file:checksum") or stac_asset["eo_assets:pixel_checksum"]
            assert re.fullmatch("1220[0-9a-f]{64}", checksum)


def test_a_changed_product_is_told_by_name(made, tmp_path):
    item = item_of(made, FOUNDER, "geotiff")
    content = json.loads(item.read_text(encoding="utf-8"))
    content["assets"]["data"]["file:checksum"] = "1220" + 64 * "0"
    content["properties"]["processing:software"]["gdal"] = "3.0.0"
    (tmp_path / "item.json").write_text(json.dumps(content), encoding="utf-8")
    done = eo_assets(tmp_path, "replay", "item.json")
    assert done.returncode == 1
    assert "differs" in done.stdout
    assert "Made with gdal 3.0.0" in done.stdout


def test_sources_that_are_gone_are_named(made, tmp_path):
    item = item_of(made, FOUNDER, "geotiff")
    text = item.read_text(encoding="utf-8").replace("/scenes/", "/elsewhere/")
    (tmp_path / "item.json").write_text(text, encoding="utf-8")
    done = eo_assets(tmp_path, "replay", "item.json")
    assert done.returncode == 1
    assert "sources cannot be read" in done.stderr
    assert "Traceback" not in done.stderr


def test_another_model_is_not_trusted(made, tmp_path):
    item = item_of(made, LATER, "clusters")
    alone = shutil.copytree(item.parent, tmp_path / "clusters")
    with (alone / "model.json").open("a", encoding="utf-8") as file:
        file.write(" ")
    done = eo_assets(tmp_path, "replay", alone / item.name)
    assert done.returncode == 1
    assert "is not the model" in done.stderr


def test_an_item_of_somebody_else_is_refused(made, tmp_path):
    scene = next((made / "scenes" / "sentinel-2-l2a").glob("S2*/*.json"))
    done = eo_assets(tmp_path, "replay", scene)
    assert done.returncode == 1
    assert "does not say how its product is made" in done.stderr
