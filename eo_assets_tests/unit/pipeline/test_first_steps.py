"""stac_items, band_stack, mosaic and geotiff over a tiny archive behind the real STAC API."""

from __future__ import annotations

import datetime as dt
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from shapely.geometry import mapping
from shapely.ops import transform

from eo_assets.cube.compositing import Status
from eo_assets.errors import (
    ConfigurationError,
    FailureBudgetError,
    MissingArtifactError,
    RegionError,
    SourceUnavailableError,
    UnknownNameError,
)
from eo_assets.pipeline import band_stack, geotiff, mosaic, stac_items
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.open_files import close_files
from eo_assets_tests.tiny_archive import (
    BASES,
    CLOUD,
    FILL,
    SIZE,
    UTM,
    Granule,
    coded,
    region,
    write_granule,
)

CLEAR_DAY, CLOUDY_DAY, NIGHT, BROKEN_DAY, EMPTY_DAY = (f"2023-07-0{n}" for n in range(1, 6))
DAMAGED_DAYS = ("2023-07-06", "2023-07-07")


def write_days(root: Path) -> Path:
    for tile, cloud in [(0, 5.0), (1, 6.0)]:
        for day in (CLEAR_DAY, *DAMAGED_DAYS):
            write_granule(root, Granule(tile=tile, day=day, cloud=cloud))
        write_granule(root, Granule(tile=tile, day=CLOUDY_DAY, scl=CLOUD, cloud=100))
        write_granule(root, Granule(tile=tile, day=NIGHT, scl=FILL))
        write_granule(
            root, Granule(tile=tile, day=BROKEN_DAY, broken=("B08",) if tile == 1 else ())
        )
    return root


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    root = write_days(tmp_path_factory.mktemp("archive"))
    with EmbeddedCatalog(root, writable=False) as catalog:
        yield catalog


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "outputs")


def partition(day=CLEAR_DAY, **changes):
    return Partition(region=region(**changes), date=dt.date.fromisoformat(day))


def search(catalog, where, **changes):
    return Search(catalog="tiny", url=catalog.url, lasting=False, partition=where, **changes)


def make(catalog, store, where, *, budget=0.1, block_px=512, max_cloud=100.0):
    """The four steps; gives their records by name."""
    common = {"store": store, "runner": InProcess()}
    wanted = search(catalog, where, max_cloud_cover_pct=max_cloud)
    return {
        "stac_items": stac_items.materialise(wanted, **common),
        "band_stack": band_stack.materialise(where, failure_budget=budget, **common),
        "mosaic": mosaic.materialise(where, failure_budget=budget, block_px=block_px, **common),
        "geotiff": geotiff.materialise(where, **common),
    }


def expected(band):
    """The region's 90 × 180 pixels from 10 columns and 14 rows into the first tile, by hand."""
    more = {"red": 0, "nir": 7}[band]
    both = np.zeros((SIZE, 228), np.int64)
    both[:, 100:] = coded(BASES[1] + more)
    # the first tile is less cloudy and wins where they overlap
    both[:, :SIZE] = coded(BASES[0] + more)
    # baseline 05.09: digital numbers carry +1000
    return both[14:104, 10:190] - 1000


def test_the_seam_of_two_tiles_is_mosaicked_to_the_pixel(catalog, store):
    records = make(catalog, store, where := partition())
    assert {name: record.empty for name, record in records.items()} == dict.fromkeys(records)
    folder = store.folder(where, "mosaic")
    pixels = xr.open_zarr(
        folder / "mosaic.zarr", chunks=None, consolidated=False, mask_and_scale=False
    )
    inside = pixels["status"].values == Status.VALID
    assert inside.sum() == 90 * 180
    assert records["mosaic"].summary["valid_px"] == 90 * 180
    assert records["mosaic"].summary["valid_pct"] == 100.0
    for band in ("red", "nir"):
        assert np.array_equal(pixels[band].values[inside].reshape(90, 180), expected(band))
    assert set(np.unique(pixels["source"].values[inside])) == {1, 2}
    # one pass, however many tiles
    assert (pixels["observations"].values[inside] == 1).all()
    [tif] = store.folder(where, "geotiff").glob("*.tif")
    assert tif.name == "seam_sentinel-2-l2a_20230701_reflectance_10m_32635.tif"
    with rasterio.open(tif) as file:
        assert file.descriptions == ("red", "nir")
        assert np.array_equal(file.read(1), pixels["red"].values)
        window = file.window(400_060, 4_999_000, 401_860, 4_999_900)
        assert np.array_equal(file.read(2, window=window), expected("nir"))
    assert (folder / "thumbnail.png").stat().st_size > 100


def test_the_ndvi_of_the_record_is_that_of_the_pixels(catalog, store):
    summary = make(catalog, store, partition())["mosaic"].summary
    red, nir = expected("red") / 1e4, expected("nir") / 1e4
    assert summary["ndvi_mean"] == pytest.approx(((nir - red) / (nir + red)).mean(), abs=1e-4)


def test_the_item_of_the_geotiff_names_its_sources(catalog, store):
    record = make(catalog, store, where := partition())["geotiff"]
    item = json.loads((store.folder(where, "geotiff") / record.files["stac_item"]).read_text())
    sources = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert [source[:29] for source in sources[:2]] == ["S2A_MSIL2A_20230701T092031_R0"] * 2
    assert sources[2:] == ["../mosaic/seam_sentinel-2-l2a_20230701_mosaic_10m_32635.json"]
    assert item["properties"]["start_datetime"] == "2023-07-01T09:20:31.024000Z"


def test_no_token_and_no_machine_is_in_the_stored_snapshot(catalog, store):
    where = partition()
    make(catalog, store, where)
    text = (store.folder(where, "stac_items") / "items.json").read_text()
    assert catalog.url not in text
    assert "sig=" not in text


def test_the_same_inputs_give_the_same_bytes(catalog, store, tmp_path):
    other = Store(tmp_path / "other")
    one, two = make(catalog, store, partition()), make(catalog, other, partition())
    assert one == two
    for name in ("cube.json", "grid.json"):
        files = [s.folder(partition(), "band_stack") / name for s in (store, other)]
        assert files[0].read_bytes() == files[1].read_bytes()
    tifs = [next(s.folder(partition(), "geotiff").glob("*.tif")) for s in (store, other)]
    assert tifs[0].read_bytes() == tifs[1].read_bytes()


def test_a_finer_grid_is_another_product(catalog, store):
    ten = make(catalog, store, partition())
    twenty = make(catalog, store, partition(resolution_m=20))
    for step in ("band_stack", "mosaic", "geotiff"):
        assert ten[step].digest != twenty[step].digest


def test_a_cube_made_anew_is_the_one_computed(catalog, store):
    # a worker of a standing cluster computes both
    first = make(catalog, store, partition())
    second = make(catalog, store, partition(bands=("red",)))
    assert first["band_stack"].files == second["band_stack"].files
    stored = xr.open_zarr(
        store.folder(partition(), "mosaic") / "mosaic.zarr", chunks=None, consolidated=False
    )
    assert "nir" not in stored


def test_a_day_without_a_scene_is_empty_all_the_way(catalog, store):
    records = make(catalog, store, where := partition(EMPTY_DAY))
    assert {record.empty for record in records.values()} == {"no_scene"}
    for step, record in records.items():
        assert store.read_record(where, step) == record


def test_a_day_with_too_much_stated_cloud_is_empty_with_the_reason(catalog, store):
    records = make(catalog, store, where := partition(CLOUDY_DAY), max_cloud=50)
    assert {record.empty for record in records.values()} == {"all_too_cloudy"}
    stored = json.loads((store.folder(where, "stac_items") / "items.json").read_text())
    assert len(stored["eo_assets"]["excluded"]) == 2
    assert "100 % is above 50 %" in stored["eo_assets"]["excluded"][0]["reason"]


def test_a_day_under_cloud_is_empty_from_the_mosaic_on(catalog, store):
    records = make(catalog, store, partition(CLOUDY_DAY))
    assert [record.empty for record in records.values()] == [None, None, "all_cloud", "all_cloud"]
    assert records["mosaic"].summary["masked_pct"] == 100.0


def test_a_scene_that_did_not_see_the_region_is_empty_from_the_mosaic_on(catalog, store):
    records = make(catalog, store, partition(NIGHT))
    assert [r.empty for r in records.values()] == [None, None, "outside_swath", "outside_swath"]
    assert records["mosaic"].summary["no_coverage_pct"] == 100.0


def test_a_missing_file_counts_against_the_failure_budget(catalog, store):
    with pytest.raises(FailureBudgetError, match=r"1 of 2 scenes .*10%.*B08.tif cannot be read"):
        make(catalog, store, where := partition(BROKEN_DAY), budget=0.1)
    with pytest.raises(MissingArtifactError):
        store.read_record(where, "band_stack")
    records = make(catalog, store, where, budget=0.5)
    assert records["band_stack"].summary["scenes"] == 1
    assert records["band_stack"].summary["scenes_left_out"] == 1
    # 118 of 180 columns lie on the tile that is left
    assert records["mosaic"].summary["valid_px"] == 90 * 118
    assert records["mosaic"].summary["no_coverage_pct"] == pytest.approx(100 * 62 / 180, abs=1e-3)


def probed(catalog, store, day):
    """A partition whose files are about to be damaged, with the red files of its two tiles."""
    where = partition(day)
    stac_items.materialise(search(catalog, where), store=store, runner=InProcess())
    band_stack.materialise(where, store=store, runner=InProcess(), failure_budget=0.1)
    compact = day.replace("-", "")
    return where, sorted(Path(catalog.directory).glob(f"S2A_MSIL2A_{compact}*/B04.tif"))


def cut(path):
    content = path.read_bytes()
    # a new file: the one that is open keeps its content
    path.unlink()
    path.write_bytes(content[: len(content) // 3])


def mosaic_of(where, store, budget):
    return mosaic.materialise(
        where, store=store, runner=InProcess(), failure_budget=budget, block_px=512
    )


def test_pixels_lost_to_a_damaged_file_count_against_the_failure_budget(catalog, store):
    where, [_, tile] = probed(catalog, store, DAMAGED_DAYS[0])
    cut(tile)
    close_files()
    # 62 of 180 columns have no other tile
    with pytest.raises(FailureBudgetError, match=r"34.4% of the pixels.*at most 34%.*B04"):
        mosaic_of(where, store, 0.34)
    record = mosaic_of(where, store, 0.35)
    assert record.summary["valid_px"] == 90 * 118
    assert record.summary["failed_read_pct"] == pytest.approx(100 * 62 / 180, abs=1e-3)
    assert "35TMK" in record.summary["failed_reads"]
    assert record.empty is None


def test_a_mosaic_lost_to_damaged_files_is_never_called_empty(catalog, store):
    where, tiles = probed(catalog, store, DAMAGED_DAYS[1])
    assert len(tiles) == 2
    for tile in tiles:
        cut(tile)
    close_files()
    with pytest.raises(FailureBudgetError, match=r"100\.0% of the pixels"):
        mosaic_of(where, store, 1.0)
    with pytest.raises(MissingArtifactError):
        store.read_record(where, "mosaic")


def test_steps_say_which_step_is_missing(store):
    where, common = partition(), {"store": store, "runner": InProcess()}
    with pytest.raises(MissingArtifactError, match="Materialise stac_items first"):
        band_stack.materialise(where, failure_budget=0, **common)
    with pytest.raises(MissingArtifactError, match="Materialise band_stack first"):
        mosaic.materialise(where, failure_budget=0, block_px=512, **common)
    with pytest.raises(MissingArtifactError, match="Materialise mosaic first"):
        geotiff.materialise(where, **common)


def test_a_catalogue_that_is_down_is_unavailable(store):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    where = Search(catalog="tiny", url=url, partition=partition())
    with pytest.raises(SourceUnavailableError, match="tiny does not answer"):
        stac_items.materialise(where, store=store, runner=InProcess())
    assert not store.folder(partition(), "stac_items").exists()


class Page(BaseHTTPRequestHandler):
    content = b""

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)


LANDING = {"type": "Catalog", "stac_version": "1.0.0", "id": "x", "description": "x", "links": []}


@pytest.mark.filterwarnings("ignore::pystac_client.warnings.PystacClientWarning")
@pytest.mark.parametrize(
    "content",
    ["<html>a web page</html>", '{"a": 1}', json.dumps(LANDING)],
    ids=["page", "json", "catalogue"],
)
def test_an_address_that_is_no_stac_api_is_a_mistake(content, monkeypatch):
    monkeypatch.setattr(Page, "content", content.encode())
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            with pytest.raises(ConfigurationError, match="catalogue tiny is not a STAC API"):
                stac_items.find_items(Search(catalog="tiny", url=url, partition=partition()))
        finally:
            server.shutdown()
            thread.join()


def test_a_collection_the_catalogue_lacks_is_named(catalog, store):
    where = partition(collection="landsat-c2-l2", bands=None)
    with pytest.raises(UnknownNameError, match=r"no collection 'landsat-c2-l2'.*sentinel-2-l2a"):
        stac_items.materialise(search(catalog, where), store=store, runner=InProcess())


def test_a_region_nothing_covers_is_a_mistake_and_not_empty(catalog, store):
    far = region().outline.buffer(0.01)
    moved = mapping(transform(lambda x, y: (x + 40, y), far))
    with pytest.raises(RegionError, match=r"covers region 'seam'.*another catalogue"):
        stac_items.find_items(search(catalog, partition(geometry=moved)))
    swapped = mapping(transform(lambda x, y: (y, x), far))
    with pytest.raises(RegionError, match="GeoJSON has longitude first"):
        stac_items.find_items(search(catalog, partition(geometry=swapped)))


def test_what_is_computed_does_not_depend_on_the_blocks(catalog, tmp_path):
    wide = {"resolution_m": 1.0, "crs": UTM}  # 900 × 1800 pixels
    digests = []
    for size in (512, 1024):
        store = Store(tmp_path / str(size))
        record = make(catalog, store, where := partition(**wide), block_px=size)["mosaic"]
        tif = next(store.folder(where, "geotiff").glob("*.tif"))
        digests.append((record.summary["blocks"], tif.read_bytes()))
    assert digests[0][0] > digests[1][0]
    assert digests[0][1] == digests[1][1]
