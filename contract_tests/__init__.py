"""The conformance suite: holds any server to the contract, `pytest contract_tests --help` shows its options."""
