"""From a request to a layer: what it names is looked up, once, and checked for where it lies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from shapely import union_all
from shapely.geometry import shape

from eo_assets.catalog.providers import provider_for
from eo_assets.catalog.regions import Region, parse_region
from eo_assets.cube.graph import LoadSearch, LoadStored, VirtualCube
from eo_assets.cube.grid import Grid, region_geobox
from eo_assets.cube.items import solar_day
from eo_assets.cube.scene import Scene, SourceFile
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.sources import CatalogueSearch, Sources
from eo_assets.places import is_own
from eo_assets.settings import SAMPLE, Settings
from eo_assets.tiles.asking import LayerRequest, cube_of, place_of
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.limits import MAX_AREA_DEG2
from eo_assets.tiles.problems import ConflictError, TooMuchError


@dataclass(frozen=True)
class Allowed:
    """Where files of scenes may lie: nothing a catalogue says leads elsewhere.

    Attributes:
        hosts: Names of hosts; those that begin with a dot stand for all below.
        folders: Folders, absolute; products on object storage are allowed besides.
    """

    hosts: tuple[str, ...]
    folders: tuple[Path, ...]

    @classmethod
    def by(cls, settings: Settings) -> Allowed:
        """Take from the settings what the catalogue and its operator vouch for."""
        provider = provider_for(settings.catalog)
        named = [part.strip() for part in settings.tiles_sources.split(",") if part.strip()]
        hosts = [host for host in named if not host.startswith("/")]
        folders = [Path(name) for name in named if name.startswith("/")]
        if isinstance(settings.outputs, Path):
            folders.append(settings.outputs)
        if settings.catalog == SAMPLE:
            folders.append(settings.sample_dir)
        elif "://" not in provider.url:
            folders.append(Path(settings.catalog))
        own = urlsplit(provider.url).hostname
        return cls(
            hosts=(*provider.stac_asset_hosts, *hosts, *([own] if own else [])),
            folders=tuple(folder.resolve() for folder in folders),
        )

    def check(self, scenes: Iterable[Scene]) -> None:
        """Refuse scenes with files elsewhere.

        Raises:
            ConflictError: There is one.
        """
        for scene in scenes:
            files: list[SourceFile] = [*scene.bands.values()]
            files += [scene.quality] if scene.quality else []
            if not all(self._holds(file.href) for file in files):
                raise ConflictError(
                    f"Scene {scene.id} has files outside the catalogue's hosts and folders.",
                    "Its operator can add them to EO_ASSETS_TILES_SOURCES.",
                )

    def _holds(self, href: str) -> bool:
        parts = urlsplit(href)
        if parts.scheme in {"http", "https"}:
            name = parts.hostname or ""
            return any(
                name.endswith(host) if host.startswith(".") else name == host for host in self.hosts
            )
        if is_own(href) and ".." not in href:
            return True
        if parts.scheme or not href.startswith("/") or href.startswith("/vsi"):
            return False
        path = Path(href).resolve()
        return any(path.is_relative_to(folder) for folder in self.folders)


def search_of(settings: Settings) -> CatalogueSearch:
    """Give the search of the catalogue."""
    return CatalogueSearch(catalog=settings.catalog, url=settings.catalog)


def find_layer(request: LayerRequest, settings: Settings, regions: dict[str, Region]) -> Layer:
    """Make a layer of a request: search, look up, check.

    Args:
        request: What was asked for.
        settings: The settings.
        regions: Regions by id.

    Returns:
        The layer.

    Raises:
        ConfigurationError: The request makes no sense, or asks for too much.
        MissingArtifactError: It names a product there is not.
        SourceUnavailableError: The catalogue does not answer.
        ConflictError: Files lie where this service must not read.
    """
    named = cube_of(request, regions)
    sources = Sources(settings.outputs, search_of(settings))
    cube = named.resolved(sources.look_up)
    if cube.kind.name != "IMAGE":
        raise ConfigurationError(
            f"A layer is an image; this is {cube.kind.value}.", "Composite it, or reduce it."
        )
    grid, bounds = _place(named, cube)
    if request.region is not None:
        # with the CRS and pixel size the region asks for
        grid = Grid.of(region_geobox(place_of(request, regions)))
    layer = Layer(
        id=cube.digest[:32],
        title=request.title or _title(request),
        cube=cube,
        bounds=bounds,
        grid=grid,
        request=request.model_dump(mode="json", exclude_unset=True),
        region=request.region or (request.product or "").partition("/")[0],
    )
    Allowed.by(settings).check(layer.scenes)
    return layer.model_copy(update={"dates": tuple(sorted(set(map(_day, layer.scenes))))})


def _day(scene: Scene) -> dt.date:
    west, _, east, _ = scene.bbox_4326
    return solar_day(scene.acquired, (west + east) / 2)


def _title(request: LayerRequest) -> str:
    what = request.index or ", ".join(request.bands or ()) or "True colour"
    where = request.region or request.product or "drawn area"
    if request.graph is not None:
        return "Graph"
    when = "" if request.first is None else f", {request.first}"
    until = f" to {request.last}" if request.last not in {None, request.first} else ""
    return f"{what} of {where}{when}{until}"


def _place(named: VirtualCube, cube: VirtualCube) -> tuple[Grid, tuple[float, float, float, float]]:
    # give the grid a layer owns, and its bounds in degrees
    searches = [node for node in named.nodes.values() if isinstance(node, LoadSearch)]
    if searches:
        outline = union_all([shape(search.outline) for search in searches])
        if not outline.is_valid or outline.area > MAX_AREA_DEG2:
            raise TooMuchError(
                f"The searches cover {outline.area:.0f} square degrees, or their outline crosses "
                "itself.",
                f"At most {MAX_AREA_DEG2:.0f} are computed at once.",
            )
        return _grid_of_search(searches[0]), outline.bounds
    stored = next((n for n in cube.nodes.values() if isinstance(n, LoadStored)), None)
    if stored is None:
        raise ConfigurationError("The graph starts from nothing.", "Name a search or a product.")
    grid = next((band.grid for band in stored.scene.bands.values() if band.grid), None)
    if grid is None:
        raise ConfigurationError(f"{stored.product} has no grid.", "Materialise it again.")
    return grid, stored.scene.bbox_4326


def _grid_of_search(search: LoadSearch) -> Grid:
    feature = {
        "type": "Feature",
        "geometry": search.outline,
        "properties": {"collection": search.collection},
    }
    return Grid.of(region_geobox(parse_region(feature, name="The search", default_id="drawn")))
