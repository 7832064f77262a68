"""The contract as objects: operations, schemas, clauses, observations, presets, and the rules it keeps itself."""
