"""Faults that a correct client must survive: their grammar, the table of them, and which are on."""
