"""Two finished runs: what changed, and how sure that is."""
