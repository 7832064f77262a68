"""Statistics of samples: sketches, percentiles, intervals, trends; knows nothing of requests."""
