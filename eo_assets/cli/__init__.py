"""``eo-assets``: the project from the command line; a module a group of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from eo_assets import __version__
from eo_assets.cli import applications, catalogs, cog, products, regions, services
from eo_assets.cli.terminal import complaints, console
from eo_assets.errors import EoAssetsError

app = typer.Typer(
    help="Earth-observation pipelines: from a STAC search to mosaics, GeoTIFFs, classes and "
    "reports.\n\nStart with [bold]eo-assets materialize --region bucegi --date 2023-07-15[/bold], "
    "which uses the embedded sample archive, or [bold]eo-assets dev[/bold] for the web interface.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (catalogs, products, applications, services):
    app.add_typer(group.app)
app.add_typer(catalogs.catalog, name="catalog")
app.add_typer(regions.app, name="regions")
app.add_typer(cog.app, name="cog")


def _show_version(wanted: bool) -> None:
    if wanted:
        console.print(f"eo-assets {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Version.")
    ] = False,
) -> None:
    """Hold the options of all commands."""


def run() -> None:
    """Run the command line; mistakes and failures end in a sentence, not a traceback."""
    try:
        app()
    except EoAssetsError as error:
        complaints.print(f"[bold red]{type(error).__name__}[/]: {error.problem}", soft_wrap=True)
        if error.remedy:
            complaints.print(error.remedy, soft_wrap=True)
        raise SystemExit(1) from None
