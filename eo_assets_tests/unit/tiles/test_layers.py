from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest
from PIL import Image

from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.grid import Grid
from eo_assets.tiles.registry import Registry
from eo_assets_tests.unit.tiles.conftest import BANDS, BBOX, BODY

POINT = {"type": "Point", "coordinates": [25.735, 45.145]}


def tile_at(lon, lat, zoom):
    n = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return f"{zoom}/{int((lon + 180) / 360 * n)}/{int(y)}"


MIDDLE = tile_at(25.739, 45.1455, 15)


def own_path(layer):
    return f"/layers/{layer['id']}"


def test_a_layer_tells_what_it_is_and_where(layer):
    assert layer["bounds"] == pytest.approx(BBOX)
    assert layer["dates"] == ["2023-07-01"]
    assert layer["scenes"] == 2
    assert layer["shown"] == BANDS
    # 10 m pixels are those of zoom 14 at 45 degrees: 156543 m * cos(45.1 deg) / 2**14 = 6.7 m
    assert layer["maxzoom"] == 14


def test_the_same_request_is_the_same_layer_and_is_listed(client, layer):
    again = client.post("/layers", json=BODY).json()
    assert again["id"] == layer["id"]
    other = client.post("/layers", json={**BODY, "first": "2023-07-11"}).json()
    assert other["id"] != layer["id"]
    listed = [one["id"] for one in client.get("/layers").json()["layers"]]
    assert {layer["id"], other["id"]} <= set(listed)


def test_a_tile_is_a_picture_opaque_where_there_are_scenes(client, layer):
    answer = client.get(f"{own_path(layer)}/tiles/{MIDDLE}.png")
    assert answer.headers["content-type"] == "image/png"
    picture = Image.open(io.BytesIO(answer.content)).convert("RGBA")
    assert picture.size == (256, 256)
    values = np.load(io.BytesIO(client.get(f"{own_path(layer)}/tiles/{MIDDLE}.npy").content))
    assert values.shape == (3, 256, 256)
    np.testing.assert_array_equal(np.array(picture)[..., 3] > 0, np.isfinite(values).all(axis=0))
    seen = np.isfinite(values[0])
    assert seen.any()
    expected = np.rint(np.clip(values[0][seen] / 0.25, 0, 1) * 254) + 1
    assert np.abs(np.array(picture)[..., 0][seen] - expected).max() <= 1


def test_a_tile_the_caller_has_is_not_sent_again(client, layer):
    path = f"{own_path(layer)}/tiles/{MIDDLE}.png"
    first = client.get(path)
    again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    other = client.get(path + "?gamma=2", headers={"If-None-Match": first.headers["etag"]})
    assert other.status_code == 200
    assert other.content != first.content


def test_a_tile_beside_the_layer_is_transparent(client, layer):
    answer = client.get(f"{own_path(layer)}/tiles/15/0/0.png")
    assert answer.status_code == 200
    assert not np.array(Image.open(io.BytesIO(answer.content)).convert("RGBA"))[..., 3].any()


@pytest.mark.parametrize(
    "path",
    ["tiles/3/4/2.png", "tiles/15/99999/0.png", f"tiles/{MIDDLE}.png?size=4096",
     f"tiles/{MIDDLE}.png?bands=swir16", f"tiles/{MIDDLE}.png?stretch=1",
     f"tiles/{MIDDLE}.png?bands=red&colormap=nosuchmap", "windows/9999/0.npy",
     "point?lon=999&lat=0"],
)  # fmt: skip
def test_too_much_or_nonsense_is_told_with_a_remedy(client, layer, path):
    answer = client.get(f"{own_path(layer)}/{path}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert answer.json()["remedy"]


def test_a_layer_nobody_made_is_not_there(client):
    assert client.get(f"/layers/{'0' * 32}").status_code == 404
    assert client.get("/layers/..%2f..%2fetc").status_code == 404


def test_a_window_of_the_own_grid_is_what_batch_computes_bit_for_bit(client, layer, settings):
    stored = Registry(settings.tiles_dir).get(layer["id"])
    whole = evaluate(stored.cube, stored.grid.geobox).packed
    rows, columns = stored.grid.shape
    for row in range(-(-rows // 256)):
        for column in range(-(-columns // 256)):
            answer = client.get(f"{own_path(layer)}/windows/{row}/{column}.npy?packed=true")
            window = np.load(io.BytesIO(answer.content))
            place = (slice(row * 256, row * 256 + 256), slice(column * 256, column * 256 + 256))
            for number, band in enumerate(BANDS):
                np.testing.assert_array_equal(window[number], whole[band].values[place])
    assert (whole["red"].values > 0).any()


def test_a_composite_by_spectrum_needs_bands_that_are_not_shown(client):
    body = {**BODY, "last": "2023-07-11", "composite": "max_ndvi"}
    own = own_path(client.post("/layers", json=body).json())
    alone, beside = (
        np.load(io.BytesIO(client.get(f"{own}/windows/0/0.npy?bands={bands}").content))
        for bands in ("red", "red,nir,red")
    )
    assert np.isfinite(alone).any()
    np.testing.assert_array_equal(alone[0], beside[0])


def test_a_period_that_ends_before_it_begins_is_refused(client):
    answer = client.post("/layers", json={**BODY, "last": "2022-01-01"})
    assert answer.status_code == 422
    assert "2022-01-01" in answer.json()["detail"]
    assert answer.json()["remedy"]


def test_a_value_at_a_point_is_that_of_its_pixel(client, layer, settings):
    stored = Registry(settings.tiles_dir).get(layer["id"])
    whole = evaluate(stored.cube, stored.grid.geobox)
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, stored.grid.crs, always_xy=True).transform(25.735, 45.145)
    column, row = ~stored.grid.geobox.transform * (x, y)
    answer = client.get(f"{own_path(layer)}/point?lon=25.735&lat=45.145").json()
    assert answer["values"]["red"] == pytest.approx(
        float(whole.values("red")[int(row), int(column)])
    )


def test_statistics_over_the_whole_layer_are_those_of_its_pixels(client, layer, settings):
    west, south, east, north = BBOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    outline = {"type": "Polygon", "coordinates": [ring]}
    answer = client.post(f"{own_path(layer)}/statistics", json={"geometry": outline}).json()
    stored = Registry(settings.tiles_dir).get(layer["id"])
    values = evaluate(stored.cube, stored.grid.geobox).values("red")
    known = values[np.isfinite(values)]
    assert answer["bands"]["red"]["count"] == known.size
    assert answer["bands"]["red"]["mean"] == pytest.approx(known.mean(dtype=np.float64))


def test_a_series_has_a_row_a_day_alike_as_lines_and_as_one_document(client):
    body = {**BODY, "last": "2023-07-11", "composite": "median", "index": "ndvi"}
    del body["bands"], body["stretch"]
    own = own_path(client.post("/layers", json=body).json())
    whole = client.post(f"{own}/timeseries", json={"geometry": POINT}).json()["series"]
    assert [row["time"] for row in whole] == ["2023-07-01", "2023-07-11"]
    lines = client.post(
        f"{own}/timeseries", json={"geometry": POINT}, headers={"Accept": "application/x-ndjson"}
    )
    assert lines.headers["content-type"].startswith("application/x-ndjson")
    assert [json.loads(line) for line in lines.text.splitlines()] == whole


def test_items_are_footprints_without_addresses_of_files(client, layer, archive):
    answer = client.get(f"{own_path(layer)}/items")
    assert len(answer.json()["features"]) == 2
    assert str(archive) not in answer.text
    assert "href" not in answer.text


def test_tilejson_and_legend(client, layer):
    document = client.get(f"{own_path(layer)}/tilejson.json").json()
    assert document["bounds"] == pytest.approx(BBOX)
    assert (document["minzoom"], document["maxzoom"]) == (layer["minzoom"], layer["maxzoom"])
    tile = document["tiles"][0].replace("{z}/{x}/{y}", MIDDLE)
    assert client.get(tile).status_code == 200
    ndvi = client.post(
        "/layers", json={**BODY, "bands": None, "stretch": None, "index": "ndvi"}
    ).json()
    stops = client.get(f"{own_path(ndvi)}/legend").json()["stops"]
    assert (stops[0]["value"], stops[-1]["value"]) == (-0.2, 0.9)


def test_export_says_what_is_missing(client, layer):
    answer = client.post(f"{own_path(layer)}/export")
    assert answer.status_code == 409
    assert "EO_ASSETS_DAGSTER_URL" in answer.json()["remedy"]


def test_the_registry_forgets_what_nobody_looked_at(settings, layer, tmp_path):
    import os

    found = Registry(settings.tiles_dir).get(layer["id"])
    registry = Registry(tmp_path, max_layers=3)
    for number in range(5):
        registry.add(found.model_copy(update={"id": f"{number:032x}"}))
        os.utime(tmp_path / f"{number:032x}.json", ns=(number, number))
    registry.add(found.model_copy(update={"id": f"{9:032x}"}))
    assert sorted(path.stem[-1] for path in tmp_path.glob("*.json")) == ["3", "4", "9"]


def test_a_grid_says_where_windows_end():
    grid = Grid(crs="EPSG:32635", transform=(10, 0, 0, 0, -10, 0), shape=(300, 256))
    from eo_assets.tiles.grids import window_geobox

    assert tuple(window_geobox(grid, 1, 0).shape) == (44, 256)
