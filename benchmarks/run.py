"""All benchmarks, one after the other, and the tables and plots of ``docs/benchmarks.md``.

    python benchmarks/run.py --peers .venv-peers/bin/python [--quick] [--only PART...]

A part that fails or takes too long is named in the document, and the others go on; what there is no
time left for is named, too. Figures are kept as JSON, so that the document can be written again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from document import machine, show, write_document
from parts import parts

from eo_assets.sample import generate, is_complete
from eo_assets.settings import load_settings

HERE = Path(__file__).parent
FIGURES = HERE.parent / ".eo_assets" / "benchmarks.json"


def run(arguments: tuple[str, ...], seconds: float) -> dict:
    """Run a part, showing what it says.

    Args:
        arguments: Its script, and what that is given.
        seconds: It is stopped after as many.

    Returns:
        Its command, the seconds it took, its figures as far as it came, and what went wrong.
    """
    started, said = time.monotonic(), ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        command = [sys.executable, str(HERE / arguments[0]), *arguments[1:], "--json", str(file)]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True,
        ) as process:  # fmt: skip
            late = threading.Timer(seconds, end, [process])
            late.start()
            try:
                assert process.stdout
                for line in process.stdout:
                    print(f"    {line.rstrip()[:160]}", flush=True)
                    said = line.strip() or said
                process.wait()
            finally:
                in_time = late.is_alive()
                late.cancel()
                end(process)
        found = {"figures": json.loads(file.read_text())} if file.exists() else {}
        if not in_time and process.returncode:
            found["fault"] = f"it took more than {seconds:.0f} s"
        elif process.returncode:
            found["fault"] = f"it ended with code {process.returncode} and said: {said[:300]}"
    return {"command": spoken(arguments), "seconds": round(time.monotonic() - started), **found}


def end(process: subprocess.Popen) -> None:
    """End a part and all it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL if process.poll() is None else signal.SIGTERM)


def spoken(arguments: tuple[str, ...]) -> str:
    """Write a command without the names of this machine's folders."""
    places = ("--peers", "--scratch")
    pairs = zip(arguments, ("", *arguments), strict=False)
    return " ".join(word for word, before in pairs if not {word, before} & {*places})


def sample_archive() -> None:
    """Make the sample archive where there is none."""
    folder = load_settings().sample_dir
    if not is_complete(folder):
        print("== The sample archive, once", flush=True)
        generate(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="Python of their environment")
    parser.add_argument("--quick", action="store_true", help="a first impression; writes nothing")
    parser.add_argument("--only", nargs="+", help="names of parts; others keep their last figures")
    parser.add_argument("--minutes", type=float, help="no part begins later [27, quick 4.5]")
    parser.add_argument("--write", action="store_true", help="measure nothing, write the document")
    options = parser.parse_args()
    if options.write:
        write_document(json.loads(FIGURES.read_text(encoding="utf-8")))
        return
    until = time.monotonic() + 60 * (options.minutes or (4.5 if options.quick else 27))
    report = {"machine": machine(), "parts": {}}
    if options.only and not options.quick and FIGURES.exists():
        report["parts"] = json.loads(FIGURES.read_text(encoding="utf-8"))["parts"]
    sample_archive()
    with tempfile.TemporaryDirectory() as scratch:
        for part in parts(options.peers, scratch):
            arguments = part.quick if options.quick else part.script
            if arguments is None or (options.only and part.name not in options.only):
                continue
            left = until - time.monotonic()
            print(f"== {part.title} ({left / 60:.0f} minutes left)", flush=True)
            if left < 10:
                found = {"command": spoken(arguments), "seconds": 0, "fault": "no time was left"}
            else:
                found = run(arguments, min(60 * part.minutes, left))
            report["parts"][part.name] = {"title": part.title, "note": part.note, **found}
            print(show(report["parts"][part.name]), flush=True)
            if not options.quick:
                FIGURES.parent.mkdir(exist_ok=True)
                FIGURES.write_text(json.dumps(report, indent=1), encoding="utf-8")
    faults = {one["title"]: one["fault"] for one in report["parts"].values() if "fault" in one}
    for title, fault in faults.items():
        print(f"NOT MEASURED: {title}: {fault}")
    if not options.quick:
        write_document(report)


if __name__ == "__main__":
    main()
