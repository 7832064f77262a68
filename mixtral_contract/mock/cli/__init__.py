"""The command line of the mock."""
