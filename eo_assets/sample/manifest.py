"""What is known about a generated archive: the file ``sample.json`` in its directory."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 4
"""Raised whenever the archive's bytes change: archives of other versions are made anew."""

FILE_NAME = "sample.json"


@dataclass(frozen=True)
class SampleManifest:
    """A generated archive.

    Attributes:
        version: Version of the generator.
        dates: Sentinel-2 dates, ``YYYY-MM-DD``, in order.
        landsat_dates: Landsat dates, likewise.
        demo_date: The nearly clear July date, if the archive holds it.
        cloudy_date: The date under more than 90 % cloud, likewise.
        half_swath_date: The date whose swath misses half of the region, likewise.
        old_baseline_date: The date of a processing baseline before 04.00, likewise.
        n_files: Number of files, this one not counted.
        n_bytes: Their size.
        seconds: How long the generation took.
    """

    version: int
    dates: tuple[str, ...]
    landsat_dates: tuple[str, ...]
    demo_date: str | None
    cloudy_date: str | None
    half_swath_date: str | None
    old_baseline_date: str | None
    n_files: int
    n_bytes: int
    seconds: float

    def write(self, directory: Path) -> None:
        """Write the manifest into the archive's directory."""
        text = json.dumps(asdict(self), indent=1)
        (directory / FILE_NAME).write_text(text + "\n", encoding="utf-8")


def measure(directory: Path) -> tuple[int, int]:
    """Number and total size (bytes) of the files below a directory, the manifest not counted."""
    sizes = [
        path.stat().st_size
        for path in directory.rglob("*")
        if path.is_file() and path != directory / FILE_NAME
    ]
    return len(sizes), sum(sizes)


def read(directory: Path) -> SampleManifest | None:
    """The manifest of a directory; ``None`` where there is none of this version."""
    try:
        content = json.loads((directory / FILE_NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    if not isinstance(content, dict) or content.get("version") != VERSION:
        return None
    for key in ("dates", "landsat_dates"):
        content[key] = tuple(content[key])
    return SampleManifest(**content)


def intact(directory: Path) -> bool:
    """Whether an archive of this version is there with all the files its manifest counts.

    There may be more: items that somebody has posted are kept.
    """
    found = read(directory)
    if found is None:
        return False
    n_files, n_bytes = measure(directory)
    return n_files >= found.n_files and n_bytes >= found.n_bytes
