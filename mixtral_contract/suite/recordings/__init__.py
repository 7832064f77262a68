"""Clauses held against recorded exchanges, and what moved since they were recorded."""
