"""Footprints, fields, hrefs and queryables."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
from stac_fastapi.types.errors import InvalidQueryParameter

from eo_assets.sample.api.describe import queryables
from eo_assets.sample.api.fields import select_fields
from eo_assets.sample.api.files import folder_name
from eo_assets.sample.api.footprints import area_of_bbox, area_of_geojson, footprint_of
from eo_assets.sample.api.links import Publisher
from eo_assets.sample.api.snapshot import entry_of
from eo_assets.sample.api.transactions import merge_patch
from eo_assets_tests.stac_api_items import box, item, scene

ROOT = Path("/archive")
FOLDER = ROOT / "alps" / "a 1"


def test_an_uncut_footprint_is_cut_at_the_antimeridian():
    ring = [[179, -1], [-178, -1], [-178, 1], [179, 1], [179, -1]]
    uncut = {"type": "Polygon", "coordinates": [ring]}
    footprint = footprint_of(item("p", geometry=uncut, bbox=[179, -1, -178, 1]))
    # one degree in the east, two in the west, two high
    assert footprint.area == pytest.approx(6)
    assert footprint.bounds == (-180, -1, 180, 1)
    assert not footprint.intersects(shapely.Point(0, 0))


def test_a_footprint_that_crosses_itself_is_repaired():
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    footprint = footprint_of(item("b", geometry=bow, bbox=[0, 0, 2, 2]))
    assert footprint.is_valid
    # two triangles of base 2 and height 1
    assert footprint.area == pytest.approx(2)


@pytest.mark.parametrize("geometry", [{"type": "Circle"}, {"type": "Polygon", "coordinates": []}])
def test_a_geometry_that_is_none_is_an_error(geometry):
    with pytest.raises(ValueError, match="geometry"):
        footprint_of(item("x", geometry=geometry))


def test_bbox_areas():
    assert area_of_bbox([1, 2, 3, 4]).equals(shapely.box(1, 2, 3, 4))
    assert area_of_bbox([1, 2, 0, 3, 4, 9]).equals(shapely.box(1, 2, 3, 4))
    across = area_of_bbox([170, -10, -160, 10])
    assert across.area == pytest.approx((10 + 20) * 20)
    assert area_of_bbox([5, 5, 5, 5]).equals(shapely.Point(5, 5))


def test_invalid_search_areas_say_why():
    bow = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    with pytest.raises(InvalidQueryParameter, match="Self-intersection"):
        area_of_geojson(bow)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": 3}, "'id'"),
        ({"collection": None}, "'collection'"),
        ({"properties": None}, "'properties'"),
        ({"assets": None}, "'assets'"),
        ({"properties": {"datetime": "2023-08-10"}}, "RFC 3339"),
        ({"properties": {"datetime": None}}, "neither datetime nor"),
        ({"properties": {"datetime": ["2023"]}}, "RFC 3339"),
        ({"bbox": [1, 2, 3]}, "'bbox'"),
        ({"bbox": {"west": 1}}, "'bbox'"),
        ({"bbox": ["1", "2", "3", "4"]}, "'bbox'"),
    ],
)
def test_unfit_items_say_why(changes, named):
    with pytest.raises(ValueError, match=named):
        entry_of(scene("a") | changes, Path("a.json"))


DOCUMENT = {
    "id": "a", "type": "Feature", "collection": "alps", "geometry": {"type": "Point"},
    "properties": {"datetime": "t", "gsd": 10, "platform": "x"},
    "assets": {"red": {"href": "r", "title": "R"}, "nir": {"href": "n"}},
    "links": [], "bbox": [0], "stac_version": "1.0.0",
}  # fmt: skip
IDENTITY = {"id": "a", "type": "Feature", "collection": "alps"}


@pytest.mark.parametrize(
    ("include", "exclude", "expected"),
    [
        (["properties.gsd"], None, IDENTITY | {"properties": {"gsd": 10}}),
        (["gsd"], None, IDENTITY | {"properties": {"gsd": 10}}),
        (["assets.red.href"], None, IDENTITY | {"assets": {"red": {"href": "r"}}}),
        (["properties"], ["properties.gsd"],
         IDENTITY | {"properties": {"datetime": "t", "platform": "x"}}),
        (["properties.gsd"], ["properties"], IDENTITY | {"properties": {"gsd": 10}}),
        (["bbox"], ["bbox"], IDENTITY | {"bbox": [0]}),
        (["absent.deep"], None, IDENTITY),
        (["bbox"], ["collection"], {"id": "a", "type": "Feature", "bbox": [0]}),
        (None, ["properties", "assets", "links", "geometry"],
         IDENTITY | {"bbox": [0], "stac_version": "1.0.0"}),
        (None, ["assets.red"], DOCUMENT | {"assets": {"nir": {"href": "n"}}}),
        ([], [], DOCUMENT | {"properties": {"datetime": "t"}}),
    ],
)  # fmt: skip
def test_the_most_specific_field_decides(include, exclude, expected):
    assert select_fields(DOCUMENT, include=include, exclude=exclude) == expected


def publisher(mode: str) -> Publisher:
    return Publisher(ROOT, mode=mode, base_url="http://host:1/")


@pytest.mark.parametrize(
    ("href", "as_url", "as_path"),
    [
        ("./r.tif", "http://host:1/assets/alps/a%201/r.tif", "/archive/alps/a 1/r.tif"),
        ("../r#1.tif", "http://host:1/assets/alps/r%231.tif", "/archive/alps/r#1.tif"),
        ("/archive/r.tif", "http://host:1/assets/r.tif", "/archive/r.tif"),
        ("/else/r.tif", "/else/r.tif", "/else/r.tif"),
        ("../../../etc/passwd", "/etc/passwd", "/etc/passwd"),
        ("s3://bucket/r.tif", "s3://bucket/r.tif", "s3://bucket/r.tif"),
    ],
)
def test_hrefs_out(href, as_url, as_path):
    assert publisher("http").href(href, FOLDER) == as_url
    assert publisher("file").href(href, FOLDER) == as_path


@pytest.mark.parametrize("mode", ["http", "file"])
@pytest.mark.parametrize("href", ["./r.tif", "./in/r s.tif", "../r.tif", "s3://b/r.tif", "/x/r"])
def test_hrefs_come_back_as_they_were(mode, href):
    document = scene("a 1", stac_assets={"red": {"href": href, "title": "R"}})
    document["links"] = [{"rel": "license", "href": "https://example.com"}]
    out = publisher(mode).item(entry_of(document, FOLDER / "a 1.json"))
    assert len(out["links"]) == 5
    assert publisher(mode).inward(out, FOLDER) == document


def test_a_url_that_climbs_out_of_the_archive_stays_a_url():
    href = "http://host:1/assets/../../etc/passwd"
    document = scene("a", stac_assets={"red": {"href": href}})
    assert publisher("http").inward(document, FOLDER)["assets"]["red"]["href"] == href


def test_ids_in_urls_are_quoted():
    out = publisher("http").item(entry_of(scene("a/b ?"), FOLDER / "x.json"))
    assert out["links"][0]["href"] == "http://host:1/collections/alps/items/a%2Fb%20%3F"


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a\\b", "a\x00", "a\n", "x" * 201])
def test_ids_that_are_no_folder_names(name):
    with pytest.raises(InvalidQueryParameter):
        folder_name(name)


@pytest.mark.parametrize("name", ["a", "S2A_33TWL_20230815_0_L2A", "a b:c", "ä", "x" * 200])
def test_ids_that_are_folder_names(name):
    assert folder_name(name) == name


def test_merge_patch_follows_the_rfc():
    # the example of RFC 7396, section 3
    target = {
        "title": "Goodbye!", "author": {"givenName": "John", "familyName": "Doe"},
        "tags": ["example", "sample"], "content": "This will be unchanged",
    }  # fmt: skip
    change = {
        "title": "Hello!", "phoneNumber": "+01-123-456-7890", "author": {"familyName": None},
        "tags": ["example"],
    }  # fmt: skip
    assert merge_patch(target, change) == {
        "title": "Hello!", "author": {"givenName": "John"}, "tags": ["example"],
        "content": "This will be unchanged", "phoneNumber": "+01-123-456-7890",
    }  # fmt: skip


def test_queryables_show_every_kind_of_a_property():
    entries = [
        entry_of(scene("a", geometry_ok=True, mixed=1), Path("a")),
        entry_of(scene("b", mixed="x", box_=box(0, 0, 1, 1)), Path("b")),
    ]
    found = queryables("http://x/queryables", entries)["properties"]
    assert found["mixed"] == {"anyOf": [{"type": "number"}, {"type": "string"}]}
    assert found["datetime"] == {"type": "string", "format": "date-time"}
    assert found["geometry_ok"] == {"type": "boolean"}
    assert found["box_"] == {"type": "object"}
