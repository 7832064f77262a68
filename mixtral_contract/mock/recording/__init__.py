"""A proxy that records what an endpoint answers, and the replay of what was recorded."""
