"""`python -m contract_tests`: what is done beside the runs of the suite."""
