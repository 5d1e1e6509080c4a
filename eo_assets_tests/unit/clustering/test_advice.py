"""What people are told about classes: each warning when it is due, and none otherwise."""

import pandas as pd
import pytest

from eo_assets.clustering.advice import warnings_about
from eo_assets.clustering.quality import Suggestion

GOOD = pd.Series([0.5, 0.7])


def classes(**changed):
    plain = {
        "class_id": [1, 2, 3],
        "count": [400, 350, 250],
        "share_pct": [40.0, 35.0, 25.0],
        "drift": [0.1, 0.2, 0.1],
    }
    return pd.DataFrame({**plain, **changed})


def test_well_separated_classes_have_no_warning():
    assert warnings_about(classes(), GOOD, Suggestion(3, "")) == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"count": [1000, 0, 0], "share_pct": [50.0, 0.0, 0.0]}, "to classes 2, 3 on this date"),
        ({"share_pct": [59.0, 40.95, 0.05]}, "Class 3 covers less than 0.1 %"),
        ({"share_pct": [61.0, 20.0, 19.0]}, "Class 1 covers 61 %"),
        ({"drift": [3.1, 2.5, 0.1]}, "Classes 1, 2 lie more than 2 standard deviations"),
        ({"drift": [0.1, 2.5, float("nan")]}, "Class 2 lies more than 2 standard deviations"),
    ],
)
def test_each_oddity_is_named_with_its_classes_and_nothing_else(changed, words):
    [warning] = warnings_about(classes(**changed), GOOD, None)
    assert words in warning


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [(None, "another number of classes or"), (Suggestion(5, ""), "classes, 5 are suggested, or")],
)
def test_poor_separation_is_told_with_the_suggested_number(suggestion, words):
    [warning] = warnings_about(classes(), pd.Series([0.1, 0.3]), suggestion)
    assert "mean silhouette 0.20" in warning
    assert words in warning


def test_a_single_class_without_silhouettes_is_not_called_poorly_separated():
    assert warnings_about(classes(), pd.Series([float("nan")]), None) == ()


@pytest.mark.parametrize(("number", "due"), [(10, False), (11, True)])
def test_more_classes_than_colours_people_can_tell_apart_are_warned_about(number, due):
    many = pd.DataFrame(
        {
            "class_id": range(1, number + 1),
            "count": 100,
            "share_pct": 100 / number,
            "drift": 0.0,
        }
    )
    found = warnings_about(many, GOOD, None)
    assert any("colours are hard to tell apart" in text for text in found) == due
