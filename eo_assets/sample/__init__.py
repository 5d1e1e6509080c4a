"""The embedded archive: a synthetic but physically plausible Earth over the Bucegi Mountains.

Scenes of Sentinel-2, Landsat and the Copernicus elevation model, in the Planetary Computer's own
shape, together with the truth they were made from. Everything follows from one seed: the same
version writes the same bytes, with any number of workers.

Importing this package is cheap; what needs the scientific libraries is loaded when called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.sample.manifest import SampleManifest, intact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["SampleManifest", "generate", "is_complete"]


def generate(
    directory: Path,
    *,
    progress: Callable[[str, float], None] | None = None,
    dates: Sequence[str] | None = None,
    workers: int | None = None,
) -> SampleManifest:
    """Write the sample archive, unless it is already there.

    The archive is made in a temporary directory beside ``directory`` and moved into place when
    it is complete. With more than one worker, processes are started by ``spawn``: a script
    that calls this needs the usual ``if __name__ == "__main__"``.

    Args:
        directory: Where the archive goes: a new or empty directory, or an older archive.
        progress: Called with what has been done and the share of all work done, 0–1.
        dates: Which dates (``YYYY-MM-DD``) of the schedule to include; all if not given.
        workers: Number of processes; the number of processors if not given.

    Returns:
        What was written, or what was found.

    Raises:
        UnknownNameError: A date is not in the schedule.
        ConfigurationError: ``directory`` holds something other than a sample archive.
        StorageError: The archive cannot be written there.
    """
    from eo_assets.sample.archive import generate_archive

    return generate_archive(directory, progress=progress, dates=dates, workers=workers)


def is_complete(directory: Path) -> bool:
    """Whether a whole archive of this version is there: its manifest, and all files it counts."""
    return intact(directory)
