"""The product store on real object storage: Ceph's S3 gateway, and Azurite.

What a folder promises holds there too: whoever looks sees the former product or the new one; and
what the services refuse is said in words that help, without a secret in them.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import datetime as dt
import json
import pickle
import posixpath
import threading
import time
import traceback

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr
from odc.geo.geobox import GeoBox

from eo_assets.cube.grid import blocks
from eo_assets.errors import ConfigurationError, MissingArtifactError, StorageError
from eo_assets.places import ObjectPlace, place, reading, update_text, writing
from eo_assets.places.rasters import open_raster
from eo_assets.places.zarrs import zarr_at
from eo_assets.settings import load_settings
from eo_assets.storage import prefixes
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.mosaic_zarr import create_mosaic, open_mosaic, write_block
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_catalog import product_catalog, register, register_stored
from eo_assets.storage.store import Record, Store, file_digest
from eo_assets_tests.catalogued import publish_item
from eo_assets_tests.servers.azurite import KEY, container_token
from eo_assets_tests.servers.buckets import bucket_of
from eo_assets_tests.servers.ceph import Ceph
from eo_assets_tests.tiny_archive import region

pytestmark = pytest.mark.integration

DAY = dt.date(2023, 7, 1)
PARTITION = Partition(region=region(), date=DAY)


@pytest.fixture
def bucket(server, monkeypatch):
    yield bucket_of(server, monkeypatch)
    monkeypatch.undo()
    load_settings(outputs="outputs")


@pytest.fixture
def store(bucket):
    return Store(bucket.root)


def record(digest="d1", **changes):
    plain = {
        "step": "mosaic", "region": "seam", "collection": "sentinel-2-l2a", "date": str(DAY),
        "digest": digest,
    }  # fmt: skip
    return Record(**(plain | changes))


def publish(store, digest, **changes):
    with store.publish(PARTITION, "mosaic") as folder:
        (folder / "data").write_text(f"pixels {digest}")
        store.write_record(folder, record(digest, **changes))


def versions(store):
    parent = store.root / "seam/sentinel-2-l2a" / str(DAY)
    return [name for name in parent.children() if name.startswith("mosaic@")]


def test_a_product_is_seen_when_its_record_is_put_and_not_before(store):
    with pytest.raises(MissingArtifactError, match="Materialise mosaic first"):
        store.read_record(PARTITION, "mosaic")
    assert not store.has(PARTITION, "mosaic")
    publish(store, "d1")
    with store.publish(PARTITION, "mosaic") as folder:
        (folder / "data").write_text("pixels d2")
        store.write_record(folder, record("d2"))
        assert store.read_record(PARTITION, "mosaic") == record("d1")
        assert (store.folder(PARTITION, "mosaic") / "data").read_text() == "pixels d1"
    assert store.read_record(PARTITION, "mosaic") == record("d2")
    assert (store.folder(PARTITION, "mosaic") / "data").read_text() == "pixels d2"
    found, same = store.read_product(f"seam/sentinel-2-l2a/{DAY}/mosaic")
    assert (found, same) == (store.folder(PARTITION, "mosaic"), record("d2"))
    assert store.dates(PARTITION.region, "mosaic") == [DAY]
    assert store.products("mosaic") == [f"seam/sentinel-2-l2a/{DAY}/mosaic"]
    assert store.products("clusters") == []


def test_a_step_that_fails_leaves_the_former_product_and_nothing_else(store):
    publish(store, "d1")
    before = versions(store)

    def die(folder):
        (folder / "data").write_text("half")
        raise RuntimeError("worker died")

    with (
        pytest.raises(RuntimeError, match="worker died"),
        store.publish(PARTITION, "mosaic") as folder,
    ):
        die(folder)
    assert store.read_record(PARTITION, "mosaic") == record("d1")
    assert versions(store) == before


def test_of_two_writers_the_first_to_finish_counts_and_the_other_says_so(store):
    publish(store, "d0")

    def be_late():
        with store.publish(PARTITION, "mosaic") as folder:
            publish(store, "d1")
            store.write_record(folder, record("d2"))

    with pytest.raises(StorageError, match=r"Another run has published .*mosaic.*Materialise it"):
        be_late()
    assert store.read_record(PARTITION, "mosaic") == record("d1")
    # made from the same: nobody has lost anything
    with store.publish(PARTITION, "mosaic") as folder:
        publish(store, "d3")
        store.write_record(folder, record("d3"))
    assert store.read_record(PARTITION, "mosaic") == record("d3")
    assert len(versions(store)) == 3  # d0 and d1 may still be read for a while


def test_many_first_writers_agree_on_one(store):
    def attempt(n):
        try:
            publish(store, f"d{n}")
        except StorageError:
            return None
        return f"d{n}"

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        winners = [one for one in pool.map(attempt, range(6)) if one]
    assert store.read_record(PARTITION, "mosaic").digest in winners
    assert (store.folder(PARTITION, "mosaic") / "data").read_text().split()[1] in winners


def test_what_nobody_reads_any_more_is_removed(store, monkeypatch):
    parent = store.root / "seam/sentinel-2-l2a" / str(DAY)
    publish(store, "d1")
    for name in ("mosaic@20200101T000000-killed", "mosaic@29990101T000000-running", "mosaic@odd"):
        (parent / name / "data").write_text("half a mosaic")
    time.sleep(1.1)  # stamps and the service's clock count seconds
    publish(store, "d2")
    left = versions(store)
    assert "mosaic@20200101T000000-killed" not in left
    assert {"mosaic@29990101T000000-running", "mosaic@odd"} <= set(left)
    assert len(left) == 4, "the former version can be read for another hour"
    monkeypatch.setattr(prefixes, "GRACE_S", -1.0)
    publish(store, "d3")
    assert len(versions(store)) == 4  # d1 is gone, d2 was current until now
    assert store.read_record(PARTITION, "mosaic") == record("d3")


def test_the_stac_item_is_put_last_where_it_stays(store):
    item = {"id": "x", "assets": {"data": {"href": "./x.tif"}, "web": {"href": "https://a/b"}},
            "links": [{"rel": "collection", "href": "../../collection.json"}]}  # fmt: skip
    for digest in ("d1", "d2"):
        with store.publish(PARTITION, "mosaic") as folder:
            (folder / "x.json").write_text(json.dumps(item))
            (folder / "x.tif").write_text(digest)
            store.write_record(folder, record(digest, files={"stac_item": "x.json"}))
        stays = store.root / "seam/sentinel-2-l2a" / str(DAY) / "mosaic"
        put = json.loads((stays / "x.json").read_text())
        href = put["assets"]["data"]["href"]
        assert (stays.parent / href.removeprefix("../")).read_text() == digest
        assert put["assets"]["web"] == item["assets"]["web"]
        assert put["links"] == item["links"]


def test_readers_of_a_product_that_is_replaced_again_and_again_see_whole_ones(store):
    publish(store, "d0")
    faults, done = [], threading.Event()

    def look():
        while not done.is_set():
            folder, seen = store.read_product(f"seam/sentinel-2-l2a/{DAY}/mosaic")
            if (folder / "data").read_text() != f"pixels {seen.digest}":
                faults.append(seen.digest)

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(look) for _ in range(3)]
        for n in range(15):
            publish(store, f"d{n}")
        done.set()
        for reader in readers:
            reader.result()
    assert faults == []


def test_changes_of_a_small_file_by_many_are_all_kept(store):
    counter = store.root / "counter.json"

    def add(former):
        return json.dumps([*json.loads(former or "[]"), threading.get_ident()])

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(lambda _: update_text(counter, add), range(10)))
    assert len(json.loads(counter.read_text())) == 10


@pytest.fixture(scope="module")
def geobox():
    return GeoBox.from_bbox((0, 0, 7000, 6000), "EPSG:32635", resolution=10)


def test_a_zarr_is_written_by_blocks_and_read_where_it_lies(store, geobox):
    shape = geobox.shape
    values = np.arange(shape[0] * shape[1], dtype=np.uint16).reshape(shape)
    attrs = {"scale_factor": 0.5, "_FillValue": 0}
    target = store.root / "mosaic.zarr"
    create_mosaic(target, xr.Dataset({"red": (("y", "x"), values[:1, :1], attrs)}), geobox)
    for block in blocks(geobox, size=512, chunk=512):
        write_block(str(target), block, xr.Dataset({"red": (("y", "x"), values[block.slices])}))
    with pytest.raises(Exception, match="already contains"):
        create_mosaic(target, xr.Dataset(), geobox)
    assert (store.root / "zarr.json").is_file() is False, "nothing is written beside it"
    found = open_mosaic(str(target), packed=True)
    assert np.array_equal(found["red"].to_numpy(), values)
    assert found.odc.geobox == geobox
    # by zarr alone
    plain = zarr.open_group(zarr.storage.ObjectStore(target.client), path=target.key)
    assert np.array_equal(plain["red"][5:9], values[5:9])
    # what goes to workers with a lazy array opens there, with their own keys
    sent = pickle.dumps(zarr.open_group(**zarr_at(target)))
    assert KEY.encode() not in sent
    assert b"opens nothing but this test" not in sent
    assert np.array_equal(pickle.loads(sent)["red"][5:9], values[5:9])


def test_a_geotiff_is_put_whole_and_read_by_ranges(store, geobox, tmp_path):
    shape = geobox.shape
    values = np.random.default_rng(1).integers(1, 60_000, shape, np.uint16)
    options = {"dtype": "uint16", "nodata": 0, "tags": {}, "overview_resampling": "average"}
    for target in (store.root / "a.tif", tmp_path / "a.tif"):
        write_cog(
            target, geobox, [CogBand(name="red")], lambda _, window: values[window], **options
        )
    target = store.root / "a.tif"
    assert target.read_bytes() == (tmp_path / "a.tif").read_bytes()
    assert file_digest(target) == file_digest(tmp_path / "a.tif")
    with open_raster(str(target), driver="GTiff") as file:
        window = rasterio.windows.Window(100, 200, 50, 40)
        assert np.array_equal(file.read(1, window=window), values[200:240, 100:150])
    with reading(target) as first, reading(target) as second:
        assert first == second, "one copy serves all"
    target.write_text("another one")
    with reading(target) as path:
        assert path.read_text() == "another one"
    with pytest.raises(FileNotFoundError), reading(store.root / "none.tif"):
        pass


def test_places_behave_as_paths_do(store):
    folder = store.root / "a" / "b c é@1"
    for name in ("x.txt", "y.tar.gz", "sub/z"):
        (folder / name).write_text(name)
    assert folder.children() == ["sub", "x.txt", "y.tar.gz"]
    assert [one.name for one in folder.glob("*.txt")] == ["x.txt"]
    assert place(str(folder / "x.txt")) == folder / "x.txt"
    assert folder / "sub/../x.txt" == folder / "x.txt"
    assert (folder / "y.tar.gz").stem == "y.tar"
    assert (folder / "x.txt").with_suffix(".json").name == "x.json"
    assert folder.is_dir()
    assert not folder.is_file()
    assert (folder / "x.txt").stat().st_size == 5
    assert abs((folder / "x.txt").stat().st_mtime - time.time()) < 120
    assert str((folder / "sub/z").relative_to(folder)) == "sub/z"
    folder.remove_tree()
    assert not folder.exists()
    folder.remove_tree()
    (folder / "x.txt").unlink()


# -- what services refuse ----------------------------------------------------------------------


def complaint(action, secret="SECRET"):
    """What is said of a refusal; the secret is nowhere in it, nor in what led to it."""
    with pytest.raises((StorageError, ConfigurationError)) as caught:
        action()
    shown = "".join(traceback.format_exception(caught.value))
    assert secret not in shown
    assert "&sig=" not in shown
    return str(caught.value)


def wrong(server, secret):
    if isinstance(server, Ceph):
        return {"AWS_SECRET_ACCESS_KEY": secret}
    return {"AZURE_STORAGE_ACCOUNT_KEY": secret}


def test_wrong_keys(bucket, store, server):
    publish(store, "d1")
    secret = "U0VDUkVUU0VDUkVU"
    bucket.settings(wrong(server, secret))
    names = "AWS_SECRET_ACCESS_KEY" if isinstance(server, Ceph) else "AZURE_STORAGE_ACCOUNT_KEY"
    for action in (lambda: store.read_record(PARTITION, "mosaic"), lambda: publish(store, "d2")):
        said = complaint(action, secret)
        assert "keys are wrong" in said or "access is denied" in said
        assert names in said
    complaint(lambda: open_mosaic(store.root / "mosaic.zarr"), secret)


def test_a_bucket_that_is_not_there(bucket):
    store = Store(ObjectPlace(bucket.root.scheme, "eo-no-such-bucket", "prefix"))
    for action in (
        lambda: store.read_record(PARTITION, "mosaic"),
        lambda: store.dates(PARTITION.region, "mosaic"),
        lambda: publish(store, "d1"),
    ):
        assert "does not exist" in complaint(action)


def test_an_endpoint_that_does_not_answer_or_must_not_be_used(bucket, store, server):
    kind = "AWS" if isinstance(server, Ceph) else "AZURE"
    variable = "AWS_ENDPOINT_URL" if kind == "AWS" else "AZURE_STORAGE_ENDPOINT"
    bucket.settings({variable: "http://127.0.0.1:1/x"})
    said = complaint(lambda: store.read_record(PARTITION, "mosaic"))
    assert "does not answer" in said
    assert variable in said
    bucket.settings({f"{kind}_ALLOW_HTTP": "false"})
    said = complaint(lambda: store.read_record(PARTITION, "mosaic"))
    assert "without TLS" in said
    assert f"{kind}_ALLOW_HTTP" in said


def test_a_quota_that_is_used_up(bucket, server, monkeypatch):
    if not isinstance(server, Ceph):
        pytest.skip("Azurite has no quotas; the account's own words are translated likewise")
    user = server.user()
    server.limit(user, 1_000_000)
    root = ObjectPlace("s3", server.bucket(user), "prefix")
    bucket.settings(server.environment(user))
    store = Store(root)
    publish(store, "d1")

    def much():
        with store.publish(PARTITION, "mosaic") as folder, writing(folder / "big") as path:
            path.write_bytes(b"x" * 12_000_000)

    assert "quota is used up" in complaint(much, user.secret)
    assert store.read_record(PARTITION, "mosaic") == record("d1")
    assert len(versions(store)) == 1


def test_a_token_that_has_expired(bucket, store, server):
    if isinstance(server, Ceph):
        pytest.skip("Ceph has no service for temporary keys here; see the unit tests of faults")
    publish(store, "d1")
    bucket.monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    rights = {"end": time.time() + 3600, "rights": "rwdl"}
    bucket.settings({"AZURE_STORAGE_SAS_TOKEN": container_token(bucket.root.bucket, **rights)})
    publish(store, "d2")
    assert store.read_record(PARTITION, "mosaic") == record("d2")
    ended = container_token(bucket.root.bucket, end=time.time() - 60, rights="rwdl")
    bucket.settings({"AZURE_STORAGE_SAS_TOKEN": ended})
    said = complaint(lambda: publish(store, "d3"), ended.rpartition("sig=")[2])
    assert "AZURE_STORAGE_SAS_TOKEN" in said


def test_secrets_are_in_no_setting_that_is_shown_and_no_place(bucket):
    settings = bucket.settings()
    shown = f"{settings!r} {settings.model_dump()} {settings.outputs!r}"
    assert KEY not in shown
    assert "a secret that opens nothing" not in shown
    assert settings.environment()["EO_ASSETS_OUTPUTS"] == str(bucket.root)


def test_products_registered_at_once_are_all_in_the_static_catalogue(store):
    days = [DAY + dt.timedelta(days=n) for n in range(6)]

    def add(day):
        where = Partition(region=region(), date=day)
        made = publish_item(store, where, f"seam_{day}")
        register(product_catalog(store.root), store, where, made)

    with concurrent.futures.ThreadPoolExecutor(6) as threads:
        list(threads.map(add, days))
    # on another grid: the listing leads to the new item, and that to its files
    publish_item(store, Partition(region=region(), date=DAY), "other")
    list(register_stored(product_catalog(store.root), store, region(), ["geotiff"]))
    [child] = links(store.root / "catalog.json", "child")
    assert child == store.root / "seam/sentinel-2-l2a/collection.json"
    [year] = links(child, "child")
    items = links(year, "item")
    assert [item.name for item in items] == ["other.json", *(f"seam_{d}.json" for d in days[1:])]
    for item in items:
        href = json.loads(item.read_text())["assets"]["data"]["href"]
        assert at(item, href).is_file()


def links(document, rel):
    """The objects that links of a document lead to."""
    found = json.loads(document.read_text())["links"]
    return [at(document, link["href"]) for link in found if link["rel"] == rel]


def at(document, href):
    """The object that a relative address leads to."""
    key = posixpath.normpath(posixpath.join(posixpath.dirname(document.key), href))
    return dataclasses.replace(document, key=key)
