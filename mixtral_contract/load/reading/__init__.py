"""An exchange read as a completion, and its record."""
