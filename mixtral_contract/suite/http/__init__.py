"""One exchange byte by byte: requests over a socket, and the event stream as it was received."""
