"""The service as people start it: several workers, one set of layers, and GDAL as its client."""

from __future__ import annotations

import httpx
import pytest
import rasterio

from eo_assets.commands.tiles import tile_server
from eo_assets.settings import load_settings
from eo_assets_tests.unit.tiles.conftest import BODY, archive, catalog, store_map  # noqa: F401

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """A store with one product: a GeoTIFF of three bands."""
    root = tmp_path_factory.mktemp("store")
    store_map(root)
    return root


@pytest.fixture(scope="module")
def url(archive, catalog, outputs, tmp_path_factory):  # noqa: F811
    settings = load_settings(
        catalog=catalog,
        outputs=outputs,
        tiles_dir=tmp_path_factory.mktemp("layers"),
        tiles_sources=str(archive),
        tiles_workers=2,
    )
    with tile_server(settings) as (_, address):
        yield address


def test_every_worker_knows_a_layer_that_one_was_told_of(url):
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
        made = client.post("/layers", json=BODY)
        assert made.status_code == 201, made.text
        layer = made.json()["id"]
    workers = set()
    for _ in range(200):
        # a connection of its own each time: whichever worker is free takes it
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            worker = client.get("/healthz").json()["worker"]
            if worker not in workers:
                assert client.get(f"/layers/{layer}").status_code == 200
            workers.add(worker)
        if len(workers) == 2:
            break
    assert len(workers) == 2


def test_gdal_reads_a_stored_product_as_wmts(url):
    address = f"{url}/products/seam/sentinel-2-l2a/2023-07-01/geotiff/WMTSCapabilities.xml"
    with httpx.Client(timeout=60, trust_env=False) as client:
        assert client.get(address).status_code == 200
    with (
        rasterio.Env(GDAL_HTTP_PROXY="", NO_PROXY="127.0.0.1"),
        rasterio.open(f"WMTS:{address},layer=map_WebMercatorQuad_natural") as service,
    ):
        assert service.crs.to_epsg() == 3857
        assert service.count in {3, 4}
        from rasterio.warp import transform

        [x], [y] = transform("EPSG:32635", "EPSG:3857", [401_280], [4_998_720])
        row, column = service.index(x, y)
        window = rasterio.windows.Window(column - 8, row - 8, 16, 16)
        assert service.read(window=window)[:3].any()
