"""The static sample world: relief, ground and texture, kept on disk for the worker processes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from eo_assets.sample import noise
from eo_assets.sample.grid import WORLD

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class World:
    """What does not change from date to date, all of dims ``(y, x)`` on the world grid.

    Attributes:
        elevation_m: Elevation, metres, float32.
        cover: Land-cover class, uint8, see :class:`~eo_assets.sample.landcover.Cover`.
        parcel: Individuality of a field, standard normal, float32; 0 outside of fields.
        texture: Brightness of a place within its class, standard normal, float32.
        vigour: Lushness of a place within its class, standard normal, float32.
    """

    elevation_m: NDArray[np.float32]
    cover: NDArray[np.uint8]
    parcel: NDArray[np.float32]
    texture: NDArray[np.float32]
    vigour: NDArray[np.float32]

    def save(self, directory: Path) -> None:
        """Write one ``.npy`` file per field into an existing directory."""
        for field in fields(self):
            np.save(directory / f"{field.name}.npy", getattr(self, field.name))

    @classmethod
    def load(cls, directory: Path) -> World:
        """Map the files of :meth:`save` into memory, read-only."""
        return cls(
            **{
                field.name: np.load(directory / f"{field.name}.npy", mmap_mode="r")
                for field in fields(cls)
            }
        )


def create_world() -> World:
    """Simulate the world from its seed: about ten seconds on one core."""
    from eo_assets.sample.landcover import land_cover
    from eo_assets.sample.terrain import elevation

    ground = land_cover(elevation())
    texture = 0.38 * noise.spline("texture/crown", WORLD.shape, 3)
    texture += 0.92 * noise.fractal("texture/stand", WORLD.shape, 40, octaves=4, gain=0.65)
    return World(
        elevation_m=ground.elevation_m,
        cover=ground.cover,
        parcel=ground.parcel,
        texture=texture,
        vigour=noise.fractal("vigour", WORLD.shape, 60, octaves=4, gain=0.6),
    )
