"""What all nodes of a graph have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

BandName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,39}$")]
"""Name of a band; what an expression can refer to."""

ProductId = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][\w-]{0,79}/[a-z0-9-]{1,60}/\d{4}-\d\d-\d\d/[a-z_]{1,20}$")
]
"""Id of a stored product: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``. Never an address."""


class GraphNode(BaseModel):
    """A node: immutable, and without any field nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def takes(self) -> tuple[str, ...]:
        """Names of the nodes whose values it takes."""
        data = getattr(self, "data", None)
        return () if data is None else (str(data),)
