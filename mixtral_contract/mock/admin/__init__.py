"""The routes beside the contract: control API, state, changes, live page, models, health."""
