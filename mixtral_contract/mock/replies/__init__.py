"""Scripted replies: their one format as plain data, and the answers and streams that they become."""
