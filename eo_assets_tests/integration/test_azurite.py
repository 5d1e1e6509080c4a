"""Signing for real: Dagster and Dask against Azurite, signed for by the Planetary Computer's SDK.

Reading happens on Dask's workers, which find the proxy and the token service in the environment
they inherit, and in nothing they are sent.
"""

from __future__ import annotations

import json
import traceback
from urllib.parse import unquote

import dagster as dg
import pytest

from eo_assets.definitions import build_defs
from eo_assets.defs.instance import open_instance
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets_tests.faults.archive import with_files_at, written
from eo_assets_tests.servers.azurite import azurite
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

MONDAY = "2023-06-26"
DAYS = [f"2023-06-{day}" for day in range(26, 31)]
STEPS = ("stac_items", "band_stack", "mosaic")


@pytest.fixture(scope="module")
def storage():
    with azurite() as service:
        yield service


@pytest.fixture(scope="module")
def catalog(storage, tmp_path_factory):
    """Five days of two tiles, whose files lie in Azurite."""
    directory = tmp_path_factory.mktemp("catalog")
    for day in DAYS:
        for tile in (0, 1):
            path = write_granule(directory, Granule(tile=tile, day=day))
            item, address = json.loads(path.read_text()), ""
            for tif in path.parent.glob("*.tif"):
                name = f"{path.parent.name}/{tif.name}"
                address = storage.upload("sentinel2-l2", name, tif.read_bytes())
                tif.unlink()
            folder = address.rpartition("/")[0]
            path.write_text(json.dumps(with_files_at(item, folder)))
    with EmbeddedCatalog(directory, writable=False) as served:
        yield served.url


@pytest.fixture
def run(catalog, storage, tmp_path, monkeypatch):
    """Materialise the first three assets of the week with Dagster, on a cluster of its own."""
    monkeypatch.setenv("http_proxy", storage.proxy)
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("PC_SDK_SAS_URL", storage.tokens_url)
    storage.answers.clear()
    storage.signatures.clear()
    settings = load_settings(
        catalog=catalog,
        outputs=tmp_path / "outputs",
        dagster_home=tmp_path / "dagster",
        cadence="weekly",
        composite="median",
        dask_workers=2,
        max_retries=0,
    )
    chosen = region()
    defs = build_defs(settings, regions={chosen.id: chosen})
    key = dg.MultiPartitionKey({"date": MONDAY, "region": chosen.id})

    def execute():
        job = defs.resolve_implicit_global_asset_job_def()
        with open_instance(settings.dagster_home) as instance:
            job.execute_in_process(
                partition_key=key,
                instance=instance,
                asset_selection=[dg.AssetKey(step) for step in STEPS],
            )

    return execute


def leaks(storage, tmp_path, text: str) -> list[str]:
    """Signatures found in anything that was written or shown."""
    everything = written(tmp_path / "outputs", tmp_path / "dagster") + text.encode()
    forms = {form for s in storage.signatures for form in (s, unquote(s))}
    return [form for form in forms if form.encode() in everything]


def test_a_run_twice_as_long_as_a_token_lives(run, storage, tmp_path, caplog, capfd):
    caplog.set_level(1)
    storage.token_life_s, storage.latency_s = 6, 0.2
    run()
    times, statuses = zip(*storage.answers, strict=True)
    assert times[-1] - times[0] > 2 * storage.token_life_s
    record = json.loads(next(tmp_path.rglob("mosaic/record.json")).read_text())
    assert record["summary"]["valid_pct"] == 100
    assert record["summary"]["completeness_pct"] == 100
    # renewed in time as a rule: hardly a request was refused
    assert set(statuses) <= {200, 206, 403}
    assert statuses.count(403) < 0.2 * len(statuses)
    assert len(storage.signatures) > 2
    shown = capfd.readouterr()
    assert not leaks(storage, tmp_path, caplog.text + shown.out + shown.err)
    # the addresses themselves are there, unsigned
    assert b"eoaccount.blob.core.windows.net/sentinel2-l2/" in written(tmp_path / "outputs")


def test_tokens_that_open_nothing_fail_the_run_and_show_nowhere(
    run, storage, tmp_path, caplog, capfd
):
    caplog.set_level(1)
    storage.token_life_s, storage.latency_s = -60, 0.0
    with pytest.raises(dg.Failure, match="cannot be read: access is denied") as caught:
        run()
    assert {status for _, status in storage.answers} == {403}
    assert not list(tmp_path.rglob("band_stack"))
    text = "".join(traceback.format_exception(caught.value)) + repr(caught.value.metadata)
    shown = capfd.readouterr()
    assert not leaks(storage, tmp_path, text + caplog.text + shown.out + shown.err)
