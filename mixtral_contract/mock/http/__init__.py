"""Bytes of HTTP/1.1: request parser, response encoder, connection and writers."""
