"""CPU time of evaluating map tiles, against rio-tiler, interleaved in one run.

Both read the same local Cloud Optimized GeoTIFFs of the sample archive onto the same 256 pixel
web-mercator tiles and hand out arrays; drawing and HTTP come on top for both. rio-tiler is the
engine of titiler.core (one file) and titiler.mosaic (several items); it does not mask clouds here,
ours does. Tiles of several zooms are walked once (``first``: files are opened and blocks decoded
as needed) and then again and again: ours keeps files and decoded blocks, rio-tiler opens each file
for each tile. Run it on a quiet machine; only ratios mean anything::

    python benchmarks/tiles_evaluation.py --sample .eo_assets/sample --rounds 10
"""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import morecantile
import numpy as np
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.shutil import copy
from rio_tiler.io import Reader
from rio_tiler.models import ImageData
from rio_tiler.mosaic import mosaic_reader
from rio_tiler.mosaic.methods import FirstMethod, MedianMethod

from eo_assets.catalog.quality import SCL
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import LoadStored, VirtualCube
from eo_assets.cube.scene import Scene
from eo_assets.pipeline.sources import CatalogueSearch, Sources, cog_scene
from eo_assets.sample.api.embedded import EmbeddedCatalog

PLACE = (25.45, 45.4)
ZOOMS = (10, 11, 12, 13)
TMS = morecantile.tms.get("WebMercatorQuad")

TARGETS = {
    "RGB of one file": 0.5,
    "NDVI of one file": 0.55,
    "NDVI of 2 items, ours masked": 0.25,
    "NDVI of 10 items' median, ours masked": 0.17,
}
"""What is compared, and how much of the peer's CPU time ours may take."""

Tile = morecantile.Tile
Run = Callable[[Tile], Any]
Case = tuple[str, float, Run, Run]


def tile_grid(tile: Tile) -> GeoBox:
    """Give the grid of a 256 pixel tile."""
    left, _bottom, right, top = TMS.xy_bounds(tile)
    size = (right - left) / 256
    return GeoBox((256, 256), Affine(size, 0, left, 0, -size, top), "EPSG:3857")


def scenes_of(sample: Path) -> tuple[Scene, ...]:
    """Find the scenes of the sample archive over the place."""
    lon, lat = PLACE
    ring = [[lon, lat], [lon + 0.01, lat], [lon, lat + 0.01], [lon, lat]]
    with EmbeddedCatalog(sample, writable=False) as catalog:
        found = Sources(Path(), CatalogueSearch(catalog="sample", url=catalog.url))
        cube = VirtualCube.search(
            "sentinel-2-l2a",
            ("red", "green", "blue", "nir"),
            outline={"type": "Polygon", "coordinates": [ring]},
            first=dt.date(2022, 1, 1),
            last=dt.date(2024, 12, 31),
        )
        return cube.resolved(found.look_up).scenes


def one_file(scene: Scene, folder: Path) -> Path:
    """Put four bands of a scene into one Cloud Optimized GeoTIFF."""
    names = ("red", "green", "blue", "nir")
    with rasterio.open(scene.bands["red"].href) as red:
        profile = {**red.profile, "driver": "GTiff", "count": 4, "nodata": 0}
    with rasterio.open(folder / "draft.tif", "w", **profile) as draft:
        for number, name in enumerate(names, start=1):
            with rasterio.open(scene.bands[name].href) as band:
                draft.write(band.read(1), number)
            draft.set_band_description(number, name)
    copy(folder / "draft.tif", folder / "one.tif", driver="COG", compress="DEFLATE")
    return folder / "one.tif"


def ndvi(image: ImageData) -> np.ma.MaskedArray[Any, Any]:
    """NDVI of two bands, near infrared first."""
    nir, red = image.array.astype(np.float32)
    return (nir - red) / (nir + red)


def read_item(scene: Scene, x: int, y: int, z: int) -> ImageData:
    """Read two bands of an item, as titiler's STAC reader does."""
    bands = []
    for name in ("nir", "red"):
        with Reader(scene.bands[name].href) as source:
            bands.append(source.tile(x, y, z))
    return ImageData.create_from_list(bands)


def ten_of(scenes: tuple[Scene, ...], folder: Path) -> tuple[Scene, ...]:
    """Give ten scenes: the sample has seven over the place; the first ones again as own files."""
    more = []
    for scene in scenes[: 10 - len(scenes)]:
        files = {name: folder / f"{scene.id}-{name}.tif" for name in (*scene.bands, "quality")}
        bands = {}
        for name, band in scene.bands.items():
            shutil.copy(band.href, files[name])
            bands[name] = band.model_copy(update={"href": str(files[name])})
        assert scene.quality is not None
        shutil.copy(scene.quality.href, files["quality"])
        changes = {
            "id": f"{scene.id}-again",
            "pass_id": f"{scene.pass_id}-again",
            "acquired": scene.acquired + dt.timedelta(days=1),
            "bands": bands,
            "quality": scene.quality.model_copy(update={"href": str(files["quality"])}),
        }
        more.append(scene.model_copy(update=changes))
    return (*scenes, *more)[:10]


def cubes_of(scenes: tuple[Scene, ...], path: Path) -> dict[str, VirtualCube]:
    """Write the graphs that are compared, in the order of ``TARGETS``: scenes, and one file."""
    product = "sample/sentinel-2-l2a/2023-07-15/geotiff"
    names = ("red", "green", "blue", "nir")
    stored = LoadStored(product=product, bands=names, scene=cog_scene(path, product))
    single = VirtualCube(nodes={"product": stored}, result="product")

    def items(n: int) -> VirtualCube:
        return VirtualCube.load("sentinel-2-l2a", scenes[:n], ("red", "nir")).valid(SCL)

    cubes = (
        single.render("red", "green", "blue"),
        single.index("ndvi").render("ndvi"),
        items(2).composite().index("ndvi").render("ndvi"),
        items(10).median().index("ndvi").render("ndvi"),
    )
    return dict(zip(TARGETS, cubes, strict=True))


def cases(scenes: tuple[Scene, ...], folder: Path) -> list[Case]:
    """List what is compared: name, wanted ratio, ours, theirs."""
    path = one_file(scenes[0], folder)

    def ours(cube: VirtualCube) -> Callable[[Tile], Any]:
        def run(tile: Tile) -> Any:
            result = evaluate(cube, tile_grid(tile), preview=True)
            return [result.values(name) for name in result.names]

        return run

    def one(indexes: tuple[int, ...]) -> Callable[[Tile], Any]:
        def run(tile: Tile) -> Any:
            with Reader(str(path)) as source:
                image = source.tile(tile.x, tile.y, tile.z, indexes=indexes)
            return ndvi(image) if len(indexes) == 2 else image.array

        return run

    def mosaic(n: int, method: type[Any]) -> Callable[[Tile], Any]:
        def run(tile: Tile) -> Any:
            image, _ = mosaic_reader(
                list(scenes[:n]), read_item, tile.x, tile.y, tile.z, pixel_selection=method()
            )
            return ndvi(image)

        return run

    peers = (one((1, 2, 3)), one((4, 1)), mosaic(2, FirstMethod), mosaic(10, MedianMethod))
    compared = zip(cubes_of(scenes, path).items(), peers, strict=True)
    return [(name, TARGETS[name], ours(cube), peer) for (name, cube), peer in compared]


def measured(runs: tuple[Run, Run], tiles: list[Tile]) -> list[tuple[float, float]]:
    """Give each tile's CPU time, milliseconds: ours and theirs, one right after the other."""
    times = []
    for tile in tiles:
        pair = []
        for run in runs:
            started = time.process_time()
            run(tile)
            pair.append((time.process_time() - started) * 1e3)
        times.append((pair[0], pair[1]))
    return times


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    around = [PLACE[0] - 0.04, PLACE[1] - 0.04, PLACE[0] + 0.03, PLACE[1] + 0.04]
    tiles = [t for z in ZOOMS for t in TMS.tiles(*around, [z])]
    with tempfile.TemporaryDirectory() as folder:
        scenes = ten_of(scenes_of(arguments.sample), Path(folder))
        compared = cases(scenes, Path(folder))
        print(f"{len(tiles)} tiles, zoom {ZOOMS[0]}-{ZOOMS[-1]}; median CPU ms a tile")
        print(f"{'case':44}{'visit':>7}{'ours':>8}{'rio-tiler':>11}{'ratio':>7}{'target':>8}")
        for name, target, *runs in compared:
            # the engines' own start: PROJ, GDAL, tables
            measured((runs[0], runs[1]), [TMS.tile(*PLACE, 9)])
            first = measured((runs[0], runs[1]), tiles)
            again = [
                pair
                for _ in range(arguments.rounds)
                for pair in measured((runs[0], runs[1]), tiles)
            ]
            for visit, times in (("first", first), ("again", again)):
                mine, other = (statistics.median(taken) for taken in zip(*times, strict=True))
                row = f"{name:44}{visit:>7}{mine:8.1f}{other:11.1f}{mine / other:7.2f}{target:8.2f}"
                print(row)


if __name__ == "__main__":
    main()
