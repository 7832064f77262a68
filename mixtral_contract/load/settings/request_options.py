"""The options of a load run that change every request, as data, and what they come to."""

from __future__ import annotations

import argparse

from mixtral_contract.load.settings.option import Option
from mixtral_contract.load.settings.option_types import at_least_one
from mixtral_contract.load.units.usage_error import UsageError, read_option
from mixtral_contract.load.workload.request_changes import (
    LIMITS,
    USAGE,
    Header,
    RequestChanges,
    parse_query,
    read_body,
)

REQUEST_OPTIONS = (
    Option(
        "--endpoint",
        "URL",
        "The whole URL of the completions, where it is not the dialect's path below --host: "
        "https://gateway.example/team-a/chat. It stands instead of --host.",
        in_web_ui=False,
    ),
    Option(
        "--no-key",
        "",
        "Sends no API key: the target wants none, or --header says it.",
        in_web_ui=False,
        is_switch=True,
    ),
    Option(
        "--header",
        "NAME=VALUE",
        "A header of every request. NAME=env:VARIABLE takes the value from that variable of each process, and is shown "
        "nowhere; a key is only taken so.",
        in_web_ui=False,
        is_repeated=True,
    ),
    Option(
        "--query",
        "NAME=VALUE",
        "A parameter behind the path of every request, such as api-version=2024-10-21.",
        in_web_ui=False,
        is_repeated=True,
    ),
    Option(
        "--body",
        "KEY=JSON",
        "A field of every request's body, whether the dialect documents it or not: temperature=0.2, "
        'guided_choice=["a", "b"]. KEY= leaves out the field that the run would send.',
        in_web_ui=False,
        is_repeated=True,
    ),
    Option(
        "--body-file",
        "FILE",
        "A JSON object of such fields. --body counts where both name a field. A relative path counts from where each "
        "worker runs.",
        in_web_ui=False,
    ),
    Option(
        "--ignore-eos",
        "",
        "Asks for answers exactly as long as --output-tokens says (ignore_eos, which vLLM and SGLang take).",
        in_web_ui=False,
        is_switch=True,
    ),
    Option(
        "--min-tokens",
        "N",
        "Asks for answers of at least N tokens (min_tokens, which vLLM takes).",
        type=at_least_one,
        in_web_ui=False,
    ),
    Option(
        "--usage",
        "WHEN",
        "When a stream tells its tokens: end (stream_options.include_usage), continuous (with each event, vLLM's "
        "continuous_usage_stats, which gives itl), none (nothing is asked for, and tokens are counted in the text).",
        default="end",
        in_web_ui=False,
    ),
    Option(
        "--field",
        "NAME",
        f"What the target calls the longest answer: {' or '.join(LIMITS)}. Without it: {LIMITS[0]}, where the dialect "
        "documents it.",
        in_web_ui=False,
    ),
)


def read_changes(options: argparse.Namespace, path: str | None) -> RequestChanges:
    """What these options say about every request; `path` is that of --endpoint.

    Raises: UsageError.
    """
    headers = read_option("--header", lambda: tuple(map(Header.parse, options.header or ())))
    query = read_option("--query", lambda: tuple(map(parse_query, options.query or ())))
    body, left_out = read_option("--body", lambda: read_body(options.body or (), options.body_file))
    if options.ignore_eos:
        body["ignore_eos"] = True
    if options.min_tokens is not None:
        body["min_tokens"] = options.min_tokens
    if options.usage not in USAGE:
        raise UsageError(f"--usage: expected one of {', '.join(USAGE)}, got {options.usage!r}")
    if options.field not in (None, *LIMITS):
        raise UsageError(f"--field: expected one of {', '.join(LIMITS)}, got {options.field!r}")
    if options.no_key and options.api_key_env:
        raise UsageError("--no-key: expected no --api-key-env beside it, got one")
    return RequestChanges(
        path=path,
        headers=headers,
        query=query,
        body=body,
        left_out=left_out,
        usage=options.usage,
        limit=options.field or LIMITS[0],
        is_limit_chosen=options.field is not None,
        sends_key=not options.no_key,
    )
