"""The tasks ``land_cover`` hands to workers; each opens the mosaic itself and reads one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize
from shapely import from_wkb

from eo_assets.clustering.bands import StoredBand, valid_in_all
from eo_assets.clustering.sampling import Hashes, pixel_hashes
from eo_assets.clustering.threads import one_thread
from eo_assets.cube.grid import Block, Grid
from eo_assets.pipeline.mosaic_blocks import open_mosaic, read_packed
from eo_assets.places import Place, place
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.tables import mapped_array, write_array
from eo_assets.supervised.features import features_of
from eo_assets.supervised.method import NODATA, Codes, Features
from eo_assets.supervised.methods import get_method
from eo_assets.supervised.model import LandCoverModel
from eo_assets.supervised.predict import entropy, margin, predict
from eo_assets.supervised.validation import FoldResult, Training, fit, judge_fold

STEPS_OF_PROBABILITY = 200
"""Probabilities are stored in steps of half a per cent."""

NO_PROBABILITY = 255
MEASURES = ("probability", "margin", "entropy")


@dataclass(frozen=True, kw_only=True)
class LabelledTask:
    """Read the labelled pixels of a block.

    Attributes:
        mosaic: Path of the stored mosaic.
        block: The window.
        grid: The mosaic's grid.
        bands: Its reflectance bands.
        features: What classifiers look at.
        polygons: Number and outline (WKB) of the polygons that touch the block.
        origin: Row and column of the mosaic's first pixel on the grid hashes count on.
        seed: Of the hashes.
    """

    mosaic: str
    block: Block
    grid: Grid
    bands: tuple[StoredBand, ...]
    features: tuple[str, ...]
    polygons: tuple[tuple[int, bytes], ...]
    origin: tuple[int, int]
    seed: int


def labelled_pixels(
    task: LabelledTask,
) -> tuple[Features, npt.NDArray[np.int64], Hashes]:
    """Features, polygon numbers and hashes of the block's pixels whose centre lies in a polygon."""
    block, (row, col) = task.block, task.origin
    geobox: GeoBox = block.of(task.grid.geobox)
    numbers = rasterize(
        [(from_wkb(outline), number + 1) for number, outline in task.polygons],
        out_shape=tuple(geobox.shape),
        transform=geobox.affine,
        dtype="int32",
    )
    with open_mosaic(task.mosaic) as dataset:
        planes = read_packed(dataset, task.bands, block)
    taken = (numbers > 0) & valid_in_all(planes, task.bands)
    hashes = pixel_hashes(
        (row + block.rows[0], row + block.rows[1]),
        (col + block.columns[0], col + block.columns[1]),
        seed=task.seed,
    )
    values = {b.name: b.unpack(p[taken]) for b, p in zip(task.bands, planes, strict=True)}
    return features_of(values, task.features), numbers[taken].astype(np.int64) - 1, hashes[taken]


@dataclass(frozen=True)
class FoldTask:
    """Hold one fold out."""

    method: str
    training: Training
    held_out: npt.NDArray[np.bool_]
    seed: int


def judge(task: FoldTask) -> FoldResult:
    """See ``validation.judge_fold``."""
    with one_thread():
        return judge_fold(get_method(task.method), task.training, task.held_out, seed=task.seed)


@dataclass(frozen=True)
class FitTask:
    """Learn from all labelled pixels, and write the model.

    Attributes:
        model: The model without its estimator.
        training: The labelled pixels.
        folder: Where to write it.
    """

    model: LandCoverModel
    training: Training
    folder: str


def fit_model(task: FitTask) -> None:
    """Fit and store the model: what is applied afterwards is what was stored."""
    from dataclasses import replace

    with one_thread():
        estimator = fit(get_method(task.model.method), task.training, seed=task.model.seed)
    replace(task.model, estimator=estimator).save(place(task.folder))


@dataclass(frozen=True, kw_only=True)
class PredictTask:
    """Classify a block.

    Attributes:
        mosaic: Path of the stored mosaic.
        block: The window.
        bands: Its reflectance bands.
        folder: Where the model is, and the block's planes go.
        digest: Digest of the model, which it is remembered by.
    """

    mosaic: str
    block: Block
    bands: tuple[StoredBand, ...]
    folder: str
    digest: str


def predict_block(task: PredictTask) -> npt.NDArray[np.int64]:
    """Classify a block and leave its planes in the folder; pixels of each class, by code."""
    model = _model(task.folder, task.digest)
    with open_mosaic(task.mosaic) as dataset:
        planes = read_packed(dataset, task.bands, task.block)
    valid = valid_in_all(planes, task.bands)
    n_layers = 1 + len(MEASURES) + len(model.classes)
    layers = np.full((n_layers, *valid.shape), NO_PROBABILITY, np.uint8)
    layers[0] = NODATA
    if valid.any():
        values = {b.name: b.unpack(p[valid]) for b, p in zip(task.bands, planes, strict=True)}
        with one_thread():
            codes, probabilities = predict(model, features_of(values, model.features))
        shares = [probabilities.max(axis=1), margin(probabilities), entropy(probabilities)]
        layers[0][valid] = codes
        for layer, share in zip(layers[1:], [*shares, *probabilities.T], strict=True):
            layer[valid] = np.rint(np.clip(share, 0, 1) * STEPS_OF_PROBABILITY)
    write_array(_place(task.folder, task.block), layers)
    return np.bincount(layers[0].ravel(), minlength=256).astype(np.int64)


@lru_cache(maxsize=2)
def _model(folder: str, digest: str) -> LandCoverModel:  # noqa: ARG001 -- remembered by it
    return LandCoverModel.load(place(folder))


def _place(folder: str, block: Block) -> Place:
    return place(folder) / f"block_{block.index}.npy"


@dataclass(frozen=True, kw_only=True)
class RasterTask:
    """A GeoTIFF to put together from blocks.

    Attributes:
        folder: Where the blocks are.
        blocks: The blocks.
        target: File to write.
        grid: Its grid.
        bands: Name of each band and the layer of the blocks it is.
        nodata: Value without an observation.
        tags: About the file.
        band_tags: About each band.
        colours: Colour of each code; empty for quantities.
    """

    folder: str
    blocks: tuple[Block, ...]
    target: str
    grid: Grid
    bands: dict[str, int]
    nodata: int
    tags: dict[str, str]
    band_tags: dict[str, str]
    colours: dict[int, tuple[int, int, int, int]]


def write_raster(task: RasterTask) -> None:
    """Write a GeoTIFF of some layers."""

    def read(band: str, window: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
        return _window(task, task.bands[band], window)

    quantity = not task.colours
    write_cog(
        place(task.target),
        task.grid.geobox,
        [
            CogBand(
                name=name,
                units="1" if quantity else "",
                scale=1 / STEPS_OF_PROBABILITY if quantity else 1.0,
                tags=task.band_tags,
            )
            for name in task.bands
        ],
        read,
        dtype="uint8",
        nodata=task.nodata,
        tags=task.tags,
        overview_resampling="average" if quantity else "mode",
        colours=task.colours or None,
        statistics=quantity,
    )


def _window(task: RasterTask, layer: int, window: tuple[slice, slice]) -> Codes:
    rows, cols = window
    values = np.full((rows.stop - rows.start, cols.stop - cols.start), task.nodata, np.uint8)
    for block in task.blocks:
        top, bottom = max(block.rows[0], rows.start), min(block.rows[1], rows.stop)
        left, right = max(block.columns[0], cols.start), min(block.columns[1], cols.stop)
        if top >= bottom or left >= right:
            continue
        with mapped_array(_place(task.folder, block)) as layers:
            found = layers[layer][
                top - block.rows[0] : bottom - block.rows[0],
                left - block.columns[0] : right - block.columns[0],
            ]
            target = values[top - rows.start : bottom - rows.start]
            target[:, left - cols.start : right - cols.start] = found
    return values


def remove_blocks(folder: Place, blocks: Sequence[Block]) -> None:
    """Remove what blocks left."""
    for block in blocks:
        _place(str(folder), block).unlink()
