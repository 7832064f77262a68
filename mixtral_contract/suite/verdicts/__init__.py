"""What a clause can get, how an outcome becomes that, and what clauses require of an answer's parts."""
