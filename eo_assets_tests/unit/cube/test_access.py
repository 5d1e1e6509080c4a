"""Opening files: over a server that fails on demand, from damaged files, from disguised ones."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.env import get_gdal_config

from eo_assets.cube import access
from eo_assets.cube.access import gdal_environment, with_file
from eo_assets.cube.handles import IdleFiles
from eo_assets.cube.signing import Address, Token
from eo_assets.errors import SourceReadError, SourceUnavailableError
from eo_assets_tests.tiny_archive import coded, write_tif

TOKEN = "?sv=2021&se=2023-07-01T00%3A00%3A00Z&sig=SECRET%2Fsecret%3D"


class Server(ThreadingHTTPServer):
    """Serves one file under every path; answers ``failures`` first, ``gets`` to GET only."""

    def __init__(self, content: bytes):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.failures, self.gets = content, [], []
        self.paths: list[str] = []

    def status(self, command: str, path: str) -> int:
        self.paths.append(path)
        if self.failures:
            return self.failures.pop(0)
        if command == "GET" and self.gets:
            return self.gets.pop(0)
        return 404 if "absent" in path else 200

    def address(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        status, content = self.server.status(self.command, self.path), self.server.content
        if status != 200:
            content = b""
        elif self.command == "GET" and "Range" in self.headers:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            end = min(int(last) + 1, len(content))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{len(content)}")
            self._finish(content[int(first) : end])
            return
        self.send_response(status)
        self._finish(content)

    def _finish(self, content: bytes):
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


@pytest.fixture
def tif(tmp_path) -> Path:
    return write_tif(tmp_path / "red.tif", coded(1, (128, 128)))


@pytest.fixture
def server(tif, monkeypatch):
    monkeypatch.setattr(access, "FIRST_DELAY_S", 0.001)
    with Server(tif.read_bytes()) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def pixels(href: str) -> tuple[np.ndarray, int]:
    with gdal_environment():
        return with_file(lambda file: file.read(1), href)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_that_is_busy_twice_is_asked_a_third_time(server, status):
    # GDAL is refused, so is the question why; GDAL once more
    server.failures = [status] * 3
    values, attempts = pixels(server.address(f"busy{status}.tif"))
    assert np.array_equal(values, coded(1, (128, 128)))
    assert attempts == 3


def test_a_server_that_fails_between_header_and_pixels_is_asked_again(server):
    server.gets = [503, 503]
    values, attempts = pixels(server.address("half.tif"))
    assert np.array_equal(values, coded(1, (128, 128)))
    assert attempts == 2


def test_a_server_that_stays_busy_is_unavailable(server):
    server.failures = [503] * 100
    with pytest.raises(SourceUnavailableError, match="is unavailable"):
        pixels(server.address("down.tif"))


def test_a_port_nobody_listens_on_is_unavailable(server):
    address = server.address("gone.tif")
    server.server_close()
    with pytest.raises(SourceUnavailableError):
        pixels(address)


# names that hold the digits of other statuses decide nothing
@pytest.mark.parametrize("name", ["absent.tif", "absent_20230503.tif", "absent_4290429.tif"])
def test_an_absent_remote_file_is_asked_for_once(server, name):
    with pytest.raises(SourceReadError, match="it does not exist"):
        pixels(server.address(name))
    assert len(server.paths) == 1


@pytest.mark.parametrize("name", ["text.tif", "text_20230503.tif"])
def test_a_remote_text_is_not_called_unavailable(server, name):
    server.content = b"<html>not found</html>" * 100
    with pytest.raises(SourceReadError, match="is not a GeoTIFF"):
        pixels(server.address(name))


def test_a_refused_file_says_so(server):
    server.failures = [403] * 9
    with pytest.raises(SourceReadError, match="access is denied"):
        pixels(server.address("private.tif"))


@pytest.mark.parametrize("failure", ["absent", "text", "down", "private", "gone"])
def test_no_error_holds_a_token(server, failure):
    server.failures = {"down": [503] * 99, "private": [403] * 99}.get(failure, [])
    server.content = b"text"
    address = server.address(f"{failure}.tif") + TOKEN
    if failure == "gone":
        server.server_close()
    with pytest.raises((SourceReadError, SourceUnavailableError)) as caught:
        pixels(address)
    error = caught.value
    shown = f"{error} {error!r} {error.args} {error.__cause__!r} {pickle.dumps(error)!r}"
    assert "SECRET" not in shown
    assert "sig=" not in shown
    assert error.__context__ is None


def opened(href: str) -> rasterio.DatasetReader:
    """Give the handle that a read is given, which no other code keeps."""
    return with_file(lambda file: file, str(href))[0]


@pytest.fixture
def idle(monkeypatch) -> IdleFiles:
    files = IdleFiles(most_files=4, most_bytes=2**20)
    monkeypatch.setattr(access, "_on_disk", files)
    return files


def test_a_file_stays_open_for_the_next_thread_that_reads_it(tif, idle):
    with gdal_environment():
        first = opened(tif)
    with ThreadPoolExecutor(1) as other:
        assert other.submit(opened, tif).result() is first
    assert not first.closed


def test_no_two_threads_read_with_one_handle(tif, idle):
    both_read = threading.Barrier(2)

    def read(file: rasterio.DatasetReader) -> rasterio.DatasetReader:
        both_read.wait(timeout=10)
        return file

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: with_file(read, str(tif))[0], range(2))
    assert one is not other
    assert {opened(tif), opened(tif)} <= {one, other}


def test_a_file_is_read_where_nobody_has_set_gdal_up(tmp_path):
    path = write_tif(tmp_path / "bare.tif", coded(1, (16, 16)), block=16)
    code = (
        "import sys; from eo_assets.cube.access import with_file;"
        "print(with_file(lambda file: file.shape, sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True)
    assert done.stdout.split() == [b"((16,", b"16),", b"1)"]


def test_gdal_keeps_as_many_megabytes_of_decoded_blocks_as_it_is_told():
    with gdal_environment(cache_mb=32):
        assert get_gdal_config("GDAL_CACHEMAX") == 32 * 2**20


def test_open_files_hold_no_more_memory_than_agreed(tmp_path, monkeypatch):
    few = IdleFiles(most_files=100, most_bytes=3 * 16 * 16 * 2)
    monkeypatch.setattr(access, "_on_disk", few)
    paths = [write_tif(tmp_path / f"{n}.tif", coded(1, (16, 16)), block=16) for n in range(6)]
    with gdal_environment():
        files = [opened(path) for path in paths[:4]]
        assert [file.closed for file in files] == [True, False, False, False]
        # the one used longest ago goes first
        assert opened(paths[1]) is files[1]
        files += [opened(path) for path in paths[4:]]
    assert [file.closed for file in files] == [True, False, True, True, False, False]


def test_no_more_files_stay_open_than_agreed(tmp_path, idle):
    paths = [write_tif(tmp_path / f"{n}.tif", coded(1, (16, 16)), block=16) for n in range(6)]
    with gdal_environment():
        files = [opened(path) for path in paths]
    assert [file.closed for file in files] == [True, True, False, False, False, False]


def test_a_handle_that_failed_is_not_used_again(tif, idle):
    def fail(file: rasterio.DatasetReader) -> None:
        failed.append(file)
        raise SourceReadError("It is damaged.", "Exclude it.")

    failed: list[rasterio.DatasetReader] = []
    with gdal_environment(), pytest.raises(SourceReadError):
        with_file(fail, str(tif))
    assert failed[0].closed
    assert opened(tif) is not failed[0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "it does not exist"), (b"", "is not a GeoTIFF"), (b"II*\0 no", "GeoTIFF|damaged")],
)
def test_files_that_cannot_be_opened_are_named_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "B04.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceReadError, match=reason) as caught:
        pixels(str(path))
    assert str(path) in caught.value.problem
    assert caught.value.remedy


def test_a_truncated_file_cannot_be_read(tmp_path, tif):
    short = tmp_path / "short.tif"
    short.write_bytes(tif.read_bytes()[:-2000])
    with pytest.raises(SourceReadError, match="damaged or cut short"):
        pixels(str(short))


def test_a_virtual_raster_in_disguise_is_refused(tmp_path, tif):
    disguised = tmp_path / "disguised.tif"
    disguised.write_text(
        f"""<VRTDataset rasterXSize="128" rasterYSize="128">
        <VRTRasterBand dataType="UInt16" band="1"><SimpleSource>
        <SourceFilename relativeToVRT="0">{tif}</SourceFilename><SourceBand>1</SourceBand>
        </SimpleSource></VRTRasterBand></VRTDataset>"""
    )
    with pytest.raises(SourceReadError, match="is not a GeoTIFF"):
        pixels(str(disguised))


def test_a_file_is_opened_anew_before_its_token_ends(tif, monkeypatch, idle):
    now = time.time()
    lives = {"old": Token("sig=old", now - 100, now + 10), "new": Token("sig=new", now, now + 600)}
    waiting = ["old", "new"]
    monkeypatch.setattr(
        access, "sign", lambda href: Address(href, lives[waiting.pop(0)] if waiting else None)
    )
    with gdal_environment():
        first, second = opened(tif), opened(tif)
        assert first.closed
        assert opened(tif) is second
    assert waiting == []
