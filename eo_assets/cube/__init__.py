"""How pixels come to be: virtual cubes, grids, reading, radiometry, valid pixels, composites."""
