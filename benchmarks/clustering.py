"""Fitting classes on a sample against fitting them on every pixel, side by side in one process.

    python benchmarks/clustering.py [--rows 2000] [--columns 2000]

Makes a mosaic of well-separated land cover, groups it as the pipeline does - sample, fit, block by
block prediction - and with scikit-learn's MiniBatchKMeans on all pixels with the same settings.
Prints the agreement, the processor time of both and the largest memory of each in a process of its
own. Uses nothing but this package and its test data.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import xarray as xr
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score

from eo_assets.clustering.methods import get_method
from eo_assets.clustering.threads import one_thread
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_sampling import sample_mosaic
from eo_assets.pipeline.classification import learn_classes
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.stored_classes import classify_stored
from eo_assets.pipeline.tasks import InProcess
from eo_assets_tests.synthetic_scene import SENTINEL_2, SPECTRA, Scene, write_scene

N_CLASSES = len(SPECTRA)


def sampled(scene: Scene) -> np.ndarray:
    """Labels as the pipeline makes them, without its scan of numbers of classes."""
    import pandas as pd

    options = ClusterOptions(n_clusters=N_CLASSES)
    sample = sample_mosaic(scene.path, scene.geobox, options, runner=InProcess())
    model = learn_classes(sample, pd.DataFrame(), runner=InProcess())
    return classify_stored(scene.path, Grid.of(scene.geobox), model, runner=InProcess())


def on_all_pixels(scene: Scene) -> np.ndarray:
    """Labels of MiniBatchKMeans fitted on every pixel, standardised the same way."""
    mosaic = xr.open_zarr(scene.path, chunks=None, consolidated=False)
    bands = [mosaic[name].to_numpy() for name in SENTINEL_2]
    valid = np.isfinite(bands).all(axis=0)
    pixels = np.stack([band[valid] for band in bands], axis=1).astype(np.float64)
    low, center, high = np.percentile(pixels, [25, 50, 75], axis=0)
    pixels = (pixels - center) / ((high - low) / 1.3489795003921634)
    settings = dict(get_method("minibatch_kmeans").parameters)
    seeds = np.random.SeedSequence(0).generate_state(settings.pop("runs"))
    with one_thread():
        runs = [
            MiniBatchKMeans(N_CLASSES, random_state=int(seed), **settings).fit(pixels)
            for seed in seeds
        ]
        best = min(runs, key=lambda run: run.inertia_)
        labels = np.zeros(valid.shape, np.uint8)
        labels[valid] = best.predict(pixels) + 1
    return labels


def measured(way, scene: Scene) -> tuple[np.ndarray, float, float]:
    """Labels, seconds of processor time, and by how many MB memory grew at most."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    labels = way(scene)
    seconds = time.process_time() - started
    return labels, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=2000)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        shape = wanted.rows, wanted.columns
        scene = write_scene(Path(folder) / "mosaic.zarr", shape=shape)
        found = {}
        for way in (sampled, on_all_pixels):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                found[way.__name__] = fresh.submit(measured, way, scene).result()
                labels, seconds, grown_mb = found[way.__name__]
                print(f"{way.__name__:14} {seconds:7.2f} s CPU, +{grown_mb:6.0f} MB")
        valid = scene.truth > 0
        few, every = (found[way.__name__] for way in (sampled, on_all_pixels))
        print(f"pixels          {valid.sum():,}")
        print(f"time            {few[1] / every[1]:.1%} of all pixels")
        print(f"agreement       ARI {adjusted_rand_score(few[0][valid], every[0][valid]):.4f}")
        for name, (labels, *_) in found.items():
            truth = adjusted_rand_score(scene.truth[valid], labels[valid])
            print(f"truth           ARI {truth:.4f} {name}")


if __name__ == "__main__":
    main()
