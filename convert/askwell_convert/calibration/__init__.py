"""Int8 that keeps the model's mind: the model is turned, smoothed and rounded by what its inputs are like."""
