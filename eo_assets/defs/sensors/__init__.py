"""What starts runs by itself, one module each."""
