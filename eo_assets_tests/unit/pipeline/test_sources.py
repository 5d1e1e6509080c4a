"""What a cube names is looked up in the store and the catalogue, and nowhere else."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.clustering.method import Fit
from eo_assets.clustering.model import ClassIdentity, ClusterModel
from eo_assets.clustering.space import FeatureSpace
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Block
from eo_assets.errors import ConfigurationError, MissingArtifactError, ViewLimitError
from eo_assets.pipeline.sources import Sources
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.mosaic_zarr import create_mosaic, write_block
from eo_assets.storage.store import Record
from eo_assets_tests.stac_api_items import box

GRID = GeoBox((600, 700), Affine(10, 0, 400_000, 0, -10, 5_000_000), "EPSG:32635")
DAY = "place/sentinel-2-l2a/2023-07-15"
PACKING = {"scale_factor": 0.0001, "add_offset": 0.0, "_FillValue": 0, "long_name": "Red"}


def publish(root, step, files, empty=None):
    folder = root / DAY / step
    folder.mkdir(parents=True)
    record = Record(
        step=step,
        region="place",
        collection="sentinel-2-l2a",
        date="2023-07-15",
        empty=empty,
        files=files,
        digest=step,
    )
    (folder / "record.json").write_text(record.model_dump_json())
    return folder


def cog(path, pixels, colours=None):
    write_cog(
        path,
        GRID,
        [CogBand(name=name, scale=1 if colours else 0.0001) for name in pixels],
        lambda name, window: pixels[name][window],
        dtype="uint8" if colours else "uint16",
        nodata=0,
        tags={},
        overview_resampling="mode" if colours else "average",
        colours=colours,
    )


@pytest.fixture(scope="module")
def pixels():
    y, x = np.mgrid[:600, :700]
    red = (1000 + 2 * x + y).astype(np.uint16)
    red[:40, :50] = 0
    return {"red": red, "nir": (3000 + x).astype(np.uint16)}


@pytest.fixture(scope="module")
def store(tmp_path_factory, pixels):
    root = tmp_path_factory.mktemp("store")
    cog(publish(root, "geotiff", {"geotiff": "r.tif"}) / "r.tif", pixels)
    mosaic = publish(root, "mosaic", {"mosaic": "m.zarr"}) / "m.zarr"
    variables = {name: (("y", "x"), values, PACKING) for name, values in pixels.items()}
    create_mosaic(mosaic, xr.Dataset(variables), GRID)
    write_block(mosaic, Block(0, (0, 600), (0, 700)), xr.Dataset(variables))
    folder = publish(root, "clusters", {"classes": "c.tif", "model": "model.json"})
    classes = np.where(pixels["red"] > 1500, 2, 1).astype(np.uint8) * (pixels["red"] > 0)
    cog(folder / "c.tif", {"class": classes}, {1: (255, 0, 0, 255), 2: (0, 0, 255, 255)})
    model = ClusterModel(
        method="minibatch_kmeans",
        # the index hardly counts: it is here because features need not be bands
        space=FeatureSpace(
            names=("red", "ndvi"),
            scaling="standard",
            center=np.zeros(2),
            spread=np.array([1.0, 1e6]),
        ),
        fit=Fit(np.array([[0.10005, 0.0], [0.20005, 0.0]]), 0.0, {}),
        gates=np.full(2, np.inf),
        identities=tuple(
            ClassIdentity(class_id=number, name="", colour="#000000") for number in (1, 2)
        ),
        parameters={},
        seed=1,
        n_sample=2,
        versions={},
    )
    (folder / "model.json").write_text(model.to_json())
    publish(root, "reports", {"page": "report.html"})
    return Sources(root)


def product(store, step, *bands):
    return VirtualCube.product(f"{DAY}/{step}", bands).resolved(store.look_up)


WINDOW = (slice(20, 276), slice(30, 286))


@pytest.mark.parametrize("step", ["geotiff", "mosaic"])
def test_a_stored_product_is_read_as_it_is_stored(store, pixels, step):
    cube = product(store, step, "nir", "red")
    seen = evaluate(cube, GRID[WINDOW], preview=True)
    for name, values in pixels.items():
        np.testing.assert_array_equal(seen.packed[name].values, values[WINDOW])
    both = (pixels["red"][WINDOW] > 0) | (pixels["nir"][WINDOW] > 0)
    np.testing.assert_array_equal(seen.valid, both)


@pytest.mark.parametrize("step", ["geotiff", "mosaic"])
def test_from_far_away_its_overview_is_read(store, pixels, step):
    seen = evaluate(product(store, step, "red"), GRID.zoom_out(2), preview=True)
    blocks = pixels["red"].reshape(300, 2, 350, 2).mean(axis=(1, 3)) / 10_000
    inner = np.s_[30:-2, 30:-2]
    np.testing.assert_allclose(seen.values("red")[inner], blocks[inner], atol=1.5e-4)
    if step == "geotiff":
        assert max(read.pixels for read in seen.reads) <= 300 * 350


def test_a_stored_model_labels_as_its_own_classes(store, pixels):
    cube = VirtualCube.product(f"{DAY}/geotiff", ("red", "nir")).classify(f"{DAY}/clusters")
    assert not cube.is_resolved
    labelled = evaluate(cube.resolved(store.look_up), GRID[WINDOW]).values("class")
    stored = evaluate(product(store, "clusters", "class"), GRID[WINDOW]).values("class")
    seen = pixels["red"][WINDOW] > 0
    np.testing.assert_array_equal(labelled[seen], stored[seen])
    assert np.isnan(labelled[~seen]).all()
    assert set(np.unique(stored[seen])) == {1, 2}


def test_what_is_not_there_is_named(store):
    with pytest.raises(MissingArtifactError, match=r"no product place/.*2023-07-16"):
        store.product_scene("place/sentinel-2-l2a/2023-07-16/geotiff")
    with pytest.raises(ConfigurationError, match="has no pixels"):
        product(store, "reports", "red")
    with pytest.raises(ConfigurationError, match="has no model"):
        store.model(f"{DAY}/geotiff")
    with pytest.raises(ValueError, match=r"has no band swir16; it has red, nir"):
        product(store, "geotiff", "swir16")


def test_a_search_is_made_once_and_never_cut_off(store):
    cube = VirtualCube.search(
        "sentinel-2-l2a",
        ("red",),
        outline=box(25, 45, 26, 46),
        first=dt.date(2023, 7, 1),
        last=dt.date(2023, 7, 9),
        max_scenes=1,
    )
    with pytest.raises(ConfigurationError, match="no catalogue"):
        cube.resolved(store.look_up)
    asked = []

    def nothing(search):
        asked.append(search.first)
        return []

    found = cube.composite().resolved(Sources(store.root, nothing).look_up)
    assert (found.scenes, found.is_resolved, found.names_only) == ((), True, False)
    assert asked == [dt.date(2023, 7, 1)]
    items = [{"id": str(n), "properties": {"datetime": "2023-07-01"}} for n in range(2)]
    with pytest.raises(ViewLimitError, match="finds 2 scenes; at most 1"):
        cube.resolved(Sources(store.root, lambda _: items).look_up)
