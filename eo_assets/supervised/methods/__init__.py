"""The classifiers: each module here offers one as ``METHOD``; a new file is a new method."""

from __future__ import annotations

from eo_assets.registry import method_in, names_in
from eo_assets.supervised.method import Method


def method_names() -> list[str]:
    """Names of the methods that can be chosen, sorted."""
    return names_in(__path__)


def get_method(name: str) -> Method:
    """Look up a classifier.

    Raises:
        UnknownNameError: There is no method of that name.
    """
    method: Method = method_in(__name__, __path__, name, what="Classification method")
    return method
