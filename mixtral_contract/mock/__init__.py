"""The mock: answers every documented dialect as the contract says, at a pace of its own."""
