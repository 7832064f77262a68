"""The stages of a run: their plan, the search of the highest rate, their results."""
