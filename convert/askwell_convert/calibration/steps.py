"""The names of calibration's steps, in their order; light, for command lines."""

STEPS = ("rotation", "smoothing", "rounding")
