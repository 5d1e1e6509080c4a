"""Storing what a layer shows."""

from __future__ import annotations

from fastapi import APIRouter

from eo_assets.tiles.export import Export, start_export
from eo_assets.tiles.problems import RESPONSES
from eo_assets.tiles.service import ServiceOf

router = APIRouter(prefix="/layers/{layer_id}", tags=["Layers"], responses=RESPONSES)


@router.post("/export", status_code=202, summary="Store the products of a layer's dates")
def export(layer_id: str, service: ServiceOf) -> Export:
    """Start the Dagster runs that store mosaic, GeoTIFF, classes and report of each of its dates.

    Runs use the settings of the pipeline; products appear in `/catalog` when they succeed.
    """
    return start_export(service.registry.get(layer_id), service.settings)
