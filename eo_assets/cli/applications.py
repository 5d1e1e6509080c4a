"""Commands that make what is built on mosaics: segments, maps, change, terrain, parcels."""

from __future__ import annotations

from typing import Annotated

import typer

from eo_assets.cli.chosen import chosen, ensure_catalog
from eo_assets.cli.terminal import complaints, console
from eo_assets.commands.options import (
    CatalogOption,
    Days,
    DaysOption,
    OutputsOption,
    RegionOption,
    parse_days,
)

app = typer.Typer()


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


@app.command()
def fires(
    region: RegionOption,
    years: Annotated[
        str,
        typer.Option(
            "--years",
            "-y",
            metavar="YEAR[..YEAR]",
            help="The years to map, each compared with the one before: 2024, or 2019..2025.",
        ),
    ],
    season: Annotated[
        str,
        typer.Option(
            metavar="MM-DD..MM-DD",
            help="Days of the year that are compared; best after most fires, still green.",
        ),
    ] = "07-01..08-31",
    min_patch_ha: Annotated[
        float, typer.Option(help="Smaller burnt patches are left out, hectares.")
    ] = 1.0,
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Map burnt areas year by year: severity, hectares in each protected site, repeat burns.

    A year's season is compared with the same days a year before. Sites come from EO_ASSETS_SITES;
    the sample world has its own. The report is about all years made so far.
    """
    settings, regions = chosen(region, None, catalog=catalog, outputs=outputs)

    from eo_assets.commands.application import run_of_region, run_of_years
    from eo_assets.commands.ending import ends_on_signals
    from eo_assets.commands.materialize import years_of
    from eo_assets.pipeline.burn_scenes import Season

    partitions = years_of(settings, regions=regions, years=years)
    Season(season).days(partitions[0].date.year)
    config: dict[str, object] = {"season": season, "min_patch_ha": min_patch_ha}
    with ends_on_signals(complaints):
        ensure_catalog(settings)
        run_of_years(settings, "burnt_areas", partitions=partitions, config=config, console=console)
        for one in regions:
            run_of_region(settings, "burnt_area_report", region=one, config={}, console=console)


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


@app.command("maps")
def index_maps(
    region: RegionOption,
    date: DaysOption,
    names: Annotated[
        list[str] | None,
        typer.Option("--map", "-m", help="true_colour, swir, ndvi, temperature...; again for more"),
    ] = None,
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Make band combinations, indices and surface temperature of a date as GeoTIFFs with pictures.

    All that the bands allow when none is named. The mosaic is made first where there is none.
    """
    config: dict[str, object] = {"maps": names or []}
    _apply("index_maps", region, date, config, catalog=catalog, outputs=outputs)


@app.command()
def change(
    region: RegionOption,
    later: Annotated[
        Days, typer.Option("--to", parser=parse_days, metavar="DAY", help="The later date.")
    ],
    earlier: Annotated[
        str,
        typer.Option(
            "--from", metavar="DAY", help="The earlier date; by default the last with an image."
        ),
    ] = "",
    index: Annotated[str, typer.Option(help="Index whose difference is mapped.")] = "ndvi",
    catalog: CatalogOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Compare two dates: the difference of an index, and what class became what, in hectares.

    The mosaic of the later date is made first where there is none.
    """
    from eo_assets.catalog.indices import get_index

    get_index(index)
    config: dict[str, object] = {"earlier": earlier, "index": index}
    _apply("change", region, later, config, catalog=catalog, outputs=outputs)


@app.command("region-report")
def region_report(
    region: RegionOption,
    date: Annotated[
        Days | None,
        typer.Option(
            "--date",
            "--dates",
            "-d",
            parser=parse_days,
            metavar="DAY[..DAY]",
            help="Only these days; all there are when not given.",
        ),
    ] = None,
    outputs: OutputsOption = None,
) -> None:
    """Report on all dates of a region: classes, NDVI, how much was seen, links to each date.

    Made from what is stored; nothing is searched or computed.
    """
    config: dict[str, object] = {}
    if date is not None:
        config = {"first_date": str(date.first), "last_date": str(date.last)}
    _apply_to_regions("region_report", region, config, outputs=outputs)


def _apply_to_regions(
    name: str, region: list[str], config: dict[str, object], **given: object
) -> None:
    settings, regions = chosen(region, None, **given)

    from eo_assets.commands.application import run_of_region
    from eo_assets.commands.ending import ends_on_signals

    with ends_on_signals(complaints):
        ensure_catalog(settings)
        for one in regions:
            run_of_region(settings, name, region=one, config=config, console=console)


def _apply(
    name: str, region: list[str], date: Days, config: dict[str, object], **given: object
) -> None:
    settings, regions = chosen(region, None, **given)

    from eo_assets.commands.application import run_application
    from eo_assets.commands.ending import ends_on_signals
    from eo_assets.commands.materialize import partitions_of

    partitions = partitions_of(settings, regions=regions, days=date, collection="")
    with ends_on_signals(complaints):
        ensure_catalog(settings)
        run_application(settings, name, partitions=partitions, config=config, console=console)
