"""One contract for Mixtral chat completions."""
