"""Lists the options of a load run: Locust answers --help before it reads the file that adds them."""

from __future__ import annotations

import argparse

from load._options import OPTIONS


def parser() -> argparse.ArgumentParser:
    """The options as argparse shows them."""
    shown = argparse.ArgumentParser(
        prog="locust -f load/",
        usage="locust -f load/ --headless --host URL -u USERS -t DURATION [option]...",
        description="Load on a chat completion API, measured token by token. Locust's own options: locust --help.",
        add_help=False,
    )
    group = shown.add_argument_group("options of the load run, besides Locust's own")
    for option in OPTIONS:
        group.add_argument(option.flag, **option.keywords)
    return shown


if __name__ == "__main__":
    print(parser().format_help())
