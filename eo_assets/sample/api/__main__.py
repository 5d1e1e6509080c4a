"""Serve a directory of STAC items as a STAC API, in a process of its own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from eo_assets.errors import ConfigurationError


def main() -> int:
    """Parse the command line and serve; 2 on a mistake in it."""
    parser = argparse.ArgumentParser(prog="python -m eo_assets.sample.api", description=__doc__)
    parser.add_argument("directory", type=Path, help="a directory with STAC items below it")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, default=8081, help="0 takes a free one; default: %(default)s"
    )
    parser.add_argument(
        "--hrefs", choices=["http", "file"], default="http", help="how files are named to clients"
    )
    parser.add_argument("--stamp", action="store_true", help="set created and updated on writing")
    parser.add_argument("--read-only", action="store_true", help="no transactions")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when stdin closes")
    options = parser.parse_args()

    from eo_assets.sample.api.server import serve

    try:
        serve(
            options.directory,
            host=options.host,
            port=options.port,
            hrefs=options.hrefs,
            stamp=options.stamp,
            writable=not options.read_only,
            on_ready=lambda url: print(url, flush=True),  # noqa: T201
            end_with_stdin=options.end_with_stdin,
        )
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
