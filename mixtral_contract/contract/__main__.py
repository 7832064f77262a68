"""`python -m mixtral_contract.contract`."""

import sys

from mixtral_contract.contract.cli import main

if __name__ == "__main__":
    sys.exit(main())
