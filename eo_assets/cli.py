"""``eo-assets``: the project from the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from eo_assets import __version__
from eo_assets.commands.options import (
    CatalogOption,
    CollectionOption,
    Days,
    DaysOption,
    OutputsOption,
    RegionOption,
)
from eo_assets.errors import EoAssetsError

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.settings import Settings

app = typer.Typer(
    help="Earth-observation pipelines: from a STAC search to mosaics, GeoTIFFs, classes and "
    "reports.\n\nStart with [bold]eo-assets materialize --region bucegi --date 2023-07-15[/bold], "
    "which uses the embedded sample archive, or [bold]eo-assets dev[/bold] for the web interface.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
catalog_app = typer.Typer(help="STAC catalogues.", no_args_is_help=True)
regions_app = typer.Typer(help="Regions: what to map.", no_args_is_help=True)
app.add_typer(catalog_app, name="catalog")
cog_app = typer.Typer(help="Cloud Optimized GeoTIFFs.", no_args_is_help=True)
app.add_typer(regions_app, name="regions")
app.add_typer(cog_app, name="cog")

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


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
    _ensure_sample(settings.sample_dir)
    console.print(f"The sample archive is at {settings.sample_dir}")


def _ensure_sample(directory: Path) -> None:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from eo_assets.sample import generate, is_complete

    if is_complete(directory):
        return
    console.print("Making the sample archive, once; this takes a minute or two.")
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("sample archive", total=1.0)
        generate(
            directory,
            progress=lambda text, share: bar.update(task, description=text, completed=share),
        )


@catalog_app.command("serve")
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


@regions_app.command("list")
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


@regions_app.command("check")
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


@app.command()
def materialize(
    region: RegionOption,
    date: DaysOption,
    catalog: CatalogOption = None,
    collection: CollectionOption = None,
    outputs: OutputsOption = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Leave out what is finished already.")
    ] = False,
) -> None:
    """Make everything for regions and days: mosaic, GeoTIFF, classes and report.

    Runs the assets that the web interface shows, on a local Dask cluster or the one
    EO_ASSETS_DASK_ADDRESS names. A day without imagery is a result, with the reason. Of several
    days or regions one that fails does not stop the others.
    """
    settings, regions = _chosen(region, collection, catalog=catalog, outputs=outputs)

    from eo_assets.commands.ending import ends_on_signals
    from eo_assets.commands.materialize import partitions_of, run_chain
    from eo_assets.commands.ranges import run_range

    partitions = partitions_of(settings, regions=regions, days=date, collection=collection or "")
    with ends_on_signals(complaints):
        _ensure_catalog(settings)
        if len(partitions) == 1 and not missing:
            run_chain(settings, partition=partitions[0], console=console)
        else:
            run_range(settings, partitions=partitions, missing=missing, console=console)


@app.command()
def plan(
    region: RegionOption,
    date: DaysOption,
    catalog: CatalogOption = None,
    collection: CollectionOption = None,
    outputs: OutputsOption = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Beside it, what stored mosaics did cost.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Tell what a backfill is going to cost: items, files, requests, bytes, memory, time.

    Searches the catalogue and reads the headers of files; no pixel is decoded.
    """
    settings, regions = _chosen(region, collection, catalog=catalog, outputs=outputs)

    from eo_assets.commands.materialize import partitions_of
    from eo_assets.commands.plan import show_plan

    partitions = partitions_of(settings, regions=regions, days=date, collection=collection or "")
    _ensure_catalog(settings)
    show_plan(settings, partitions=partitions, compare=compare, as_json=as_json, console=console)


@app.command()
def segments(
    region: RegionOption,
    date: DaysOption,
    method: Annotated[
        str, typer.Option("--method", "-m", help="'slic', 'felzenszwalb' or 'watershed'.")
    ] = "slic",
    size_ha: Annotated[float, typer.Option(help="Wanted area of a segment, hectares.")] = 1.0,
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Divide a mosaic into segments of similar pixels: polygons with measures, and a label map.

    The mosaic is made first where there is none.
    """
    from eo_assets.segmentation.methods import get_method

    get_method(method)
    config = {"method": method, "size_ha": size_ha}
    _apply("segments", region, date, config, catalog=catalog, outputs=outputs)


@app.command()
def terrain(
    region: RegionOption,
    interval_m: Annotated[float, typer.Option(help="Between two contours, metres.")] = 50.0,
    sea: Annotated[
        bool, typer.Option("--sea", help="A missing elevation tile is sea at height 0.")
    ] = False,
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Make slope, aspect, hillshade and contours of a region from the Copernicus elevation model.

    Where there is no tile the height is unknown, unless --sea says what it is.
    """
    config: dict[str, object] = {
        "contour_interval_m": interval_m,
        "missing_tiles": "sea" if sea else "unknown",
    }
    _apply_to_regions("terrain", region, config, catalog=catalog, outputs=outputs)


@app.command()
def parcels(
    region: RegionOption,
    date: DaysOption,
    method: Annotated[
        str, typer.Option("--method", "-m", help="'double_logistic' or 'whittaker'.")
    ] = "double_logistic",
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Follow NDVI of each parcel over the year: statistics of each date, curves, start and end.

    Parcels come from EO_ASSETS_PARCELS; the sample world has its own. Mosaics are made first where
    there are none.
    """
    if method not in {"double_logistic", "whittaker"}:
        raise typer.BadParameter("must be 'double_logistic' or 'whittaker'", param_hint="--method")
    _apply("parcel_stats", region, date, {}, catalog=catalog, outputs=outputs)
    config: dict[str, object] = {"method": method}
    _apply_to_regions("parcel_profiles", region, config, catalog=catalog, outputs=outputs)


def _apply_to_regions(
    name: str, region: list[str], config: dict[str, object], **given: object
) -> None:
    settings, regions = _chosen(region, None, **given)

    from eo_assets.commands.application import run_of_region
    from eo_assets.commands.ending import ends_on_signals

    with ends_on_signals(complaints):
        _ensure_catalog(settings)
        for one in regions:
            run_of_region(settings, name, region=one, config=config, console=console)


@app.command("land-cover")
def land_cover(
    region: RegionOption,
    date: DaysOption,
    method: Annotated[
        str,
        typer.Option(
            "--method",
            "-m",
            help="'random_forest', 'hist_gradient_boosting' or 'neural_network'.",
        ),
    ] = "random_forest",
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Learn land cover from training polygons: map, probabilities, accuracy, areas.

    Polygons are those of the region in EO_ASSETS_TRAINING; the sample brings its own. The mosaic is
    made first where there is none.
    """
    from eo_assets.supervised.methods import get_method

    get_method(method)
    _apply("land_cover", region, date, {"method": method}, catalog=catalog, outputs=outputs)


def _apply(
    name: str, region: list[str], date: Days, config: dict[str, object], **given: object
) -> None:
    settings, regions = _chosen(region, None, **given)

    from eo_assets.commands.application import run_application
    from eo_assets.commands.ending import ends_on_signals
    from eo_assets.commands.materialize import partitions_of

    partitions = partitions_of(settings, regions=regions, days=date, collection="")
    with ends_on_signals(complaints):
        _ensure_catalog(settings)
        run_application(settings, name, partitions=partitions, config=config, console=console)


def _chosen(
    region: list[str], collection: str | None, **given: object
) -> tuple[Settings, list[Region]]:
    """Read settings and regions: a mistake is told at once, before Dagster is loaded."""
    from eo_assets.catalog.collections import get_collection
    from eo_assets.catalog.regions import get_region, load_regions
    from eo_assets.settings import load_settings

    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    known = load_regions(settings.regions)
    regions = [get_region(known, name) for name in dict.fromkeys(region)]
    for one in regions:
        get_collection(collection or one.collection)
    return settings, regions


def _ensure_catalog(settings: Settings) -> None:
    from eo_assets.settings import SAMPLE

    if settings.catalog == SAMPLE:
        _ensure_sample(settings.sample_dir)


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
    _ensure_catalog(settings)
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
    from eo_assets.settings import SAMPLE, load_settings

    given = {
        "catalog": catalog,
        "outputs": outputs,
        "tiles_workers": workers,
        "tiles_without_token": without_token or None,
    }
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    if settings.catalog == SAMPLE:
        _ensure_sample(settings.sample_dir)
    run_tiles(settings, host=host, port=port, console=console)


@cog_app.command("create")
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


@cog_app.command("validate")
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


def run() -> None:
    """Run the command line; mistakes and failures end in a sentence, not a traceback."""
    try:
        app()
    except EoAssetsError as error:
        complaints.print(f"[bold red]{type(error).__name__}[/]: {error.problem}", soft_wrap=True)
        if error.remedy:
            complaints.print(error.remedy, soft_wrap=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    run()
