"""Other people's clients against the mock: what each of them makes of the same questions."""
