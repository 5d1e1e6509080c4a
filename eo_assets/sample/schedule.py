"""When the sample archive's satellites passed, and what the weather was.

Orbits are the real ones over the Bucegi: Sentinel-2's relative orbit 136 sees all of the region,
orbit 093 only its east; Landsat's path 183, row 028. Dates, platforms and absolute orbits follow
the satellites' true repeat cycles. The weather is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Weather:
    """The clouds of one acquisition.

    Attributes:
        cover: Share of the region below clouds, 0–1.
        size_m: Size of the largest cloud structures.
        cirrus: Share of the region below a thin high veil.
        softness: Width of the clouds' rims in standard deviations of their density.
        base_m: Altitude of the clouds above sea level: how far they throw their shadows.
    """

    cover: float
    size_m: float = 2400
    cirrus: float = 0.0
    softness: float = 0.9
    base_m: float = 3100


@dataclass(frozen=True)
class SentinelPass:
    """One Sentinel-2 datatake over the region."""

    start: datetime
    platform: str
    relative_orbit: int
    absolute_orbit: int
    baseline: str
    weather: Weather

    @property
    def date(self) -> str:
        """UTC day, which here is the solar day too, ``YYYY-MM-DD``."""
        return self.start.strftime("%Y-%m-%d")


@dataclass(frozen=True)
class LandsatPass:
    """One Landsat 8 or 9 scene over the region."""

    start: datetime
    platform: str
    weather: Weather

    @property
    def date(self) -> str:
        """UTC day, which here is the solar day too, ``YYYY-MM-DD``."""
        return self.start.strftime("%Y-%m-%d")


def _sentinel(
    moment: str, platform: str, orbits: tuple[int, int], weather: Weather, baseline: str = "05.09"
) -> SentinelPass:
    start = datetime.fromisoformat(moment).replace(microsecond=24000, tzinfo=UTC)
    return SentinelPass(start, platform, *orbits, baseline, weather)


def _landsat(moment: str, platform: str, weather: Weather) -> LandsatPass:
    return LandsatPass(datetime.fromisoformat(moment).replace(tzinfo=UTC), platform, weather)


SENTINEL_2 = (
    _sentinel("2021-07-15T09:35:49", "B", (136, 22756), Weather(0.08), baseline="03.01"),
    _sentinel("2023-04-21T09:30:41", "A", (136, 40888), Weather(0.20, size_m=3200)),
    _sentinel("2023-05-26T09:35:49", "B", (136, 32480), Weather(0.38, size_m=1500)),
    _sentinel("2023-06-20T09:30:41", "A", (136, 41746), Weather(0.96, size_m=6000, softness=1.4)),
    _sentinel("2023-07-15T09:35:49", "B", (136, 33195), Weather(0.012, size_m=1200)),
    _sentinel("2023-07-25T09:35:49", "B", (136, 33338), Weather(0.24, size_m=1900)),
    _sentinel("2023-08-06T09:20:31", "A", (93, 42418), Weather(0.05, size_m=1500)),
    _sentinel("2023-09-23T09:35:49", "B", (136, 34196), Weather(0.10, cirrus=0.22)),
    _sentinel("2023-10-13T09:35:49", "B", (136, 34482), Weather(0.03, size_m=2000)),
    _sentinel("2024-07-19T09:35:49", "B", (136, 38486), Weather(0.02, size_m=1500), "05.10"),
    _sentinel("2025-07-14T09:35:49", "B", (136, 43634), Weather(0.03, size_m=3000), "05.11"),
)
"""The Sentinel-2 passes in order of time."""

LANDSAT = (
    _landsat("2023-05-12T09:05:21.364187", "8", Weather(0.15)),
    _landsat("2023-07-15T09:05:38.120451", "8", Weather(0.02, size_m=1200)),
    _landsat("2023-09-09T09:05:57.806213", "9", Weather(0.06, cirrus=0.10)),
)
"""The Landsat passes in order of time."""

DEMO_DATE = "2023-07-15"
CLOUDY_DATE = "2023-06-20"
HALF_SWATH_DATE = "2023-08-06"
OLD_BASELINE_DATE = "2021-07-15"

HALF_SWATH_ORBIT = 93
"""The relative orbit whose western swath edge crosses the region."""
