"""What completions cost, what a run may spend, and what it has spent."""
