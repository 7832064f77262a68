"""The contract test suite: whether a server keeps the contract, clause by clause."""
