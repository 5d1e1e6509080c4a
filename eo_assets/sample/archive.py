"""Making the sample archive: which files, by which processes, in which directory."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from eo_assets.errors import ConfigurationError, StorageError, UnknownNameError
from eo_assets.sample import schedule
from eo_assets.sample.manifest import FILE_NAME, VERSION, SampleManifest, intact, measure, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NEEDED_BYTES = 700_000_000
"""Free space asked for before the work begins: the archive and its intermediate world."""


def _sentinel_task(date: str, world_directory: Path, archive: Path) -> None:
    from eo_assets.sample import sentinel2, truth
    from eo_assets.sample.world import World

    (sentinel_pass,) = (one for one in schedule.SENTINEL_2 if one.date == date)
    scene = sentinel2.Scene(World.load(world_directory), sentinel_pass)
    true_bands = sentinel2.write_scene(
        scene, archive / sentinel2.COLLECTION, keep=truth.reflectance_bands(date)
    )
    truth.write_date(date, archive / "truth", clouds=scene.truth(), reflectance=true_bands)


def _landsat_task(date: str, world_directory: Path, archive: Path) -> None:
    from eo_assets.sample import landsat
    from eo_assets.sample.world import World

    (scene,) = (one for one in schedule.LANDSAT if one.date == date)
    landsat.write_scene(World.load(world_directory), scene, archive / landsat.COLLECTION)


def _ground_task(_: str, world_directory: Path, archive: Path) -> None:
    from eo_assets.sample import dem, truth
    from eo_assets.sample.world import World

    world = World.load(world_directory)
    dem.write_dem(world, archive / dem.COLLECTION)
    truth.write_ground(world, archive / "truth")
    truth.write_fires(world, archive / "truth")


_TASKS = {"Sentinel-2": _sentinel_task, "Landsat": _landsat_task, "elevation": _ground_task}


def _run(kind: str, date: str, world_directory: Path, archive: Path) -> str:
    """Do one task; the unit of work of a worker process."""
    _TASKS[kind](date, world_directory, archive)
    return f"{kind} {date}".strip()


def _finished(
    tasks: list[tuple[str, str]], world_directory: Path, archive: Path, workers: int
) -> Iterator[str]:
    """Run the tasks; yield the name of each as it is done."""
    if workers == 1:
        for kind, date in tasks:
            yield _run(kind, date, world_directory, archive)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_run, kind, date, world_directory, archive) for kind, date in tasks]
        for future in as_completed(futures):
            yield future.result()


def _write_archive(
    archive: Path,
    scratch: Path,
    tasks: list[tuple[str, str]],
    *,
    workers: int,
    progress: Callable[[str, float], None],
) -> None:
    from eo_assets.sample.stac_collections import write_collections
    from eo_assets.sample.world import create_world

    progress("Simulating relief and land cover", 0.0)
    create_world().save(scratch)
    weight = {"Sentinel-2": 3, "Landsat": 1, "elevation": 1}
    total = 3 + sum(weight[kind] for kind, _ in tasks)
    done = 3
    progress("Relief and land cover", done / total)
    for name in _finished(tasks, scratch, archive, workers):
        done += weight[name.split()[0]]
        progress(name, done / total)
    write_collections(archive)


def _chosen(dates: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The Sentinel-2 and Landsat dates asked for.

    Raises:
        UnknownNameError: The schedule does not have one of them.
    """
    sentinel = [one.date for one in schedule.SENTINEL_2]
    landsat = [one.date for one in schedule.LANDSAT]
    wanted = {*sentinel, *landsat} if dates is None else set(dates)
    unknown = sorted(wanted - {*sentinel, *landsat})
    if unknown:
        raise UnknownNameError(
            f"The sample archive has no scene of {', '.join(unknown)}.",
            f"Its dates are {', '.join(sorted({*sentinel, *landsat}))}.",
        )
    return tuple(d for d in sentinel if d in wanted), tuple(d for d in landsat if d in wanted)


def _check_target(directory: Path) -> None:
    """Refuse to replace what is not ours, or to begin what cannot be finished.

    Raises:
        ConfigurationError: Something other than a sample archive is there.
        StorageError: There is no room for an archive.
    """
    if directory.exists() and not directory.is_dir():
        raise ConfigurationError(f"{directory} is a file.", "Name a directory.")
    if directory.exists() and any(directory.iterdir()) and not (directory / FILE_NAME).exists():
        raise ConfigurationError(
            f"{directory} is not empty and holds no sample archive.",
            "Name a new or an empty directory.",
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(directory.parent).free
    if free < NEEDED_BYTES:
        raise StorageError(
            f"{directory.parent} has {free // 10**6} MB free, the sample archive needs "
            f"{NEEDED_BYTES // 10**6} MB.",
            "Free some space or choose another directory.",
        )


def _manifest(
    made: Path, sentinel: tuple[str, ...], landsat: tuple[str, ...], seconds: float
) -> SampleManifest:
    def held(date: str) -> str | None:
        return date if date in sentinel else None

    n_files, n_bytes = measure(made)
    return SampleManifest(
        version=VERSION,
        dates=sentinel,
        landsat_dates=landsat,
        demo_date=held(schedule.DEMO_DATE),
        cloudy_date=held(schedule.CLOUDY_DATE),
        half_swath_date=held(schedule.HALF_SWATH_DATE),
        old_baseline_date=held(schedule.OLD_BASELINE_DATE),
        n_files=n_files,
        n_bytes=n_bytes,
        seconds=round(seconds, 1),
    )


def generate_archive(
    directory: Path,
    *,
    progress: Callable[[str, float], None] | None,
    dates: Sequence[str] | None,
    workers: int | None,
) -> SampleManifest:
    """Do what :func:`eo_assets.sample.generate` promises.

    Raises:
        StorageError: The archive cannot be written there.
    """
    began = time.perf_counter()
    directory = Path(directory).absolute()
    sentinel, landsat = _chosen(dates)
    found = read(directory)
    if found and (found.dates, found.landsat_dates) == (sentinel, landsat) and intact(directory):
        return found
    tasks = [("Sentinel-2", date) for date in sentinel]
    tasks += [("Landsat", date) for date in landsat] + [("elevation", "")]
    try:
        _check_target(directory)
        parent, prefix = directory.parent, f".{directory.name}-"
        with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as scratch:
            made, world = Path(scratch) / "archive", Path(scratch) / "world"
            made.mkdir()
            world.mkdir()
            _write_archive(
                made,
                world,
                tasks,
                workers=min(workers or os.cpu_count() or 1, len(tasks)),
                progress=progress or (lambda _message, _share: None),
            )
            manifest = _manifest(made, sentinel, landsat, time.perf_counter() - began)
            manifest.write(made)
            if directory.exists():
                directory.rename(Path(scratch) / "replaced")
            made.rename(directory)
    except OSError as error:
        raise StorageError(
            f"The sample archive could not be written to {directory}: {error}.",
            "Check the disk and its permissions.",
        ) from error
    return manifest
