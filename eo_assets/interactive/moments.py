"""A cube over time as images one by one: what a time slider steps through."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass

from eo_assets.cube.graph import Composite, LoadSearch, Node, Periods, VirtualCube
from eo_assets.cube.graph.operations import Period
from eo_assets.cube.graph.signatures import Kind
from eo_assets.interactive.lazy import period_of_images, times_of

_COMPOSITE = "image_of_the_period"


@dataclass(frozen=True)
class Moment:
    """One time of a cube.

    Attributes:
        label: For people: ``2023-07-15``, ``2023-07``.
        graph: The image of that time; names only.
    """

    label: str
    graph: VirtualCube


def moments(graph: VirtualCube, resolved: VirtualCube) -> list[Moment]:
    """Give a cube's times as images.

    Args:
        graph: Scenes or a series; names only. Scenes are taken day by day.
        resolved: The same with its scenes.

    Returns:
        In order of time, those with a scene only.

    Raises:
        ConfigurationError: It is made of several searches.
    """
    by = period_of_images(graph) or "day"
    labels = dict.fromkeys(label[:10] for label in times_of(resolved)[0])
    days = [dt.date.fromisoformat(label) for label in labels]
    return [Moment(_label(day, by), _image(graph, day, by)) for day in days]


def _label(day: dt.date, by: Period) -> str:
    return f"{day:%Y-%m}" if by == "month" else str(day)


def _last(day: dt.date, by: Period) -> dt.date:
    match by:
        case "week":
            return day + dt.timedelta(days=6)
        case "month" | "season":
            months = day.month - 1 + (2 if by == "season" else 0)
            year, month = day.year + months // 12, months % 12 + 1
            return dt.date(year, month, calendar.monthrange(year, month)[1])
    return day


def _image(graph: VirtualCube, day: dt.date, by: Period) -> VirtualCube:
    # the search is narrowed to the period, whose scenes become one image
    nodes: dict[str, Node] = {}
    instead: dict[str, str] = {}
    for name in graph.order:
        node = graph.nodes[name]
        below = [instead.get(one, one) for one in node.takes]
        if isinstance(node, LoadSearch):
            first, last = max(node.first, day), min(node.last, _last(day, by))
            nodes[name] = node.model_copy(update={"first": first, "last": last})
            continue
        if isinstance(node, Periods):
            nodes[name] = Composite(data=below[0], method=node.method, order=node.order)
            continue
        scenes = below and graph.signature_of(node.takes[0]).kind is Kind.SCENES
        if scenes and graph.signature_of(name).kind is not Kind.SCENES:
            nodes[_COMPOSITE] = Composite(data=below[0])
            below = [_COMPOSITE]
        nodes[name] = node.model_copy(update={"data": below[0]}) if below else node
    if graph.kind is Kind.SCENES:
        nodes[_COMPOSITE] = Composite(data=graph.result)
        return VirtualCube(nodes=nodes, result=_COMPOSITE)
    return VirtualCube(nodes=nodes, result=graph.result)
