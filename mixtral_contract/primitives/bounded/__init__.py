"""What somebody else sends, read within bounds: YAML, JSON, patterns, work, memory."""
