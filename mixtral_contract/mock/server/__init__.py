"""Sockets, processes and TLS: serves one mock until a signal."""
