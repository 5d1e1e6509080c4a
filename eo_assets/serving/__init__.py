"""What every HTTP service here has in common: where it may listen, and who may ask."""
