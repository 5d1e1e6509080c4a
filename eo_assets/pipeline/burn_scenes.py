"""The scenes of two seasons a year apart, described as cubes of their burn ratio."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import get_index
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.probing import Probe, probe_scene, with_grids
from eo_assets.cube.scene import Scene
from eo_assets.errors import ConfigurationError, FailureBudgetError
from eo_assets.pipeline.sources import ItemSearch, Sources
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.storage.store import Store

NBR, NDVI = "nbr", "ndvi"

MAX_SCENES = 1000
"""Of a season over a region; more is an error and never cut off in silence."""

_SEASON = re.compile(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)")


@dataclass(frozen=True)
class Season:
    """The same days of every year, when vegetation is comparable and clouds are few.

    Attributes:
        text: ``07-01..08-31``; both days included, within a calendar year.
    """

    text: str

    def days(self, year: int) -> tuple[dt.date, dt.date]:
        """Give the first and the last day in a year.

        Raises:
            ConfigurationError: It is not two days in order.
        """
        match = _SEASON.fullmatch(self.text)
        try:
            if match:
                numbers = [int(number) for number in match.groups()]
                first, last = dt.date(year, *numbers[:2]), dt.date(year, *numbers[2:])
                if first <= last:
                    return first, last
        except ValueError:
            pass
        raise ConfigurationError(
            f"{self.text!r} is no season.",
            "Give its first and last day as MM-DD..MM-DD within a year: 07-01..08-31.",
        )


def bands_of(collection_id: str) -> tuple[str, ...]:
    """Names of the bands that the burn ratio and the vegetation index of a collection need."""
    available = tuple(band.name for band in get_collection(collection_id).bands)
    needed = [name for index in (NBR, NDVI) for name in get_index(index).bands_in(available)]
    return tuple(dict.fromkeys(needed))


def season_cube(region: Region, days: tuple[dt.date, dt.date], max_cloud_pct: float) -> VirtualCube:
    """Describe the medians over a season of the burn ratio and the vegetation index.

    Args:
        region: The region.
        days: First and last day.
        max_cloud_pct: Scenes that state more cloud are left out, per cent.

    Returns:
        The cube, its search still to be made; bands ``nbr`` and ``ndvi``. Snow is no observation.
    """
    collection = get_collection(region.collection)
    cube = VirtualCube.search(
        collection.id,
        bands_of(collection.id),
        outline=region.geometry,
        first=days[0],
        last=days[1],
        filters=region.filters,
        max_cloud_cover_pct=max_cloud_pct,
        max_scenes=MAX_SCENES,
    )
    if collection.quality:
        cube = cube.valid(collection.quality, keep_snow=False)
    return cube.by_day().index(NBR, NDVI).median()


@dataclass(frozen=True, kw_only=True)
class SeasonSearch:
    """A season to look for.

    Attributes:
        cube: Its cube, the search still to be made.
        find_items: Searches the catalogue.
        store: Root of the product store.
    """

    cube: VirtualCube
    find_items: ItemSearch
    store: Store


def find_season(search: SeasonSearch) -> VirtualCube:
    """Make the search of a season's cube; runs on a worker."""
    sources = Sources(search.store.root, search.find_items)
    return search.cube.resolved(sources.look_up)


def checked(
    cube: VirtualCube, runner: TaskRunner, failure_budget: float
) -> tuple[VirtualCube, dict[str, str]]:
    """Look at the header of every file; leave out scenes that cannot be used.

    Args:
        cube: A season's cube, its search made.
        runner: Where headers are read.
        failure_budget: Share of the scenes that may be left out, 0-1.

    Returns:
        The cube without these, and why they are left out by scene.

    Raises:
        FailureBudgetError: Too many cannot be used.
        SourceUnavailableError: A server does not answer.
    """
    scenes = cube.scenes
    probes = runner.map(probe_scene, scenes, label="headers of scenes")
    usable: list[Scene] = []
    faults: dict[str, str] = {}
    for scene, of_scene in zip(scenes, probes, strict=True):
        if fault := _fault(of_scene):
            faults[scene.id] = fault
        else:
            usable.append(with_grids(scene, of_scene))
    check_budget(faults, len(scenes), failure_budget)
    return cube.with_scenes(tuple(usable)), faults


def _fault(probes: tuple[Probe, ...]) -> str:
    return " ".join(
        probe.fault or probe.radiometry for probe in probes if probe.fault or probe.quarantined
    )


def check_budget(faults: Mapping[str, str], n_scenes: int, failure_budget: float) -> None:
    """Refuse to go on when too many scenes were lost.

    Raises:
        FailureBudgetError: More than ``failure_budget`` of ``n_scenes``, or all.
    """
    if not faults or (len(faults) <= failure_budget * n_scenes and len(faults) < n_scenes):
        return
    named = " ".join(f"{name}: {why}" for name, why in sorted(faults.items())[:3])
    raise FailureBudgetError(
        f"{len(faults)} of {n_scenes} scenes cannot be used; at most {failure_budget:.0%} may "
        f"fail. {named}",
        "Exclude them, mend the archive, or raise EO_ASSETS_FAILURE_BUDGET.",
    )
