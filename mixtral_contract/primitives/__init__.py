"""What knows neither the contract nor Locust nor pytest: SSE, strict JSON, safe YAML, base URLs, tokens."""
