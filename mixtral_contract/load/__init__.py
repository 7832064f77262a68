"""The load instrument: load on a chat completion API, measured token by token."""
