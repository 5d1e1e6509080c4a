"""Commands that make what the pipeline makes, and tell beforehand what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eo_assets.cli.chosen import chosen, ensure_catalog
from eo_assets.cli.terminal import complaints, console
from eo_assets.commands.options import (
    CatalogOption,
    CollectionOption,
    DaysOption,
    OutputsOption,
    RegionOption,
)

app = typer.Typer()


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
    settings, regions = chosen(region, collection, catalog=catalog, outputs=outputs)

    from eo_assets.commands.ending import ends_on_signals
    from eo_assets.commands.materialize import partitions_of, run_chain
    from eo_assets.commands.ranges import run_range

    partitions = partitions_of(settings, regions=regions, days=date, collection=collection or "")
    with ends_on_signals(complaints):
        ensure_catalog(settings)
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
    settings, regions = chosen(region, collection, catalog=catalog, outputs=outputs)

    from eo_assets.commands.materialize import partitions_of
    from eo_assets.commands.plan import show_plan

    partitions = partitions_of(settings, regions=regions, days=date, collection=collection or "")
    ensure_catalog(settings)
    show_plan(settings, partitions=partitions, compare=compare, as_json=as_json, console=console)


@app.command()
def replay(
    item: Annotated[
        str, typer.Argument(help="The STAC item (JSON) of a product: a file, s3:// or az://.")
    ],
    keep: Annotated[
        Path | None, typer.Option(help="Keep what is made again in this new folder.")
    ] = None,
) -> None:
    """Make a product again from what its STAC item says, and compare checksums.

    Starts from the source scenes and uses nothing stored but the item - for classes that another
    date founded, also the model beside it. Exit code 1 when a file differs.
    """
    from eo_assets.commands.replay import run_replay
    from eo_assets.places import place
    from eo_assets.settings import load_settings

    same = run_replay(load_settings(), item=place(item), keep=keep, console=console)
    raise typer.Exit(0 if same else 1)
