"""What must not get through: strangers, addresses, graphs that cost too much."""

from __future__ import annotations

import json
import re
import time
from html import unescape

import pytest
from pydantic import ValidationError

from eo_assets.errors import ConfigurationError, EoAssetsError
from eo_assets.tiles.access import signed_query
from eo_assets.tiles.asking import LayerRequest
from eo_assets.tiles.finding import Allowed, find_layer
from eo_assets.tiles.listening import check_listening
from eo_assets.tiles.problems import ConflictError
from eo_assets_tests.unit.tiles.conftest import BBOX, BODY, TOKEN, client_of

PLACE = {"Matrix": "13", "Row": "2942", "Col": "4681"}
"""A tile on the stored product."""

RING = [[25.0, 45.0], [25.1, 45.0], [25.1, 45.1], [25.0, 45.0]]
OUTLINE = {"type": "Polygon", "coordinates": [RING]}
SEARCH = {
    "op": "load_search", "collection": "sentinel-2-l2a", "bands": ["red", "nir"],
    "outline": OUTLINE, "first": "2023-07-01", "last": "2023-07-02",
}  # fmt: skip
COMPOSITE = {"op": "composite", "data": "s"}


def expression(text):
    nodes = {
        "s": SEARCH,
        "c": COMPOSITE,
        "e": {"op": "expression", "data": "c", "bands": {"v": text}},
    }
    return {"nodes": nodes, "result": "e"}


def chain(n):
    nodes = {"s": SEARCH, "n0": {**COMPOSITE, "data": "s"}}
    for i in range(1, n + 1):
        nodes[f"n{i}"] = {"op": "bands", "data": f"n{i - 1}", "names": ["red"]}
    return {"nodes": nodes, "result": f"n{n}"}


def doubling(n):
    """What lies below is computed twice, twice over, n times."""
    nodes = {"s": SEARCH, "d0": COMPOSITE}
    for i in range(1, n + 1):
        for half in ("a", "b"):
            nodes[f"{half}{i}"] = {"op": "clip", "data": f"d{i - 1}", "outline": OUTLINE}
        nodes[f"d{i}"] = {"op": "difference", "data": f"a{i}", "other": f"b{i}"}
    return {"nodes": nodes, "result": f"d{n}"}


def nested(depth):
    found = {}
    for _ in range(depth):
        found = {"nodes": found}
    return found


HOSTILE = {
    "a large power": expression("red+9**9**9"),
    "an attribute": expression("red.__class__"),
    "a call": expression("__import__('os').system('id')"),
    "a lambda": expression("(lambda: red)()"),
    "deep": expression("(" * 3000 + "red" + ")" * 3000),
    "long": expression("+".join(["red"] * 20_000)),
    "a name that is not there": expression("blue"),
    "a subscript": expression("red[0]"),
    "five thousand nodes": chain(5000),
    "a cycle": {"nodes": {"a": {"op": "bands", "data": "b", "names": ["red"]},
                          "b": {"op": "bands", "data": "a", "names": ["red"]}}, "result": "a"},
    "an unknown operation": {"nodes": {"s": {"op": "exec", "code": "1"}}, "result": "s"},
    "a field too many": {"nodes": {"s": {**SEARCH, "href": "/etc/passwd"}}, "result": "s"},
    "a file": {"nodes": {"p": {"op": "load_product", "product": "../../etc/passwd",
                               "bands": ["a"]}}, "result": "p"},
    "addresses": {"nodes": {"s": {"op": "load_scenes", "collection": "sentinel-2-l2a",
                                  "bands": ["red"], "scenes": []}, "c": COMPOSITE}, "result": "c"},
    "the same a million times": doubling(20),
    "nested": nested(900),
    "nothing": {},
    "scenes, not an image": {"nodes": {"s": {**SEARCH, "bands": []}}, "result": "s"},
    "all of time": {"nodes": {"s": {**SEARCH, "last": "9999-01-01"}, "c": COMPOSITE},
                    "result": "c"},
    "an unknown function": {"nodes": {"s": SEARCH, "c": COMPOSITE, "f": {
        "op": "function", "data": "c", "name": "eval", "inputs": ["red"], "output": "x"}},
        "result": "f"},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_graphs_are_refused_with_a_remedy(client, name):
    answer = client.post("/layers", json={"graph": HOSTILE[name]})
    assert answer.status_code == 422, (name, answer.text[:300])
    assert answer.json()["remedy"]
    assert len(answer.content) < 4000


@pytest.mark.parametrize("name", HOSTILE)
def test_refusing_a_hostile_graph_costs_next_to_nothing(client, settings, name):
    body = json.dumps({"graph": HOSTILE[name]})
    taken = []
    for _ in range(3):
        started = time.thread_time()
        with pytest.raises((EoAssetsError, ValidationError)):
            # what the endpoint does, here in one thread, so that no other one is counted
            find_layer(LayerRequest.model_validate_json(body), settings, {})
        taken.append(time.thread_time() - started)
    # CPU time, which a busy machine hardly changes; a collection of garbage may fall into one
    assert min(taken) < 0.2


@pytest.mark.parametrize(
    "body",
    [
        {**BODY, "region": "bucegi"},
        {"bbox": BBOX},
        {**BODY, "bbox": [-180, -80, 180, 80]},
        {**BODY, "bands": ["red", "green"]},
        {**BODY, "bands": ["purple"]},
        {**BODY, "index": "ndvi"},
        {**BODY, "colormap": "../../x"},
        {**BODY, "url": "http://127.0.0.1/x.tif"},
        {**BODY, "graph": {"nodes": {}, "result": ""}},
        {"product": "a/b/2023-07-15/geotiff", "first": "2023-07-01"},
        {"region": "atlantis", "first": "2023-07-01"},
        {**BODY, "first": "0001-01-01"},
        {**BODY, "bbox": None, "outline": {"type": "Polygon", "coordinates": [[[1e400, 0]]]}},
    ],
)
def test_requests_that_make_no_sense_are_told_so(client, body):
    answer = client.post("/layers", content=json.dumps(body).replace("Infinity", "1e400"),
                         headers={"content-type": "application/json"})  # fmt: skip
    assert answer.status_code == 422, answer.text
    assert answer.json()["remedy"]


ON_PRODUCT = {
    "type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [
        [[25.731, 45.12], [25.76, 45.12], [25.76, 45.139], [25.731, 45.139], [25.731, 45.12]]]},
}  # fmt: skip
LINE = {**ON_PRODUCT, "geometry": {"type": "LineString", "coordinates": [[25.73, 45.1], [26, 45]]}}
FAR = {**ON_PRODUCT, "geometry": {**OUTLINE, "coordinates": [[[1e300, 0], [2e300, 1], [0, 1],
                                                             [1e300, 0]]]}}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("statistics?histogram_bins=3000000", None),
        ("statistics?histogram_bins=0", None),
        ("statistics?histogram_bins=5,4,9", None),
        ("statistics?histogram_range=5,1", None),
        ("statistics?nodata=nan", None),
        ("statistics?nodata=-1", None),
        ("statistics?nodata=inf", ON_PRODUCT),
        ("statistics?cover_scale=1000", ON_PRODUCT),
        ("statistics?max_size=2048", ON_PRODUCT),
        ("statistics?width=2048&height=2048", ON_PRODUCT),
        ("statistics", {"type": "FeatureCollection", "features": [ON_PRODUCT] * 21}),
        ("statistics", {**ON_PRODUCT, "geometry": None}),
        ("statistics", LINE),
        ("statistics", FAR),
        ("preview.png?width=4096", None),
        ("preview.png?color_formula=Gamma R 0", None),
        ("point/NaN,45", None),
        ("point/25,1e400", None),
        ("point/25,91", None),
        ("point/1e9,0?coord_crs=EPSG:3857", None),
        ("tiles/WebMercatorQuad/13/4681/2942.png?tilesize=99999", None),
        ("tiles/WebMercatorQuad/1/1/0.png", None),
        ("tiles/WebMercatorQuad/2062/7298/1767.png", None),
    ],
)
def test_products_are_not_asked_for_too_much(client, product, path, body):
    url = f"/products/{'/'.join(product.values())}/{path}"
    answer = client.get(url) if body is None else client.post(url, json=body)
    assert answer.status_code == 422, answer.text


def test_statistics_of_a_product_are_those_of_its_pixels(client, product):
    url = f"/products/{'/'.join(product.values())}/statistics"
    answer = client.post(url, json=ON_PRODUCT)
    assert answer.status_code == 200, answer.text
    found = answer.json()["properties"]["statistics"]["b1"]
    # pixels count up to 3000 and again: in hundreds of rows the mean is near the middle
    assert found["mean"] == pytest.approx(1500, abs=15)
    twice = client.post(url, json={"type": "FeatureCollection", "features": [ON_PRODUCT] * 2})
    assert twice.json()["features"][1]["properties"]["statistics"]["b1"] == found


def test_a_body_that_is_too_long_is_not_read(client):
    answer = client.post("/layers", content=b"[" * 2_000_000)
    assert answer.status_code == 413


def test_scenes_elsewhere_are_refused(tmp_path, settings, client, layer):
    from eo_assets.tiles.registry import Registry

    scenes = Registry(settings.tiles_dir).get(layer["id"]).scenes
    with pytest.raises(ConflictError, match="outside"):
        Allowed(hosts=(), folders=(tmp_path,)).check(scenes)


@pytest.mark.parametrize(
    ("href", "allowed"),
    [
        ("https://a.blob.core.windows.net/x.tif", True),
        ("https://evil.example/a.blob.core.windows.net", False),
        ("https://evilblob.core.windows.net.example/x.tif", False),
        ("/data/archive/x.tif", True),
        ("/data/archive/../../etc/passwd", False),
        ("/vsicurl/http://127.0.0.1/x.tif", False),
        ("<VRTDataset/>", False),
        ("file:///data/archive/x.tif", False),
        ("s3://bucket/x.tif", False),
    ],
)
def test_only_named_hosts_and_folders_hold_scenes(href, allowed):
    from pathlib import Path

    rule = Allowed(hosts=(".blob.core.windows.net",), folders=(Path("/data/archive"),))
    assert rule._holds(href) is allowed


def test_other_names_for_this_machine_are_refused_without_a_token(client):
    answer = client.get("/catalog", headers={"host": "attacker.example"})
    assert answer.status_code == 421


@pytest.mark.parametrize("host", ["[", "[::1", "a b", "evil@127.0.0.1", "127.0.0.1/x", "::1", "é"])
def test_a_host_that_is_none_is_told_so(client, guarded, host):
    for service in (client, guarded):
        answer = service.get("/catalog", headers={"host": host.encode()})
        assert answer.status_code == 400, answer.text


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8090", 404),
        ("http://localhost", 404),
        (None, 404),
        ("http://attacker.example", 403),
        ("http://127.0.0.1.attacker.example", 403),
        ("http://[", 403),
        ("null", 403),
    ],
)
def test_pages_elsewhere_start_nothing(client, origin, status):
    # no body, so that browsers ask nobody whether the page may send it
    headers = {} if origin is None else {"origin": origin}
    answer = client.post(f"/layers/{'0' * 32}/export", headers=headers)
    assert answer.status_code == status, answer.text


def test_pages_that_are_named_start_what_they_like(settings):
    page = "https://maps.example"
    with client_of(settings.model_copy(update={"tiles_origins": f"https://a, {page}"})) as opened:
        answer = opened.post(f"/layers/{'0' * 32}/export", headers={"origin": page})
        assert answer.status_code == 404


def test_coordinates_nested_for_ever_are_refused(client, layer):
    text = '{"geometry": {"type": "Polygon", "coordinates": ' + "[" * 900 + "]" * 900 + "}}"
    for what in ("statistics", "timeseries"):
        answer = client.post(
            f"/layers/{layer['id']}/{what}",
            content=text,
            headers={"content-type": "application/json"},
        )
        assert answer.status_code == 422, answer.text


def test_days_before_the_calendar_are_refused(client, settings):
    region = next(iter(client.app.state.service.regions))
    days = {"region": region, "first": "0001-01-01", "last": "0001-01-02"}
    answer = client.get("/catalog/dates", params=days)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "tiles.example"])
def test_a_network_needs_a_token(host):
    with pytest.raises(ConfigurationError, match="anybody"):
        check_listening(host, token="", without_token=False)
    check_listening(host, token="t", without_token=False)
    check_listening(host, token="", without_token=True)


def test_tiles_that_wmts_names_open_with_a_token_and_with_a_signature(guarded):
    own = "/products/seam/sentinel-2-l2a/2023-07-01/geotiff"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert guarded.get(f"{own}/WMTSCapabilities.xml").status_code == 401
    signed = f"{own}/WMTSCapabilities.xml?{signed_query(TOKEN, own, lasts_s=100)}"
    for answer in (guarded.get(f"{own}/WMTSCapabilities.xml", headers=bearer), guarded.get(signed)):
        assert answer.status_code == 200, answer.text
        templates = re.findall(r'resourceType="tile"\s+template="([^"]+)"', answer.text)
        assert len(templates) == 2
        named = unescape(templates[0])
        tile = re.sub(r"\{Tile(Matrix|Row|Col)\}", lambda m: PLACE[m[1]], named)
        assert guarded.get(tile).status_code == 200, tile
        assert guarded.get(re.sub("signature=..", "signature=00", tile)).status_code == 401
    # and the signature is the one it came with
    assert signed.partition("?")[2] in unescape(templates[0])


@pytest.fixture(scope="module")
def guarded(settings, product):
    with client_of(settings.model_copy(update={"tiles_token": _secret()})) as opened:
        yield opened


def _secret():
    from pydantic import SecretStr

    return SecretStr(TOKEN)


def test_with_a_token_nothing_but_health_is_open(guarded, layer):
    own = f"/layers/{layer['id']}"
    for path in ("/catalog", "/layers", own, f"{own}/tilejson.json"):
        assert guarded.get(path).status_code == 401, path
        assert guarded.get(path, headers={"Authorization": "Bearer no"}).status_code == 401
        good = guarded.get(path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert good.status_code == 200
        assert TOKEN not in good.text
    assert guarded.get("/healthz").status_code == 200


def test_signed_addresses_hold_for_their_layer_until_they_expire(guarded, layer):
    own = f"/layers/{layer['id']}"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    template = guarded.get(f"{own}/tilejson.json", headers=bearer).json()["tiles"][0]
    tile = template.replace("{z}/{x}/{y}", "15/0/0")
    assert guarded.get(tile).status_code == 200
    assert guarded.get(tile.replace(layer["id"], "0" * 32)).status_code == 401
    assert guarded.get(tile.replace("expires=", "expires=9")).status_code == 401
    assert guarded.post(tile).status_code == 401
    # one who has a signature alone gets addresses that end with it
    assert guarded.get(template.split("/tiles/")[0] + "/tilejson.json?" + template.split("?")[1]
                       ).json()["tiles"] == [template]  # fmt: skip
    late = signed_query(TOKEN, own, lasts_s=1, now=time.time() - 10)
    assert guarded.get(f"{own}/tiles/15/0/0.png?{late}").status_code == 401
