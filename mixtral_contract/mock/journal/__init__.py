"""What the mock did: entries, their JSON and file, metrics, grades of clients."""
