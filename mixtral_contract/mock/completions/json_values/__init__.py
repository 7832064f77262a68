"""json_values."""
