"""A real Azure Blob service on loopback - Azurite - with the Planetary Computer's kind of tokens.

A small proxy lets this process reach it under an account's own host name, as addresses in items
have it: GDAL and requests ask the proxy named by ``http_proxy``. Nothing else has to be changed on
the machine, and the real ``planetary-computer`` package signs, for it looks at the host name.
"""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import hmac
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest
import requests

VERSION = "3.37.0"
ACCOUNT = "eoaccount"
HOST = f"{ACCOUNT}.blob.core.windows.net"
KEY = base64.b64encode(b"a key that opens nothing but this test").decode()
API = "2020-12-06"


def install() -> Path:
    """Install Azurite, once a machine; give its executable, or skip the test loudly."""
    folder = Path(tempfile.gettempdir(), f"eo-assets-azurite-{VERSION}-{os.getuid()}")
    program = folder / "node_modules" / ".bin" / "azurite-blob"
    if program.exists():
        return program
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("AZURITE NOT TESTED: there is no npm")
    draft = Path(tempfile.mkdtemp(prefix="eo-assets-azurite-"))
    command = [npm, "install", "--prefix", str(draft), f"azurite@{VERSION}"]
    done = subprocess.run(
        [*command, "--no-audit", "--no-fund", "--loglevel=error"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        shutil.rmtree(draft)
        pytest.skip(f"AZURITE NOT TESTED: npm cannot install it: {done.stderr[-300:]}")
    with contextlib.suppress(OSError):  # another session was quicker
        draft.rename(folder)
    return program


def _sign(text: str) -> str:
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def _stamp(time_s: float) -> str:
    return dt.datetime.fromtimestamp(time_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def container_token(container: str, *, end: float, rights: str = "rl") -> str:
    """A service SAS of one container: to read, as the Planetary Computer gives them, or more."""
    what = {"sp": rights, "st": "2020-01-01T00:00:00Z", "se": _stamp(end), "sv": API, "sr": "c"}
    fields = (
        *(what["sp"], what["st"], what["se"], f"/blob/{ACCOUNT}/{container}"),
        *("", "", "", what["sv"], what["sr"], "", "", "", "", "", "", ""),
    )
    return urlencode(what | {"sig": _sign("\n".join(fields))}, quote_via=quote)


def account_token() -> str:
    """An account SAS to create containers and write blobs."""
    what = {"sv": API, "ss": "b", "srt": "sco", "sp": "rwlc", "se": _stamp(time.time() + 3600)}
    order = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
    text = "\n".join([ACCOUNT, *(what.get(name, "") for name in order), ""])
    return urlencode(what | {"sig": _sign(text)}, quote_via=quote)


@dataclass
class Azurite:
    """The running service.

    Attributes:
        proxy: Address of the proxy, for ``http_proxy``.
        tokens_url: Address of the token service, for ``PC_SDK_SAS_URL``.
        endpoint: Of the account, without the proxy, for programs that can be told one.
        token_life_s: Life of the tokens given from now on.
        latency_s: Added to every answer.
        signatures: Of all tokens given.
        answers: When storage answered, and with which status.
    """

    proxy: str = ""
    tokens_url: str = ""
    endpoint: str = ""
    token_life_s: float = 600.0
    latency_s: float = 0.0
    signatures: list[str] = field(default_factory=list)
    answers: list[tuple[float, int]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """The variables by which programs reach the account."""
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": self.endpoint,
            "AZURE_ALLOW_HTTP": "true",
        }

    def bucket(self) -> str:
        """Make a container of its own; give its name."""
        name = f"eo-{uuid.uuid4().hex[:12]}"
        url = f"{self.endpoint}/{name}?restype=container&{account_token()}"
        answer = requests.put(url, timeout=20)
        assert answer.status_code == 201, answer.text
        return name

    def upload(self, container: str, name: str, content: bytes) -> str:
        """Store a blob; give its unsigned address."""
        proxies, token = {"http": self.proxy}, account_token()
        address = f"http://{HOST}/{container}"
        made = requests.put(f"{address}?restype=container&{token}", proxies=proxies, timeout=20)
        assert made.status_code in {201, 409}, made.text
        headers = {"x-ms-blob-type": "BlockBlob", "x-ms-version": API}
        requests.put(
            f"{address}/{name}?{token}", data=content, headers=headers, proxies=proxies, timeout=20
        ).raise_for_status()
        return f"{address}/{name}"


@contextlib.contextmanager
def azurite() -> Iterator[Azurite]:
    """Run Azurite, the proxy before it and a token service beside it."""
    program = install()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    service = Azurite(endpoint=f"http://127.0.0.1:{port}/{ACCOUNT}")
    with tempfile.TemporaryDirectory() as folder, _servers(service, port):
        process = subprocess.Popen(
            [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder,
             "--silent", "--disableTelemetry", "--skipApiVersionCheck"],
            env={**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},  # noqa: TID251
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(port, process)
            yield service
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(port: int, process: subprocess.Popen) -> None:
    for _ in range(600):
        assert process.poll() is None, "Azurite ended"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    pytest.fail("Azurite did not start within a minute")


@contextlib.contextmanager
def _servers(service: Azurite, port: int) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args):
            pass

        def handle_one(self):
            time.sleep(service.latency_s)
            parts = urlsplit(self.path)
            if parts.path.startswith("/token/") and not parts.netloc:
                self.answer(200, {}, _token(service, parts.path.rsplit("/", 1)[-1]))
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            kept = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy")}
            connection.request(self.command, target, body, {**kept, "Host": HOST})
            with connection.getresponse() as response:
                service.answers.append((time.monotonic(), response.status))
                self.answer(response.status, dict(response.headers), response.read())
            connection.close()

        do_GET = do_PUT = do_HEAD = handle_one  # noqa: N815

        def answer(self, status, headers, content):
            self.send_response_only(status)
            drop = {"content-length", "transfer-encoding", "connection"}
            if self.command == "HEAD":
                drop.remove("content-length")
            for name, value in headers.items():
                if name.lower() not in drop:
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service.proxy = f"http://127.0.0.1:{server.server_port}"
        service.tokens_url = f"{service.proxy}/token"
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def _token(service: Azurite, container: str) -> bytes:
    end = int(time.time() + service.token_life_s)
    token = container_token(container, end=end)
    service.signatures.append(token.partition("sig=")[2])
    return json.dumps({"msft:expiry": _stamp(end), "token": token}).encode()
