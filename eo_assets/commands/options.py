"""Options that several commands share, and how what is written there is understood."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

RegionOption = Annotated[
    list[str],
    typer.Option(
        "--region",
        "-r",
        help="A region's id, or a GeoJSON file with one Feature. Give it again for another.",
    ),
]
CatalogOption = Annotated[
    str | None,
    typer.Option(
        "--catalog",
        "-c",
        help="'sample', 'planetary-computer', 'earth-search', a STAC API's address, or a "
        "directory of STAC items.  [dim]EO_ASSETS_CATALOG[/dim]",
    ),
]
CollectionOption = Annotated[
    str | None, typer.Option(help="Use this collection instead of the region's own.")
]
OutputsOption = Annotated[
    str | None,
    typer.Option(
        "--outputs",
        "-o",
        help="Where products go: a folder, s3://... or az://...  [dim]EO_ASSETS_OUTPUTS[/dim]",
    ),
]


@dataclass(frozen=True)
class Days:
    """A day, or all days from one to another.

    Attributes:
        first: First day.
        last: Last day, which is one of them.
    """

    first: dt.date
    last: dt.date

    def __iter__(self) -> Iterator[dt.date]:
        return (self.first + dt.timedelta(n) for n in range((self.last - self.first).days + 1))


def parse_days(text: str) -> Days:
    """Read ``2023-07-15`` or ``2023-07-01..2023-07-31``.

    Args:
        text: What was written.

    Returns:
        The days.

    Raises:
        typer.BadParameter: It is neither, or ends before it starts.
    """
    first, dots, last = text.partition("..")
    try:
        days = Days(_day(first), _day(last if dots else first))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is neither a day, YYYY-MM-DD, nor a range of days, YYYY-MM-DD..YYYY-MM-DD."
        ) from None
    if days.last < days.first:
        raise typer.BadParameter(f"{text!r} ends before it starts.")
    return days


def _day(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=dt.UTC).date()


DaysOption = Annotated[
    Days,
    typer.Option(
        "--date",
        "--dates",
        "-d",
        parser=parse_days,
        metavar="DAY[..DAY]",
        help="Local solar day, YYYY-MM-DD, or a range of days, YYYY-MM-DD..YYYY-MM-DD.",
    ),
]
