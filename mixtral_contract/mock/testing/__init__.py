"""The mock in the hands of a test: in this process or on a socket, with what it is set up to do and was asked."""
