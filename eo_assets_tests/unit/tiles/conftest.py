"""The application over the tiny archive: two tiles on two days, behind a STAC API."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from starlette.testclient import TestClient

from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.store import Record
from eo_assets.tiles.app import create_app
from eo_assets_tests.tiny_archive import Granule, write_granule

BBOX = [25.7275, 45.1415, 25.7505, 45.1495]
"""Over both tiles."""

BANDS = ["red", "nir", "red"]
"""The archive has two bands; a picture has three."""

BODY = {"bbox": BBOX, "first": "2023-07-01", "bands": BANDS, "stretch": [[0, 0.25]]}
TOKEN = "correct-horse"


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("tiles") / "archive"
    for tile in (0, 1):
        for day in ("2023-07-01", "2023-07-11"):
            write_granule(root, Granule(tile=tile, day=day))
    return root


@pytest.fixture(scope="session")
def catalog(archive):
    with EmbeddedCatalog(archive, writable=False) as api:
        yield api.url


@pytest.fixture(scope="session")
def settings(archive, catalog, tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    return load_settings(
        catalog=catalog,
        outputs=folder / "outputs",
        tiles_dir=folder / "layers",
        tiles_sources=str(archive),
        regions=None,
        tiles_token="",
        tiles_url="",
        dagster_url="",
    )


def client_of(settings):
    return TestClient(
        create_app(settings), base_url="http://127.0.0.1", raise_server_exceptions=False
    )


@pytest.fixture(scope="session")
def client(settings):
    with client_of(settings) as opened:
        yield opened


@pytest.fixture(scope="session")
def layer(client):
    answer = client.post("/layers", json=BODY)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def product(settings):
    """The path of a stored product."""
    store_map(settings.outputs)
    return {
        "region": "seam", "collection": "sentinel-2-l2a", "date": "2023-07-01", "step": "geotiff"
    }  # fmt: skip


def store_map(root):
    """Store a product: a GeoTIFF of three bands."""
    folder = root / "seam" / "sentinel-2-l2a" / "2023-07-01" / "geotiff"
    folder.mkdir(parents=True)
    pixels = np.arange(3 * 256 * 256, dtype=np.uint16).reshape(3, 256, 256) % 3000 + 1
    with rasterio.open(
        folder / "map.tif", "w", driver="GTiff", width=256, height=256, count=3, dtype="uint16",
        crs="EPSG:32635", transform=rasterio.Affine(10, 0, 400_000, 0, -10, 5_000_000), nodata=0,
        tiled=True, blockxsize=256, blockysize=256,
    ) as file:  # fmt: skip
        file.write(pixels)
        file.descriptions = ("blue", "green", "red")
    record = Record(
        step="geotiff", region="seam", collection="sentinel-2-l2a", date="2023-07-01",
        files={"geotiff": "map.tif"}, digest="d",
    )  # fmt: skip
    (folder / "record.json").write_text(record.model_dump_json())
