"""A computation in a file, for a colleague or for next year."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from eo_assets.cube.graph import VirtualCube, parse_cube
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError
from eo_assets.storage.store import storage_errors

SCHEMA: Final = 1


class Saved(BaseModel):
    """What is kept of a cube.

    Attributes:
        schema_version: Version of this form.
        title: For people.
        grid: Grid it is computed on.
        outline: Outline of its region, GeoJSON, longitude and latitude.
        graph: The computation; names only, no addresses.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA
    title: str
    grid: Grid
    outline: dict[str, Any]
    graph: VirtualCube

    def write(self, path: Path) -> Path:
        """Write the file.

        Raises:
            StorageError: It cannot be written.
        """
        document = json.dumps(self.model_dump(mode="json"), indent=1, sort_keys=True)
        with storage_errors(path):
            path.write_text(document + "\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file.

        Raises:
            ConfigurationError: There is none, it is of another form, or names files' addresses.
        """
        try:
            saved = cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError) as error:
            raise ConfigurationError(
                f"{path} is no saved cube: {error}.", "Save one with cube.save(path)."
            ) from error
        # a file from elsewhere must not lead to other files
        parse_cube(saved.graph.canonical_json(), origin=str(path), names_only=True)
        return saved
