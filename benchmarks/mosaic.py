"""Mosaic to COG: the chain against GDAL's limit and the peers, in turns, on the same files.

    python benchmarks/mosaic.py --peers .venv-peers/bin/python --rounds 5

Each contestant has a process of its own, which first makes everything once, so that imports and
tables count for none; then the rounds begin, in each of which all make the same once. The files
have names of their own in each round, for a process that finds a file open, or its blocks decoded,
has less to do than in production. Wall and processor time are medians over the rounds; the ratios
are those of each round's limit. Memory is the highest sum of the processes' proportional shares.
All pictures are compared with the chain's, pixel by pixel.

A contestant that fails or takes longer than ``--patience`` is named, the others go on. No round
begins after ``--seconds``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from measuring import PeakMemory
from scenes import CASES, make

HERE = Path(__file__).parent
CHAIN, LIMIT = "eo_assets", "limit"
PEERS = ("odc-stac", "stackstac", "seed", "gdalwarp")
NEEDS = {"gdalwarp": ("gdalbuildvrt", "gdalwarp")}
UNMASKED = (LIMIT, "gdalwarp")
"""They mask no clouds: their picture is another."""

OFFSET = 1_000
"""Of digital numbers since processing baseline 04.00; the chain takes it off."""


@dataclass
class Contestant:
    """A process that makes the mosaic whenever it is told to.

    Attributes:
        name: Of the way.
        command: That starts it.
        patience_s: How long it may take each time, seconds.
        results: What it took, a round each.
        first_cpu: Processor time of its first time, seconds.
        fault: Why it takes no part any more.
    """

    name: str
    command: list[str]
    patience_s: float
    results: list[dict] = field(default_factory=list)
    first_cpu: float = 0.0
    fault: str = ""

    def start(self) -> None:
        """Start the process."""
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- as long as the process
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        self._process = subprocess.Popen(self.command, text=True, **pipes)

    def once(self, counts: str) -> dict | None:
        """Let it make the mosaic, of files by another name each time; None when it could not."""
        stop = threading.Timer(self.patience_s, self._process.kill)
        stop.start()
        try:
            self._answer()
            if counts:
                urllib.request.urlopen(counts).read()
            with PeakMemory(self._process.pid) as peak:
                self._process.stdin.write("\n")
                self._process.stdin.flush()
                result = json.loads(self._answer()) | {"peak_mb": peak.mb}
            if counts:
                result |= json.load(urllib.request.urlopen(counts))
        except (BrokenPipeError, EOFError):
            late = not stop.is_alive()
            self._process.wait()
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["nothing"])[-1][:200]
            self.fault = f"more than {self.patience_s:.0f} s" if late else f"failed: {last}"
            return None
        finally:
            stop.cancel()
        return result

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.communicate(timeout=10)
        self._log.close()

    def _answer(self) -> str:
        assert self._process.stdout
        for line in self._process.stdout:
            # libraries may print, too
            if line == "ready\n" or line.startswith("{"):
                return line
        raise EOFError


def contest(contestants: list[Contestant], rounds: dict[str, int], counts: str, until) -> None:
    """Let all make the mosaic in turns, once for nothing and then as often as each is to.

    Args:
        contestants: Who takes part.
        rounds: How often, by name.
        counts: Where the server tells what was asked for; empty without a server.
        until: No round begins later.
    """
    for number in range(max(rounds.values()) + 1):
        for one in contestants:
            done = number > rounds[one.name] or (number > 1 and time.monotonic() > until)
            if one.fault or done:
                continue
            result = one.once(counts)
            if result is None:
                say(f"  {number} {one.name}: {one.fault}")
                continue
            say(f"  {number} {one.name}: {result['wall']:.2f} s, CPU {result['cpu']:.2f} s")
            if number:
                one.results.append(result)
            else:
                one.first_cpu = result["cpu"]


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def match_pct(chain: Path, peer: Path) -> float:
    """Compare a peer's digital numbers with the chain's stored reflectance, pixel by pixel."""
    with rasterio.open(chain) as ours, rasterio.open(peer) as theirs:
        stored, dn = ours.read(), theirs.read()
    expected = np.where(dn == 0, 0, np.maximum(dn.astype(int) - OFFSET, 1))
    return 100 * float((stored == expected).mean())


def row(one: Contestant, limit: Contestant | None, chain: Contestant) -> dict:
    """Give a contestant's line of the table."""
    line: dict = {"contestant": one.name, "rounds": len(one.results)}
    if not one.results:
        return line | {"remark": one.fault or "no time left"}
    names = {
        "wall": "wall_s", "cpu": "cpu_s", "peak_mb": "peak_mb", "requests": "requests",
        "bytes": "mb_read",
    }  # fmt: skip
    for key, name in names.items():
        if key in one.results[0]:
            middle = statistics.median(result[key] for result in one.results)
            line[name] = round(middle / 1e6 if key == "bytes" else middle, 2)
    line["first_cpu_s"] = round(one.first_cpu, 2)
    for key in ("wall", "cpu", "peak_mb") if limit else ():
        pairs = zip(one.results, limit.results, strict=False)
        line[f"{key}_x"] = round(statistics.median(a[key] / b[key] for a, b in pairs), 2)
    if one.name not in (*UNMASKED, CHAIN) and chain.results:
        files = (Path(who.results[-1]["file"]) for who in (chain, one))
        line["equal_pct"] = round(match_pct(*files), 3)
    return line | ({"remark": one.fault} if one.fault else {})


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="Python with the peers")
    parser.add_argument("--only", nargs="*", choices=PEERS, default=PEERS, help="peers wanted")
    parser.add_argument("--case", choices=CASES, default="region")
    parser.add_argument("--delay-ms", type=float, help="over HTTP, with this delay; else local")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, help="of the peers; as many when not given")
    parser.add_argument("--seconds", type=float, default=600, help="no round begins later")
    parser.add_argument("--patience", type=float, default=100, help="seconds, each time")
    parser.add_argument("--workers", type=int, default=0, help="Dask workers; 0: in this process")
    parser.add_argument("--scratch", type=Path, help="where scenes stay for another time")
    parser.add_argument("--json", type=Path, help="file for the figures")
    return parser.parse_args()


@contextlib.contextmanager
def served(folder: Path, delay_ms: float | None):
    """Give the address of a folder, its path without a delay, and where requests are counted."""
    if delay_ms is None:
        yield str(folder), ""
        return
    command = [sys.executable, str(HERE / "http_files.py"), str(folder), str(delay_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        url = server.stdout.readline().strip()
        try:
            yield url, f"{url}/-/counts"
        finally:
            server.terminate()


def entries(options: argparse.Namespace, folder: Path, work: Path, base: str) -> list[Contestant]:
    """Give limit, chain, and the peers wanted; a fault where one cannot take part."""
    roots = []
    for number in range(options.rounds + 1):
        (work / str(number)).symlink_to(folder)
        roots.append(f"{base}/{number}")
    contestants = []
    for name in (LIMIT, CHAIN, *options.only):
        command = [options.peers, str(HERE / "mosaic_peers.py"), name]
        if name == CHAIN:
            command = [sys.executable, str(HERE / "mosaic_chain.py")]
            command += ["--workers", str(options.workers)]
        command += [str(folder), options.case, str(work / f"out-{name}"), *roots]
        one = Contestant(name, command, options.patience)
        if absent := [tool for tool in NEEDS.get(name, ()) if shutil.which(tool) is None]:
            one.fault = f"not measured: {' and '.join(absent)} not installed"
            say(f"  {name} IS {one.fault.upper()}")
        contestants.append(one)
    return contestants


def main() -> None:
    options = arguments()
    until = time.monotonic() + options.seconds
    with contextlib.ExitStack() as stack:
        scratch = options.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scratch = scratch.resolve()
        folder = make(scratch, CASES[options.case])
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
        base, counts = stack.enter_context(served(work, options.delay_ms))
        contestants = entries(options, folder, work, base)
        for one in contestants:
            if not one.fault:
                one.start()
                stack.callback(one.end)
        few = options.rounds if options.peer_rounds is None else options.peer_rounds
        rounds = dict.fromkeys(PEERS, few) | dict.fromkeys((LIMIT, CHAIN), options.rounds)
        contest(contestants, rounds, counts, until)
        limit, ours = contestants[:2]
        rows = [row(one, limit if limit.results else None, ours) for one in contestants]
    for one in rows:
        print(one)
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
