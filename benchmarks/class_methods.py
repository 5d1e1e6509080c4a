"""How well the classes of each method follow the sample's true land cover.

    python benchmarks/class_methods.py outputs/bucegi/sentinel-2-l2a/2023-07-15

Groups the stored mosaic of a date of the sample with every method's defaults and prints the
adjusted Rand index against the true land cover, and seconds of processor time. Not taught and not
tuned: the truth is read only to judge.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from rasterio.warp import Resampling, reproject
from sklearn.metrics import adjusted_rand_score

from eo_assets.clustering.methods import method_names
from eo_assets.pipeline.class_sampling import sample_mosaic
from eo_assets.pipeline.classification import learn_classes
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.stored_classes import classify_stored
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.region_grid import read_grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("date", type=Path, help="folder of a date's products")
    parser.add_argument("--archive", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--clusters", type=int, default=ClusterOptions().n_clusters)
    parser.add_argument("--json", action="store_true", help="print JSON")
    wanted = parser.parse_args()
    grid, mosaic = read_grid(wanted.date / "band_stack" / "grid.json"), wanted.date / "mosaic"
    truth = np.zeros(grid.shape, np.uint8)
    with rasterio.open(wanted.archive / "truth" / "landcover.tif") as file:
        reproject(
            file.read(1), truth, src_transform=file.transform, src_crs=file.crs,
            dst_transform=grid.geobox.transform, dst_crs=grid.crs, resampling=Resampling.nearest,
        )  # fmt: skip
    found = {}
    for method in method_names():
        started = time.process_time()
        options = ClusterOptions(method=method, n_clusters=wanted.clusters)
        path = str(mosaic / "mosaic.zarr")
        sample = sample_mosaic(path, grid.geobox, options, runner=InProcess())
        model = learn_classes(sample, pd.DataFrame(), runner=InProcess())
        labels = classify_stored(path, grid, model, runner=InProcess())
        seconds = time.process_time() - started
        judged = (labels > 0) & (truth > 0)
        found[method] = {
            "ari": round(adjusted_rand_score(truth[judged], labels[judged]), 4),
            "pixels": int(judged.sum()),
            "cpu_s": round(seconds, 2),
        }
    if wanted.json:
        print(json.dumps(found))
        return
    for method, figures in found.items():
        print(
            f"{method:22} ARI {figures['ari']:.4f} of {figures['pixels']:,} pixels, "
            f"{figures['cpu_s']:.1f} s CPU"
        )


if __name__ == "__main__":
    main()
