"""A private catalogue that redirects to storage elsewhere: its headers stay with it."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from eo_assets.cube import access
from eo_assets.cube.access import gdal_environment, with_file
from eo_assets.cube.private_catalog import Access, use_access
from eo_assets.cube.signing import sign
from eo_assets.errors import SourceReadError, SourceUnavailableError
from eo_assets_tests.tiny_archive import coded, write_tif

KEY = {"X-Api-Key": "SECRET"}


class Host(ThreadingHTTPServer):
    """Serves one file under any path but ``/moved``, and keeps what it was asked."""

    def __init__(self, content=b"", moved_to=""):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.moved_to, self.valid = content, moved_to, "1"
        self.asked: list[tuple[str, str, str | None]] = []

    def address(self, path):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Host

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        host, key = self.server, self.headers.get("X-Api-Key")
        host.asked.append((self.command, self.path, key))
        path, _, query = self.path.partition("?")
        if path == "/moved.tif":
            self.answer(302, b"", Location=host.moved_to)
        elif path == "/busy.tif":
            self.answer(503, b"")
        elif query and (query != f"signature={host.valid}" or self.command != "GET"):
            self.answer(403, b"")
        else:
            self.ranged(host.content)

    def ranged(self, content):
        stated = self.headers.get("Range")
        if stated is None:
            self.answer(200, content)
            return
        first, last = (int(n) for n in stated.removeprefix("bytes=").split("-"))
        part = content[first : last + 1]
        whole = f"bytes {first}-{first + len(part) - 1}/{len(content)}"
        self.answer(206, part, **{"Content-Range": whole})

    def answer(self, status, body, **headers):
        self.send_response(status)
        headers |= {"Accept-Ranges": "bytes", "Content-Length": str(len(body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_tif(tmp_path_factory.mktemp("tif") / "red.tif", coded(1, (64, 64))).read_bytes()


@contextlib.contextmanager
def serving(host):
    thread = threading.Thread(target=host.serve_forever, args=[0.01])
    thread.start()
    try:
        yield host
    finally:
        host.shutdown()
        thread.join()
        host.server_close()


@pytest.fixture
def storage(content):
    with serving(Host(content)) as host:
        yield host


@pytest.fixture
def catalogue(content, storage):
    with serving(Host(content, moved_to=storage.address("/blob.tif?signature=1"))) as host:
        use_access(Access(url=host.address("/stac"), headers=KEY))
        yield host
        use_access(Access())


def pixels(href):
    try:
        with gdal_environment():
            return with_file(lambda file: file.read(1), href)
    finally:
        access._remote.drop(href)


def test_storage_a_catalogue_redirects_to_never_sees_its_headers(catalogue, storage):
    values, attempts = pixels(catalogue.address("/moved.tif"))
    assert (values == coded(1, (64, 64))).all()
    assert attempts == 1
    assert {key for _, _, key in catalogue.asked} == {"SECRET"}
    assert storage.asked
    assert {key for _, _, key in storage.asked} == {None}


def test_files_on_the_catalogues_own_host_are_read_with_its_headers(catalogue):
    assert (pixels(catalogue.address("/red.tif"))[0] == coded(1, (64, 64))).all()
    assert {key for _, _, key in catalogue.asked} == {"SECRET"}


def test_a_redirection_on_the_same_host_takes_the_headers_along(catalogue):
    catalogue.moved_to = catalogue.address("/red.tif")
    assert (pixels(catalogue.address("/moved.tif"))[0] == coded(1, (64, 64))).all()
    assert {key for _, _, key in catalogue.asked} == {"SECRET"}


def test_an_address_that_has_expired_is_asked_for_anew(catalogue, storage):
    href = catalogue.address("/moved.tif")
    assert sign(href).url == storage.address("/blob.tif?signature=1")
    storage.valid = "2"
    catalogue.moved_to = storage.address("/blob.tif?signature=2")
    values, attempts = pixels(href)
    assert (values == coded(1, (64, 64))).all()
    assert attempts == 2
    # remembered: opening it once more asks the catalogue nothing
    n = len(catalogue.asked)
    pixels(href)
    assert len(catalogue.asked) == n


def test_storage_that_goes_on_refusing_is_not_asked_for_ever(catalogue, storage):
    storage.valid = "never"
    with pytest.raises(SourceReadError, match="access is denied") as caught:
        pixels(catalogue.address("/moved.tif"))
    assert "signature" not in str(caught.value)
    assert len(storage.asked) < 12


def test_a_catalogue_that_does_not_answer_is_unavailable(catalogue, monkeypatch):
    monkeypatch.setattr("eo_assets.cube.access.FIRST_DELAY_S", 0.001)
    with pytest.raises(SourceUnavailableError, match="unavailable"):
        pixels(catalogue.address("/busy.tif"))


def test_catalogues_without_headers_are_read_as_they_are(catalogue, storage):
    use_access(Access())
    assert np.any(pixels(storage.address("/plain.tif"))[0])
    assert catalogue.asked == []
