from __future__ import annotations

import json
import math

import pytest
from shapely.geometry import shape

from eo_assets.catalog.regions import get_region, load_regions, parse_region, read_region
from eo_assets.errors import RegionError, UnknownNameError
from eo_assets_tests.stac_api_items import box

BUCEGI = (25.35, 45.30, 25.60, 45.52)


def feature(geometry=None, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry or box(*BUCEGI)}


def parse(document):
    return parse_region(document, name="my.geojson", default_id="my")


def test_the_built_in_regions_are_there():
    regions = load_regions()
    assert set(regions) == {"bucegi", "bucegi-landsat"}
    assert regions["bucegi"].bbox_4326 == BUCEGI
    assert regions["bucegi-landsat"].collection == "landsat-c2-l2"


def test_a_region_may_say_everything_itself():
    region = parse(
        feature(
            id="forest",
            title="Forest",
            collection="landsat-c2-l2",
            crs="EPSG:3035",
            resolution_m=60,
            bands=["red", "nir08"],
            max_cloud_cover_pct=30,
            clusters=5,
        )
    )
    assert region.bands == ("red", "nir08")
    assert (region.resolution_m, region.clusters, region.max_cloud_cover_pct) == (60, 5, 30)


def test_a_region_may_say_nothing_but_its_outline():
    region = parse(feature())
    assert (region.id, region.title, region.collection) == ("my", "my", "sentinel-2-l2a")
    assert parse({**feature(), "id": "given"}).id == "given"
    assert parse({**feature(), "properties": None}).id == "my"


RING = box(*BUCEGI)["coordinates"][0]
BOW = [[25.0, 45.0], [26.0, 46.0], [26.0, 45.0], [25.0, 46.0], [25.0, 45.0]]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "one GeoJSON Feature was expected"),
        ("text", "one GeoJSON Feature was expected"),
        ({"type": "FeatureCollection", "features": [feature()]}, "FeatureCollection.*split"),
        (box(*BUCEGI), "'Polygon'.*Feature was expected"),
        ({"type": "Feature", "properties": {}, "geometry": None}, "geometry None"),
        (feature({"type": "Point", "coordinates": [25, 45]}), "'Point'.*Polygon"),
        (feature({"type": ["Polygon"], "coordinates": [RING]}), "Polygon.*was expected"),
        (feature({"type": "Polygon", "coordinates": []}), "empty geometry"),
        (feature({"type": "MultiPolygon", "coordinates": []}), "empty geometry"),
        (feature({"type": "Polygon"}), "coordinates that are not|empty geometry"),
        (feature({"type": "Polygon", "coordinates": [[[25, 45], [26, 46]]]}), "not a Polygon"),
        (feature({"type": "Polygon", "coordinates": [["a", "b"]]}), "not a Polygon"),
        (feature({"type": "Polygon", "coordinates": 7}), "not a Polygon"),
        (feature({"type": "Polygon", "coordinates": [BOW]}), "[Ss]elf-intersection"),
        (feature(box(25.35, -95, 25.60, 45.52)), "latitudes lie between"),
        (feature(box(45.30, 125.35, 45.52, 125.60)), "swapped: GeoJSON has longitude first"),
        (feature(box(370_630, 5_017_230, 390_670, 5_042_050)), "reproject"),
        (feature(resolution=10), "resolution: Extra inputs.*resolution_m"),
        (feature(collection="sentinel-3"), "'sentinel-3' is not known.*sentinel-2-l2a"),
        (feature(bands=["red", "B08"]), "no band 'B08'.*nir"),
        (feature(resolution_m=0), "resolution_m: .*greater than 0"),
        (feature(max_cloud_cover_pct=101), "max_cloud_cover_pct"),
        (feature(clusters=1), "clusters"),
        (feature(id="My Forest"), "id: .*lower-case"),
        (feature(id="../etc"), "id: .*lower-case"),
        (feature(id="a|b"), "id: .*lower-case"),
        (feature(id="a\n"), "id: .*lower-case"),
        (feature(id="x" * 64), "id: .*lower-case"),
        (feature(geometry_too=1), "geometry_too: Extra"),
        ({**feature(), "properties": {"geometry": "mine"}}, "geometry.*Extra|properties"),
        ({**feature(), "properties": ["id"]}, "properties"),
    ],
)
def test_what_is_wrong_with_a_region_is_told(document, message):
    with pytest.raises(RegionError, match=message) as caught:
        parse(document)
    assert "my.geojson" in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_coordinates_that_are_no_numbers_are_refused(tmp_path, number):
    ring = [[number, 45.0], *RING[1:-1], [number, 45.0]]
    path = tmp_path / "hole.geojson"
    path.write_text(json.dumps(feature({"type": "Polygon", "coordinates": [ring]})))
    with pytest.raises(RegionError):
        read_region(path)


def test_a_multipolygon_with_a_hole_keeps_its_shape():
    outer, hole = box(25, 45, 26, 46)["coordinates"][0], box(25.2, 45.2, 25.4, 45.4)
    geometry = {
        "type": "MultiPolygon",
        "coordinates": [[outer, hole["coordinates"][0]], box(27, 45, 28, 46)["coordinates"]],
    }
    assert parse(feature(geometry)).outline.equals(shape(geometry))


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}", b""])
def test_a_file_that_is_not_json_is_named(tmp_path, content):
    path = tmp_path / "broken.geojson"
    path.write_bytes(content)
    with pytest.raises(RegionError, match=r"broken.geojson is not JSON"):
        read_region(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RegionError, match=r"gone.geojson cannot be read: No such file"):
        read_region(tmp_path / "gone.geojson")


def write(folder, name, **properties):
    path = folder / name
    path.write_text(json.dumps(feature(**properties)))
    return path


def test_the_users_regions_add_to_the_built_in_ones_or_replace_them(tmp_path):
    write(tmp_path, "valley.geojson")
    write(tmp_path, "mine.json", id="bucegi", title="My Bucegi")
    (tmp_path / "notes.txt").write_text("not a region")
    regions = load_regions(tmp_path)
    assert set(regions) == {*load_regions(), "valley"}
    assert regions["bucegi"].title == "My Bucegi"


def test_two_files_of_one_id_are_refused(tmp_path):
    write(tmp_path, "a.geojson", id="valley")
    write(tmp_path, "b.json", id="valley")
    with pytest.raises(RegionError, match=r"b.json.*a.geojson both define.*'valley'"):
        load_regions(tmp_path)


def test_one_broken_file_is_not_passed_over(tmp_path):
    write(tmp_path, "a.geojson")
    write(tmp_path, "b.geojson", clusters=0)
    with pytest.raises(RegionError, match=r"b.geojson"):
        load_regions(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RegionError, match=r"does not exist.*EO_ASSETS_REGIONS"):
        load_regions(tmp_path / "none")


def test_a_region_is_found_by_id_or_by_file(tmp_path):
    regions = load_regions()
    assert get_region(regions, "bucegi") is regions["bucegi"]
    assert get_region(regions, str(write(tmp_path, "valley.geojson"))).id == "valley"
    with pytest.raises(UnknownNameError, match=r"'atlantis'.*bucegi"):
        get_region(regions, "atlantis")


def test_another_collection_brings_its_own_bands_and_resolution():
    region = parse(feature(bands=["red"], resolution_m=20, crs="EPSG:32635"))
    assert region.with_collection(None) is region
    assert region.with_collection("sentinel-2-l2a") is region
    other = region.with_collection("landsat-c2-l2")
    assert (other.collection, other.bands, other.resolution_m) == ("landsat-c2-l2", None, None)
    assert other.crs == "EPSG:32635"
