"""What a user's tests hold: a mock in their own process or thread, its answers planned, its requests checked."""
