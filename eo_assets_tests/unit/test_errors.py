from __future__ import annotations

import copy
import importlib
import pickle
import pkgutil

import pytest

import eo_assets
from eo_assets import errors
from eo_assets.errors import EoAssetsError, SourceReadError


def family(base: type = EoAssetsError) -> list[type]:
    return [base, *(member for child in base.__subclasses__() for member in family(child))]


@pytest.mark.parametrize("kind", family(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_the_way_between_processes(kind, protocol):
    error = kind("B04.tif is absent.", "Exclude the item.")
    back = pickle.loads(pickle.dumps(error, protocol))
    assert type(back) is kind
    assert (back.problem, back.remedy) == ("B04.tif is absent.", "Exclude the item.")
    assert str(back) == str(error) == "B04.tif is absent. Exclude the item."
    assert str(copy.copy(error)) == str(error)


@pytest.mark.parametrize("kind", family(), ids=lambda kind: kind.__name__)
def test_a_remedy_may_be_missing(kind):
    assert str(pickle.loads(pickle.dumps(kind("The disk is full.")))) == "The disk is full."


def test_every_error_of_the_project_belongs_to_the_family():
    known = {kind.__name__ for kind in family()}
    own = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert own <= known
    assert len(own) == 19


@pytest.mark.parametrize(
    ("kind", "not_a"),
    [
        (errors.SourceUnavailableError, errors.SourceReadError),
        (errors.FailureBudgetError, errors.SourceUnavailableError),
        (errors.ConfigurationError, errors.SourceError),
        (errors.StorageError, errors.SourceError),
    ],
)
def test_who_must_act_is_told_apart(kind, not_a):
    # a retry policy catches one and lets the other fail
    assert not issubclass(kind, not_a)


def test_catching_the_family_catches_its_members():
    with pytest.raises(EoAssetsError):
        raise SourceReadError("x")


def test_no_module_defines_exceptions_of_its_own_outside_the_family():
    strangers = []
    for found in pkgutil.walk_packages(eo_assets.__path__, "eo_assets."):
        if found.name.startswith(("eo_assets.catalog", "eo_assets.cube", "eo_assets.storage")):
            module = importlib.import_module(found.name)
            strangers += [
                value
                for value in vars(module).values()
                if isinstance(value, type)
                and issubclass(value, BaseException)
                and value.__module__ == module.__name__
                and not issubclass(value, EoAssetsError)
            ]
    assert strangers == []
