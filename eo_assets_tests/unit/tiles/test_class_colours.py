"""Classes on view have the colours their product has."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from PIL import Image

from eo_assets.storage.store import Record
from eo_assets_tests.unit.tiles.test_layers import tile_at

PRODUCT = "colours/sentinel-2-l2a/2023-07-01/clusters"
COLOURS = {1: (36, 32, 106), 2: (1, 1, 1), 3: (247, 228, 178)}
"""Not those of eight classes; the third is not what the ramp of three has."""


@pytest.fixture(scope="module")
def classes(client, settings):
    """A layer of a stored map of classes: 1, 2 and 3 in stripes, nothing in the first row."""
    folder = settings.outputs / PRODUCT
    folder.mkdir(parents=True)
    values = np.tile(np.arange(256, dtype=np.uint8) // 32 % 3 + 1, (256, 1))
    values[0] = 0
    with rasterio.open(
        folder / "classes.tif", "w", driver="GTiff", width=256, height=256, count=1, dtype="uint8",
        crs="EPSG:32635", transform=rasterio.Affine(10, 0, 400_000, 0, -10, 5_000_000), nodata=0,
        tiled=True, blockxsize=256, blockysize=256,
    ) as file:  # fmt: skip
        file.write(values, 1)
        file.write_colormap(1, {0: (0, 0, 0, 0), **{n: (*c, 255) for n, c in COLOURS.items()}})
        file.descriptions = ("class",)
    region, collection, date, step = PRODUCT.split("/")
    record = Record(
        step=step, region=region, collection=collection, date=date,
        files={"classes": "classes.tif"}, digest="d",
    )  # fmt: skip
    (folder / "record.json").write_text(record.model_dump_json())
    answer = client.post("/layers", json={"product": PRODUCT})
    assert answer.status_code == 201, answer.text
    return answer.json()


def tile_of(client, layer, form):
    west, south, east, north = layer["bounds"]
    place = tile_at((west + east) / 2, (south + north) / 2, 14)
    answer = client.get(f"/layers/{layer['id']}/tiles/{place}.{form}")
    assert answer.status_code == 200, answer.text
    return io.BytesIO(answer.content)


def test_each_class_has_the_colour_its_file_gives_it(client, classes):
    values = np.load(tile_of(client, classes, "npy"))[0]
    picture = np.array(Image.open(tile_of(client, classes, "png")).convert("RGBA"))
    assert set(COLOURS) <= set(np.unique(values[np.isfinite(values)]))
    for value, colour in COLOURS.items():
        assert (picture[values == value] == [*colour, 255]).all()
    assert (picture[np.isnan(values)][:, 3] == 0).all()


def test_the_legend_has_a_stop_a_class(client, classes):
    legend = client.get(f"/layers/{classes['id']}/legend").json()
    assert [(stop["value"], stop["colour"]) for stop in legend["stops"]] == [
        (1, "#24206a"), (2, "#010101"), (3, "#f7e4b2")
    ]  # fmt: skip
