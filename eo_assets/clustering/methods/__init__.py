"""The clustering methods: each module here offers one as ``METHOD``; a new file is a new method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter, ValidationError

from eo_assets.clustering.method import Method
from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.registry import method_in, names_in


def method_names() -> list[str]:
    """Names of the methods that can be chosen, sorted."""
    return names_in(__path__)


def get_method(name: str, parameters: Mapping[str, Any] | None = None) -> Method:
    """Make a clustering method.

    Args:
        name: Its name.
        parameters: What to set otherwise than by default.

    Raises:
        UnknownNameError: There is no method, or no parameter, of that name.
        ConfigurationError: A parameter's value is out of range.
    """
    kind = method_in(__name__, __path__, name, what="Clustering method")
    known = [field.name for field in fields(kind)]
    unknown = [parameter for parameter in parameters or {} if parameter not in known]
    if unknown:
        raise UnknownNameError(
            f"Clustering method {name!r} has no parameter {', '.join(unknown)}.",
            f"Use some of: {', '.join(known)}.",
        )
    try:
        method: Method = TypeAdapter(kind).validate_python(dict(parameters or {}))
    except ValidationError as error:
        found = "; ".join(f"{e['loc'][0]}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(
            f"Clustering method {name!r} cannot be set so: {found}.",
            "Correct the method's parameters.",
        ) from error
    return method
