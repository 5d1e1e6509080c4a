"""Labelling packed pixels with a fitted model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.bands import Packed, StoredBand, valid_in_all
from eo_assets.clustering.linear import Linear
from eo_assets.clustering.method import FloatArray, Method, row_of_highest, squared_distances
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.model import NODATA, ClusterModel, Labels
from eo_assets.clustering.space import feature_values

# two-thirds of a megabyte for ten bands: what a core's own cache holds
_PIXELS_AT_A_TIME = 8192


def predict(model: ClusterModel, planes: Packed, bands: Sequence[StoredBand]) -> Labels:
    """Assign each valid pixel to its class.

    Computed in float64: in float32, pixels half-way between two classes would depend on how the
    matrix product happens to be blocked.

    Args:
        model: The fitted model.
        planes: Packed reflectance, ``(band, ...)``.
        bands: The bands of the planes, at least those the model's features are made of.

    Returns:
        Class ids, ``NODATA`` where a feature has no value; uint8, the shape of one plane.
    """
    method = get_method(model.method, model.parameters)
    ids = np.array(model.class_ids, np.uint8)
    flat = planes.reshape(len(planes), -1)
    labels = np.full(flat.shape[1], NODATA, np.uint8)
    linear = _in_one_step(model, method, bands)
    used = [number for number, band in enumerate(bands) if band.name in model.features]
    for start in range(0, flat.shape[1], _PIXELS_AT_A_TIME):
        part = slice(start, start + _PIXELS_AT_A_TIME)
        if linear is not None:
            valid = valid_in_all(flat[used, part], [bands[number] for number in used])
            rows = row_of_highest(linear.apply(flat[:, part]))
        else:
            values, valid = feature_values(model.space.names, flat[:, part], bands)
            rows = class_rows(model, method, model.space.apply(values))
        labels[part] = np.where(valid, ids[rows], NODATA)
    return labels.reshape(planes.shape[1:])


def _in_one_step(model: ClusterModel, method: Method, bands: Sequence[StoredBand]) -> Linear | None:
    """Unpacking, scaling, rotating and scoring as one matrix, where all of them are linear.

    Added classes look at distances, which are not.
    """
    space, scores = model.space.linear(bands), method.linear(model.fit)
    if space is None or scores is None or model.additions.identities:
        return None
    return scores.after(space)


def class_rows(
    model: ClusterModel, method: Method, coordinates: FloatArray
) -> npt.NDArray[np.uint8]:
    """Row of each pixel's class in ``model.classes``.

    A pixel belongs to the fitted class of its highest score. Only where it lies beyond the gate of
    that class, and nearer to the centre of an added class, does it belong to the latter.

    Args:
        model: The fitted model.
        method: Its method.
        coordinates: ``(dimension, pixel)`` in the model's space.
    """
    rows = row_of_highest(method.scores(model.fit, coordinates))
    if not model.additions.identities:
        return rows
    distances = squared_distances(coordinates, model.fit.centroids[rows].T)
    unlike = np.flatnonzero(distances > np.square(model.gates)[rows])
    if unlike.size:
        to_added = np.stack(
            [
                squared_distances(coordinates[:, unlike], centre[:, None])
                for centre in model.additions.centroids
            ]
        )
        nearest = to_added.argmin(axis=0)
        taken = to_added.min(axis=0) < distances[unlike]
        rows[unlike[taken]] = (len(model.identities) + nearest[taken]).astype(np.uint8)
    return rows
