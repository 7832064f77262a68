"""The documents of a run as files: HTML, charts, tables."""
