"""The process behind ``FaultArchive``: the project's own STAC API with faults in front of it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import secrets
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import uvicorn

from eo_assets.sample.api.app import create_app

MARK = "SECRET"
"""Part of every token and header that must not be written down anywhere."""

CONTROL = "/_control/"


@dataclass
class Fault:
    """Answers of the server in place of what was asked for.

    Attributes:
        part: Requests whose path has this in it.
        status: HTTP status to answer with.
        times: How often; for ever when None.
        after: Requests to let pass before.
        retry_after: Value of that header; none when empty.
    """

    part: str
    status: int
    times: int | None = None
    after: int = 0
    retry_after: str = ""

    def strikes(self, path: str) -> bool:
        if self.part not in path or self.times == 0:
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class State:
    """What goes wrong, and what was seen.

    Attributes:
        faults: Looked through in order; the first that strikes answers.
        latency_s: Added to every answer.
        headers: What a private archive wants to see.
        token_life_s: Life of a token; files are public when None.
        requests: Path and time of every request.
        tokens: Tokens given, with their end; without them they are refused.
        n_tokens: How many were given.
    """

    faults: list[Fault] = field(default_factory=list)
    latency_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    token_life_s: float | None = None
    requests: list[tuple[str, float]] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    n_tokens: int = 0

    def new_token(self) -> dict[str, str]:
        self.n_tokens += 1
        signature = MARK + secrets.token_hex(8)
        end = time.time() + (self.token_life_s or 3600)
        self.tokens[signature] = end
        stated = dt.datetime.fromtimestamp(end, dt.UTC).isoformat()
        token = f"st=2020-01-01&se={stated.replace('+00:00', 'Z')}&sp=rl&sig={signature}"
        return {"msft:expiry": stated, "token": token}

    def refusal(self, path: str, query: str, headers: dict[str, str]) -> tuple[int, str]:
        for fault in self.faults:
            if fault.strikes(path):
                return fault.status, fault.retry_after
        if any(headers.get(name.lower()) != value for name, value in self.headers.items()):
            return 401, ""
        if self.token_life_s is not None and path.startswith("/assets/"):
            signature = parse_qs(query).get("sig", [""])[0]
            if self.tokens.get(signature, 0) < time.time():
                return 403, ""
        return 0, ""


class Faulty:
    """ASGI application: control, faults, tokens, and the STAC API behind them."""

    def __init__(self) -> None:
        self._state, self._app = State(), None

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        # a proxy is asked for a whole address
        path = urlsplit(scope["path"]).path if "://" in scope["path"] else scope["path"]
        if path.startswith(CONTROL):
            said = self._control(path.removeprefix(CONTROL), await _body(receive))
            await _answer(send, 200, {}, json.dumps(said).encode())
            return
        state = self._state
        state.requests.append((path, time.monotonic()))
        await asyncio.sleep(state.latency_s)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, retry_after = state.refusal(path, scope["query_string"].decode(), headers)
        if status:
            await _answer(send, status, {"Retry-After": retry_after} if retry_after else {})
        elif path.startswith("/token/"):
            await _answer(send, 200, {}, json.dumps(state.new_token()).encode())
        else:
            await self._app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    def _control(self, action: str, given: dict[str, Any]) -> dict[str, Any]:
        if action == "reset":
            self._state, self._app = State(), create_app(Path(given["directory"]), hrefs="http")
        elif action == "set":
            for name, value in given.items():
                setattr(self._state, name, value)
        elif action == "fail":
            self._state.faults.append(Fault(**given))
        return {"requests": self._state.requests, "n_tokens": self._state.n_tokens}


async def _body(receive: Any) -> dict[str, Any]:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return json.loads(body or "{}")


async def _answer(send: Any, status: int, headers: dict[str, str], body: bytes = b"") -> None:
    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    listed.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": listed})
    await send({"type": "http.response.body", "body": body})


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    server.should_exit = server.force_exit = True


def main() -> None:
    """Serve on two free ports of loopback, say which, and end with standard input."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    config = uvicorn.Config(Faulty(), log_level="critical", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_at_end_of_stdin, args=[server], daemon=True).start()
    print(*(listener.getsockname()[1] for listener in listeners), flush=True)
    server.run(sockets=listeners)


if __name__ == "__main__":
    main()
