"""A PostgreSQL server of one's own on loopback, thrown away with what is in it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

BINARIES = Path("/usr/lib/postgresql/15/bin")


@contextlib.contextmanager
def running_postgres() -> Iterator[str]:
    """Start a server with an empty database; give its address, or skip the test loudly."""
    if not (BINARIES / "initdb").exists():
        pytest.skip(f"POSTGRESQL NOT TESTED: there is no {BINARIES}/initdb")
    # not below pytest's folder: the server's user may not enter it
    folder = Path(tempfile.mkdtemp(prefix="eo-assets-postgres-"))
    data = folder / "data"
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    try:
        _run("initdb", "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-sync")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} "
            "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        )
        start = ("pg_ctl", "-D", data, "-w", "-l", folder / "log")
        _run(*start, "-o", options, "start")
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            _run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: object) -> None:
    command = [str(BINARIES / program), *map(str, arguments)]
    if os.geteuid() == 0:  # the server refuses to be run by root
        command = ["su", "postgres", "-c", shlex.join(command)]
    done = subprocess.run(
        command,
        cwd="/",
        # the server that pg_ctl leaves running must not hold a pipe open
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, command
