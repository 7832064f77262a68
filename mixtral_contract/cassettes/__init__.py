"""Recorded exchanges as YAML: the value, its reader and writer, and keys taken out."""
