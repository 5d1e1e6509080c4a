"""Commands that serve until they are stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from eo_assets.cli.chosen import ensure_catalog
from eo_assets.cli.terminal import console
from eo_assets.commands.options import CatalogOption, OutputsOption

app = typer.Typer()


@app.command()
def dev(
    port: Annotated[int, typer.Option(help="Port of the web interface.")] = 3000,
    catalog_port: Annotated[int, typer.Option(help="Port of the STAC API.")] = 8081,
    products_port: Annotated[int, typer.Option(help="Port that shows products.")] = 8082,
    tiles_port: Annotated[int, typer.Option(help="Port of the map tiles.")] = 8090,
    catalog: CatalogOption = None,
) -> None:
    """Start STAC API, Dask, map tiles, Dagster's web interface and daemon; Ctrl-C stops all."""
    from eo_assets.commands.dev import run_services
    from eo_assets.settings import load_settings

    settings = load_settings(**({"catalog": catalog} if catalog else {}))
    ensure_catalog(settings)
    run_services(
        settings,
        port=port,
        catalog_port=catalog_port,
        products_port=products_port,
        tiles_port=tiles_port,
        console=console,
    )


@app.command()
def tiles(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8090,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Worker processes; one a core.  [dim]EO_ASSETS_TILES_WORKERS[/dim]"
        ),
    ] = None,
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
    without_token: Annotated[
        bool, typer.Option("--without-token", help="Let everybody who reaches --host use it.")
    ] = False,
) -> None:
    """Serve map tiles, values and time series, computed when somebody looks; Ctrl-C stops it."""
    from eo_assets.commands.tiles import run_tiles
    from eo_assets.settings import load_settings

    given = {
        "catalog": catalog,
        "outputs": outputs,
        "tiles_workers": workers,
        "tiles_without_token": without_token or None,
    }
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    ensure_catalog(settings)
    run_tiles(settings, host=host, port=port, console=console)
