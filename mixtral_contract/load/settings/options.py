"""The options of a load run, as data; Locust adds its own (`--host`, `-u`, `-t`, `--processes`, ...)."""

from __future__ import annotations

from mixtral_contract.load.prompt_files.formats import FORMATS
from mixtral_contract.load.settings.option import Option
from mixtral_contract.load.settings.option_types import at_least_one, not_negative, percent, positive, share, yes_or_no
from mixtral_contract.load.settings.request_options import REQUEST_OPTIONS
from mixtral_contract.load.units.duration import Duration
from mixtral_contract.load.units.metrics import SPREADS, streamed_names

_LIMITED = [metric.name for metric in SPREADS if metric.is_objective]


OPTIONS = (
    Option(
        "--dialect",
        "NAME",
        "Which API of spec/openapi.yaml the target speaks, such as openai or nvidia (POST /v1/chat/completions, "
        f"streamed) or segmind (one answer, no stream: {streamed_names('and')} do not exist). Without it: that of a "
        "vendor's own host, and openai for any other.",
    ),
    Option(
        "--model",
        "NAME",
        "The model to ask for, where the dialect has that field. Without it: the model that the contract names; for "
        "openai the first that the target's /v1/models names.",
    ),
    Option(
        "--api-key-env",
        "VARIABLE",
        "The NAME of the environment variable that holds the API key; never the key itself. Each worker reads its own "
        "environment. Without it: NVIDIA_API_KEY or SEGMIND_API_KEY for the vendors' own hosts, and on this machine "
        "(localhost) the key that the mock server accepts.",
        in_web_ui=False,
    ),
    *REQUEST_OPTIONS,
    Option(
        "--arrivals",
        "HOW",
        "When requests leave. closed: each of -u users sends its next request when the last one has ended. "
        "constant:RATE and poisson:RATE: RATE requests per second on a schedule that no answer changes (an open loop; "
        "-u is not used). trace:FILE: as recorded, with the recorded lengths, from an Azure LLM inference CSV, a "
        "BurstGPT CSV or Mooncake JSON lines; the run ends with the last one, or after -t. trace alone: at the "
        "timestamps that --prompts has, each with its own prompt.",
        default="closed",
    ),
    Option(
        "--speed",
        "X",
        "Plays a trace X times as fast.",
        default=1.0,
        type=float,
    ),
    Option(
        "--max-in-flight",
        "N",
        "Most requests at once of an open loop, in each process. A request that is due beyond is dropped and counted, "
        "never delayed.",
        default=2000,
        type=at_least_one,
    ),
    Option(
        "--prompt-tokens",
        "LENGTHS",
        "Length of each prompt in tokens of Mixtral's own tokenizer, without the chat template around it: N, "
        "uniform(a,b), lognormal(mean,cv) or file:PATH with a length a line. Every request gets another text, so that "
        "no cache of the server answers it.",
        default="64",
    ),
    Option(
        "--output-tokens",
        "LENGTHS",
        "Longest answer in tokens, sent as max_tokens where the dialect has that field: N or a distribution as above.",
        default="128",
    ),
    Option(
        "--prefix-share",
        "SHARE",
        "The part of each prompt's tokens, from 0 to 1, that is a beginning which all requests have in common, as a "
        "long system prompt is; with 0 they have just an opening sentence.",
        default=0.0,
        type=share,
    ),
    Option(
        "--images",
        "N",
        "Images in each request, as data URIs of small PNG files, where the dialect takes any.",
        default=0,
        type=not_negative,
    ),
    Option(
        "--prompts",
        "FILE",
        "Your own prompts instead: JSON lines with prompt, text, text_input or messages, with max_tokens, images and "
        "other fields of the request if you like; ShareGPT's JSON; an OpenAI batch file; AIPerf's inputs.json; a "
        "Mooncake trace, whose hash_ids are blocks of 512 tokens that prompts share; a CSV with a header. A key that "
        "would not be sent is refused. A relative path counts from where each worker runs.",
    ),
    Option(
        "--prompts-format",
        "FORM",
        f"What --prompts is: {', '.join(FORMATS)}. Without it: told from what the file holds.",
    ),
    Option(
        "--prompts-column",
        "NAME",
        "The column of a CSV that holds the prompts; no other but max_tokens is used then. Without it: prompt, text or "
        "text_input, and other columns are refused.",
    ),
    Option(
        "--turns",
        "N",
        "Requests of one conversation: each carries all that was said before. With --arrivals each arrival begins one, "
        "and a further turn is due when its answer has come and --think-time has passed. With --prompts the most turns "
        "of each conversation in the file, the answers between being the target's own.",
        default=1,
        type=at_least_one,
    ),
    Option(
        "--think-time",
        "DURATION",
        "How long a user waits between an answer and the next turn.",
        default="0s",
        type=Duration,
    ),
    Option(
        "--seed",
        "N",
        "Same seed, same prompts, lengths and arrivals (per worker, in the same order).",
        default=0,
        type=int,
    ),
    Option(
        "--warmup",
        "DURATION",
        "Requests sent in this time are made and counted apart, but are in no figure: the first ones meet cold caches "
        "and a number of users that is still growing. 5s, 500ms and 1m30s are durations. Each stage of --sweep and "
        "--find has its own; without it a fifth of the stage, at most 5 s, or as long as requests were seen to take.",
        default="0s",
        type=Duration,
    ),
    Option(
        "--timeout",
        "DURATION",
        "A request without an end after this time counts as a timeout. It is also how long the end of the run waits "
        "for requests that are still running (unless -s says otherwise).",
        default="120s",
        type=Duration,
    ),
    Option(
        "--slo",
        "LIMITS",
        "Service level objectives, such as ttft<2s@p99,tpot<200ms@p99 (on "
        f"{', '.join(_LIMITED[:-1])} or {_LIMITED[-1]}), or mlperf-mixtral, which is just that. The exit code is 1 "
        "when one is missed.",
    ),
    Option(
        "--find",
        "max-rate",
        "Searches the highest rate that keeps the objectives of --slo, in an open loop (poisson, or constant with "
        "--arrivals constant). A probe passes when each objective is surely kept and requests do not pile up, fails "
        "when one is surely missed, they do, or the target answers 429; else it runs longer. The winner is confirmed. "
        "Ends by itself, at the latest after -t. The exit code is 0 when a rate was found and confirmed, else 1.",
    ),
    Option(
        "--find-from",
        "RATE",
        "The first rate of --find, in requests per second. Without it: the one at which 30 s can decide about --slo, "
        "which for a p99 are 24 requests per second.",
        type=positive,
        # a form would send it as text, for it has no default to tell its type by
        in_web_ui=False,
    ),
    Option(
        "--find-to",
        "RATE",
        "The highest rate that --find tries.",
        default=1000.0,
        type=positive,
    ),
    Option(
        "--find-width",
        "SHARE",
        "How close --find gets: until the lowest rate that failed is at most this much above the highest that passed.",
        default="5%",
        type=percent,
    ),
    Option(
        "--sweep",
        "LOADS",
        "Goes through loads one after the other, to see latency against throughput: 1..64 are 1, 2, 4, ... 64 users of "
        "a closed loop, 1,4,16 are just those, rate:2..32 are requests per second of an open loop. Objectives that one "
        "of them misses do not fail the run.",
    ),
    Option(
        "--stage",
        "DURATION",
        "How long each load of --sweep is measured, and how long each rate of --find at least.",
        default="10s",
        type=Duration,
    ),
    Option(
        "--max-error-share",
        "SHARE",
        "The exit code is 1 when no request succeeded, when a larger share than this failed (429 counts as failed), "
        "when a worker was lost, an objective was missed, the run is INVALID or cut short; else 0. Wrong usage is 2.",
        default=0.01,
        type=share,
    ),
    Option(
        "--give-up",
        "DURATION",
        "Ends the run when nothing was answered for so long while requests were waiting; the exit code is 1. Without "
        "it a run ends before its time only when nothing answers at all, not even with an error: 10 s after the first "
        "request, or when the first has timed out.",
        type=Duration,
        # a form would send it as text, for it has no default to tell its type by
        in_web_ui=False,
    ),
    Option(
        "--paid",
        "yes|no",
        "Whether completions of the target cost somebody money: a run on one that does needs consent, and sends no "
        "request a second time. Without it: no for this machine, private networks and names without a dot, else yes.",
        type=yes_or_no,
        in_web_ui=False,
    ),
    Option(
        "--yes-this-costs-money",
        "",
        "Consent to a run on a target that costs money. Without it a terminal is asked, after an estimate; a run that "
        "has none, or that is started from the web page, is refused.",
        in_web_ui=False,
        is_switch=True,
    ),
    Option(
        "--price",
        "PRICE",
        "What completions cost, for the estimate and --budget: 0.0005usd/request, 0.6usd/1M-prompt,1.8usd/1M-output, "
        "2credits/1k-tokens. Without it: the price in spec/targets.yaml, where a vendor publishes one.",
        in_web_ui=False,
    ),
    Option(
        "--budget",
        "AMOUNT",
        "The most that the run may cost, with its unit: 5usd, 200credits or 1000requests. A request only leaves when "
        "the most that it and all under way can cost still fits; the run ends when no further one does. With a price "
        "per token that most is of max_tokens, or of the longest answer seen; until answers show it, no more requests "
        "leave at once than have ended. Credits without a price are learned from x-remaining-credits. Workers get "
        "equal shares.",
        in_web_ui=False,
    ),
    Option(
        "--out",
        "DIR",
        "Where summary.json, requests.jsonl and report.html are written.",
        default="reports/load",
        in_web_ui=False,
    ),
    Option(
        "--label",
        "NAME",
        "What the run is called in its report and in comparisons, such as a branch or a release.",
        in_web_ui=False,
    ),
    Option(
        "--calibration",
        "FILE",
        "What python -m load calibrate wrote about this machine. Without it: where that command writes by itself.",
        in_web_ui=False,
    ),
    Option(
        "--spec",
        "FILE",
        "Another OpenAPI document to read the dialects from, instead of the contract as shipped.",
        in_web_ui=False,
    ),
)
