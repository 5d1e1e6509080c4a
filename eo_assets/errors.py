"""Every error the project raises on purpose, grouped by who has to act.

An error says what is wrong, what was expected and what to do next. The parts are passed to
``Exception.__init__`` as they are, so that every error survives pickling between processes;
the sentence is built when it is shown.
"""

from __future__ import annotations


class EoAssetsError(Exception):
    """Base of the family.

    Args:
        problem: One or two sentences: the thing, what was found, what was expected.
        remedy: What to do next; may be empty.
    """

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem, remedy)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}".strip()


class ConfigurationError(EoAssetsError):
    """A person wrote something wrong: fails at once and is never retried."""


class RegionError(ConfigurationError):
    """A region's GeoJSON is malformed, invalid or out of range."""


class UnknownNameError(ConfigurationError):
    """A region, collection, index, method or provider of that name does not exist."""


class ViewLimitError(ConfigurationError):
    """A view asks for more than one answer may cost: zoom in, or ask for less."""


class StorageError(EoAssetsError):
    """The place where products go is full, read-only or unreachable: its operator acts."""


class RegistrationError(EoAssetsError):
    """The product catalogue refuses a product, which is stored all the same."""


class CatalogUnavailableError(RegistrationError):
    """The product catalogue does not answer: worth a retry with back-off."""


class SourceError(EoAssetsError):
    """The archive is at fault.

    Attributes:
        attempts: How often it was tried before giving up.
    """

    attempts: int = 1


class SourceUnavailableError(SourceError):
    """The archive answers with 429 or 5xx, or not at all: worth a retry with back-off."""


class SourceReadError(SourceError):
    """A file of the archive is absent, truncated or cannot be decoded."""


class SourceContractError(SourceError):
    """An item lacks what its collection promises: a band, a data type, a known baseline."""


class FailureBudgetError(SourceError):
    """More files failed than the failure budget allows."""


class GridMismatchError(EoAssetsError):
    """Two arrays do not share a grid: our own mistake."""


class ArtifactError(EoAssetsError):
    """What is stored is not what this step needs."""


class MissingArtifactError(ArtifactError):
    """An upstream product has not been materialised."""


class RejectedArtifactError(ArtifactError):
    """An upstream product failed a check that keeps others from using it."""


class UntrustedArtifactError(ArtifactError):
    """A stored file is not the one that was written, or holds what must not be loaded."""


class StaleArtifactError(ArtifactError):
    """An upstream product was written by an incompatible version."""
