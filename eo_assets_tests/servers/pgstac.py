"""The product catalogue as it runs in production: PostgreSQL, pgstac and its STAC API."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from eo_assets_tests.servers.postgres import BINARIES, running_postgres

EO_ASSETS = Path(sys.executable).with_name("eo-assets")
POSTGIS = BINARIES.parent / "lib" / "postgis-3.so"


def environment(database: str, **more: str) -> dict[str, str]:
    """What names a database to libpq and its kin, besides this process's own environment."""
    parts = urlsplit(database)
    return {
        **os.environ,  # noqa: TID251
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": parts.username or "",
        "PGPASSWORD": "unused: the server trusts",
        "PGDATABASE": "catalog",
        **more,
    }


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """Start PostgreSQL with a migrated pgstac; give what names it, or skip the test loudly."""
    pytest.importorskip("stac_fastapi.pgstac", reason="PGSTAC NOT TESTED: extra pgstac is absent")
    if not POSTGIS.exists():
        pytest.skip(f"PGSTAC NOT TESTED: there is no {POSTGIS}")
    with running_postgres() as address:
        named = environment(address)
        migrate(named)
        yield named


def migrate(named: Mapping[str, str]) -> str:
    """Run ``eo-assets catalog migrate``; what it prints."""
    done = subprocess.run(
        [EO_ASSETS, "catalog", "migrate"], env=named, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextlib.contextmanager
def product_api(
    named: Mapping[str, str], *arguments: str, port: int = 0, token: str = ""
) -> Iterator[str]:
    """Run ``eo-assets catalog products``; its address."""
    process = subprocess.Popen(
        [EO_ASSETS, "catalog", "products", "--port", str(port), *arguments],
        env={**named, "EO_ASSETS_PRODUCT_CATALOG_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:3] == ["Product", "catalogue", "at"], words
        yield words[3]
    finally:
        process.terminate()
        process.communicate(timeout=60)
