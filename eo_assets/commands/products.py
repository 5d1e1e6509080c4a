"""Products for browsers on this machine: files of a folder, pictures in the width asked for."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import sys
import threading
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class _Products(http.server.SimpleHTTPRequestHandler):
    """Gives files as they are; ``picture.png?width=560`` no wider than that."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as it is called
        """Say nothing: each preview is several requests."""

    def send_head(self) -> Any:
        """Answer with a header, and give the content to send after it."""
        address = urlsplit(self.path)
        width = parse_qs(address.query).get("width", [""])[0]
        path = Path(self.translate_path(self.path))
        if path.suffix != ".png" or not width.isdecimal() or not path.is_file():
            return super().send_head()
        content = _narrowed(path, max(int(width), 1))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "image/png")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that goes elsewhere before it has everything."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _narrowed(path: Path, width: int) -> bytes:
    from PIL import Image

    with Image.open(path) as picture:
        if picture.width <= width:
            return path.read_bytes()
        size = (width, max(round(picture.height * width / picture.width), 1))
        narrowed = picture.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    narrowed.save(out, "PNG")
    return out.getvalue()


@contextlib.contextmanager
def served(folder: Path, port: int) -> Iterator[str]:
    """Serve a folder on this machine while the block lasts.

    Args:
        folder: The folder.
        port: The port; 0 takes a free one.

    Yields:
        Its address.
    """
    # the port stays the same between runs, so that previews of former runs can still be seen
    handler = functools.partial(_Products, directory=str(folder))
    with _Server(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
