"""A small, physically plausible mosaic whose true land cover is known, in the stored layout.

Mean spectra are typical surface reflectances of mountain land cover in summer; each pixel varies
in brightness (all bands together), in every band on its own, and with the slope of the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rioxarray  # noqa: F401  registers the accessor that writes spatial_ref
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy.ndimage import gaussian_filter

SENTINEL_2 = {
    "blue": 0.490,
    "green": 0.560,
    "red": 0.665,
    "rededge1": 0.704,
    "rededge2": 0.740,
    "rededge3": 0.783,
    "nir": 0.842,
    "nir08": 0.865,
    "swir16": 1.610,
    "swir22": 2.190,
}
LANDSAT = {
    "coastal": 0.443,
    "blue": 0.482,
    "green": 0.562,
    "red": 0.655,
    "nir08": 0.865,
    "swir16": 1.609,
    "swir22": 2.201,
    "lwir11": 10.895,
}
SPECTRA = {
    # one column a band of SENTINEL_2
    "water": (0.026, 0.030, 0.020, 0.018, 0.014, 0.013, 0.012, 0.011, 0.006, 0.004),
    "rock": (0.163, 0.184, 0.208, 0.213, 0.219, 0.219, 0.216, 0.213, 0.202, 0.182),
    "stubble": (0.087, 0.121, 0.135, 0.165, 0.205, 0.230, 0.275, 0.290, 0.345, 0.235),
    "conifer": (0.021, 0.035, 0.021, 0.055, 0.175, 0.215, 0.225, 0.235, 0.098, 0.042),
    "broadleaf": (0.026, 0.047, 0.026, 0.082, 0.268, 0.335, 0.345, 0.370, 0.178, 0.073),
    "cropland": (0.031, 0.058, 0.031, 0.082, 0.335, 0.430, 0.437, 0.455, 0.185, 0.075),
}
SHARES = (0.08, 0.12, 0.18, 0.24, 0.22, 0.16)


@dataclass(frozen=True)
class Scene:
    """A stored mosaic and what it shows: ``truth`` is 1 to 6 in the order of SPECTRA, 0 outside."""

    path: str
    geobox: GeoBox
    truth: np.ndarray


def write_scene(
    path: Path,
    *,
    shape: tuple[int, int] = (300, 400),
    bands: dict[str, float] = SENTINEL_2,
    chunk: int = 512,
    valid_share: float = 0.9,
    seed: int = 7,
) -> Scene:
    """Write a mosaic; the pixels are the same whatever the chunks."""
    rng = np.random.default_rng(seed)
    geobox = GeoBox(shape, Affine(20, 0, 370_620, 0, -20, 5_042_060), "EPSG:32635")
    truth = _land_cover(shape, valid_share, rng)
    light = np.exp(rng.normal(0, 0.06, shape)) * (1 + 0.12 * _smooth(shape, 12, rng))
    variables = {
        name: _band(name, wavelength, truth, light, rng) for name, wavelength in bands.items()
    }
    observed = (truth > 0).astype(np.uint8)
    west = np.arange(shape[1]) < shape[1] // 2
    variables["observations"] = xr.Variable(("y", "x"), observed * (1 + west).astype(np.uint8))
    variables["source"] = xr.Variable(("y", "x"), observed * np.where(west, 1, 2).astype(np.uint8))
    dataset = xr.Dataset(
        variables,
        coords={
            "y": geobox.coordinates["y"].values,
            "x": geobox.coordinates["x"].values,
        },
    ).rio.write_crs("EPSG:32635")
    encoding = {name: {"chunks": (chunk, chunk)} for name in variables}
    dataset.to_zarr(path, mode="w", encoding=encoding, zarr_format=3, consolidated=False)
    return Scene(str(path), geobox, truth)


def _smooth(shape: tuple[int, int], sigma: float, rng: np.random.Generator) -> np.ndarray:
    field = gaussian_filter(rng.normal(size=shape), sigma, mode="wrap")
    return field / field.std()


def _land_cover(shape: tuple[int, int], valid_share: float, rng: np.random.Generator) -> np.ndarray:
    field = _smooth(shape, 9, rng)
    edges = np.quantile(field, np.cumsum(SHARES)[:-1])
    truth = (np.digitize(field, edges) + 1).astype(np.uint8)
    cloud = _smooth(shape, 20, rng)
    if valid_share < 1:
        truth[cloud > np.quantile(cloud, valid_share)] = 0
    return truth


def _band(
    name: str, wavelength: float, truth: np.ndarray, light: np.ndarray, rng: np.random.Generator
) -> xr.Variable:
    attrs = {"long_name": name, "center_wavelength_um": wavelength, "units": "1"}
    noise = np.exp(rng.normal(0, 0.025, truth.shape))
    if wavelength > 3:
        kelvin = np.array([0, 288, 305, 303, 294, 295, 297])[truth] * np.exp(
            rng.normal(0, 0.004, truth.shape)
        )
        return _packed(kelvin, 0.01, truth, {**attrs, "units": "K"})
    # coastal is not in the table: blue is close to it
    column = list(SENTINEL_2).index("blue" if name == "coastal" else name)
    spectrum = np.array([0.0] + [values[column] for values in SPECTRA.values()])
    return _packed(spectrum[truth] * light * noise, 0.0001, truth, attrs)


def _packed(values: np.ndarray, scale: float, truth: np.ndarray, attrs: dict) -> xr.Variable:
    stored = np.clip(np.rint(values / scale), 1, 65534).astype(np.uint16)
    stored[truth == 0] = 0
    return xr.Variable(("y", "x"), stored, {**attrs, "scale_factor": scale, "_FillValue": 0})
