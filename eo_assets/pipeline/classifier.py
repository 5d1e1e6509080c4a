"""Stored cluster models as the graph applies them: ``classify`` of a virtual cube.

Importing this module teaches ``eo_assets.cube`` how.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.catalog.bands import Band
from eo_assets.catalog.collections import get_collection
from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.model import ClusterModel
from eo_assets.clustering.predict import predict
from eo_assets.clustering.space import bands_for
from eo_assets.cube.functions import register_classifier


def model_parameters(text: str, *, collection: str) -> dict[str, Any]:
    """Give what a graph holds of a stored model.

    Args:
        text: The model as ``clusters`` stores it.
        collection: STAC collection id of what it was fitted on.

    Returns:
        ``collection``; ``bands``, the names of those its features are made of; and ``model``.

    Raises:
        StaleArtifactError: It was written by an incompatible version.
    """
    model = ClusterModel.from_json(text)
    available = tuple(band.name for band in get_collection(collection).bands)
    bands = list(bands_for(model.features, available))
    return {"collection": collection, "bands": bands, "model": json.loads(text)}


def classified(
    parameters: Mapping[str, Any], bands: Mapping[str, npt.NDArray[np.float32]]
) -> npt.NDArray[np.uint8]:
    """Apply a cluster model.

    Args:
        parameters: As ``model_parameters`` gives them.
        bands: The bands it needs, float32 ``(y, x)``, NaN where invalid.

    Returns:
        Class ids from 1; 0 where a band is missing. The same as in the stored classes: values are
        packed first, as those were.
    """
    collection = get_collection(parameters["collection"])
    stored = [_stored(collection.band(name)) for name in parameters["bands"]]
    planes = np.stack([_packed(bands[band.name], band) for band in stored])
    return predict(_model(json.dumps(parameters["model"])), planes, stored)


@lru_cache(maxsize=16)
def _model(text: str) -> ClusterModel:
    return ClusterModel.from_json(text)


def _stored(band: Band) -> StoredBand:
    return StoredBand(
        name=band.name,
        title=band.title,
        wavelength_um=band.center_wavelength_um,
        units=band.quantity.units,
        scale=band.quantity.scale,
        offset=band.quantity.offset,
        nodata=int(band.quantity.nodata),
    )


def _packed(values: npt.NDArray[np.float32], band: StoredBand) -> npt.NDArray[np.uint16]:
    known = ~np.isnan(values)
    steps = np.rint((np.where(known, values, band.offset) - np.float64(band.offset)) / band.scale)
    return np.where(known, np.clip(steps, 1, 65_534), band.nodata).astype(np.uint16)


register_classifier(classified)
