"""What the pixels of each parcel say on one date, each weighted by how much of it is covered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from eo_assets.parcels.checking import ID

Float = npt.NDArray[np.float32]

COLUMNS = ("mean", "median", "p10", "p90", "sd", "valid_fraction", "pixels", "whole_pixels")

_OPERATIONS = (
    "count=count",
    "mean=mean",
    "median=median",
    "quantile(q=0.1)",
    "quantile(q=0.9)",
    "sd=stdev",
)
_WHOLE = "whole=count(min_coverage_frac=0.999999,default_value=0)"


def parcel_statistics(
    ndvi: Float, transform: Affine, crs_wkt: str, parcels: geopandas.GeoDataFrame
) -> pd.DataFrame:
    """Compute the statistics of parcels.

    A pixel counts with the share of its area that lies in the parcel (D. Baston, exactextract), so
    that no pixel's centre decides. Quantiles are weighted likewise.

    Args:
        ndvi: Dims ``(y, x)``; NaN where there is no observation.
        transform: Pixel corner to CRS, north up.
        crs_wkt: The CRS, which is the parcels' too.
        parcels: Polygons that lie within the array, with ``id``.

    Returns:
        One row a parcel, in their order: ``id``, ``mean``, ``median``, ``p10``, ``p90``, ``sd``
        (float32, NaN without a valid pixel), ``valid_fraction`` (of the parcel's area, 0-1),
        ``pixels`` (valid, in whole and parts), ``whole_pixels`` (wholly inside, valid or not).
    """
    height, width = ndvi.shape
    bounds = {
        "xmin": transform.c,
        "ymax": transform.f,
        "xmax": transform.c + transform.a * width,
        "ymin": transform.f + transform.e * height,
    }

    def extract(values: Float, operations: Sequence[str]) -> pd.DataFrame:
        source = NumPyRasterSource(values, **bounds, nodata=np.nan, name="ndvi", srs_wkt=crs_wkt)
        # rows come in the order of the parcels; its own "id" column is no text
        return exact_extract(source, parcels[["geometry"]], list(operations), output="pandas")

    found = extract(ndvi, _OPERATIONS).rename(columns={"quantile_10": "p10", "quantile_90": "p90"})
    whole = extract(np.zeros_like(ndvi), [_WHOLE])["whole"]
    pixel_area = abs(transform.a * transform.e)
    valid = found["count"].to_numpy() * pixel_area / parcels.area.to_numpy()
    table = {name: found[name].astype("float32") for name in ("mean", "median", "p10", "p90", "sd")}
    return pd.DataFrame(
        {
            ID: parcels[ID].astype("string").to_numpy(),
            **table,
            "valid_fraction": np.clip(valid, 0, 1).astype(np.float32),
            "pixels": found["count"].astype("float32"),
            "whole_pixels": whole.fillna(0).round().astype("int32"),
        }
    )


def windows_of(
    parcels: geopandas.GeoDataFrame, *, transform: Affine, shape: tuple[int, int], size: int
) -> Iterator[tuple[tuple[slice, slice], npt.NDArray[np.intp]]]:
    """Divide parcels into groups of neighbours, each with a window of pixels that holds them.

    What lies in memory at once is a window, however many parcels there are.

    Args:
        parcels: Polygons in the grid's CRS.
        transform: Pixel corner to CRS, north up.
        shape: Rows and columns of the grid.
        size: Edge of the squares that parcels are grouped by, pixels.

    Yields:
        Rows and columns of the window, and the positions of its parcels; those without a pixel in
        the grid are in no window.
    """
    bounds = parcels.bounds.to_numpy()
    left = np.floor((bounds[:, 0] - transform.c) / transform.a).astype(int)
    right = np.ceil((bounds[:, 2] - transform.c) / transform.a).astype(int)
    top = np.floor((bounds[:, 3] - transform.f) / transform.e).astype(int)
    bottom = np.ceil((bounds[:, 1] - transform.f) / transform.e).astype(int)
    within = (right > 0) & (left < shape[1]) & (bottom > 0) & (top < shape[0])
    square = (top + bottom) // 2 // size * 100_000 + (left + right) // 2 // size
    for number in np.unique(square[within]):
        members = np.flatnonzero(within & (square == number))
        rows = slice(max(top[members].min(), 0), min(bottom[members].max(), shape[0]))
        columns = slice(max(left[members].min(), 0), min(right[members].max(), shape[1]))
        yield (rows, columns), members
