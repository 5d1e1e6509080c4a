from itertools import groupby

from eo_assets.sample import schedule


def test_absolute_orbits_belong_to_the_relative_orbits():
    # ESA: the first orbits and the 143 orbits of the repeat cycle fix this relation
    for one in schedule.SENTINEL_2:
        shift = {"A": 2, "B": -27}[one.platform]
        assert (one.absolute_orbit + shift) % 143 + 1 == one.relative_orbit, one.date


def test_each_satellite_repeats_after_its_cycle():
    def satellite(one):
        return one.platform, getattr(one, "relative_orbit", 183)

    for passes, cycle in ((schedule.SENTINEL_2, 10), (schedule.LANDSAT, 16)):
        for _, group in groupby(sorted(passes, key=satellite), key=satellite):
            days = [one.start.date().toordinal() for one in group]
            assert len({day % cycle for day in days}) == 1


def test_the_archive_holds_what_it_is_for():
    season = [one for one in schedule.SENTINEL_2 if one.start.year == 2023]
    assert len(season) >= 8
    assert {one.start.month for one in season} >= {4, 5, 6, 7, 8, 9, 10}
    assert len(schedule.LANDSAT) >= 3
    by_date = {one.date: one for one in schedule.SENTINEL_2}
    assert float(by_date[schedule.OLD_BASELINE_DATE].baseline) < 4
    assert all(float(one.baseline) >= 4 for one in season)
    assert by_date[schedule.HALF_SWATH_DATE].relative_orbit == schedule.HALF_SWATH_ORBIT
    assert by_date[schedule.CLOUDY_DATE].weather.cover > 0.9
    assert by_date[schedule.DEMO_DATE].weather.cover < 0.05
