from datetime import UTC, datetime

import numpy as np
import pytest

from eo_assets.sample.grid import WORLD
from eo_assets.sample.sun import Sun, relative_irradiance, sun_at

LATITUDE = 45.41


@pytest.mark.parametrize(
    ("day", "declination"), [("2023-06-21", 23.44), ("2023-12-22", -23.44), ("2023-03-20", -0.2)]
)
def test_the_sun_culminates_at_latitude_minus_declination_in_the_south(day, declination):
    minutes = [sun_at(datetime.fromisoformat(f"{day}T{h:02}:{m:02}").replace(tzinfo=UTC))
               for h in (9, 10, 11) for m in range(60)]  # fmt: skip
    highest = min(minutes, key=lambda sun: sun.zenith_deg)
    assert highest.zenith_deg == pytest.approx(LATITUDE - declination, abs=0.5)
    assert highest.azimuth_deg == pytest.approx(180, abs=1)


def test_the_morning_sun_stands_in_the_south_east():
    sun = sun_at(datetime(2023, 7, 15, 9, 35, tzinfo=UTC))
    assert 20 < sun.zenith_deg < 32
    assert 120 < sun.azimuth_deg < 175


@pytest.mark.parametrize(("azimuth", "row", "column"), [(180, 0.5, 0), (90, 0, 0.5)])
def test_a_slope_of_26_degrees_that_faces_the_sun(azimuth, row, column):
    # falls towards the sun with a slope of 1 in 2; zenith equal to the slope: the sun is normal
    rows, columns = np.ogrid[: WORLD.height, : WORLD.width]
    plane = (-WORLD.pixel_m * (row * rows + column * columns)).astype(np.float32)
    zenith = np.degrees(np.arctan(0.5))
    facing = relative_irradiance(plane, Sun(zenith, azimuth))
    away = relative_irradiance(plane, Sun(zenith, azimuth + 180))
    expected = np.cos(np.radians(2 * zenith)) / np.cos(np.radians(zenith))
    assert facing[5, 5] == pytest.approx(1 / np.cos(np.radians(zenith)), rel=1e-3)
    assert away[5, 5] == pytest.approx(expected, rel=1e-3)
