"""From a materialisation to the map that shows it."""

from __future__ import annotations

import pytest

from eo_assets.definitions import build_defs
from eo_assets.defs.metadata import record_metadata
from eo_assets.defs.product_store import ProductStore
from eo_assets.settings import load_settings
from eo_assets.storage.store import Record


def record(step, **fields):
    return Record(
        step=step, region="bucegi", collection="sentinel-2-l2a", date="2023-07-15", digest="d",
        summary={"valid_pct": 98.0},
        **fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("step", "shown"),
    [("mosaic", "geotiff"), ("geotiff", "geotiff"), ("clusters", "clusters")],
)
def test_maps_are_linked_where_there_is_a_tile_service(step, shown, tmp_path):
    products = ProductStore(root=str(tmp_path), tiles_url="http://tiles.example/here/")
    assert record_metadata(record(step), tmp_path, products)["map"].url == (
        "http://tiles.example/here/#region=bucegi&collection=sentinel-2-l2a"
        f"&view=product:bucegi/sentinel-2-l2a/2023-07-15/{shown}"
    )


@pytest.mark.parametrize(
    ("made", "url"),
    [
        (record("geotiff"), ""),
        (record("geotiff", empty="all_cloud"), "http://tiles.example"),
        (record("reports"), "http://tiles.example"),
    ],
)
def test_nothing_is_linked_that_no_map_shows(made, url, tmp_path):
    products = ProductStore(root=str(tmp_path), tiles_url=url)
    assert "map" not in record_metadata(made, tmp_path, products)


def test_the_setting_reaches_the_assets():
    defs = build_defs(load_settings(tiles_url="http://tiles.example"))
    assert defs.resources["products"].tiles_url == "http://tiles.example"
