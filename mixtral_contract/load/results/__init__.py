"""Counts as a document: summary, validity, notes, live figures."""
