"""The contract as data (`openapi.yaml`, `clauses.yaml`, `targets.yaml`) and its readers; imports nothing of ours."""
