"""What ``growth.py`` measures: each case makes a world of a size, and gives work to be timed."""

from __future__ import annotations

import contextlib
import datetime as dt
import itertools
import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import psutil
from measuring import cpu_s

from eo_assets.catalog.quality import SCL
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import Scene
from eo_assets.cube.series import evaluate_series
from eo_assets.definitions import build_defs
from eo_assets.pipeline import band_stack, geotiff, mosaic, stac_items
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.ledger import Batch, KnownScene, open_ledger
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.tiles.process import tile_server, with_catalog
from eo_assets_tests.large_archive import ORIGIN, write_large_archive
from eo_assets_tests.place import DAY
from eo_assets_tests.scene_catalogue import Catalogue, Dagster, scene
from eo_assets_tests.tiny_archive import (
    CLEAR,
    SIZE,
    TILE_X,
    TILE_Y,
    Granule,
    coded,
    lonlat_ring,
    make_scene,
    region,
    write_granule,
)

Work = Callable[[], float]
"""Does it, and gives the processor time it took, seconds."""


@dataclass(frozen=True)
class Case:
    """A dimension in which work grows.

    Attributes:
        along: What there is more of.
        cost: What is done.
        sizes: How much of it there is.
        world: Makes a world of a size in a folder, and the work in it.
    """

    along: str
    cost: str
    sizes: tuple[int, ...]
    world: Callable[[Path, int], AbstractContextManager[Work]]


def taken(work: Callable[[], object]) -> float:
    """Give the processor time of work, that of child processes included."""
    before = cpu_s()
    work()
    return cpu_s() - before


def stack(partition: Partition, store: Store, url: str) -> None:
    """Search, and describe what was found as a cube on the region's grid."""
    search = stac_items.Search(catalog="growth", url=url, partition=partition)
    stac_items.materialise(search, store=store, runner=InProcess())
    band_stack.materialise(partition, store=store, runner=InProcess(), failure_budget=0)


@contextlib.contextmanager
def items(folder: Path, n: int) -> Iterator[Work]:
    """So many items of one month over a region, each with files of its own."""
    archive = folder / "archive"
    first = write_granule(archive, Granule(tile=0, day=DAY))
    plain = first.read_text(encoding="utf-8")
    moment = dt.datetime.fromisoformat(f"{DAY}T09:20:31")
    for number in range(1, n):
        later = moment + dt.timedelta(minutes=80 * number)
        text = plain.replace(f"{moment:%Y%m%dT%H%M%S}", f"{later:%Y%m%dT%H%M%S}")
        item = json.loads(text)
        item["properties"]["datetime"] = f"{later.isoformat()}Z"
        place = archive / item["id"]
        place.mkdir()
        for file in first.parent.glob("*.tif"):
            os.link(file, place / file.name)
        (place / "item.json").write_text(json.dumps(item), encoding="utf-8")
    partition = Partition(region(), dt.date.fromisoformat(DAY), "monthly")
    store = Store(folder / "outputs")

    def work() -> float:
        for file in first.parent.glob("*.tif"):
            file.touch()  # what is open already costs less, unless it has changed
        return taken(lambda: stack(partition, store, catalog.url))

    with EmbeddedCatalog(archive, writable=False) as catalog:
        yield work
    assert store.read_record(partition, "stac_items").summary["items"] == n


@contextlib.contextmanager
def pixels(folder: Path, millions: int) -> Iterator[Work]:
    """A square region of so many million pixels, two bands."""
    large: Region = write_large_archive(folder / "archive", side_px=1000)
    west, north, side = ORIGIN[0] + 500, ORIGIN[1] - 500, 10_000 * millions**0.5
    ring = lonlat_ring(west, north - side, west + side, north)
    square = large.model_copy(update={"geometry": {"type": "Polygon", "coordinates": [ring]}})
    partition, store = Partition(square, dt.date.fromisoformat(DAY)), Store(folder / "outputs")
    with EmbeddedCatalog(folder / "archive", writable=False) as catalog:
        stack(partition, store, catalog.url)

    def work() -> None:
        block_px = load_settings().block_px
        mosaic.materialise(
            partition, store=store, runner=InProcess(), failure_budget=0, block_px=block_px
        )
        geotiff.materialise(partition, store=store, runner=InProcess())

    yield lambda: taken(work)


@contextlib.contextmanager
def dates(folder: Path, n: int) -> Iterator[Work]:
    """A time series over an outline with so many dates."""
    bands = {"red": coded(2_000), "nir": coded(2_007)}
    quality = np.full((SIZE // 2, SIZE // 2), CLEAR, np.uint8)
    made = make_scene(folder, "made", bands, quality, quality_m=20)
    plain = with_grids(made, probe_scene(made)).model_dump_json()
    ring = lonlat_ring(TILE_X[0] + 200, TILE_Y - 900, TILE_X[0] + 900, TILE_Y - 200)
    outline, runs = {"type": "Polygon", "coordinates": [ring]}, itertools.count()

    def work() -> float:
        # other names each time: what is open already costs less
        run, scenes = next(runs), []
        for number in range(n):
            name = f"{run}-{number}"
            (folder / name).symlink_to(folder / "made")
            scene = Scene.model_validate_json(plain.replace("made", name))
            when = scene.acquired + dt.timedelta(days=number)
            scenes.append(scene.model_copy(update={"acquired": when}))
        cube = VirtualCube.load("sentinel-2-l2a", tuple(scenes), ("red", "nir"))
        cube = cube.valid(SCL).index("ndvi")
        return taken(lambda: evaluate_series(cube, outline, bands=("ndvi",)))

    yield work


@contextlib.contextmanager
def regions(folder: Path, n: int) -> Iterator[Work]:
    """Definitions of so many regions, each with its sensor, as a code location loads them."""
    settings = load_settings(dagster_home=folder, outputs=folder / "outputs")
    some = {f"region-{number}": region(f"region-{number}") for number in range(n)}

    def work() -> None:
        defs = build_defs(settings, regions=some)
        assert len(list(defs.get_repository_def().sensor_defs)) == n

    yield lambda: taken(work)


@contextlib.contextmanager
def known(folder: Path, n: int) -> Iterator[Work]:
    """A sensor's look at 60 recent scenes, with so many known from the years before."""
    recent = [scene(days, tile) for days in range(1, 31) for tile in (0, 1)]
    dagster = Dagster(Catalogue(*recent), folder / "ledger.sqlite", start_days=0)
    dagster.tick()
    start = dt.date(1980, 1, 1)
    past: dict[str, list[KnownScene]] = {}
    for number in range(n):
        date = str(start + dt.timedelta(days=number // 100))
        past.setdefault(date, []).append(KnownScene(f"S2_{number}", f"{number:064x}", "once"))
    with open_ledger(dagster.ledger, "tests") as ledger:
        ledger.learn(Batch(scenes=past))

    def work() -> None:
        for _ in range(10):
            assert dagster.tick().orders == ()

    yield lambda: taken(work) / 10


@contextlib.contextmanager
def clients(folder: Path, n: int) -> Iterator[Work]:
    """So many clients at once, each of whom asks the tile service for twenty pictures."""
    with contextlib.ExitStack() as started:
        settings = load_settings(tiles_dir=folder, tiles_workers=2)
        settings = with_catalog(settings, started)
        server, url = started.enter_context(tile_server(settings))
        asked = {"region": "bucegi", "first": "2023-07-15", "bands": ["red", "green", "blue"]}
        made = httpx.post(f"{url}/layers", json=asked, timeout=120, trust_env=False)
        made.raise_for_status()
        layer = f"{url}/layers/{made.json()['id']}/tiles"
        west, south, east, north = made.json()["bounds"]
        middle = (west + east) / 2, (south + north) / 2
        process, stretches = psutil.Process(server.pid), itertools.count()

        def ask(_: int) -> None:
            with httpx.Client(timeout=120, trust_env=False) as client:
                for number in range(20):
                    x, y = tile_around(middle, 12, number % 4)
                    # never the same picture twice
                    stretch = f"0,{0.3 + next(stretches) * 1e-7:.7f}"
                    client.get(
                        f"{layer}/12/{x}/{y}.png", params={"stretch": stretch}
                    ).raise_for_status()

        def work() -> float:
            before = cpu_s(process)
            with ThreadPoolExecutor(n) as pool:
                list(pool.map(ask, range(n)))
            return cpu_s(process) - before

        ask(0)
        yield work


def tile_around(place: tuple[float, float], zoom: int, number: int) -> tuple[int, int]:
    """Give one of four web-mercator tiles around a place, longitude and latitude."""
    n = 2**zoom
    x = int((place[0] + 180) / 360 * n) + number % 2
    y = int((0.5 - np.arcsinh(np.tan(np.radians(place[1]))) / 2 / np.pi) * n) + number // 2
    return x, y


CASES = (
    Case("items of a partition", "search and stack", (16, 64, 128, 256, 512), items),
    Case("million pixels", "mosaic and COG of two bands", (1, 4, 9, 25, 64), pixels),
    Case("dates", "time series over an outline", (16, 64, 128, 256, 480), dates),
    Case("regions", "loading the definitions", (40, 160, 500, 1000), regions),
    Case("known items", "a sensor's tick", (1_000, 5_000, 30_000, 200_000), known),
    Case("clients", "twenty tiles for each", (1, 2, 4, 8, 16), clients),
)
