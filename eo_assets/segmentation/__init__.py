"""How segments come to be: methods, tiles that do not move, and the stitching of what they cut."""
