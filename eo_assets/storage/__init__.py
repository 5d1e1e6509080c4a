"""Where products are kept: the only room that spells a path or writes a file format."""
