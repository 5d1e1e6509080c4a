"""Segments of a small mosaic: the same whatever the blocks, without seams, measured rightly."""

import json
from dataclasses import replace

import geopandas
import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.features import geometry_mask
from scipy import ndimage

from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.pipeline import segmentation, segments
from eo_assets.pipeline.tasks import InProcess
from eo_assets.segmentation.methods import method_names
from eo_assets.segmentation.tiling import Tiling
from eo_assets_tests.product_files import unchecked
from eo_assets_tests.published_mosaic import PARTITION, store_with_mosaic

SHAPE = (110, 140)
OPTIONS = segments.SegmentOptions(size_ha=1.44)  # 6 × 6 pixels of 20 m
SMALL = Tiling(tile_px=48, margin_px=24)


@pytest.fixture(scope="module", autouse=True)
def small_tiles():
    """Tiles small enough that a small mosaic has many edges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segmentation.Tiling, "for_segments", classmethod(lambda cls, size: SMALL))
        yield


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """By method: a store that holds segments; made once."""
    made = {}
    for method in method_names():
        made[method] = store_with_mosaic(tmp_path_factory.mktemp(method), shape=SHAPE)
        make(made[method], method=method)
    return made


@pytest.fixture
def store(stores):
    return stores["slic"]


def make(store, **changes):
    record = segments.materialise(
        PARTITION, store=store, runner=InProcess(), options=replace(OPTIONS, **changes)
    )
    return record, files_of(store)


def files_of(store):
    files = store.read_record(PARTITION, "segments").files
    return {role: store.folder(PARTITION, "segments") / name for role, name in files.items()}


def read(path):
    with rasterio.open(path) as file:
        return file.read(1)


@pytest.mark.parametrize("method", method_names())
def test_nothing_depends_on_the_blocks(stores, method):
    def contents():
        record, files = store.read_record(PARTITION, "segments"), files_of(store)
        return {role: path.read_bytes() for role, path in files.items()} | {"digest": record.digest}

    store = stores[method]
    first = contents()
    assert len(first) == 5
    for block_px in (48, 100):
        make(store, method=method, block_px=block_px)
        assert contents() == first


def boundary_shares(labels):
    """Share of neighbours in different segments: across edges of tiles, and elsewhere."""
    differing, observed = np.zeros(2), np.zeros(2)
    # the first column and row of the scene, counted from the origin of its coordinate system
    for plane, first in ((labels, 18_531), (labels.T, -252_103)):
        both = (plane[:, 1:] > 0) & (plane[:, :-1] > 0)
        differ = (plane[:, 1:] != plane[:, :-1]) & both
        at_edge = (np.arange(1, plane.shape[1]) + first) % SMALL.tile_px == 0
        assert at_edge.sum() >= 2
        for kind, at in enumerate((at_edge, ~at_edge)):
            differing[kind] += differ[:, at].sum()
            observed[kind] += both[:, at].sum()
    return differing / observed


@pytest.mark.parametrize("method", method_names())
def test_borders_are_no_more_frequent_where_tiles_meet(stores, method):
    at_edges, elsewhere = boundary_shares(read(files_of(stores[method])["segments"]))
    print(f"{method}: borders at edges of tiles {at_edges:.3f}, elsewhere {elsewhere:.3f}")
    # tiles that were not joined would have 1 there
    assert at_edges < 1.6 * elsewhere


@pytest.mark.parametrize("method", method_names())
def test_segments_are_whole_and_cover_what_was_observed(stores, method):
    store = stores[method]
    files = files_of(store)
    labels = read(files["segments"])
    with xr.open_zarr(
        store.folder(PARTITION, "mosaic") / "mosaic.zarr", consolidated=False, chunks=None
    ) as mosaic:
        observed = np.isfinite(mosaic["red"].to_numpy())
    assert np.array_equal(labels > 0, observed)
    numbers = np.unique(labels[labels > 0])
    assert numbers.tolist() == list(range(1, numbers.size + 1))
    parts = sum(ndimage.label(labels == number)[1] for number in numbers)
    assert parts == numbers.size


def test_polygons_and_measures_are_those_of_the_pixels(store):
    files = files_of(store)
    labels, table = read(files["segments"]), geopandas.read_parquet(files["polygons"])
    assert table.crs.to_epsg() == 32635
    assert table.geometry.is_valid.all()
    assert table["pixels"].sum() == (labels > 0).sum()
    np.testing.assert_allclose(table.area / 1e4, table["area_ha"], rtol=1e-9)
    with rasterio.open(files["segments"]) as file:
        transform = file.transform
    mosaic = xr.open_zarr(
        store.folder(PARTITION, "mosaic") / "mosaic.zarr", consolidated=False, chunks=None
    )
    nir, red = (mosaic[band].to_numpy().astype(float) for band in ("nir", "red"))
    ndvi = (nir - red) / (nir + red)
    for row in table.iloc[:: len(table) // 7].itertuples():
        inside = geometry_mask([row.geometry], labels.shape, transform, invert=True)
        assert np.array_equal(inside, labels == row.segment_id)
        assert row.red_mean == pytest.approx(red[inside].mean(), rel=1e-5)
        assert row.red_sd == pytest.approx(red[inside].std(), rel=1e-3, abs=1e-6)
        assert row.ndvi_mean == pytest.approx(ndvi[inside].mean(), abs=1e-5)


def test_segments_follow_the_ground(stores):
    """Most pixels lie in a segment whose majority has their land cover."""
    for method, least in (("slic", 0.8), ("felzenszwalb", 0.75), ("watershed", 0.75)):
        labels, truth = read(files_of(stores[method])["segments"]), stores[method].truth
        counts = np.zeros((labels.max() + 1, truth.max() + 1), int)
        np.add.at(counts, (labels, truth), 1)
        agree = counts[1:].max(axis=1).sum() / counts[1:].sum()
        print(f"{method}: {labels.max()} segments, {agree:.3f} of the pixels in their majority")
        assert labels.max() > 100
        assert agree > least


def test_the_product_says_how_it_was_made(store):
    record, files = store.read_record(PARTITION, "segments"), files_of(store)
    item = json.loads(files["stac_item"].read_text(encoding="utf-8"))
    assert set(item["assets"]) == {"segments", "polygons", "preview"}
    assert unchecked(store.folder(PARTITION, "segments")) == set()
    with rasterio.open(files["segments"]) as file:
        assert file.dtypes == ("uint32",)
        assert file.tags()["METHOD"] == "slic"
        assert "STATISTICS_MEAN" not in file.tags(1)
    assert record.summary["segments"] == read(files["segments"]).max()
    left = {path.name for path in store.folder(PARTITION, "segments").iterdir()}
    assert left == {path.name for path in files.values()} | {"record.json"}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"method": "quickshift"}, UnknownNameError, "slic"),
        ({"size_ha": 0.01}, ConfigurationError, "from 0.16"),
        ({"bands": ("pan",)}, ConfigurationError, "no band pan"),
    ],
)
def test_options_that_cannot_work_are_refused(store, change, error, words):
    with pytest.raises(error, match=words):
        make(store, **change)


def test_an_empty_mosaic_gives_empty_segments_with_its_reason(tmp_path):
    store = store_with_mosaic(tmp_path, shape=(20, 20), empty="all_cloud")
    record, files = make(store)
    assert (record.empty, files) == ("all_cloud", {})


def test_small_blocks_take_few_tiles_at_once(store, tmp_path):
    """Memory is a block's: a task holds as many tiles as fit one, never the region."""
    seen = []

    class Watching(InProcess):
        def map(self, function, tasks, *, label):
            seen.extend((label, len(task.tiles)) for task in tasks if label == "segment tiles")
            return super().map(function, tasks, label=label)

    size = OPTIONS.size_on(store.grid.geobox)
    mosaic = str(store.folder(PARTITION, "mosaic") / "mosaic.zarr")
    options = replace(OPTIONS, block_px=48)
    segmentation.segment_mosaic(
        mosaic, store.grid, options, size=size, scratch=tmp_path, runner=Watching()
    )
    assert {count for _, count in seen} == {1}
    assert len(seen) >= 6


def test_tiles_are_fixed_on_the_ground():
    from eo_assets.segmentation.tiling import tiles_of

    whole = tiles_of((200, 200), (-100, 1000), SMALL)
    part = tiles_of((50, 60), (-80, 1030), SMALL)
    on_ground = {(t.row, t.column): (t.top - 100, t.left + 1000) for t in whole}
    assert all(on_ground[t.row, t.column] == (t.top - 80, t.left + 1030) for t in part)
    covered = np.zeros((200, 200), int)
    for tile in whole:
        covered[tile.slices] += 1
    assert (covered == 1).all()
