"""The tables people read: classes, and their spectral signatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eo_assets.clustering.bands import StoredBand, scales_of
from eo_assets.clustering.hints import brightness_of, index_of
from eo_assets.clustering.model import ClassIdentity
from eo_assets.clustering.signatures import ClassSums

_SQUARE_METRES_PER_HECTARE = 10_000


def signature_table(
    sums: ClassSums,
    bands: Sequence[StoredBand],
    class_ids: Sequence[int],
    *,
    pixel_area_m2: float,
) -> pd.DataFrame:
    """Mean spectrum of each class.

    Args:
        sums: Sums over all labelled pixels.
        bands: The bands summed.
        class_ids: Ids of the classes.
        pixel_area_m2: Ground area of a pixel.

    Returns:
        One row a class and band: ``class_id, band, title, wavelength_um, units, mean, sd`` (in
        ``units``; population standard deviation), ``count`` (pixels), ``area_ha``. A class
        without a valid pixel in a band has NaN.
    """
    scale, offset = scales_of(bands)
    rows = np.array(class_ids) - 1
    n_pixels = sums.count[rows]
    count = np.where(n_pixels > 0, n_pixels, np.nan)
    mean = sums.total[rows] / count
    variance = np.maximum(sums.squares[rows] / count - np.square(mean), 0)
    n_clusters = len(class_ids)
    return pd.DataFrame(
        {
            "class_id": np.repeat(class_ids, len(bands)),
            "band": [band.name for band in bands] * n_clusters,
            "title": [band.title for band in bands] * n_clusters,
            "wavelength_um": [band.wavelength_um for band in bands] * n_clusters,
            "units": [band.units for band in bands] * n_clusters,
            "mean": (mean * scale + offset).ravel(),
            "sd": (np.sqrt(variance) * scale).ravel(),
            "count": n_pixels.ravel(),
            "area_ha": (n_pixels * pixel_area_m2 / _SQUARE_METRES_PER_HECTARE).ravel(),
        }
    )


def class_table(
    sums: ClassSums,
    signatures: pd.DataFrame,
    sample: pd.DataFrame,
    classes: Sequence[ClassIdentity],
    drift: Sequence[float],
    *,
    pixel_area_m2: float,
) -> pd.DataFrame:
    """One row a class.

    Args:
        sums: Sums over all labelled pixels.
        signatures: The signature table.
        sample: Sampled pixels with ``class_id`` and ``silhouette``.
        classes: Who the classes are.
        drift: How far the mean of each has moved from its centre, standard deviations.
        pixel_area_m2: Ground area of a pixel.

    Returns:
        ``class_id, name`` (a hint, not land cover), ``colour`` (``#RRGGBB``), ``since`` (date it
        was first seen), ``count`` (pixels), ``area_ha, share_pct`` (of the labelled pixels),
        ``ndvi`` and ``brightness`` (of the mean spectrum; NaN without pixels), ``silhouette``
        (mean over the sample; NaN without pixels), ``drift`` (NaN without sampled pixels).
    """
    reflectance = signatures[(signatures["units"] == "1") & (signatures["count"] > 0)]
    spectra = {
        class_id: dict(zip(rows["band"], rows["mean"], strict=True))
        for class_id, rows in reflectance.groupby("class_id")
    }
    silhouette = sample.groupby("class_id")["silhouette"].mean()
    ids = [identity.class_id for identity in classes]
    pixels = sums.pixels[np.array(ids) - 1]
    return pd.DataFrame(
        {
            "class_id": ids,
            "name": [identity.name for identity in classes],
            "colour": [identity.colour for identity in classes],
            "since": [identity.since for identity in classes],
            "count": pixels,
            "area_ha": pixels * pixel_area_m2 / _SQUARE_METRES_PER_HECTARE,
            "share_pct": 100 * pixels / max(int(pixels.sum()), 1),
            "ndvi": [index_of("ndvi", spectra.get(i, {})) for i in ids],
            "brightness": [brightness_of(spectra[i]) if i in spectra else np.nan for i in ids],
            "silhouette": [float(silhouette.get(i, np.nan)) for i in ids],
            "drift": np.asarray(drift, np.float64),
        }
    )
