"""locust_plugin."""
