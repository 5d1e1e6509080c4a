"""The chain on Ceph and on Azurite gives, byte for byte, what it gives in a folder.

The tile service and notebooks then read it where it lies.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import rasterio
from fastapi.testclient import TestClient
from rasterio.warp import transform as warp

from eo_assets.definitions import STEPS
from eo_assets.interactive.opening import ProductView
from eo_assets.interactive.workbench import Workbench
from eo_assets.pipeline import (
    band_stack,
    clusters,
    geotiff,
    mosaic,
    reports,
    stac_items,
)
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.tiles.app import create_app
from eo_assets_tests.servers.buckets import differing
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
TINY = Partition(region(), dt.date.fromisoformat(DAY))


@pytest.fixture(scope="module")
def both(bucket, tmp_path_factory):
    """The chain's products of a tiny archive in a folder and on object storage."""
    folder = tmp_path_factory.mktemp("tiny")
    for tile in (0, 1):
        write_granule(folder / "archive", Granule(tile=tile, day=DAY))
    local, remote = Store(folder / "outputs"), Store(bucket.root / "tiny")
    few = ClusterOptions(n_clusters=3, k_range=(2, 3), sample_size=1000)
    with EmbeddedCatalog(folder / "archive", writable=False) as catalog:
        for store in (local, remote):
            common = {"store": store, "runner": InProcess()}
            search = Search(catalog="tiny", url=catalog.url, lasting=False, partition=TINY)
            stac_items.materialise(search, **common)
            band_stack.materialise(TINY, failure_budget=0.1, **common)
            mosaic.materialise(TINY, failure_budget=0.1, block_px=512, **common)
            geotiff.materialise(TINY, **common)
            clusters.materialise(TINY, options=few, **common)
            reports.materialise(TINY, **common)
    return local, remote


@pytest.mark.parametrize("step", STEPS)
def test_the_chain_gives_the_same_bytes(both, step):
    local, remote = both
    assert remote.read_record(TINY, step) == local.read_record(TINY, step)
    assert differing(local.folder(TINY, step), remote.folder(TINY, step)) == set()


def test_the_tile_service_reads_what_is_stored(both, bucket):
    local, remote = both
    product = f"seam/sentinel-2-l2a/{DAY}/geotiff"
    with rasterio.open(next(local.folder(TINY, "geotiff").glob("*.tif"))) as file:
        row, column = file.height // 2, file.width // 2
        x, y = file.xy(row, column)
        [lon], [lat] = warp(file.crs, "EPSG:4326", [x], [y])
        expected = [float(value) for value in file.read()[:, row, column]]
    settings = bucket.settings(outputs=str(remote.root), catalog="https://example.com/stac")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        listed = {one["id"] for one in client.get("/catalog").json()["products"]}
        assert listed == {product, product.replace("geotiff", "clusters")}
        answer = client.get(f"/products/{product}/point/{lon},{lat}")
        assert answer.json()["values"] == expected
        preview = client.get(f"/products/{product}/preview.png?bidx=1&rescale=0,3000")
        assert preview.headers["content-type"] == "image/png"
        answer = client.get(f"/products/{product.replace('geotiff', 'clusters')}/classes")
        assert len(answer.json()["classes"]) == 3
        assert client.get(f"/products/{product}0/info").status_code == 404


@pytest.mark.parametrize("step", ["geotiff", "mosaic"])
def test_notebooks_compute_with_what_is_stored(both, bucket, step):
    local, remote = both
    product, cubes = f"seam/sentinel-2-l2a/{DAY}/{step}", []
    for store in (remote, local):
        settings = bucket.settings(outputs=str(store.root))
        view = ProductView(product, Workbench(settings))
        assert view.record == store.read_record(TINY, step)
        cubes.append(view.cube("red", "nir").to_xarray().compute())
    assert np.isfinite(cubes[0]["red"]).any()
    for band in ("red", "nir"):
        assert np.array_equal(cubes[0][band], cubes[1][band], equal_nan=True)
