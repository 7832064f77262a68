"""The decision: checks in their order, error responses, journaling, and the life of one request."""
