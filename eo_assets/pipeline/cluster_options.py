"""What can be chosen about the classes of a mosaic."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, get_args

from eo_assets.catalog.indices import INDICES
from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.fitting import Recipe
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.space import SCALINGS, Scaling
from eo_assets.errors import ConfigurationError
from eo_assets.storage.store import digest_of

MAX_CLUSTERS = 64
MAX_SAMPLE = 400_000
"""Pixels: with twelve bands 10 MB, the most Dask sends along with a task without a warning."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """How to group the pixels of a mosaic.

    Attributes:
        method: Name of the clustering method.
        parameters: What to set of the method otherwise than by default.
        n_clusters: Number of classes; None takes the one the scan suggests.
        features: Bands and indices to look at; empty for every reflectance band.
        scaling: How features are standardised; None for the method's own way.
        pca_share: Keep as many principal components as explain this share of the variance; 0
            keeps the features as they are.
        seed: Of every random choice.
        sample_size: Most pixels to learn from, 64 to 400,000.
        k_range: Smallest and largest number of classes the scan tries.
        reference_date: Date whose mosaic founds the code book; None for the first date that needs
            one.
        block_px: Side of the blocks the mosaic is read in, pixels; no result depends on it.
    """

    method: str = "minibatch_kmeans"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    n_clusters: int | None = 8
    features: tuple[str, ...] = ()
    scaling: Scaling | None = None
    pca_share: float = 0.0
    seed: int = 0
    sample_size: int = 50_000
    k_range: tuple[int, int] = (2, 14)
    reference_date: dt.date | None = None
    block_px: int = 1024

    def check(self) -> None:
        """Refuse what cannot work, before anything is read.

        Raises:
            ConfigurationError: A value is out of range.
            UnknownNameError: There is no such method or parameter.
        """
        get_method(self.method, self.parameters)
        if self.n_clusters is not None and not 2 <= self.n_clusters <= MAX_CLUSTERS:
            raise ConfigurationError(
                f"The number of classes cannot be {self.n_clusters}.",
                f"Give a number from 2 to {MAX_CLUSTERS}, or launch with -1 for the suggested one.",
            )
        if not 2 <= self.k_range[0] <= self.k_range[1] <= MAX_CLUSTERS:
            raise ConfigurationError(
                f"The scan would try {self.k_range[0]} to {self.k_range[1]} clusters.",
                f"Give a rising range within 2 to {MAX_CLUSTERS}.",
            )
        scaling_named(self.scaling or "")
        if not 0 <= self.pca_share <= 1:
            raise ConfigurationError(
                f"Principal components should explain {self.pca_share:g} of the variance.",
                "Give a share from 0 to 1, such as 0.99; 0 uses no components.",
            )
        if not MAX_CLUSTERS <= self.sample_size <= MAX_SAMPLE:
            raise ConfigurationError(
                f"A sample of {self.sample_size} pixels is asked for.",
                f"Give {MAX_CLUSTERS} to {MAX_SAMPLE:,}; 50,000 serve most scenes.",
            )

    def recipe(self, bands: Sequence[StoredBand]) -> Recipe:
        """Everything that decides the classes of a sample.

        Args:
            bands: The bands of the mosaic.

        Raises:
            ConfigurationError: A feature is neither a band of the mosaic nor an index.
        """
        names = [band.name for band in bands]
        unknown = [name for name in self.features if name not in (*names, *INDICES)]
        if unknown:
            raise ConfigurationError(
                f"The mosaic has no band {', '.join(unknown)}, nor is that an index; it has "
                f"{', '.join(names)}, and there are {', '.join(INDICES)}.",
                "Choose features among them, or add the band to the region.",
            )
        return Recipe(
            method=self.method,
            parameters=dict(self.parameters),
            n_clusters=self.n_clusters,
            features=self.features or tuple(band.name for band in bands if band.is_reflectance),
            scaling=self.scaling,
            pca_share=self.pca_share,
            seed=self.seed,
        )

    def key(self, recipe: Recipe) -> str:
        """Name of the code book these options belong to: another choice, another code book.

        Args:
            recipe: From ``recipe``.
        """
        method = get_method(self.method, self.parameters)
        plain = {
            **asdict(recipe),
            "parameters": dict(method.parameters),
            "scaling": self.scaling or method.scaling,
            "sample_size": self.sample_size,
            "k_range": None if self.n_clusters else self.k_range,
            "reference_date": str(self.reference_date or ""),
        }
        digest = digest_of(json.dumps(plain, sort_keys=True))[:12]
        return f"{self.method}-{self.n_clusters or 'suggested'}-{digest}"


def scaling_named(text: str) -> Scaling | None:
    """The scaling of a name; None for an empty one.

    Raises:
        ConfigurationError: There is none of that name.
    """
    if not text:
        return None
    for scaling in get_args(Scaling):
        if text == scaling:
            found: Scaling = scaling
            return found
    raise ConfigurationError(
        f"Features cannot be standardised {text!r}.", f"Use one of: {', '.join(SCALINGS)}."
    )


def date_named(text: str) -> dt.date | None:
    """The date of an ISO text; None for an empty one.

    Raises:
        ConfigurationError: It is no date.
    """
    try:
        return dt.date.fromisoformat(text) if text else None
    except ValueError as error:
        raise ConfigurationError(f"{text!r} is no date.", "Write it as YYYY-MM-DD.") from error
