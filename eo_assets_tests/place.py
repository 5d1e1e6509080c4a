"""A place of its own for a region's mosaic, made through Dagster on whatever workers there are."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from eo_assets.catalog.regions import Region
from eo_assets.definitions import build_defs
from eo_assets.defs.jobs import CHAIN
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store

DAY = "2023-07-01"
STEPS = ("stac_items", "band_stack", "mosaic")


@dataclass(frozen=True)
class Place:
    """Where a run works: picklable, so that it can be given to another process."""

    catalog: str
    outputs: Path
    region: Region

    def run(
        self, scheduler: str = "", steps: tuple[str, ...] = STEPS, **settings: object
    ) -> dg.ExecuteInProcessResult:
        """Make the products of these steps; whether that succeeded is for the caller to see."""
        own = {"catalog": self.catalog, "outputs": self.outputs, "max_retries": 0}
        chosen = load_settings(dask_address=scheduler, **own, **settings)
        job = build_defs(chosen, regions={self.region.id: self.region}).resolve_job_def(CHAIN)
        with dg.DagsterInstance.ephemeral() as instance:
            return job.execute_in_process(
                partition_key=dg.MultiPartitionKey({"date": DAY, "region": self.region.id}),
                asset_selection=[dg.AssetKey(step) for step in steps],
                instance=instance,
                raise_on_error=False,
            )

    @property
    def folder(self) -> Path:
        """The folder of the mosaic."""
        partition = Partition(self.region, dt.date.fromisoformat(DAY))
        return Store(self.outputs).folder(partition, "mosaic")

    def drafts(self) -> list[Path]:
        """What is being made, or was left behind."""
        return [path for path in self.folder.parent.glob(".mosaic-*") if path.is_dir()]

    def contents(self) -> dict[str, str]:
        """Checksum of each file of the mosaic, but for how long reads took."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(self.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
            if path.name != "reads.parquet"
        }


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """What a failed run says."""
    return "\n".join(
        str(event.step_failure_data.user_failure_data.description)
        if event.step_failure_data.user_failure_data
        else str(event.step_failure_data.error)
        for event in result.all_events
        if event.is_step_failure
    )
