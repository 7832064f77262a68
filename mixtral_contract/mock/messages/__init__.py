"""The values that pass between edges and service, and the limits of a connection."""
