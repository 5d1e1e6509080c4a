"""``python -m eo_assets.cli``."""

from eo_assets.cli import run

run()
