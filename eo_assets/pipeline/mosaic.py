"""The mosaic: a partition's virtual cube evaluated block by block into a Zarr, with a read log."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from eo_assets.catalog.indices import get_index
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import Evaluation, evaluate
from eo_assets.cube.graph import VirtualCube, parse_cube
from eo_assets.cube.grid import Block, blocks
from eo_assets.cube.reading import Read
from eo_assets.errors import ConfigurationError, FailureBudgetError
from eo_assets.pipeline.mosaic_checks import check_mosaic
from eo_assets.pipeline.mosaic_item import (
    ChunkDigests,
    digest_chunks,
    pixel_checksum,
    write_mosaic_item,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place
from eo_assets.reporting.thumbnail import write_thumbnail
from eo_assets.storage.mosaic_zarr import CHUNK, create_mosaic, write_block
from eo_assets.storage.partition import Partition
from eo_assets.storage.read_log import write_reads
from eo_assets.storage.region_grid import read_grid
from eo_assets.storage.store import Record, Store, digest_of

STEP = "mosaic"
MOSAIC = "mosaic.zarr"
THUMBNAIL = "thumbnail.png"
READS = "reads.parquet"

NDVI_ROWS = 64
"""Rows of a block at once: what is computed on the way stays in the processor's cache."""

ALL_CLOUD = "all_cloud"
OUTSIDE_SWATH = "outside_swath"


@dataclass(frozen=True, kw_only=True)
class BlockTask:
    """One block to compute.

    Attributes:
        cube: Path of the cube.
        digest: Digest of band_stack, which the cube is a part of.
        grid: Path of the grid.
        mosaic: Path of the Zarr to write to.
        block: Where.
    """

    cube: str
    digest: str
    grid: str
    mosaic: str
    block: Block


@dataclass(frozen=True, kw_only=True)
class BlockSummary:
    """What came of a block.

    Attributes:
        block: The block.
        status: Number of pixels of each ``Status``.
        reads: What was read for it.
        ndvi_sum: Sum of the NDVI of valid pixels.
        ndvi_n: How many that were.
        chunks: Digests of its chunks of pixels.
    """

    block: Block
    status: dict[int, int]
    reads: tuple[Read, ...]
    ndvi_sum: float
    ndvi_n: int
    chunks: ChunkDigests


def materialise(
    partition: Partition,
    *,
    store: Store,
    runner: TaskRunner,
    failure_budget: float,
    block_px: int,
) -> Record:
    """Compute the mosaic on the runner's workers, each writing its own blocks.

    Args:
        partition: The partition.
        store: Where the cube is and the mosaic goes.
        runner: Where blocks are computed.
        failure_budget: Share of the region's pixels that may be missing because a file could not
            be read, 0-1.
        block_px: Edge of a block, pixels; no result depends on it.

    Returns:
        The record; empty with ``all_cloud`` or ``outside_swath`` when no pixel is valid.

    Raises:
        MissingArtifactError: ``band_stack`` has not been materialised.
        FailureBudgetError: Too many pixels are missing because of files that cannot be read.
        SourceUnavailableError: A server does not answer.
        StorageError: The mosaic cannot be stored.
    """
    upstream = store.read_usable(partition, "band_stack")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    source = store.folder(partition, "band_stack")
    cube = read_cube(str(source / upstream.files["cube"]), upstream.digest)
    grid = read_grid(str(source / upstream.files["grid"]))
    geobox = grid.geobox
    template = evaluate(cube.with_scenes(()), geobox[0:1, 0:1]).packed
    needs = int(geobox.shape[0]) * int(geobox.shape[1]) * 2 * len(cube.bands)
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        create_mosaic(folder / MOSAIC, template, geobox)
        tasks = [
            BlockTask(
                cube=str(source / upstream.files["cube"]),
                digest=upstream.digest,
                grid=str(source / upstream.files["grid"]),
                mosaic=str(folder / MOSAIC),
                block=block,
            )
            for block in blocks(geobox, size=block_px, chunk=CHUNK)
        ]
        results = runner.map(compute_block, tasks, label="mosaic blocks")
        record = _record(partition, cube, results, upstream)
        _check_budget(record, failure_budget, partition)
        if record.empty is None:
            verdicts = check_mosaic(
                partition,
                folder / MOSAIC,
                bands=cube.bands,
                failed_read_pct=float(record.summary["failed_read_pct"]),
                failure_budget=failure_budget,
                runner=runner,
            )
            record = record.model_copy(update={"verdicts": verdicts})
        write_reads(folder / READS, ((r.block, read) for r in results for read in r.reads))
        if record.empty is None:
            runner.map(write_thumbnail, [(folder / MOSAIC, folder / THUMBNAIL)], label="thumbnail")
            checksum = pixel_checksum(result.chunks for result in results)
            item = write_mosaic_item(
                partition, cube, grid, record, checksum, folder=folder, store=store
            )
            record = record.model_copy(update={"files": {**record.files, "stac_item": item}})
        store.write_record(folder, record)
    return record


def compute_block(task: BlockTask) -> BlockSummary:
    """Compute one block and write it; runs on a worker.

    Args:
        task: What to compute.

    Returns:
        What came of it.
    """
    cube = read_cube(task.cube, task.digest)
    geobox = task.block.of(read_grid(task.grid).geobox)
    result = evaluate(cube, geobox)
    packed = result.packed
    with ThreadPoolExecutor(1) as writer:
        # compressing and hashing take no notice of each other
        written = writer.submit(write_block, task.mosaic, task.block, packed)
        status = result.raster.status
        counts = {int(reason): int(np.count_nonzero(status == reason)) for reason in Status}
        ndvi_sum, ndvi_n = _ndvi(result)
        chunks = digest_chunks(task.block, packed)
        written.result()
    return BlockSummary(
        block=task.block,
        status={reason: n for reason, n in counts.items() if n},
        reads=result.reads,
        ndvi_sum=ndvi_sum,
        ndvi_n=ndvi_n,
        chunks=chunks,
    )


@lru_cache(maxsize=8)
def read_cube(path: str, digest: str) -> VirtualCube:  # noqa: ARG001 -- remembered by it
    """Read a stored cube; a worker computes many blocks of one, and lives to see the next."""
    return parse_cube(place(path).read_text(encoding="utf-8"), origin=path)


def _ndvi(result: Evaluation) -> tuple[float, int]:
    ndvi = get_index("ndvi")
    try:
        names = ndvi.bands_in(result.names)
    except ConfigurationError:  # a region whose bands do not include red and near infrared
        return 0.0, 0
    total, n = 0.0, 0
    for start in range(0, len(result.raster.status), NDVI_ROWS):
        bands = {}
        for name in names:
            plane = result.raster.bands[name]
            packed = plane.values[start : start + NDVI_ROWS]
            scale = np.float32(plane.attributes["scale_factor"])
            bands[name] = np.where(packed, packed * scale, np.nan)
        values = ndvi.compute(bands)
        finite = np.isfinite(values)
        total += float(np.sum(values, where=finite, dtype=np.float64))
        n += int(np.count_nonzero(finite))
    return total, n


def _record(
    partition: Partition, cube: VirtualCube, results: list[BlockSummary], upstream: Record
) -> Record:
    status: Counter[int] = Counter()
    for result in results:
        status.update(result.status)
    reads = [read for result in results for read in result.reads]
    failures = [read for read in reads if read.failure]
    region_px = sum(n for key, n in status.items() if key != Status.OUTSIDE_REGION)

    def share(key: Status) -> float:
        return round(100 * status[key] / max(region_px, 1), 3)

    empty = None
    if not status[Status.VALID]:
        empty = ALL_CLOUD if status[Status.MASKED] else OUTSIDE_SWATH
    ndvi_n = sum(result.ndvi_n for result in results)
    ndvi_sum = sum(result.ndvi_sum for result in results)
    acquired = sorted(scene.acquired for scene in cube.scenes)
    summary: dict[str, float | int | str] = {
        "acquired_first": acquired[0].isoformat(),
        "acquired_last": acquired[-1].isoformat(),
        "valid_pct": share(Status.VALID),
        "masked_pct": share(Status.MASKED),
        "no_coverage_pct": share(Status.NO_COVERAGE),
        "failed_read_pct": share(Status.FAILED_READ),
        "valid_px": status[Status.VALID],
        "region_px": region_px,
        "blocks": len(results),
        # of what the archive offers; cloud is complete, a file that cannot be read is not
        "completeness_pct": round(100 - share(Status.FAILED_READ), 3),
        "windows_read": len(reads),
        "source_mpx_read": round(sum(read.pixels for read in reads) / 1e6, 3),
        "source_mb_read": round(sum(read.bytes for read in reads) / 1e6, 3),
        "retries": sum(read.attempts - 1 for read in reads),
        "failed_scenes": ", ".join(sorted({read.scene for read in failures})),
        "failed_bands": ", ".join(sorted({read.band for read in failures})),
        "failed_reads": "; ".join(sorted({f"{r.scene} {r.band}: {r.failure}" for r in failures})),
    }
    if ndvi_n:
        summary["ndvi_mean"] = round(ndvi_sum / ndvi_n, 4)
    return Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        empty=empty,
        summary=summary,
        upstream={"band_stack": upstream.digest},
        files={"mosaic": MOSAIC, "reads": READS} | ({} if empty else {"thumbnail": THUMBNAIL}),
        digest=digest_of(STEP, upstream.digest),
    )


def _check_budget(record: Record, budget: float, partition: Partition) -> None:
    failed = float(record.summary["failed_read_pct"]) / 100
    # without a valid pixel it is a failure whatever the budget: the product is not empty but lost
    if failed <= budget and not (failed and record.empty):
        return
    named = str(record.summary["failed_reads"]).split("; ")[:3]
    raise FailureBudgetError(
        f"{failed:.1%} of the pixels of {partition} are missing because files could not be read; "
        f"at most {budget:.0%} may be. {' '.join(named)}",
        "Mend the archive and materialise mosaic again, or raise EO_ASSETS_FAILURE_BUDGET.",
    )
