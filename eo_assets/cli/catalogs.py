"""Commands about archives: the sample, and a STAC API over any directory of items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eo_assets.cli.chosen import ensure_sample
from eo_assets.cli.terminal import console

app = typer.Typer()
catalog = typer.Typer(help="STAC catalogues.", no_args_is_help=True)


@app.command()
def sample(
    directory: Annotated[
        Path | None, typer.Option(help="Where.  [dim]EO_ASSETS_SAMPLE_DIR[/dim]")
    ] = None,
) -> None:
    """Make the embedded archive: synthetic scenes of the Bucegi Mountains with known truth.

    Sentinel-2, Landsat and elevation in the shape the Planetary Computer serves them. Nothing is
    done if it is already there.
    """
    from eo_assets.settings import load_settings

    settings = load_settings(**({"sample_dir": directory} if directory else {}))
    ensure_sample(settings.sample_dir)
    console.print(f"The sample archive is at {settings.sample_dir}")


@catalog.command("serve")
def catalog_serve(
    directory: Annotated[Path, typer.Argument(help="A directory with STAC items below it.")],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8081,
    hrefs: Annotated[
        str, typer.Option(help="'http': files as addresses of this server. 'file': as paths.")
    ] = "http",
    read_only: Annotated[bool, typer.Option("--read-only", help="Refuse new items.")] = False,
) -> None:
    """Serve a directory of STAC items and files as a STAC API.

    Search with any STAC client; POST an item to /collections/ID/items while it runs.
    """
    from eo_assets.sample.api.server import serve
    from eo_assets.settings import load_settings

    if hrefs not in {"http", "file"}:
        raise typer.BadParameter("must be 'http' or 'file'", param_hint="--hrefs")
    serve(
        directory,
        host=host,
        port=port,
        hrefs="http" if hrefs == "http" else "file",
        writable=not read_only,
        token=load_settings().catalog_token or None,
        on_ready=lambda url: console.print(f"STAC API over {directory} at {url} (Ctrl-C stops it)"),
    )
