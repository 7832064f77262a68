"""`python -m mixtral_contract.load`."""

import sys

from mixtral_contract.load.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
