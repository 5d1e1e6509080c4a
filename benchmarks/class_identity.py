"""Whether unchanged land keeps its class between every pair of dates of the sample archive.

    python benchmarks/class_identity.py outputs/bucegi/sentinel-2-l2a/2023-07-15/clusters/model.json

Labels every fifth pixel of one tile on each date with a stored model, straight from the archive's
files, and counts for each pair of dates how many pixels have the same class - of those whose true
red, near infrared and NDVI differ by less than 0.02, 0.03 and 0.05 and are free of cloud on both
dates, and of those in which all ten bands as seen differ by less than 0.03, too. Only the truth's
clouds are left out: the pipeline, which leaves out their edges as well, does better.
"""

from __future__ import annotations

import argparse
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from rasterio.warp import Resampling, reproject

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.model import ClusterModel
from eo_assets.clustering.predict import predict

FILES = {
    "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "nir": "B08", "nir08": "B8A", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
BANDS = tuple(StoredBand(name, name, 0.5, "1", 1e-4, 0.0, 0) for name in FILES)
DATES = (
    "2021-07-15", "2023-04-21", "2023-05-26", "2023-07-15", "2023-07-25", "2023-08-06",
    "2023-09-23", "2023-10-13",
)  # fmt: skip
TILE = "T35TLL"
EVERY = slice(2, None, 5)
OFFSET_SINCE = 4.0
"""Processing baseline from which on digital numbers carry 1000 more."""


@dataclass(frozen=True)
class Day:
    """One date: classes, reflectance as seen ``(band, y, x)``, the truth, and where it is clear."""

    labels: np.ndarray
    seen: np.ndarray
    red: np.ndarray
    nir: np.ndarray
    clear: np.ndarray

    @property
    def ndvi(self) -> np.ndarray:
        return (self.nir - self.red) / np.maximum(self.nir + self.red, 1e-6)


def read_day(archive: Path, date: str, model: ClusterModel) -> Day:
    [folder] = (archive / "sentinel-2-l2a").glob(f"*_{date.replace('-', '')}T*_{TILE}_*")
    item = json.loads((folder / f"{folder.name}.json").read_text(encoding="utf-8"))
    carried = 1000 * (float(item["properties"]["s2:processing_baseline"]) >= OFFSET_SINCE)
    with rasterio.open(folder / "B02.tif") as file:
        grid = file.profile
    planes = []
    for name in FILES.values():
        with rasterio.open(folder / f"{name}.tif") as file:
            numbers = file.read(1)
        repeat = grid["height"] // numbers.shape[0]
        numbers = numbers.repeat(repeat, 0).repeat(repeat, 1)[EVERY, EVERY].astype(int)
        planes.append(np.where(numbers > 0, np.maximum(numbers - carried, 1), 0))
    packed = np.stack(planes).astype(np.uint16)
    truth = on_grid(archive / "truth" / "reflectance" / f"{date}.tif", grid)
    [clouds] = on_grid(archive / "truth" / "clouds" / f"{date}.tif", grid).values()
    return Day(
        labels=predict(model, packed, BANDS),
        seen=packed / 1e4,
        red=truth["B04"] / 1e4,
        nir=truth["B08"] / 1e4,
        clear=(clouds == 0) & (packed > 0).all(axis=0),
    )


def on_grid(path: Path, grid: dict) -> dict[str, np.ndarray]:
    with rasterio.open(path) as file:
        layers = {}
        for number, name in enumerate(file.descriptions, start=1):
            target = np.zeros((grid["height"], grid["width"]), file.dtypes[0])
            reproject(
                file.read(number), target, src_transform=file.transform, src_crs=file.crs,
                dst_transform=grid["transform"], dst_crs=grid["crs"],
                resampling=Resampling.nearest,
            )  # fmt: skip
            layers[name] = target[EVERY, EVERY]
    return layers


def compare(one: Day, other: Day) -> dict[str, float]:
    unchanged = (
        (one.clear & other.clear)
        & (np.abs(one.red - other.red) < 0.02)
        & (np.abs(one.nir - other.nir) < 0.03)
        & (np.abs(one.ndvi - other.ndvi) < 0.05)
    )
    alike = unchanged & (np.abs(one.seen - other.seen) < 0.03).all(axis=0)
    same = one.labels == other.labels
    return {
        "unchanged_px": int(unchanged.sum()),
        "same_pct": round(100 * float(same[unchanged].mean()), 1),
        "all_bands_alike_px": int(alike.sum()),
        "all_bands_alike_same_pct": round(100 * float(same[alike].mean()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", type=Path, help="model.json of clusters made from the sample")
    parser.add_argument("--archive", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--json", action="store_true", help="print JSON")
    wanted = parser.parse_args()
    model = ClusterModel.from_json(wanted.model.read_text(encoding="utf-8"))
    days = {date: read_day(wanted.archive, date, model) for date in DATES}
    pairs = {
        f"{one} {other}": compare(days[one], days[other])
        for one, other in itertools.combinations(DATES, 2)
    }
    if wanted.json:
        print(json.dumps(pairs))
        return
    for pair, found in pairs.items():
        print(
            f"{pair}  same class {found['same_pct']:5.1f} % of {found['unchanged_px']:6,} unchanged"
            f" pixels, {found['all_bands_alike_same_pct']:5.1f} % of the "
            f"{found['all_bands_alike_px']:6,} alike in all bands"
        )


if __name__ == "__main__":
    main()
