from __future__ import annotations

import pytest

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.scene import scene_of
from eo_assets.errors import SourceContractError
from eo_assets_tests.tiny_archive import (
    Granule,
    earth_search_item,
    landsat_item,
    planetary_computer_item,
)

FLAG = "earthsearch:boa_offset_applied"
PC, ES, C1 = "planetary-computer", "earth-search", "collection 1"


def radiometry(provider: str, **properties):
    """Offset and doubt of an item with these properties; None removes one."""
    granule = Granule(tile=0, day="2023-07-01")
    item = planetary_computer_item(granule) if provider == PC else earth_search_item(granule)
    if provider == C1:
        del item["properties"][FLAG]
    for key, value in properties.items():
        if value is None:
            item["properties"].pop(key)
        else:
            item["properties"][key] = value
    name = "sentinel-2-c1-l2a" if provider == C1 else "sentinel-2-l2a"
    scene = scene_of(item, get_collection(name), ("red",))
    band = scene.bands["red"]
    assert (band.scale, band.nodata) == (0.0001, 0)
    assert (band.valid_min, band.valid_max) == (1, 65534)
    assert band.reason
    return band.offset, scene.doubtful


@pytest.mark.parametrize(
    ("provider", "properties", "offset", "doubtful"),
    [
        (PC, {"s2:processing_baseline": "02.12"}, 0.0, False),
        (PC, {"s2:processing_baseline": "03.01"}, 0.0, False),
        (PC, {"s2:processing_baseline": "04.00"}, -0.1, False),
        (PC, {"s2:processing_baseline": "05.11"}, -0.1, False),
        # the baseline decides, not the day: an old scene reprocessed, a new one with old software
        (PC, {"datetime": "2017-05-01T09:00:00Z"}, -0.1, False),
        (PC, {"datetime": "2022-02-01T09:00:00Z", "s2:processing_baseline": "03.01"}, 0.0, False),
        (ES, {FLAG: True, "s2:processing_baseline": "05.11"}, 0.0, False),
        (ES, {FLAG: True, "s2:processing_baseline": "03.01"}, 0.0, False),
        (ES, {FLAG: True, "s2:processing_baseline": None}, 0.0, False),
        (ES, {FLAG: False, "s2:processing_baseline": "02.14"}, 0.0, False),
        (ES, {FLAG: False, "s2:processing_baseline": "03.01"}, 0.0, False),
        (ES, {FLAG: False, "s2:processing_baseline": "04.00"}, -0.1, True),
        (ES, {FLAG: None, "s2:processing_baseline": "05.11"}, -0.1, True),
        (ES, {FLAG: None, "s2:processing_baseline": "03.01"}, 0.0, False),
        # a text is not the flag
        (ES, {FLAG: "true", "s2:processing_baseline": "05.11"}, -0.1, True),
        (C1, {"s2:processing_baseline": "05.00"}, -0.1, False),
        (C1, {"s2:processing_baseline": "05.11"}, -0.1, False),
    ],
)
def test_the_shift_is_decided_by_baseline_and_flag(provider, properties, offset, doubtful):
    assert radiometry(provider, **properties) == (offset, doubtful)


@pytest.mark.parametrize("provider", [PC, C1])
@pytest.mark.parametrize("baseline", [None, "", "latest", ["05.09"]])
def test_an_item_without_a_readable_baseline_is_refused(provider, baseline):
    with pytest.raises(SourceContractError, match=r"s2:processing_baseline.*was expected"):
        radiometry(provider, **{"s2:processing_baseline": baseline})


def test_an_unflagged_item_without_a_baseline_is_refused():
    with pytest.raises(SourceContractError):
        radiometry(ES, **{FLAG: False, "s2:processing_baseline": None})


@pytest.mark.parametrize("baseline", ["nan", "inf", "-inf"])
def test_a_baseline_that_is_no_finite_number_is_refused(baseline):
    with pytest.raises(SourceContractError):
        radiometry(PC, **{"s2:processing_baseline": baseline})


def test_landsat_is_the_same_for_all_items():
    # USGS: digital number 18639 is a reflectance of 0.313 (0.312573), 44947 is 302.6 K
    scene = scene_of(landsat_item("2023-07-01"), get_collection("landsat-c2-l2"), ("red",))
    red = scene.bands["red"]
    assert 18639 * red.scale + red.offset == pytest.approx(0.313, abs=5e-4)
    assert red.valid_min * red.scale + red.offset == pytest.approx(0, abs=2e-5)
    assert red.valid_max * red.scale + red.offset == pytest.approx(1, abs=2e-5)
    thermal = get_collection("landsat-c2-l2").publications[0].rule("lwir11").resolve("x", {})
    assert 44947 * thermal.scale + thermal.offset == pytest.approx(302.6, abs=0.05)
