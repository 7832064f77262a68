"""`python -m mixtral_contract.suite`."""

import sys

from mixtral_contract.suite.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
