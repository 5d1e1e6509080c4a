"""Classes learned from a sample against classes learned from every pixel, phase by phase.

    python benchmarks/clustering.py [--rows 2000] [--columns 2000] [--repeats 1] [--json FILE]

Makes a mosaic of well-separated land cover on disk and labels all of its pixels in four ways, each
in a process of its own, one after the other, ``--repeats`` times (medians are shown):

``sampled``
    As the pipeline does it: count, sample, fit, label block by block. Without the scan of numbers
    of classes, which the others do not make either.
``same_settings``
    scikit-learn's MiniBatchKMeans fitted on all pixels with the settings of the pipeline's method.
``one_pass``
    scikit-learn's default settings, one run, but without early stopping: each pixel is seen once.
``defaults``
    scikit-learn's default settings. They stop when ten batches of 1024 have not improved, so that
    most pixels are never seen: a sampled fit, too.

The last three hold all pixels in memory, read and standardised as the pipeline standardises its
sample. Times are of the processor, with numerical libraries on one thread, from the stored mosaic
to the labels; the agreement is the adjusted Rand index of ``sampled`` with each. Uses nothing but
this package and its test data.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
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
NORMAL_IQR = 1.3489795003921634


@dataclass
class Phases:
    """Seconds of processor time by phase."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.process_time()
        yield
        self.seconds[name] = time.process_time() - started


def sampled(scene: Scene, phase: Phases) -> np.ndarray:
    options = ClusterOptions(n_clusters=N_CLASSES)
    with phase("sample"):
        sample = sample_mosaic(scene.path, scene.geobox, options, runner=InProcess())
    with phase("fit"):
        model = learn_classes(sample, pd.DataFrame(), runner=InProcess())
    with phase("label"):
        return classify_stored(scene.path, Grid.of(scene.geobox), model, runner=InProcess())


def same_settings(scene: Scene, phase: Phases) -> np.ndarray:
    settings = dict(get_method("minibatch_kmeans").parameters)
    seeds = np.random.SeedSequence(0).generate_state(settings.pop("runs"))
    ways = [MiniBatchKMeans(N_CLASSES, random_state=int(seed), **settings) for seed in seeds]
    return on_all_pixels(scene, phase, ways)


def one_pass(scene: Scene, phase: Phases) -> np.ndarray:
    way = MiniBatchKMeans(N_CLASSES, random_state=0, max_iter=1, max_no_improvement=None)
    return on_all_pixels(scene, phase, [way])


def defaults(scene: Scene, phase: Phases) -> np.ndarray:
    return on_all_pixels(scene, phase, [MiniBatchKMeans(N_CLASSES, random_state=0)])


WAYS = (sampled, same_settings, one_pass, defaults)


def on_all_pixels(scene: Scene, phase: Phases, ways: list[MiniBatchKMeans]) -> np.ndarray:
    with phase("read"):
        mosaic = xr.open_zarr(scene.path, chunks=None, consolidated=False)
        bands = [mosaic[name].to_numpy() for name in SENTINEL_2]
    with phase("standardise"):
        valid = np.isfinite(bands).all(axis=0)
        pixels = np.stack([band[valid] for band in bands], axis=1).astype(np.float64)
        low, center, high = np.percentile(pixels, [25, 50, 75], axis=0)
        pixels -= center
        pixels /= (high - low) / NORMAL_IQR
    with phase("fit"):
        best = min((way.fit(pixels) for way in ways), key=lambda way: way.inertia_)
    with phase("label"):
        labels = np.zeros(valid.shape, np.uint8)
        labels[valid] = best.predict(pixels) + 1
    return labels


def measured(number: int, scene: Scene) -> tuple[np.ndarray, dict[str, float], float]:
    """Labels, seconds by phase, and the most memory of this process, MB."""
    phase = Phases()
    with one_thread():
        labels = WAYS[number](scene, phase)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_kb = status.partition("VmHWM:")[2].split()[0]
    return labels, phase.seconds, int(peak_kb) / 1024


def compare(scene: Scene, repeats: int, ways: list[str]) -> dict:
    labels, times, peaks = {}, {}, {}
    for _ in range(repeats):
        for number, way in enumerate(WAYS):
            name = way.__name__
            if name not in ways:
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                labels[name], seconds, peak = fresh.submit(measured, number, scene).result()
            print(f"{name}: {sum(seconds.values()):.1f} s CPU", flush=True)
            times.setdefault(name, []).append(seconds)
            peaks.setdefault(name, []).append(peak)
    valid = scene.truth > 0
    found = {}
    for name, runs in times.items():
        phases = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        found[name] = {
            "cpu_s": round(statistics.median(sum(run.values()) for run in runs), 3),
            "phases_cpu_s": {key: round(seconds, 3) for key, seconds in phases.items()},
            "peak_mb": round(statistics.median(peaks[name])),
            "ari_truth": round(adjusted_rand_score(scene.truth[valid], labels[name][valid]), 4),
        }
    own = found["sampled"]
    for name, figures in found.items():
        if name != "sampled":
            figures["sampled_time_pct"] = round(100 * own["cpu_s"] / figures["cpu_s"], 1)
            ari = adjusted_rand_score(labels[name][valid], labels["sampled"][valid])
            figures["ari_sampled"] = round(ari, 4)
    return {"pixels": int(valid.sum()), "bands": len(SENTINEL_2), "ways": found}


def show(result: dict) -> None:
    print(f"{result['pixels']:,} pixels, {result['bands']} bands, {N_CLASSES} classes")
    for name, figures in result["ways"].items():
        phases = ", ".join(f"{key} {value:.2f}" for key, value in figures["phases_cpu_s"].items())
        print(f"{name:14} {figures['cpu_s']:7.2f} s CPU ({phases}), peak {figures['peak_mb']} MB")
    for name, figures in result["ways"].items():
        if name != "sampled":
            print(
                f"sampled against {name:14} {figures['sampled_time_pct']:5.1f} % of the time, "
                f"ARI {figures['ari_sampled']:.4f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--columns", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=1)
    others = [way.__name__ for way in WAYS[1:]]
    parser.add_argument("--against", nargs="+", choices=others, default=others)
    parser.add_argument("--json", type=Path, help="file for the figures")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scene = write_scene(Path(folder) / "mosaic.zarr", shape=(wanted.rows, wanted.columns))
        result = compare(scene, wanted.repeats, ["sampled", *wanted.against])
    show(result)
    if wanted.json:
        wanted.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
