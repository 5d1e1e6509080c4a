"""Products for browsers on this machine: files as they are, pictures in the width asked for."""

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
from urllib.parse import parse_qs, unquote, urlsplit

from eo_assets.errors import EoAssetsError
from eo_assets.places import Place

_NOWHERE = "/nonexistent"


class _Products(http.server.SimpleHTTPRequestHandler):
    """Gives files as they are; ``picture.png?width=560`` no wider than that.

    Args:
        root: Where the products are.
    """

    def __init__(self, *args: Any, root: Place, **more: Any) -> None:
        self._root = root
        # of no effect where nothing is below it: object storage is never listed
        folder = root if isinstance(root, Path) else _NOWHERE
        super().__init__(*args, directory=str(folder), **more)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- as it is called
        """Say nothing: each preview is several requests."""

    def send_head(self) -> Any:
        """Answer with a header, and give the content to send after it."""
        address = urlsplit(self.path)
        width = parse_qs(address.query).get("width", [""])[0]
        narrow = address.path.endswith(".png") and width.isdecimal()
        if isinstance(self._root, Path):
            path = Path(self.translate_path(self.path))
            if not narrow or not path.is_file():
                return super().send_head()
            return self._sent(_narrowed(path.read_bytes(), max(int(width), 1)), "image/png")
        parts = [part for part in unquote(address.path).split("/") if part]
        if ".." in parts:
            return self.send_error(HTTPStatus.NOT_FOUND)
        try:
            content = (self._root / "/".join(parts)).read_bytes()
        except FileNotFoundError:
            return self.send_error(HTTPStatus.NOT_FOUND)
        except EoAssetsError as error:
            return self.send_error(HTTPStatus.BAD_GATEWAY, type(error).__name__)
        kind = self.guess_type(address.path)
        return self._sent(_narrowed(content, max(int(width), 1)) if narrow else content, kind)

    def _sent(self, content: bytes, kind: str) -> io.BytesIO:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that goes elsewhere before it has everything."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _narrowed(content: bytes, width: int) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        if picture.width <= width:
            return content
        size = (width, max(round(picture.height * width / picture.width), 1))
        narrowed = picture.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    narrowed.save(out, "PNG")
    return out.getvalue()


@contextlib.contextmanager
def served(root: Place, port: int) -> Iterator[str]:
    """Serve products on this machine while the block lasts.

    Args:
        root: Their folder, or where they are on object storage.
        port: The port; 0 takes a free one.

    Yields:
        Its address.
    """
    # the port stays the same between runs, so that previews of former runs can still be seen
    handler = functools.partial(_Products, root=root)
    with _Server(("127.0.0.1", port), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
