"""The service as a child process, for as long as a ``with`` block lasts."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from eo_assets.errors import ConfigurationError, SourceUnavailableError
from eo_assets.sample.api.links import HrefMode

STOP_TIMEOUT_S = 8.0


class EmbeddedCatalog:
    """A STAC API over a directory in a process of its own, on this machine only.

    The process ends with the block; if this process dies first, in whatever way, it ends too,
    because it watches the pipe between the two.

    Args:
        directory: Any directory with STAC items below it.
        hrefs: Whether clients get files as paths or as URLs of the service.
        stamp: Whether items written get ``created`` and ``updated``.
        writable: Whether items can be written.
        port: Port to listen on; 0 takes a free one.
        start_timeout_s: How long the process may take until it answers.

    Attributes:
        directory: As given.
        url: Of the landing page, without a final slash; empty outside the block.
    """

    def __init__(
        self,
        directory: Path,
        hrefs: HrefMode = "file",
        *,
        stamp: bool = False,
        writable: bool = True,
        port: int = 0,
        start_timeout_s: float = 60.0,
    ) -> None:
        self.directory = directory
        self.url = ""
        self._start_timeout_s = start_timeout_s
        self._arguments = [
            str(directory), "--port", str(port), "--hrefs", hrefs, "--end-with-stdin",
            *(["--stamp"] if stamp else []), *([] if writable else ["--read-only"]),
        ]  # fmt: skip
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None

    @property
    def pid(self) -> int | None:
        """The process, while there is one."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process and wait until it answers.

        Raises:
            ConfigurationError: The directory holds no STAC.
            SourceUnavailableError: The process ended or was silent for too long; the message has
                the end of its log.
        """
        self._log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603 -- our own module
            [sys.executable, "-m", "eo_assets.sample.api", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            # an interrupt from the keyboard is for the parent, which then closes the pipe
            start_new_session=True,
        )
        try:
            self.url = self._first_line(self._process)
        except BaseException:
            self.close()
            raise

    def _first_line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        stdout = process.stdout
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=self._start_timeout_s).strip()
        except queue.Empty:
            problem = f"did not answer within {self._start_timeout_s:.0f} s"
        else:
            if line:
                return line
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=STOP_TIMEOUT_S)
            if process.returncode == 2:
                raise ConfigurationError(self._log_end())
            problem = f"ended with code {process.returncode}"
        raise SourceUnavailableError(
            f"The STAC API over {self.directory} {problem}. Its log ends: {self._log_end()}",
            "Run `python -m eo_assets.sample.api DIR` to see it alone.",
        )

    def _log_end(self, n_lines: int = 15) -> str:
        assert self._log is not None
        self._log.seek(0)
        return "\n".join(self._log.read().splitlines()[-n_lines:]) or "(nothing)"

    def close(self) -> None:
        """End the process, by force if it must be; harmless when there is none."""
        process, self._process, self.url = self._process, None, ""
        if process is not None:
            process.terminate()
            try:
                process.wait(timeout=STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()
        if self._log is not None:
            self._log.close()
            self._log = None
