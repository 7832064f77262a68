"""The server under test as clauses use it: its endpoint, the answers they share, a stand-in for dry runs."""
