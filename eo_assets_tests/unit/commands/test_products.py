"""Products as browsers get them."""

from __future__ import annotations

import io
import socket
import struct
import urllib.request

import pytest
from PIL import Image

from eo_assets.commands.products import served


@pytest.fixture
def folder(tmp_path):
    Image.new("RGBA", (800, 400), (10, 20, 30, 255)).save(tmp_path / "wide.png")
    (tmp_path / "large.bin").write_bytes(bytes(8_000_000))
    return tmp_path


def get(url: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.read()


@pytest.mark.parametrize(
    ("query", "size"),
    [
        ("", (800, 400)),
        ("?width=560", (560, 280)),
        ("?width=900", (800, 400)),
        ("?width=x", (800, 400)),
    ],
)
def test_pictures_come_no_wider_than_asked(folder, query, size):
    with served(folder, 0) as url:
        assert Image.open(io.BytesIO(get(f"{url}/wide.png{query}"))).size == size


def test_nothing_beside_the_folder_is_served(folder, tmp_path_factory):
    beside = tmp_path_factory.mktemp("beside") / "secret.txt"
    beside.write_text("secret")
    with served(folder, 0) as url, pytest.raises(OSError, match="404"):
        get(f"{url}/../{beside.parent.name}/secret.txt")


def test_a_browser_that_leaves_is_not_worth_a_word(folder, capfd):
    with served(folder, 0) as url:
        host, port = url.removeprefix("http://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as leaving:
                leaving.sendall(b"GET /large.bin HTTP/1.0\r\n\r\n")
                leaving.recv(10)
                # closed with a reset, as a browser does that has another page to show
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert get(f"{url}/wide.png")
    assert "Traceback" not in capfd.readouterr().err
