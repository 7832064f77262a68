"""Who may: accounts, rate limits, exact money, the accounts file, state shared by worker processes."""
