from __future__ import annotations

import json
import time

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from eo_assets.catalog.quality import SCL
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube, parse_cube
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets_tests.stac_api_items import box
from eo_assets_tests.tiny_archive import CLEAR, TILE_X, TILE_Y, UTM, make_scene, write_tif


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    red = np.array([[1000, 2000], [3000, 0]], np.uint16)
    nir = np.array([[3000, 2000], [1000, 0]], np.uint16)
    scl = np.full((2, 2), CLEAR, np.uint8)
    folder = tmp_path_factory.mktemp("scene")
    return make_scene(folder, "s", {"red": red, "nir": nir}, scl)


@pytest.fixture
def cube(scene):
    loaded = VirtualCube.load("sentinel-2-l2a", (scene,), ("red", "nir"))
    return loaded.valid(SCL).composite().clip(box(25, 45, 26, 46)).index("ndvi")


@pytest.fixture
def document(cube):
    return json.loads(cube.canonical_json())


def refusal(document) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_cube(json.dumps(document), origin="cube.json")
    assert caught.value.problem.startswith("cube.json is not a virtual cube of version 2")
    return caught.value.problem


def test_a_cube_survives_json(cube):
    back = parse_cube(cube.canonical_json(), origin="cube.json")
    assert back == cube
    assert back.digest == cube.digest
    assert parse_cube(cube.model_dump_json(indent=1), origin="x").digest == cube.digest


def test_the_digest_is_of_the_content_and_not_of_its_form(cube, document):
    mixed = {key: document[key] for key in reversed(document)}
    mixed["nodes"] = dict(reversed(document["nodes"].items()))
    assert parse_cube(json.dumps(mixed, indent=3), origin="x").digest == cube.digest
    assert len(cube.digest) == 64


@given(st.permutations(range(4)))
def test_the_digest_does_not_depend_on_the_order_of_scenes(scene, order):
    scenes = [scene.model_copy(update={"id": f"s{n}"}) for n in range(4)]
    one = VirtualCube.load("sentinel-2-l2a", tuple(scenes), ("red",))
    other = VirtualCube.load("sentinel-2-l2a", tuple(scenes[n] for n in order), ("red",))
    assert one.digest == other.digest


def test_every_choice_changes_the_digest(scene):
    start = VirtualCube.load("sentinel-2-l2a", (scene,), ("red",))
    shorter = VirtualCube.load("sentinel-2-l2a", (), ("red",))
    changed = scene.model_copy(update={"cloud_cover_pct": 11.0})
    cubes = [
        start,
        shorter,
        start.with_scenes((changed,)),
        start.composite(),
        start.composite(order="newest"),
        start.composite("median"),
        start.valid(SCL).composite(),
        start.valid(SCL, keep_snow=False).composite(),
        start.composite().clip(box(25, 45, 26, 46)),
        start.composite().clip(box(25, 45, 26, 47)),
    ]
    assert len({cube.digest for cube in cubes}) == len(cubes)


def test_with_scenes_leaves_the_computation_alone(cube, scene):
    other = cube.with_scenes(())
    assert other.scenes == ()
    assert other.with_scenes((scene,)) == cube
    assert (cube.bands, cube.scenes) == (("red", "nir"), (scene,))


def test_a_cycle_is_refused(document):
    clip = document["nodes"]["clip"]
    document["nodes"]["clip"] = clip | {"data": "other"}
    document["nodes"]["other"] = clip | {"data": "clip"}
    assert "cycle through 'clip'" in refusal(document)


def test_a_node_that_takes_its_own_value_is_refused(document):
    document["nodes"]["valid"]["data"] = "valid"
    assert "cycle" in refusal(document)


def test_a_node_that_does_not_exist_is_refused(document):
    document["nodes"]["valid"]["data"] = "elsewhere"
    assert "'elsewhere' is referred to but not defined" in refusal(document)


def test_a_result_that_does_not_exist_is_refused(document):
    document["result"] = "nothing"
    assert "'nothing' is referred to but not defined" in refusal(document)


def test_a_node_nobody_uses_is_refused(document):
    document["nodes"]["spare"] = document["nodes"]["scenes"]
    assert "['spare'] do not contribute" in refusal(document)


@pytest.mark.parametrize("place", ["cube", "node", "scene", "band"])
def test_a_field_nobody_knows_is_refused(document, place):
    scene = document["nodes"]["scenes"]["scenes"][0]
    {
        "cube": document,
        "node": document["nodes"]["composite"],
        "scene": scene,
        "band": scene["bands"]["red"],
    }[place]["extra"] = 1
    assert "Extra inputs are not permitted" in refusal(document)


def test_an_operation_nobody_knows_is_refused(document):
    document["nodes"]["composite"]["op"] = "exec"
    assert "exec" in refusal(document)


def test_another_version_is_refused(document):
    document["schema_version"] = 1
    assert "schema_version" in refusal(document)


def test_operations_in_the_wrong_order_are_refused(document):
    document["nodes"]["clip"]["data"] = "valid"
    del document["nodes"]["composite"]
    assert "'clip': clip cannot take scenes" in refusal(document)


def test_two_rules_of_validity_are_refused(scene):
    one = VirtualCube.load("sentinel-2-l2a", (scene,), ("red",)).valid(SCL)
    with pytest.raises(ValueError, match="more than one valid_pixels"):
        one.valid(SCL, keep_snow=False)


def test_a_scene_without_a_wanted_band_is_refused(scene, document):
    with pytest.raises(ValueError, match=r"scene s has no band swir16"):
        VirtualCube.load("sentinel-2-l2a", (scene,), ("red", "swir16"))
    document["nodes"]["scenes"]["bands"] = ["red", "green"]
    assert "no band green" in refusal(document)


def test_the_greenest_composite_needs_the_bands_of_the_ndvi(scene):
    cube = VirtualCube.load("sentinel-2-l2a", (scene,), ("red",))
    with pytest.raises(ConfigurationError, match="needs the band nir or nir08"):
        cube.composite("max_ndvi")


def test_an_unknown_index_is_refused(cube, document):
    with pytest.raises(UnknownNameError):
        cube.index("ndre")
    document["nodes"]["indices"]["names"] = ["ndre"]
    with pytest.raises(ConfigurationError, match="'ndre' is not known"):
        parse_cube(json.dumps(document), origin="cube.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"nodes": {}, "result": "x"}'])
def test_what_is_no_graph_at_all_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a virtual cube"):
        parse_cube(text, origin="cube.json")


def test_an_enormous_graph_is_refused_at_once(document):
    clip = document["nodes"]["clip"]
    for n in range(5000):
        below = f"clip{n - 1}" if n else "composite"
        document["nodes"][f"clip{n}"] = clip | {"data": below}
    document["result"] = "clip4999"
    started = time.process_time()
    assert "at most 64" in refusal(document)
    assert time.process_time() - started < 1


GRID = GeoBox((2, 2), Affine(10, 0, TILE_X[0], 0, -10, TILE_Y), UTM)


def test_scenes_alone_cannot_be_evaluated(scene):
    with pytest.raises(ConfigurationError, match=r"describes scenes.*composite\(\)"):
        evaluate(VirtualCube.load("sentinel-2-l2a", (scene,), ("red",)).valid(SCL), GRID)


def test_a_cube_becomes_reflectance_and_indices(scene):
    loaded = VirtualCube.load("sentinel-2-l2a", (scene,), ("red", "nir"))
    result = evaluate(loaded.valid(SCL).composite().index("ndvi"), GRID)
    decoded = result.decoded
    assert decoded["red"].dtype == decoded["ndvi"].dtype == np.float32
    np.testing.assert_allclose(decoded["red"], [[0.1, 0.2], [0.3, np.nan]], rtol=1e-6)
    np.testing.assert_allclose(decoded["ndvi"], [[0.5, 0], [-0.5, np.nan]], atol=1e-6)
    assert result.packed["red"].dtype == np.uint16
    assert decoded["x"].values.tolist() == [399_965, 399_975]
    assert decoded["y"].values.tolist() == [5_000_035, 5_000_025]
    assert decoded.odc.crs == UTM
    assert result.packed["status"].attrs["flag_values"] == [int(status) for status in Status]


def test_an_index_whose_band_is_missing_is_refused(scene):
    cube = VirtualCube.load("sentinel-2-l2a", (scene,), ("red",)).composite()
    with pytest.raises(ConfigurationError, match="needs the band nir or nir08"):
        cube.index("ndvi")


def test_probes_tell_the_grid_of_every_file(scene):
    probes = probe_scene(scene)
    assert [probe.band for probe in probes] == ["red", "nir", "quality"]
    assert all(probe.grid.geobox == GRID for probe in probes)
    assert [probe.dtype for probe in probes] == ["uint16", "uint16", "uint8"]
    known = with_grids(scene, probes)
    assert known.quality.grid.geobox == known.bands["nir"].grid.geobox == GRID


@pytest.mark.parametrize(
    ("pixels", "crs", "fault"),
    [
        (np.ones((2, 2), np.float32), UTM, "float32 pixels; uint16 was expected"),
        (np.ones((2, 2), np.uint16), None, "has no CRS"),
        (None, UTM, "it does not exist"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*no geotransform")
def test_a_file_that_cannot_be_used_has_a_fault(tmp_path, scene, pixels, crs, fault):
    path = tmp_path / "red.tif"
    if pixels is not None:
        write_tif(path, pixels, crs=crs)
    red = scene.bands["red"].model_copy(update={"href": f"{path}"})
    probe = probe_scene(scene.model_copy(update={"bands": {"red": red}}))[0]
    assert fault in probe.fault
    assert str(path) in probe.fault
    assert probe.grid is None


def test_a_striped_file_without_overviews_is_warned_of(tmp_path, scene):
    import rasterio

    path = tmp_path / "striped.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=1100, width=1100, count=1, dtype="uint16", crs=UTM,
        transform=GRID.transform,
    ) as file:  # fmt: skip
        file.write(np.ones((1100, 1100), np.uint16), 1)
    red = scene.bands["red"].model_copy(update={"href": str(path)})
    probe = probe_scene(scene.model_copy(update={"bands": {"red": red}}))[0]
    assert (probe.fault, probe.warning) == ("", "striped, not tiled; no overviews")
