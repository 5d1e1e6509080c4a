"""Things offered by the modules of a package, each as ``METHOD``: a new file is a new one."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from eo_assets.errors import UnknownNameError


def names_in(path: Iterable[str]) -> list[str]:
    """Names of the modules of a package, sorted.

    Args:
        path: The package's ``__path__``.
    """
    return sorted(module.name for module in iter_modules(path))


def method_in(package: str, path: Iterable[str], name: str, *, what: str) -> Any:
    """Import what a module of a package offers.

    Args:
        package: The package's name.
        path: Its ``__path__``.
        name: Name of the module.
        what: What its modules are, for people: ``Clustering method``.

    Returns:
        Its ``METHOD``.

    Raises:
        UnknownNameError: There is no module of that name.
    """
    names = names_in(path)
    if name not in names:
        raise UnknownNameError(f"{what} {name!r} is not known.", f"Use one of: {', '.join(names)}.")
    return import_module(f"{package}.{name}").METHOD
