"""``eo-assets`` as people run it: what goes wrong is told in a sentence, with what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from eo_assets.definitions import STEPS
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets_tests.stac_api_items import box
from eo_assets_tests.tiny_archive import Granule, lonlat_ring, write_granule

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
SEAM = lonlat_ring(400_060, 4_999_000, 401_860, 4_999_900)
"""An outline over the tiny archive's two tiles."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A directory of two tiles on one day."""
    root = tmp_path_factory.mktemp("tiny") / "archive"
    for tile in (0, 1):
        write_granule(root, Granule(tile=tile, day=DAY))
    return root


@pytest.fixture(scope="module")
def api(tiny):
    """A STAC API over it, which need not be started for each command."""
    with EmbeddedCatalog(tiny, writable=False) as catalog:
        yield catalog.url


class Run:
    """What a command printed and how it ended."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def complains(self, *parts: str) -> None:
        """Assert that it failed with one paragraph that has these parts, and nothing worse."""
        text = " ".join(self.err.split())
        assert self.code not in (0, None), self.out + self.err
        assert "Traceback" not in self.out + self.err, self.err
        assert 1 <= len(self.err.strip().splitlines()) <= 2, self.err
        assert "\n\n" not in self.err.strip()
        assert [part for part in parts if part not in text] == [], text


@pytest.fixture
def command(tmp_path, scheduler):
    """Runs the command line in an empty folder with the shared Dask cluster."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> Run:
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
        own = {
            "EO_ASSETS_OUTPUTS": str(tmp_path / "outputs"),
            "EO_ASSETS_DAGSTER_HOME": str(tmp_path / "dagster"),
            "EO_ASSETS_DASK_ADDRESS": scheduler,
            "COLUMNS": "200",
        }
        return Run(
            subprocess.run(
                [sys.executable, "-m", "eo_assets.cli", *map(str, arguments)],
                capture_output=True,
                text=True,
                cwd=tmp_path,
                env={**clean, **own, **(env or {})},
                timeout=600,
                check=False,
            )
        )

    return run


def region_file(folder: Path, name: str, ring: object, **properties: object) -> Path:
    geometry = ring if isinstance(ring, dict) else {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": properties, "geometry": geometry}
    path = folder / f"{name}.geojson"
    path.write_text(json.dumps(feature))
    return path


def materialize(command, region, catalog, *more, date=DAY, **options):
    return command("materialize", "-r", region, "-d", date, "-c", catalog, *more, **options)


@pytest.fixture
def seam(tmp_path):
    return region_file(tmp_path, "seam", SEAM, bands=["red", "nir"])


def test_malformed_geojson(command, tmp_path):
    path = tmp_path / "broken.geojson"
    path.write_text('{"type": "Feature", ')
    command("materialize", "-r", path, "-d", DAY).complains(
        "RegionError", str(path), "is not JSON", "one GeoJSON Feature"
    )


def test_outline_that_crosses_itself(command, tmp_path):
    ring = [[25.3, 45.3], [25.6, 45.5], [25.6, 45.3], [25.3, 45.5], [25.3, 45.3]]
    path = region_file(tmp_path, "bowtie", ring)
    for arguments in (("regions", "check", path), ("materialize", "-r", path, "-d", DAY)):
        command(*arguments).complains("bowtie.geojson", "Self-intersection[25.45 45.4]", "Mend")


def test_swapped_coordinates_outside_of_the_earth(command, tmp_path):
    path = region_file(tmp_path, "china", box(30, 120, 31, 121))
    command("materialize", "-r", path, "-d", DAY).complains(
        "china.geojson", "latitude 120 to 121", "longitude first"
    )


def test_swapped_coordinates_that_are_somewhere_else(command, tmp_path, api):
    path = region_file(tmp_path, "swapped", [[lat, lon] for lon, lat in SEAM])
    materialize(command, path, api).complains("'swapped'", "on any date", "longitude first")


def test_region_nothing_covers(command, tmp_path, api):
    path = region_file(tmp_path, "pacific", box(-140, 0, -139.9, 0.1))
    materialize(command, path, api).complains(
        "RegionError", "sentinel-2-l2a", api, "'pacific'", "on any date", "outline"
    )


def test_region_and_collection_of_no_such_name(command):
    command("materialize", "-r", "nowhere", "-d", DAY).complains("'nowhere'", "Use one of: bucegi")
    command("materialize", "-r", "bucegi", "-d", DAY, "--collection", "sentinel-9").complains(
        "'sentinel-9'", "Use one of: sentinel-2-l2a"
    )


def test_collection_the_catalogue_lacks(command, seam, api):
    materialize(command, seam, api, "--collection", "landsat-c2-l2").complains(
        api, "no collection 'landsat-c2-l2'", "It has sentinel-2-l2a"
    )


def test_catalogue_that_is_down(command, seam, tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    run = materialize(command, seam, address)
    run.complains("SourceUnavailableError", address, "does not answer", "try again later")
    assert "✗  stac_items" in run.out
    assert list((tmp_path / "outputs").rglob("*.json")) == []


def test_catalogue_that_is_none(command, seam, tmp_path):
    materialize(command, seam, "planetary").complains(
        "'planetary'", "planetary-computer", "--catal"
    )
    (tmp_path / "empty").mkdir()
    materialize(command, seam, tmp_path / "empty").complains(
        "no readable STAC item", str(tmp_path / "empty"), "Give a directory"
    )


@pytest.mark.parametrize("date", ["2010-01-01", "2999-01-01"])
def test_date_without_partition(command, seam, api, date):
    materialize(command, seam, api, date=date).complains(
        f"{date} has no daily partition", "from 2015-06-27 to", "EO_ASSETS_FIRST_DATE"
    )


def test_date_that_is_none(command):
    run = command("materialize", "-r", "bucegi", "-d", "15.07.2023")
    assert run.code == 2
    assert "15.07.2023" in run.err
    assert "YYYY-MM-DD..YYYY-MM-DD" in " ".join(run.err.split())


def test_setting_that_is_not_valid(command):
    command("regions", "list", env={"EO_ASSETS_CLUSTERS": "1"}).complains(
        "EO_ASSETS_CLUSTERS is '1'", "greater than or equal to 2", ".env.example"
    )


def test_places_that_are_taken_or_absent(command, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    command("sample", "--directory", tmp_path / "mine").complains(str(tmp_path / "mine"), "empty")
    assert (tmp_path / "mine" / "thesis.txt").exists()
    command("catalog", "serve", tmp_path / "none").complains(str(tmp_path / "none"), "not exist")


def test_week_by_any_of_its_days(command, seam, api, tmp_path):
    run = materialize(command, seam, api, date="2023-07-08", env={"EO_ASSETS_CADENCE": "weekly"})
    assert run.code == 0, run.err
    assert "2023-07-03 to 2023-07-09" in run.out
    assert published(tmp_path / "outputs/seam/sentinel-2-l2a/2023-07-03") == sorted(STEPS)


def test_day_without_scenes_succeeds_and_says_why(command, seam, api):
    run = materialize(command, seam, api, date="2023-07-02")
    assert (run.code, run.err) == (0, "")
    assert "No satellite scene covers the region" in run.out
    assert "(no_scene, from stac_items on)" in run.out
    assert run.out.count("│ empty: no_scene") == 6


@contextmanager
def small_disk(folder: Path, size: str, *, full: bool = False, read_only: bool = False):
    """A file system of its own at a folder, with little room or none."""
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: mounting a small disk needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"NOT TESTED: no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        if full:
            (folder / "ballast").write_bytes(bytes(os.statvfs(folder).f_bavail * 4096))
        if read_only:
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def published(outputs: Path) -> list[str]:
    return sorted(path.parent.name for path in outputs.rglob("record.json"))


def test_full_disk(command, seam, api, tmp_path):
    with small_disk(tmp_path / "full", "1m", full=True) as outputs:
        materialize(command, seam, api, "-o", outputs).complains(
            "StorageError", str(outputs), "disk is full", "EO_ASSETS_OUTPUTS"
        )
        assert published(outputs) == []


def test_disk_too_small_for_a_mosaic(command, seam, api, tmp_path):
    big = region_file(tmp_path, "big", SEAM, bands=["red", "nir"], resolution_m=0.5)
    with small_disk(tmp_path / "small", "8m") as outputs:
        materialize(command, big, api, "-o", outputs).complains(
            "StorageError", str(outputs), "MB free", "are needed", "EO_ASSETS_OUTPUTS"
        )
        assert published(outputs) == ["band_stack", "stac_items"]
        assert [path for path in outputs.rglob(".*") if path.is_dir()] == []


def test_place_where_writing_is_not_allowed(command, seam, api, tmp_path):
    with small_disk(tmp_path / "locked", "1m", read_only=True) as outputs:
        materialize(command, seam, api, "-o", outputs).complains(
            "StorageError", str(outputs), "not allowed", "EO_ASSETS_OUTPUTS"
        )
        home = {"EO_ASSETS_DAGSTER_HOME": str(outputs / "dagster")}
        materialize(command, seam, api, env=home).complains("StorageError", "not allowed")


def test_port_that_is_taken(command, tiny):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command("dev", "--port", port, "-c", tiny).complains(f"Port {port} is taken", "--port")


COMMANDS = (
    "", "sample", "materialize", "plan", "dev", "replay", "catalog", "catalog serve",
    "catalog products", "catalog migrate", "catalog register", "regions", "regions list",
    "regions check", "maps", "change", "region-report", "terrain", "fires", "parcels", "segments",
    "land-cover", "tiles", "cog", "cog create", "cog validate",
)  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, monkeypatch):
    from typer.testing import CliRunner

    from eo_assets.cli import app

    monkeypatch.setenv("COLUMNS", "120")
    for flag in ("--help", "-h"):
        result = CliRunner().invoke(app, [*name.split(), flag])
        assert result.exit_code == 0, result.output
        assert f"Usage: root {name}".rstrip() in result.output
        assert len(result.output.splitlines()) > 5


def test_every_command_is_among_those_explained():
    import typer

    from eo_assets.cli import app

    root = typer.main.get_command(app)
    names = {""} | set(root.commands)
    for group in root.commands.values():
        names |= {f"{group.name} {name}" for name in getattr(group, "commands", {})}
    assert names == set(COMMANDS)


def test_version(command):
    from eo_assets import __version__

    assert command("--version").out == f"eo-assets {__version__}\n"
