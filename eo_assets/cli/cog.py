"""Commands about Cloud Optimized GeoTIFFs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eo_assets.cli.terminal import console

app = typer.Typer(help="Cloud Optimized GeoTIFFs.", no_args_is_help=True)


@app.command("create")
def cog_create(
    source: Annotated[Path, typer.Argument(help="Any raster file GDAL reads.")],
    target: Annotated[Path, typer.Argument(help="The GeoTIFF to write.")],
    overviews: Annotated[
        str, typer.Option(help="How overviews are made: average, mode, nearest, bilinear, cubic.")
    ] = "average",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the target.")] = False,
) -> None:
    """Make a Cloud Optimized GeoTIFF of a raster file, as the project's own products are."""
    from eo_assets.storage.cog_files import convert_to_cog

    convert_to_cog(source, target, overview_resampling=overviews, overwrite=overwrite)
    console.print(f"{target} is a Cloud Optimized GeoTIFF of {target.stat().st_size / 1e6:.1f} MB.")


@app.command("validate")
def cog_validate(
    file: Annotated[Path, typer.Argument(help="A GeoTIFF.")],
    strict: Annotated[bool, typer.Option("--strict", help="Take warnings for faults.")] = False,
) -> None:
    """Check that a file is a Cloud Optimized GeoTIFF; exit code 1 when it is not."""
    from eo_assets.storage.cog_files import check_cog

    check = check_cog(file)
    for fault in check.faults:
        console.print(f"[red]fault[/]    {fault}", soft_wrap=True)
    for warning in check.warnings:
        console.print(f"[yellow]warning[/]  {warning}", soft_wrap=True)
    good = not check.faults and not (strict and check.warnings)
    console.print(f"{file} is {'' if good else 'not '}a valid Cloud Optimized GeoTIFF.")
    raise typer.Exit(0 if good else 1)
