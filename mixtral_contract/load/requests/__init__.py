"""The requests that settings ask for, as bytes."""
