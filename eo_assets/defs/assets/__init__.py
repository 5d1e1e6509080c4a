"""The six assets, one module each, named like the step it runs."""
