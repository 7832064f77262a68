"""`python -m mixtral_contract.mock`."""

import sys

from mixtral_contract.mock.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
