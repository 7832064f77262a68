"""What keeps the clients of a test from the network, and answers those that it can in their place."""
