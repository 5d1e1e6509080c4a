"""A saved cube shows a colleague the same tiles; a kernel leaves nothing running."""

from __future__ import annotations

import hashlib
import io
import json
import math
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eo_assets.errors import ConfigurationError
from eo_assets.interactive import Catalog
from eo_assets.interactive.map import CubeMap
from eo_assets.interactive.opening import RegionView
from eo_assets.interactive.workbench import Workbench
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import Settings
from eo_assets_tests.browser.conftest import still_alive
from eo_assets_tests.tiny_archive import CLEAR, CLOUD, SIZE, Granule, region, write_granule

pytestmark = pytest.mark.integration

COLLEAGUE = """
import hashlib, json, os, sys
from pathlib import Path
from eo_assets.interactive import open_cube

cube = open_cube(sys.argv[1])
service = cube.workbench.service
layer = service.layer(cube.shown(), title="mine")
tile = service.tile(layer, *map(int, sys.argv[2:5]))
below = {}
for entry in Path("/proc").iterdir():
    if entry.name.isdigit():
        try:
            parent = (entry / "stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                below[entry.name] = (entry / "cmdline").read_text().replace(chr(0), " ")
        except OSError:
            pass
print(json.dumps({"sha": hashlib.sha256(tile).hexdigest(), "id": layer["id"], "started": below}))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    half = np.full((SIZE // 2, SIZE // 2), CLEAR, np.uint8)
    half[:20] = CLOUD
    for tile in (0, 1):
        write_granule(root, Granule(tile=tile, day="2023-07-01", scl=half, cloud=5.0))
        write_granule(root, Granule(tile=tile, day="2023-07-11", cloud=6.0))
    with EmbeddedCatalog(root, writable=False) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def settings(archive, tmp_path_factory):
    root = tmp_path_factory.mktemp("mine")
    return Settings(
        _env_file=None,
        catalog=archive.url,
        outputs=root / "outputs",
        tiles_dir=root / "tiles",
        tiles_sources=str(archive.directory.resolve()),
        tiles_workers=1,
        tiles_url="/proxy/{port}",
    )


@pytest.fixture(scope="module")
def workbench(settings):
    bench = Workbench(settings)
    yield bench
    bench.close()


@pytest.fixture(scope="module")
def cube(workbench):
    return RegionView(region(), workbench).cube("2023-07", ["red", "nir"]).valid()


def tile_of(layer):
    west, south, east, north = layer["bounds"]
    zoom = layer["maxzoom"]
    lat = math.asinh(math.tan(math.radians((south + north) / 2))) / (2 * math.pi)
    return zoom, int(((west + east) / 2 + 180) / 360 * 2**zoom), int((0.5 - lat) * 2**zoom)


def test_a_colleague_sees_the_same_bytes_and_nothing_is_left(cube, workbench, settings, tmp_path):
    mine = cube.index("ndvi").median().clip()
    layer = workbench.service.layer(mine.shown())
    where = tile_of(layer)
    tile = workbench.service.tile(layer, *where)
    assert np.asarray(Image.open(io.BytesIO(tile)).convert("RGBA"))[..., 3].any()
    theirs = settings.model_copy(update={"tiles_dir": tmp_path / "theirs"})
    answer = subprocess.run(
        [sys.executable, "-c", COLLEAGUE, mine.save(tmp_path / "cube.json"), *map(str, where)],
        env=theirs.environment(), capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    found = json.loads(answer.stdout)
    assert found["id"] == layer["id"]
    assert found["sha"] == hashlib.sha256(tile).hexdigest()
    assert any("eo_assets.tiles" in command for command in found["started"].values())
    assert not still_alive({int(pid): command for pid, command in found["started"].items()})


def test_the_map_goes_through_time_and_keeps_answers(cube, workbench):
    view = CubeMap([cube.by_day().index("ndvi"), cube.index("ndvi").median()])
    top = view._layers[0].tiles
    assert top in view.map.layers
    assert [label for label, _ in view.slider.options] == ["2023-07-01", "2023-07-11"]
    last = top.url
    assert last.startswith("/proxy/")
    view.go_to(0)
    assert top.url != last
    west, south, east, north = view._layers[0].made["bounds"]
    lon, lat = west + (east - west) * 0.4, south + (north - south) * 0.2
    view._clicked(type="click", coordinates=[lat, lon])
    view._threads.shutdown(wait=True)
    [result] = view.results
    assert [row["time"] for row in result["answer"]["series"]] == ["2023-07-01", "2023-07-11"]
    series = cube.by_day().index("ndvi").profile(result["geometry"], bands=["ndvi"])
    assert [row["median"] for row in result["answer"]["series"]] == pytest.approx(
        list(series["median"]), abs=1e-6
    )
    assert bytes(view._picture.value).startswith(b"\x89PNG")
    json.dumps(view.results)


def test_statistics_of_an_outline_are_those_of_the_image_shown(cube):
    image = cube.index("ndvi").median()
    view = CubeMap([image])
    found = view.statistics(image.outline)
    table = image.profile(image.outline, bands=["ndvi"])
    assert found["bands"]["ndvi"]["count"] == table["count"][0]
    assert found["bands"]["ndvi"]["mean"] == pytest.approx(table["mean"][0], rel=1e-6)
    assert "NDVI" in view._answer.value.upper()
    view._threads.shutdown(wait=True)


def test_what_goes_wrong_is_said_on_the_map(cube):
    view = CubeMap([cube.index("ndvi").median()])
    view._drawn(None, "created", {"geometry": {"type": "Polygon", "coordinates": []}})
    view._threads.shutdown(wait=True)
    assert view._answer.value
    assert not view.results


def test_without_scenes_there_is_no_map(workbench):
    nothing = RegionView(region(), workbench).cube("2022", ["red"]).by_day()
    with pytest.raises(ConfigurationError, match="no scene"):
        CubeMap([nothing])


def test_a_service_that_is_not_there_is_said_to_be(settings):
    elsewhere = settings.model_copy(update={"tiles_url": "http://127.0.0.1:9"})
    bench = Workbench(elsewhere)
    cube = Catalog(bench).region("bucegi").cube("2023-07").composite()
    with pytest.raises(Exception, match="does not answer"):
        cube.show()
    bench.close()
