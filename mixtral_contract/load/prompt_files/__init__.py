"""Prompts that people have: one reader for each form of file, chosen by what the file holds."""
