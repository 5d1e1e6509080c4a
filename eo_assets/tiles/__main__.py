"""Serve map tiles in processes of their own, set up by the environment."""

from __future__ import annotations

import argparse
import sys

from eo_assets.errors import EoAssetsError


def main() -> int:
    """Parse the command line and serve; 2 on a mistake in it or in the settings."""
    parser = argparse.ArgumentParser(prog="python -m eo_assets.tiles", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=8090, help="0 takes a free one")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when stdin closes")
    options = parser.parse_args()

    from eo_assets.settings import load_settings
    from eo_assets.tiles.server import serve

    try:
        serve(
            load_settings(),
            host=options.host,
            port=options.port,
            on_listening=lambda url: print(url, flush=True),  # noqa: T201
            end_with_stdin=options.end_with_stdin,
        )
    except EoAssetsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
