"""When each token leaves: clock, engine, paces, batching, forecast, and the scheduler on an event loop."""
