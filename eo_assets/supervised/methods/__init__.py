"""The classifiers: each module here offers one as ``METHOD``; a new file is a new method."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from eo_assets.errors import UnknownNameError
from eo_assets.supervised.method import Method


def method_names() -> list[str]:
    """Names of the methods that can be chosen, sorted."""
    return sorted(module.name for module in iter_modules(__path__))


def get_method(name: str) -> Method:
    """Look up a classifier.

    Raises:
        UnknownNameError: There is no method of that name.
    """
    if name not in method_names():
        raise UnknownNameError(
            f"Classification method {name!r} is not known.",
            f"Use one of: {', '.join(method_names())}.",
        )
    method: Method = import_module(f"{__name__}.{name}").METHOD
    return method
