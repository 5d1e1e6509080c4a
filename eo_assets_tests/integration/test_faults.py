"""Every fault of an archive: the partition finishes, or fails naming what is at fault."""

from __future__ import annotations

import datetime as dt
import json
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from eo_assets.cube import access, signing
from eo_assets.cube.private_catalog import Access, use_access
from eo_assets.errors import (
    ConfigurationError,
    FailureBudgetError,
    SourceUnavailableError,
)
from eo_assets.pipeline import band_stack, mosaic, stac_items
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.mosaic_zarr import open_mosaic
from eo_assets.storage.partition import Partition
from eo_assets.storage.read_log import OK, read_reads
from eo_assets.storage.store import Store
from eo_assets_tests.faults.archive import (
    STORAGE,
    FaultArchive,
    fault_archive,
    truncate,
    with_files_at,
    written,
)
from eo_assets_tests.faults.server import MARK
from eo_assets_tests.open_files import close_files
from eo_assets_tests.tiny_archive import (
    SIZE,
    Granule,
    coded,
    earth_search_item,
    planetary_computer_item,
    region,
    write_granule,
    write_tif,
)

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
TOKEN_LIFE_S = 2.0
BUDGET_S = 20.0
"""A run of one block over two tiny tiles takes less than a second when nothing goes wrong."""


@pytest.fixture(scope="module")
def server():
    with fault_archive() as archive:
        yield archive


@pytest.fixture
def archive(server, tmp_path, monkeypatch):
    monkeypatch.setattr(access, "FIRST_DELAY_S", 0.02)
    close_files()
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/http")
    directory = tmp_path / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    server.serve(directory)
    return server


class Run:
    """The first three steps of one partition, in this process."""

    def __init__(self, root: Path, archive: FaultArchive, **changes):
        self.store = Store(root / "outputs")
        self.archive = archive
        self.partition = Partition(region(**changes), dt.date.fromisoformat(DAY))
        self.budget = 0.1

    def search(self):
        search = stac_items.Search(
            catalog=self.archive.url, url=self.archive.url, partition=self.partition
        )
        return stac_items.materialise(search, store=self.store, runner=InProcess())

    def stack(self):
        return band_stack.materialise(
            self.partition, store=self.store, runner=InProcess(), failure_budget=self.budget
        )

    def mosaic(self):
        # it is to ask the server, as in a process of its own
        close_files()
        return mosaic.materialise(
            self.partition,
            store=self.store,
            runner=InProcess(),
            failure_budget=self.budget,
            block_px=512,
        )

    def all(self):
        self.search()
        self.stack()
        return self.mosaic()

    def folder(self, step: str) -> Path:
        return self.store.folder(self.partition, step)

    def reads(self):
        return read_reads(self.folder("mosaic") / "reads.parquet")

    def assert_nothing_of(self, step: str):
        folder = self.folder(step)
        assert not folder.exists()
        assert not list(folder.parent.glob(".*"))


@pytest.fixture
def run(tmp_path, archive) -> Run:
    return Run(tmp_path, archive)


def item_folder(archive: FaultArchive, tile: int) -> Path:
    return archive.directory / planetary_computer_item(Granule(tile=tile, day=DAY))["id"]


def test_without_a_fault_every_read_is_logged_and_complete(run):
    summary = run.all().summary
    assert summary["completeness_pct"] == summary["valid_pct"] == 100
    assert (summary["retries"], summary["failed_scenes"], summary["failed_bands"]) == (0, "", "")
    reads = run.reads()
    assert set(reads.band) == {"red", "nir", "quality"}
    assert (reads.outcome == OK).all()
    assert reads.pixels.sum() == pytest.approx(summary["source_mpx_read"] * 1e6, abs=600)
    assert reads.bytes.sum() == pytest.approx(summary["source_mb_read"] * 1e6, abs=600)
    assert (reads.pixels == reads.rows * reads["columns"]).all()
    assert (reads.seconds > 0).all()


@pytest.mark.parametrize("status", [408, 429, 500, 503, 504])
def test_files_that_are_busy_for_a_while_are_read_in_the_end(run, status):
    run.search()
    run.stack()
    # more than one attempt's requests, fewer than all attempts'
    run.archive.fail("B04.tif", status, times=5)
    started = time.monotonic()
    summary = run.mosaic().summary
    assert time.monotonic() - started < BUDGET_S
    assert summary["valid_pct"] == summary["completeness_pct"] == 100
    assert summary["retries"] > 0
    assert run.reads().attempts.max() > 1


def test_a_file_is_left_alone_as_long_as_its_server_asks(run):
    run.search()
    run.stack()
    # one scene's file alone: bands of two scenes are read side by side
    file = f"{item_folder(run.archive, 1).name}/B04.tif"
    run.archive.fail(file, 429, times=3, retry_after="1")
    run.archive.set(requests=[])
    run.mosaic()
    times = [at for path, at in run.archive.requests if path.endswith(file)]
    # GDAL is refused once or twice, so is the question why; then comes the wait
    assert max(np.diff(times)) >= 1.0


def test_a_server_that_asks_for_an_hour_is_not_waited_for(run):
    run.search()
    run.stack()
    run.archive.fail("B04.tif", 429, retry_after="3600")
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="HTTP 429 and asks for 3600 s"):
        run.mosaic()
    assert time.monotonic() - started < BUDGET_S


@pytest.mark.parametrize("step", ["stack", "mosaic"])
def test_a_file_that_stays_busy_fails_the_step_and_names_the_scene(run, step):
    run.search()
    if step == "mosaic":
        run.stack()
    name = item_folder(run.archive, 1).name
    run.archive.fail(f"{name}/B08.tif", 503)
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match=f"Scene {name}, nir: .*HTTP 503"):
        getattr(run, step)()
    assert time.monotonic() - started < BUDGET_S
    run.assert_nothing_of({"stack": "band_stack", "mosaic": "mosaic"}[step])


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_catalogue_that_is_busy_for_a_while_is_asked_again(run, status):
    run.archive.fail("/search", status, times=1, retry_after="0")
    assert run.search().summary["items"] == 2
    assert run.archive.asked("/search") == 2


def test_a_catalogue_that_denies_access_is_not_asked_again(run):
    run.archive.set(headers={"X-Api-Key": "right"})
    with pytest.raises(ConfigurationError, match="denies access"):
        run.search()
    assert len(run.archive.requests) == 1
    run.assert_nothing_of("stac_items")


def test_a_slow_server_only_takes_longer(run):
    run.archive.set(latency_s=0.05)
    started = time.monotonic()
    assert run.all().summary["valid_pct"] == 100
    assert time.monotonic() - started < BUDGET_S


def test_an_absent_file_is_named_and_its_scene_left_out(run):
    run.search()
    (item_folder(run.archive, 1) / "B08.tif").unlink()
    with pytest.raises(FailureBudgetError, match=r"T35TMK.*B08.tif cannot be read: it does not"):
        run.stack()
    run.assert_nothing_of("band_stack")
    run.budget = 0.5
    summary = run.stack().summary
    assert (summary["scenes"], summary["scenes_left_out"]) == (1, 1)
    assert item_folder(run.archive, 1).name in summary["left_out"]
    assert 0 < run.mosaic().summary["valid_pct"] < 100


def test_losing_every_scene_is_a_failure_whatever_the_budget(run):
    run.search()
    for tile in (0, 1):
        (item_folder(run.archive, tile) / "B08.tif").unlink()
    run.budget = 1.0
    with pytest.raises(FailureBudgetError, match="2 of 2 scenes"):
        run.stack()


@pytest.mark.parametrize("fault", ["truncated", "not a GeoTIFF", "8 bit"])
def test_a_file_that_is_no_good_is_found_by_its_header(run, fault):
    path = item_folder(run.archive, 0) / "B04.tif"
    expected = {"truncated": "cut short", "not a GeoTIFF": "not a GeoTIFF", "8 bit": "uint8"}[fault]
    if fault == "truncated":
        truncate(path, keep=0.9)
    elif fault == "not a GeoTIFF":
        path.write_text("<html>Not found</html>" * 100)
    else:
        write_tif(path, np.ones((SIZE, SIZE), np.uint8))
    run.search()
    run.budget = 0.5
    run.stack()
    probes = json.loads((run.folder("band_stack") / "probes.json").read_text())
    [(name, why)] = probes["scenes_left_out"].items()
    assert name == path.parent.name
    assert expected in why


def test_a_file_that_breaks_after_its_header_was_read_leaves_a_known_hole(run):
    run.search()
    run.stack()
    folder = item_folder(run.archive, 1)
    truncate(folder / "B04.tif", keep=0.4)
    with pytest.raises(FailureBudgetError, match=r"red: .*B04.tif cannot be read"):
        run.mosaic()
    run.assert_nothing_of("mosaic")
    run.budget = 0.9
    record = run.mosaic()
    summary = record.summary
    assert summary["failed_scenes"] == folder.name
    assert summary["failed_bands"] == "red"
    assert summary["completeness_pct"] == pytest.approx(100 - summary["failed_read_pct"])
    assert summary["valid_pct"] == pytest.approx(summary["completeness_pct"])
    # the right part of the region is on the second tile alone
    dataset = open_mosaic(run.folder("mosaic") / "mosaic.zarr", packed=True)
    lost = dataset["status"].to_numpy() == 4
    assert lost[:, -1].all()
    assert not lost[:, 0].any()
    assert (dataset["red"].to_numpy()[lost] == 0).all()
    reads = run.reads()
    [failed] = reads[reads.outcome != OK].to_dict("records")
    assert (failed["scene"], failed["band"], failed["pixels"]) == (folder.name, "red", 0)
    assert failed["attempts"] == access.UNCLEAR_ATTEMPTS
    assert "B04.tif" in failed["outcome"]


def test_an_item_without_a_band_is_named(run):
    path = item_folder(run.archive, 0) / "item.json"
    item = json.loads(path.read_text())
    del item["assets"]["B08"]
    run.archive.withdraw("sentinel-2-l2a", item["id"])
    run.archive.publish(item)
    run.search()
    with pytest.raises(FailureBudgetError, match=f"{item['id']}.*nir \\(B08\\)"):
        run.stack()


def test_a_striped_file_without_overviews_is_read_with_a_warning(tmp_path, archive):
    path = item_folder(archive, 0) / "B04.tif"
    with rasterio.open(path) as tiled:
        profile, pixels = tiled.profile, tiled.read(1)
    profile.update(tiled=False, blockysize=8)
    profile.pop("blockxsize")
    with rasterio.open(path, "w", **profile) as striped:
        striped.write(pixels, 1)
    run = Run(tmp_path, archive)
    run.search()
    assert f"{path.parent.name} red: striped, not tiled" in run.stack().summary["warnings"]
    assert run.mosaic().summary["valid_pct"] == 100


def flagged(archive: FaultArchive, *, darkest: int) -> str:
    """Replace the archive by an Earth Search item, not marked, with pixels from ``darkest`` on."""
    for tile in (0, 1):
        archive.withdraw("sentinel-2-l2a", item_folder(archive, tile).name)
    item = earth_search_item(Granule(tile=0, day=DAY), applied=False)
    folder = archive.directory / "sentinel-2-l2a" / item["id"]
    rng = np.random.default_rng(1)
    pixels = (darkest + rng.gamma(2, 150, (SIZE, SIZE))).astype(np.uint16)
    write_tif(folder / "B04.tif", pixels)
    write_tif(folder / "B08.tif", pixels + 2000)
    write_tif(folder / "SCL.tif", np.full((SIZE // 2,) * 2, 4, np.uint8), pixel_m=20)
    archive.publish(with_files_at(item, f"{archive.url}/assets/sentinel-2-l2a/{item['id']}"))
    return item["id"]


def test_an_item_marked_wrongly_goes_to_quarantine_with_the_numbers(run):
    flagged(run.archive, darkest=150)
    run.search()
    with pytest.raises(FailureBudgetError, match=r"contradicts.*seems to be taken off already"):
        run.stack()
    run.assert_nothing_of("band_stack")


def test_quarantine_leaves_an_item_out_and_lists_it(run):
    name = flagged(run.archive, darkest=150)
    other = planetary_computer_item(Granule(tile=1, day=DAY))
    run.archive.publish(with_files_at(other, f"{run.archive.url}/assets/{other['id']}"))
    run.search()
    run.budget = 0.5
    summary = run.stack().summary
    assert summary["scenes"] == 1
    assert summary["quarantined"].startswith(f"{name} contradicts: 1 % of ")
    probes = json.loads((run.folder("band_stack") / "probes.json").read_text())
    assert list(probes["quarantined"]) == [name]
    assert probes["scenes_left_out"] == {}


@pytest.mark.parametrize(("darkest", "said"), [(1100, ""), (2600, "too bright to tell")])
def test_a_doubtful_item_whose_pixels_agree_is_used_as_it_says(run, darkest, said):
    flagged(run.archive, darkest=darkest)
    run.search()
    summary = run.stack().summary
    assert (summary["scenes"], summary["quarantined"]) == (1, "")
    assert said in summary["warnings"]
    run.mosaic()
    stored = open_mosaic(run.folder("mosaic") / "mosaic.zarr")["red"].to_numpy()
    assert np.nanmin(stored) == pytest.approx((darkest - 1000) / 10_000, abs=0.004)


def test_a_newer_baseline_takes_the_place_of_the_older(run):
    run.search()
    item = planetary_computer_item(Granule(tile=0, day=DAY))
    old = item["id"]
    item["id"] = f"{old[:-15]}20240101T000000"
    item["properties"]["s2:processing_baseline"] = "05.10"
    run.archive.publish(with_files_at(item, f"{run.archive.url}/assets/{old}"))
    record = run.search()
    items = json.loads((run.folder("stac_items") / "items.json").read_text())
    assert item["id"] in {found["id"] for found in items["features"]}
    [excluded] = items["eo_assets"]["excluded"]
    assert excluded["id"] == old
    assert item["id"] in excluded["reason"]
    assert record.summary["items"] == 2


def test_an_item_withdrawn_between_steps_is_named_and_then_gone(run):
    run.search()
    folder = item_folder(run.archive, 1)
    run.archive.withdraw("sentinel-2-l2a", folder.name)
    for path in folder.glob("*.tif"):
        path.unlink()
    with pytest.raises(FailureBudgetError, match=folder.name):
        run.stack()
    assert run.all().summary["completeness_pct"] == 100


def test_items_across_the_antimeridian_are_read_on_both_sides(tmp_path, archive):
    crs = "EPSG:32760"
    to_utm = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    x, y = (round(value, -1) for value in to_utm.transform(180, -16.85))
    half, width = SIZE * 5, 0.002
    item = planetary_computer_item(Granule(tile=0, day=DAY))
    item["id"] += "_FJ"
    item["properties"] |= {"proj:epsg": 32760, "s2:mgrs_tile": "60KYG"}
    # solar day and UTC differ by twelve hours here
    item["properties"]["datetime"] = "2023-06-30T22:20:31Z"
    item["bbox"] = [179.99, -16.86, -179.99, -16.84]
    item["geometry"] = across(-16.86, -16.84, 0.01)
    folder = archive.directory / item["id"]
    at = {"origin": (x - half, y + half), "crs": crs}
    write_tif(folder / "B04.tif", coded(2000), **at)
    write_tif(folder / "B08.tif", coded(2000), **at)
    write_tif(folder / "SCL.tif", np.full((SIZE // 2,) * 2, 4, np.uint8), pixel_m=20, **at)
    archive.publish(with_files_at(item, f"{archive.url}/assets/{item['id']}"))
    run = Run(tmp_path, archive, id="taveuni", geometry=across(-16.852, -16.848, width), crs=crs)
    summary = run.all().summary
    assert summary["valid_pct"] == 100
    assert summary["region_px"] == pytest.approx(
        2 * width * 106_500 / 10 * 0.004 * 110_700 / 10, rel=0.05
    )
    run = Run(tmp_path, archive, id="auto", geometry=across(-16.852, -16.848, width))
    assert run.all().summary["valid_pct"] == 100


def across(south: float, north: float, width: float) -> dict:
    """A rectangle around the antimeridian, cut there as RFC 7946 asks for."""
    boxes = [(180 - width, 180), (-180, -180 + width)]
    rings = [[[[w, south], [e, south], [e, north], [w, north], [w, south]]] for w, e in boxes]
    return {"type": "MultiPolygon", "coordinates": rings}


@pytest.fixture
def signed(archive, monkeypatch):
    """The archive's files in a storage account whose tokens live two seconds."""
    from planetary_computer.settings import Settings

    archive.set(token_life_s=TOKEN_LIFE_S)
    monkeypatch.setenv("http_proxy", archive.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PC_SDK_SAS_URL", f"{archive.url}/token")
    monkeypatch.setattr(signing, "_TOKENS", signing.Tokens(signing._from_planetary_computer))
    Settings.get.cache_clear()
    in_storage(archive)
    yield archive
    Settings.get.cache_clear()


def in_storage(archive: FaultArchive) -> None:
    """Publish the archive's items anew, with their files in the storage account."""
    for tile in (0, 1):
        item = planetary_computer_item(Granule(tile=tile, day=DAY))
        archive.withdraw("sentinel-2-l2a", item["id"])
        archive.publish(with_files_at(item, f"{STORAGE}/{item['id']}"))


def test_a_run_outlives_its_tokens_and_writes_none_down(run, signed, tmp_path, caplog):
    caplog.set_level(1)
    signed.set(latency_s=0.12)
    started = time.monotonic()
    assert run.all().summary["valid_pct"] == 100
    took = time.monotonic() - started
    assert took > 1.5 * TOKEN_LIFE_S, "too quick to see a token expire"
    # renewed as needed, and not with every file
    assert took / TOKEN_LIFE_S - 1 < signed.n_tokens < 2 * took / TOKEN_LIFE_S + 2
    assert signed.asked(".tif") > 12
    assert MARK.encode() not in written(tmp_path / "outputs")
    assert MARK not in caplog.text
    assert "B04.tif" in caplog.text  # what would have held it is there


def test_tokens_that_are_refused_are_replaced_once_for_all_files(run, signed, caplog):
    caplog.set_level(1)
    signed.set(token_life_s=600)
    run.search()
    run.stack()
    assert signed.n_tokens == 1
    signed.set(tokens={})
    assert run.mosaic().summary["valid_pct"] == 100
    assert signed.n_tokens == 2
    assert MARK not in caplog.text


def test_a_token_that_ends_while_a_file_is_open_is_replaced(signed, monkeypatch):
    """GDAL answers "Read failed" then, and opens the same address from its cache."""
    monkeypatch.delenv("CPL_VSIL_CURL_NON_CACHED")
    signed.set(token_life_s=600)
    path = signed.directory / "large.tif"
    pixels = np.random.default_rng(0).integers(1, 60_000, (1024, 1024)).astype(np.uint16)
    write_tif(path, pixels)
    href = f"{STORAGE}/large.tif"

    def read(window):
        return access.with_file(lambda file: file.read(1, window=window), href)

    with access.gdal_environment():
        read(((0, 64), (0, 64)))
        signed.set(tokens={})
        values, attempts = read(((960, 1024), (960, 1024)))
    assert np.array_equal(values, pixels[960:, 960:])
    assert (attempts, signed.n_tokens) == (2, 2)


def test_files_refused_for_good_are_named_without_their_token(run, signed, tmp_path, caplog):
    caplog.set_level(1)
    run.search()
    signed.fail("B04.tif", 403)
    with pytest.raises(
        FailureBudgetError, match=r"B04.tif cannot be read: access is denied"
    ) as caught:
        run.stack()
    run.assert_nothing_of("band_stack")
    texts = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert MARK not in texts + caplog.text
    assert MARK.encode() not in written(tmp_path / "outputs")


@pytest.mark.parametrize("status", [500, 503])
def test_a_token_service_that_is_down_for_a_while_is_asked_again(run, signed, status):
    run.search()
    signed.fail("/token/", status, times=2)
    assert run.stack().summary["scenes"] == 2


def test_a_token_service_that_is_down_is_the_one_that_is_named(run, signed):
    run.search()
    signed.fail("/token/", 503)
    with pytest.raises(SourceUnavailableError, match="token service gives no token for faultyacc"):
        run.stack()


def test_a_private_catalogue_gets_its_headers_and_nobody_else(run, tmp_path, caplog, monkeypatch):
    caplog.set_level(1)
    headers = {"X-Api-Key": f"{MARK}, with a comma", "Authorization": f"Bearer {MARK}"}
    run.archive.set(headers=headers)
    use_access(Access(url=run.archive.url, headers=headers))
    try:
        assert run.all().summary["valid_pct"] == 100
        search = stac_items.Search(
            catalog="elsewhere", url=run.archive.other_url, partition=run.partition
        )
        with pytest.raises(ConfigurationError, match="denies access"):
            stac_items.find_items(search)
    finally:
        use_access(Access())
    assert MARK.encode() not in written(tmp_path / "outputs")
    assert MARK not in caplog.text
