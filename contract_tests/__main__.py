"""`python -m contract_tests`: what is done beside `pytest contract_tests`."""

import sys

from mixtral_contract.suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
