"""Commands about archives: the sample, and a STAC API over any directory of items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eo_assets.cli.chosen import ensure_sample
from eo_assets.cli.terminal import console
from eo_assets.commands.options import OutputsOption

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
    private: Annotated[
        bool, typer.Option("--private", help="Ask readers for the token, too.")
    ] = False,
) -> None:
    """Serve a directory of STAC items and files as a STAC API.

    Search with any STAC client; POST an item to /collections/ID/items while it runs. Beyond this
    machine that needs EO_ASSETS_CATALOG_TOKEN; without one it is read-only there.
    """
    from eo_assets.sample.api.server import serve
    from eo_assets.serving.listening import is_loopback
    from eo_assets.settings import load_settings

    token = load_settings().catalog_token.get_secret_value()

    if hrefs not in {"http", "file"}:
        raise typer.BadParameter("must be 'http' or 'file'", param_hint="--hrefs")
    serve(
        directory,
        host=host,
        port=port,
        hrefs="http" if hrefs == "http" else "file",
        writable=not read_only and (bool(token) or is_loopback(host)),
        token=token,
        private=private,
        on_ready=lambda url: console.print(f"STAC API over {directory} at {url} (Ctrl-C stops it)"),
    )


@catalog.command("products")
def catalog_products(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8083,
    private: Annotated[
        bool, typer.Option("--private", help="Ask readers for the token, too.")
    ] = False,
) -> None:
    """Serve the product catalogue in PostgreSQL as a STAC API; PGHOST and the others say where.

    Set EO_ASSETS_PRODUCT_CATALOG to its address, and products are registered in it. Beyond this
    machine writing needs EO_ASSETS_PRODUCT_CATALOG_TOKEN; without one it is read-only there.
    """
    from eo_assets.product_api.server import serve
    from eo_assets.settings import load_settings

    def tell(url: str, writable: bool) -> None:
        may = "" if writable else "; read-only, for want of EO_ASSETS_PRODUCT_CATALOG_TOKEN"
        console.print(f"Product catalogue at {url} (Ctrl-C stops it{may})", soft_wrap=True)

    token = load_settings().product_catalog_token.get_secret_value()
    serve(host=host, port=port, token=token, private=private, on_ready=tell)


@catalog.command("migrate")
def catalog_migrate() -> None:
    """Prepare the database of the product catalogue, or bring it up to date: pgstac's schema."""
    from eo_assets.product_api.database import prepare

    console.print(f"The product catalogue has pgstac {prepare()}.")


@catalog.command("register")
def catalog_register(
    region: Annotated[
        list[str] | None,
        typer.Option("--region", "-r", help="A region's id or GeoJSON file; all known by default."),
    ] = None,
    outputs: OutputsOption = None,
) -> None:
    """Register products that are stored already, and withdraw those that are empty.

    In the catalogue that EO_ASSETS_PRODUCT_CATALOG names, or the product store's own. Safe to
    repeat: what is registered already is replaced.
    """
    from eo_assets.catalog.regions import get_region, load_regions
    from eo_assets.commands.registration import register_regions
    from eo_assets.settings import load_settings

    settings = load_settings(**({"outputs": outputs} if outputs else {}))
    known = load_regions(settings.regions)
    register_regions(settings, [get_region(known, name) for name in region or known], console)
