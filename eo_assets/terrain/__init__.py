"""What follows from heights: slope, aspect, shade and contours. Arrays in, arrays out; no files."""
