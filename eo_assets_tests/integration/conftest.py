"""What integration tests share: the sample archive, a Dask cluster, and products made with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from distributed import LocalCluster

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.jobs import CHAIN
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets_tests.servers.azurite import Azurite, azurite
from eo_assets_tests.servers.buckets import Bucket, bucket_of
from eo_assets_tests.servers.ceph import Ceph, ceph
from eo_assets_tests.whole_archive import whole_archive


@pytest.fixture(scope="session")
def archive() -> Path:
    """The whole sample archive, with its truth."""
    return whole_archive()


@pytest.fixture(scope="session")
def scheduler() -> Iterator[str]:
    """Address of a cluster of two worker processes, shared by all tests."""
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        memory_limit="3GiB",
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster.scheduler_address


@dataclass(frozen=True)
class Products:
    """The products of one run.

    Attributes:
        partition: What they are about.
        store: Where they are.
        result: Of the run.
    """

    partition: Partition
    store: Store
    result: dg.ExecuteInProcessResult

    def record(self, step: str) -> Record:
        """The record of a step's product."""
        return self.store.read_record(self.partition, step)

    def file(self, step: str, role: str) -> Path:
        """A file of a step's product."""
        return self.store.folder(self.partition, step) / self.record(step).files[role]

    def folder(self, step: str) -> Path:
        """The folder of a step's product."""
        return self.store.folder(self.partition, step)


class Chain:
    """Materialises assets through Dagster, each partition once a place."""

    def __init__(self, archive: Path, scheduler: str, outputs: Path) -> None:
        self.outputs = outputs
        self._settings = load_settings(
            catalog="sample",
            sample_dir=archive,
            dask_address=scheduler,
            outputs=outputs / "first",
            max_retries=0,
        )
        self._made: dict[tuple[str, str, str], Products] = {}

    def __call__(
        self, region: str, date: str, *, last: str = STEPS[-1], place: str = "first"
    ) -> Products:
        """Make the products of a partition up to a step; those made before are given again."""
        made = self._made.get((region, date, place))
        if made is None or not _holds(made, last):
            made = self._run(load_regions()[region], date, STEPS[: STEPS.index(last) + 1], place)
            self._made[region, date, place] = made
        return made

    def _run(self, region: Region, date: str, steps: tuple[str, ...], place: str) -> Products:
        settings = self._settings.model_copy(update={"outputs": self.outputs / place})
        job = build_defs(settings).resolve_job_def(CHAIN)
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(
                partition_key=dg.MultiPartitionKey({"date": date, "region": region.id}),
                asset_selection=[dg.AssetKey(step) for step in steps],
                instance=instance,
            )
        partition = Partition(region, dt.date.fromisoformat(date))
        return Products(partition, Store(settings.outputs), result)


def _holds(products: Products, step: str) -> bool:
    return (products.folder(step) / "record.json").exists()


@pytest.fixture(scope="session")
def chain(archive, scheduler, tmp_path_factory) -> Chain:
    """Makes products of the sample archive on the shared cluster, each once."""
    return Chain(archive, scheduler, tmp_path_factory.mktemp("products"))


@pytest.fixture(scope="session")
def s3() -> Iterator[Ceph]:
    """A real S3 service, shared: each test has a bucket of its own."""
    with ceph() as running:
        yield running


@pytest.fixture(scope="session")
def azure() -> Iterator[Azurite]:
    """A real Azure Blob service, shared: each test has a container of its own."""
    with azurite() as running:
        yield running


@pytest.fixture(scope="module", params=["s3", "azure"])
def server(request) -> Ceph | Azurite:
    """Object storage of either kind."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def bucket(server) -> Iterator[Bucket]:
    """A bucket of the module's own, which this process reaches."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield bucket_of(server, monkeypatch)
    load_settings(outputs="outputs")
