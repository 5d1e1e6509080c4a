"""In which order scenes are taken, and which of them are one pass of the satellite."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from eo_assets.cube.image import Bool
from eo_assets.cube.scene import Scene


def order_scenes(
    scenes: Sequence[Scene], order: str, positions: Iterable[int] | None = None
) -> list[int]:
    """Give the positions of scenes, those to be preferred first.

    Args:
        scenes: The scenes.
        order: ``least_cloudy``, ``newest`` or ``oldest``.
        positions: The positions to order; all where None.

    Returns:
        Positions in ``scenes``. Ties fall to the newer scene, then to the smaller id, so that the
        order does not depend on how the scenes were listed.
    """

    def key(position: int) -> tuple[float, float, str]:
        scene = scenes[position]
        age = -scene.acquired.timestamp()
        cloud = 100.0 if scene.cloud_cover_pct is None else scene.cloud_cover_pct
        first = {"least_cloudy": cloud, "newest": age, "oldest": -age}[order]
        return first, age, scene.id

    return sorted(range(len(scenes)) if positions is None else positions, key=key)


def passes(scenes: Sequence[Scene], order: Sequence[int]) -> list[list[int]]:
    """Group positions by pass, passes in order of time.

    Args:
        scenes: The scenes.
        order: Positions in ``scenes``.

    Returns:
        Positions of each pass, in their given order.
    """
    groups: dict[tuple[float, str], list[int]] = {}
    starts: dict[str, float] = {}
    for position in order:
        name, time = scenes[position].pass_id, scenes[position].acquired.timestamp()
        starts[name] = min(starts.get(name, time), time)
    for position in order:
        name = scenes[position].pass_id
        groups.setdefault((starts[name], name), []).append(position)
    return [groups[key] for key in sorted(groups)]


def count_passes(scenes: Sequence[Scene], usable: dict[int, Bool]) -> npt.NDArray[np.uint8]:
    """Count the passes that saw each pixel usably.

    Neighbouring tiles of one pass overlap and show the same moment twice, which counts once.

    Args:
        scenes: The scenes.
        usable: Usable pixels by position in ``scenes``, dims ``(y, x)``.

    Returns:
        Passes, dims ``(y, x)``; 255 and more are 255.
    """
    passes: dict[str, Bool] = {}
    for position, valid in usable.items():
        name = scenes[position].pass_id
        passes[name] = passes[name] | valid if name in passes else valid
    n = sum(seen.astype(np.uint16) for seen in passes.values())
    return np.minimum(n, np.iinfo(np.uint8).max).astype(np.uint8)
