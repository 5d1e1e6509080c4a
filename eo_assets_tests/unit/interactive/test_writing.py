"""Cubes are written, kept and shown without reading anything."""

from __future__ import annotations

import datetime as dt
import json

import pandas as pd
import pytest
from geopandas import GeoSeries
from shapely.geometry import Point, box

from eo_assets.cube.graph import LoadSearch, VirtualCube
from eo_assets.cube.graph.signatures import Kind
from eo_assets.errors import ConfigurationError, MissingArtifactError
from eo_assets.interactive import Catalog
from eo_assets.interactive.dates import period_of
from eo_assets.interactive.profile import named_geometries
from eo_assets.interactive.workbench import Workbench
from eo_assets.settings import Settings


@pytest.fixture
def catalog(tmp_path):
    settings = Settings(_env_file=None, catalog="http://127.0.0.1:9", outputs=tmp_path)
    with_it = Catalog(Workbench(settings))
    yield with_it
    with_it.close()


@pytest.mark.parametrize(
    ("dates", "first", "last"),
    [
        ("2023-07-15", "2023-07-15", "2023-07-15"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023", "2023-01-01", "2023-12-31"),
        ("2023-06/2023-08", "2023-06-01", "2023-08-31"),
        (dt.date(2023, 7, 15), "2023-07-15", "2023-07-15"),
        ((dt.date(2023, 7, 1), dt.date(2023, 7, 3)), "2023-07-01", "2023-07-03"),
    ],
)
def test_periods_are_whole_days_both_ends_included(dates, first, last):
    assert [str(day) for day in period_of(dates)] == [first, last]


@pytest.mark.parametrize("dates", ["July", "2023-13", "2023-02-30", "2023-08/2023-06", ""])
def test_what_is_no_period_is_refused(dates):
    with pytest.raises(ConfigurationError):
        period_of(dates)


def test_a_cube_is_the_graph_that_batch_and_tiles_know(catalog):
    region = catalog.region("bucegi")
    cube = region.cube("2023-06/2023-08", ["red", "nir"]).valid().index("ndvi").median()
    assert cube.kind is Kind.IMAGE
    assert [node.op for node in (cube.graph.nodes[n] for n in cube.graph.order)] == [
        *("load_search", "valid_pixels", "indices", "reduce")
    ]
    search = cube.graph.nodes["scenes"]
    assert isinstance(search, LoadSearch)
    assert search.outline == region.region.geometry
    assert cube.graph.names_only


def test_what_was_derived_last_is_shown_in_its_own_colours(catalog):
    cube = catalog.region("bucegi").cube("2023-07").valid()
    ndvi = cube.index("ndvi").median().shown().rendering
    assert (ndvi.bands, ndvi.colormap, ndvi.stretch) == (("ndvi",), "rdylgn", ((-0.2, 0.9),))
    assert cube.composite().shown().rendering.bands == ("red", "green", "blue")
    own = cube.composite().render("nir", stretch=[(0, 0.5)])
    assert own.shown() == own.graph
    change = cube.index("ndvi").median().minus(cube.index("ndvi").max()).shown().rendering
    assert change.stretch[0][0] == -change.stretch[0][1]


def test_a_saved_cube_is_the_same_cube(catalog, tmp_path):
    cube = catalog.region("bucegi", resolution_m=60).cube("2023-07").valid().composite().clip()
    again = catalog.open(cube.save(tmp_path / "cube.json"))
    assert (again.graph, again.grid, again.title) == (cube.graph, cube.grid, cube.title)
    assert again.grid.transform[0] == 60


def test_a_file_that_leads_to_other_files_is_refused(catalog, tmp_path):
    cube = catalog.region("bucegi").cube("2023-07").composite()
    path = cube.save(tmp_path / "cube.json")
    document = json.loads(path.read_text())
    addresses = VirtualCube.load("sentinel-2-l2a", (), ("red",)).composite()
    document["graph"] = json.loads(addresses.canonical_json())
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigurationError, match="addresses"):
        catalog.open(path)
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="no saved cube"):
        catalog.open(path)


def test_nothing_is_asked_of_the_catalogue_until_somebody_looks(catalog):
    # the catalogue's port is closed: had it been asked, writing and saying what it is would fail
    cube = catalog.region("bucegi").cube("2023-07").valid().by_month().index("ndvi")
    assert "median of each month → ndvi" in repr(cube)
    assert "median of each month" in cube._repr_html_()
    assert "polygon" in str(catalog.region("bucegi").outline).lower()
    assert "<svg" in catalog.region("bucegi")._repr_html_()


def test_a_product_that_is_not_there_is_said_to_be_missing(catalog):
    with pytest.raises(MissingArtifactError, match="There is no product"):
        catalog.product("bucegi/sentinel-2-l2a/2023-07-15/geotiff")


def test_an_image_whose_scenes_cannot_be_found_says_why_instead_of_a_picture(catalog):
    assert "does not answer" in catalog.region("bucegi").cube("2023-07").composite()._repr_html_()


def test_geometries_come_in_many_forms_and_always_leave_in_degrees():
    point = {"type": "Point", "coordinates": [25.5, 45.4]}
    feature = {"type": "Feature", "id": "meadow", "properties": {}, "geometry": point}
    collection = {"type": "FeatureCollection", "features": [feature, {**feature, "id": None}]}
    assert list(named_geometries(feature)) == [("meadow", point)]
    assert [name for name, _ in named_geometries(collection)] == ["meadow", "2"]
    assert [name for name, _ in named_geometries([Point(25, 45), point])] == ["1", "2"]
    assert [name for name, _ in named_geometries({"wood": box(25, 45, 26, 46)})] == ["wood"]
    utm = GeoSeries([Point(25.5, 45.4)], index=["a"], crs=4326).to_crs(32635)
    [(name, found)] = named_geometries(utm)
    assert name == "a"
    assert found["coordinates"] == pytest.approx((25.5, 45.4), abs=1e-7)
    for wrong in (3, GeoSeries([Point(0, 0)]), {"type": "Feature", "geometry": None}, "x"):
        with pytest.raises(ConfigurationError):
            list(named_geometries(wrong))


def test_products_and_regions_are_tables(catalog):
    assert isinstance(catalog.products(), pd.DataFrame)
    assert {"bucegi"} <= set(catalog.regions()["id"])
