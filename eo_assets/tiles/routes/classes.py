"""What the classes of a stored product are called, and how they are coloured."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from eo_assets.errors import MissingArtifactError
from eo_assets.tiles.problems import RESPONSES
from eo_assets.tiles.products import map_of
from eo_assets.tiles.service import ServiceOf

router = APIRouter(tags=["Stored products"], responses=RESPONSES)


class ClassEntry(BaseModel):
    """A class."""

    value: int = Field(description="Its number in the file.")
    title: str
    colour: str = Field(description="`#rrggbb`.")


class Classes(BaseModel):
    """The classes of a product, without the one that says that nothing was observed."""

    classes: list[ClassEntry]


@router.get(
    "/products/{region}/{collection}/{date}/{step}/classes",
    summary="Names and colours of classes",
)
def classes(region: str, collection: str, date: str, step: str, service: ServiceOf) -> Classes:
    """Give what the STAC item of the product says of its classes."""
    product = f"{region}/{collection}/{date}/{step}"
    path, record = map_of(service.settings.outputs, product)
    try:
        item = json.loads((path.parent / record.files["stac_item"]).read_text(encoding="utf-8"))
        own = next(
            one for one in item["assets"].values() if one["href"].rpartition("/")[2] == path.name
        )
        described: list[dict[str, Any]] = own["bands"][0]["classification:classes"]
    except (OSError, ValueError, LookupError, StopIteration) as error:
        raise MissingArtifactError(
            f"{product} does not say what its classes are.", "Materialise it again."
        ) from error
    return Classes(
        classes=[
            ClassEntry(value=one["value"], title=one["title"], colour=f"#{one['color_hint']}")
            for one in described
            if not one.get("nodata")
        ]
    )
