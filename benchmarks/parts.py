"""What ``run.py`` runs: each script, its arguments in full and for a first impression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """One script.

    Attributes:
        name: By which targets and plots find its figures.
        title: In the document.
        script: Its name and arguments; it takes ``--json FILE`` too, and says what it does.
        quick: The same for a first impression; None to leave it out.
        minutes: It is stopped after as many.
        note: What to know of the figures.
    """

    name: str
    title: str
    script: tuple[str, ...]
    quick: tuple[str, ...] | None
    minutes: float
    note: str = ""


NAMES = ("odc-stac", "stackstac", "seed", "gdalwarp")


def parts(python: str, scratch: str) -> Sequence[Part]:
    """List the parts, those first that matter most.

    Args:
        python: Of the peers' environment.
        scratch: Folder where scenes stay from part to part.
    """
    mosaic = ("mosaic.py", "--peers", python, "--scratch", scratch)
    alone = ("--only",)
    return (
        Part(
            "mosaic", "Mosaic to COG: region of 20 × 24 km at 10 m, local files",
            (*mosaic, "--rounds", "5", "--peer-rounds", "3", "--seconds", "200"),
            (*mosaic, "--rounds", "2", "--only", "odc-stac", "--seconds", "60"),
            5.5,
        ),
        Part(
            "http-30", "Mosaic to COG: the same over HTTP, 30 ms",
            (*mosaic, "--rounds", "5", "--peer-rounds", "1", "--delay-ms", "30",
             "--only", "odc-stac", "stackstac", "gdalwarp", "--seconds", "130"),
            (*mosaic, "--rounds", "2", "--delay-ms", "30", *alone),
            5,
            "Peers take part in one round, for their requests and bytes; the seed's way takes 25 s "
            "each time and is left out.",
        ),
        Part(
            "partition", "Orchestration: one partition of Bucegi, six assets",
            ("orchestration.py", "--region", "bucegi", "--first", "2023-07-15", "--days", "1",
             "--rounds", "3", "--seconds", "90"),
            None, 3.5,
        ),
        Part("tiles", "Tiles against titiler",
             ("tiles_vs_titiler.py", "--peers", python, "--tiles", "48", "--rounds", "1",
              "--seconds", "4"),
             ("tiles_vs_titiler.py", "--peers", python, "--tiles", "8", "--rounds", "1",
              "--seconds", "1"), 4),
        Part(
            "clustering", "Clustering: a mosaic of four million pixels",
            ("clustering.py", "--against", "same_settings", "defaults"),
            ("clustering.py", "--rows", "500", "--columns", "1000", "--against", "same_settings"),
            4,
        ),
        Part("growth", "Growth", ("growth.py",), None, 4.5),
        Part(
            "whole-tile", "Mosaic to COG: a tile of 110 km at 20 m, local files",
            (*mosaic, "--rounds", "5", "--peer-rounds", "1", "--case", "tile", "--only",
             "odc-stac", "--seconds", "150"),
            None, 4,
            "odc-stac takes part in one round.",
        ),
        Part(
            "backfill", "Orchestration: 30 days of two regions",
            ("orchestration.py", "--rounds", "1"), None, 4.5,
            "One round; nearly all dates are empty, as in any archive.",
        ),
        Part("http-0", "Mosaic to COG: region over HTTP, 0 ms",
             (*mosaic, "--rounds", "5", "--delay-ms", "0", *alone, "--seconds", "40"), None, 2),
        Part("http-80", "Mosaic to COG: region over HTTP, 80 ms",
             (*mosaic, "--rounds", "5", "--delay-ms", "80", *alone, "--seconds", "90"), None, 2.5),
        Part(
            "parcels", "Zonal statistics: 2,000 parcels on two dates",
            ("parcels.py", "--parcels", "2000", "--dates", "2", "--peers", python),
            ("parcels.py", "--parcels", "500", "--dates", "1", "--size", "2048",
             "--peers", python), 2,
        ),
        Part("dask", "Dask: blocks of a mosaic on one, two and four workers",
             ("dask_scaling.py", "--side-px", "6000", "--workers", "1", "2", "4"), None, 2.5,
             "Four workers share the same two cores; what more machines would give is modelled by "
             "the script, see its help."),
    )  # fmt: skip
