"""The assets, one module each, named like the step it runs: what is its own, as ``STEP``."""
