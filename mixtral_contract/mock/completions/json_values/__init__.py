"""Values that keep a JSON Schema, for tool arguments and JSON mode."""
