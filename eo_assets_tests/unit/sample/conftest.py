"""One small archive, generated once: a half-swath Sentinel-2 date and one Landsat date."""

import pytest

from eo_assets.sample import generate

SENTINEL_DATE = "2023-08-06"
LANDSAT_DATE = "2023-05-12"


@pytest.fixture(scope="session")
def small_archive(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sample") / "archive"
    steps = []
    manifest = generate(
        directory,
        dates=(SENTINEL_DATE, LANDSAT_DATE),
        workers=2,
        progress=lambda message, share: steps.append((message, share)),
    )
    return directory, manifest, steps
