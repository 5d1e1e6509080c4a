"""Commands about regions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from eo_assets.cli.terminal import console

app = typer.Typer(help="Regions: what to map.", no_args_is_help=True)


@app.command("list")
def regions_list() -> None:
    """List the regions: the built-in ones and those in EO_ASSETS_REGIONS."""
    from eo_assets.catalog.regions import load_regions
    from eo_assets.cube.grid import region_geobox
    from eo_assets.settings import load_settings

    table = Table("id", "title", "collection", "grid")
    for region in load_regions(load_settings().regions).values():
        geobox = region_geobox(region)
        size = f"{geobox.shape[1]} × {geobox.shape[0]} px of {geobox.resolution.x:g} m"
        table.add_row(region.id, region.title, region.collection, f"{size}, {geobox.crs}")
    console.print(table)


@app.command("check")
def regions_check(
    file: Annotated[Path, typer.Argument(help="A GeoJSON file with one Feature.")],
) -> None:
    """Check a region's file and show the grid it gets."""
    from eo_assets.catalog.collections import get_collection
    from eo_assets.catalog.regions import read_region
    from eo_assets.cube.grid import region_geobox

    region = read_region(file)
    geobox = region_geobox(region)
    bounds = geobox.boundingbox
    bands = region.bands or get_collection(region.collection).default_bands
    table = Table(show_header=False)
    table.add_row("id", region.id)
    table.add_row("title", region.title)
    table.add_row("collection", region.collection)
    table.add_row("bands", ", ".join(bands))
    table.add_row("grid", f"{geobox.shape[1]} × {geobox.shape[0]} px, {geobox.resolution.x:g} m")
    table.add_row("crs", str(geobox.crs))
    table.add_row("bounds", " ".join(f"{edge:.0f}" for edge in bounds.bbox))
    console.print(table)
    console.print(f"{file} is a valid region.")
