"""A service that violates one clause at a time, or behaves as live endpoints were seen to."""
