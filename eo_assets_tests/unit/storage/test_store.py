from __future__ import annotations

import datetime as dt
import errno
import os
import socket
import subprocess
import threading
import time

import pytest

from eo_assets.errors import MissingArtifactError, StaleArtifactError, StorageError
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store, digest_of, file_digest, storage_errors
from eo_assets_tests.small_disk import tmpfs
from eo_assets_tests.tiny_archive import region

PARTITION = Partition(region=region(), date=dt.date(2023, 7, 1))


def record(digest="d1", **changes):
    plain = {
        "step": "mosaic",
        "region": "seam",
        "collection": "sentinel-2-l2a",
        "date": "2023-07-01",
        "digest": digest,
    }
    return Record(**(plain | changes))


def publish(store, digest, content="pixels"):
    with store.publish(PARTITION, "mosaic") as folder:
        (folder / "data").write_text(content + digest)
        store.write_record(folder, record(digest))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "outputs")


def everything_in(store):
    return {path.name for path in store.folder(PARTITION, "mosaic").parent.iterdir()}


def owner(pid):
    return f"{pid}@{socket.gethostname().replace('-', '_')}"


def test_a_product_lies_where_people_look_for_it(store):
    publish(store, "d1")
    folder = store.root / "seam" / "sentinel-2-l2a" / "2023-07-01" / "mosaic"
    assert (folder / "data").read_text() == "pixelsd1"
    assert store.read_record(PARTITION, "mosaic") == record()
    assert folder.stat().st_mode & 0o777 == 0o755


def test_a_record_survives_storing(store):
    full = record(
        empty="all_cloud",
        summary={"valid_pct": 99.5, "valid_px": 7, "warnings": "néné"},
        upstream={"band_stack": "d0"},
        files={"mosaic": "mosaic.zarr"},
    )
    with store.publish(PARTITION, "mosaic") as folder:
        store.write_record(folder, full)
    assert store.read_record(PARTITION, "mosaic") == full


def test_a_failed_step_leaves_the_former_product_and_nothing_else(store):
    publish(store, "d1")

    def die(folder):
        (folder / "data").write_text("half")
        raise RuntimeError("worker died")

    with (
        pytest.raises(RuntimeError, match="worker died"),
        store.publish(PARTITION, "mosaic") as folder,
    ):
        die(folder)
    assert store.read_record(PARTITION, "mosaic") == record("d1")
    assert everything_in(store) == {"mosaic"}


def test_a_new_product_replaces_the_former_one_whole(store):
    with store.publish(PARTITION, "mosaic") as folder:
        (folder / "old-file").write_text("x")
        store.write_record(folder, record("d1"))
    publish(store, "d2")
    assert store.read_record(PARTITION, "mosaic").digest == "d2"
    assert {p.name for p in store.folder(PARTITION, "mosaic").iterdir()} == {"data", "record.json"}
    assert everything_in(store) == {"mosaic"}


def test_until_it_is_finished_nobody_sees_the_new_product(store):
    publish(store, "d1")
    with store.publish(PARTITION, "mosaic") as folder:
        store.write_record(folder, record("d2"))
        assert store.read_record(PARTITION, "mosaic").digest == "d1"
    assert store.read_record(PARTITION, "mosaic").digest == "d2"


def test_what_was_killed_between_two_renames_is_mended_by_the_next_look(store):
    publish(store, "d1")
    final = store.folder(PARTITION, "mosaic")
    final.rename(final.parent / ".mosaic-former")
    assert store.read_record(PARTITION, "mosaic").digest == "d1"
    assert everything_in(store) == {"mosaic"}


def test_what_was_killed_is_tidied_up_by_the_next_run(store):
    publish(store, "d1")
    parent = store.folder(PARTITION, "mosaic").parent
    dead = subprocess.Popen(["true"])
    dead.wait()
    for leftover in (
        f".mosaic-{owner(dead.pid)}-abc",
        ".mosaic-former",
        f".mosaic-{owner(os.getpid())}-live",
    ):
        (parent / leftover).mkdir()
    old = parent / f".mosaic-{owner(os.getpid())}-old"
    old.mkdir()
    os.utime(old, (time.time() - 90_000,) * 2)
    publish(store, "d2")
    assert everything_in(store) == {"mosaic", f".mosaic-{owner(os.getpid())}-live"}


def test_whoever_looks_sees_the_old_or_the_new_product(store):
    publish(store, "d0")
    faults, done = [], threading.Event()

    def look():
        while not done.is_set():
            try:
                store.read_record(PARTITION, "mosaic")
            except Exception as error:  # noqa: BLE001 -- whatever it is, it is a fault
                faults.append(error)

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    try:
        for n in range(150):
            publish(store, f"d{n}")
    finally:
        done.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert everything_in(store) == {"mosaic"}


def test_a_product_that_was_never_made_says_what_to_do(store):
    with pytest.raises(MissingArtifactError, match=r"no mosaic of seam.*Materialise mosaic first"):
        store.read_record(PARTITION, "mosaic")


@pytest.mark.parametrize(
    "content",
    ['{"schema_version": 2}', "{}", "", "[]", '{"schema_version": 1, "step": "mosaic"}', "\x00"],
)
def test_a_record_of_another_version_says_what_to_do(store, content):
    publish(store, "d1")
    (store.folder(PARTITION, "mosaic") / "record.json").write_text(content)
    with pytest.raises(StaleArtifactError, match=r"Materialise mosaic again"):
        store.read_record(PARTITION, "mosaic")


def test_an_empty_product_passes_its_reason_on(store):
    upstream = record("d1", step="stac_items", empty="no_scene")
    made = store.publish_empty(PARTITION, "band_stack", upstream=upstream)
    assert made == store.read_record(PARTITION, "band_stack")
    assert (made.empty, made.upstream) == ("no_scene", {"stac_items": "d1"})
    other = store.publish_empty(PARTITION, "band_stack", upstream=upstream, reason="all_cloud")
    assert other.empty == "all_cloud"


def test_a_disk_with_too_little_space_is_told_before_work_begins(store):
    with (
        pytest.raises(StorageError, match=r"MB free; about 1,000,000,000,000 MB are needed"),
        store.publish(PARTITION, "mosaic", needs_bytes=10**18),
    ):
        pytest.fail("work began")
    assert everything_in(store) == set()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "outputs").write_text("a file")
    with (
        pytest.raises(StorageError, match=r"cannot be written: a file is in the way.*Remove it"),
        Store(tmp_path / "outputs").publish(PARTITION, "mosaic"),
    ):
        pass


def test_a_disk_that_fills_up_is_a_storage_error_and_leaves_no_draft(tmp_path):
    with tmpfs(tmp_path / "disk", "size=256k") as disk:
        store = Store(disk / "outputs")
        publish(store, "d1")
        with (
            pytest.raises(StorageError, match=r"the disk is full.*Free some space"),
            store.publish(PARTITION, "mosaic") as folder,
        ):
            (folder / "data").write_bytes(b"x" * 1_000_000)
        assert store.read_record(PARTITION, "mosaic").digest == "d1"
        assert everything_in(store) == {"mosaic"}


def test_a_read_only_disk_is_a_storage_error(tmp_path):
    with (
        tmpfs(tmp_path / "disk", "ro") as disk,
        pytest.raises(StorageError, match=r"not allowed.*permissions"),
        Store(disk / "outputs").publish(PARTITION, "mosaic"),
    ):
        pass


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "not allowed"),
        (errno.EROFS, "not allowed"),
        (errno.ENOTDIR, "in the way"),
    ],
)
def test_what_the_operating_system_says_is_translated(tmp_path, number, words):
    with pytest.raises(StorageError, match=words), storage_errors(tmp_path):
        raise OSError(number, os.strerror(number))


def test_other_complaints_are_left_as_they_are(tmp_path):
    with pytest.raises(OSError, match="Input/output") as caught, storage_errors(tmp_path):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert not isinstance(caught.value, StorageError)


def test_digests_keep_parts_apart(tmp_path):
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a", b"b") == digest_of(b"a", "b")
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    # the well-known test vector of FIPS 180-2
    assert file_digest(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_partitions_are_named_as_people_name_them():

    day = dt.date(2024, 2, 26)
    assert PARTITION.key == "2023-07-01|seam"
    assert str(PARTITION) == "seam (sentinel-2-l2a) on 2023-07-01"
    for cadence, last in [
        ("daily", dt.date(2024, 2, 26)),
        ("weekly", dt.date(2024, 3, 3)),
        ("monthly", dt.date(2024, 2, 29)),
        ("yearly", dt.date(2024, 12, 31)),
    ]:
        assert Partition(region=region(), date=day, cadence=cadence).last_date == last
