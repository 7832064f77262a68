"""What is said: drafts, choices, logprobs and the bytes of a completion; same seed, same bytes."""
