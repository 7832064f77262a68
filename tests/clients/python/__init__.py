"""Drivers: programs that put questions to one client each; they run in the environment that has the client."""
