"""`python -m mock_server`: the mock in a checkout; its code is `mixtral_contract.mock`."""

import sys

from mixtral_contract.mock.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
