"""What a run says of answers whose times, lengths and usage are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from mixtral_contract.load.estimators.ddsketch import RELATIVE_ERROR
from tests.load.test_locust_command import ITL_S, TOKENS, TTFT_S, run, timed
from tests.support.scripted_stream_server import (
    WHOLE,
    Hang,
    Script,
    ScriptedServer,
    answer,
    chunk,
    event,
    stream,
    usage,
)


def test_known_times__are_found(tmp_path: Path) -> None:
    """Golden check: never less than the truth, and no more than a loaded machine explains."""
    with ScriptedServer(timed) as server:
        summary = run(tmp_path, "--host", server.url, "-u", "2", "-t", "3s").summary
    for name, truth_s in (("ttft_ms", TTFT_S), ("tpot_ms", ITL_S), ("e2e_ms", TTFT_S + TOKENS * ITL_S)):
        # sleeping takes at least as long as asked for; the sketch is off by its stated error
        assert truth_s * 1000 * (1 - RELATIVE_ERROR) <= summary[name]["p50"] <= truth_s * 1000 * 5


def claiming(claimed: int) -> Script:
    """The same with a usage of so many tokens."""
    *steps, _, done = stream(TOKENS, itl_s=ITL_S, with_usage=False)
    return [*steps, chunk(event({}, finish="length") + event(usage=usage(claimed, 64))), done]


@pytest.mark.parametrize("claimed", [0, 400 + TOKENS])
def test_usage_that_is_not_true__changes_no_rate(tmp_path: Path, claimed: int) -> None:
    """Nothing, or tokens that nobody saw: a token each 20 ms came, and the verdict says what usage claims."""
    asked = ("--output-tokens", str(TOKENS), "--slo", "tpot<5ms@p50")
    with ScriptedServer(lambda _: claiming(claimed)) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "5", "-t", "3s", *asked)
    summary, ok = ended.summary, ended.summary["outcomes"]["ok"]
    assert summary["output_tokens"] == TOKENS * ok
    # believed, it would be below 1 ms, or none
    assert summary["tpot_ms"]["min"] > 1000 * ITL_S / 2
    assert summary["slo"]["terms"][0]["kept"] == 0
    assert summary["lengths"]["usage"]["refuted"] == ok
    assert f"usage is not what came in {ok} of {ok} answers: it claims {claimed * ok:,} tokens" in ended.stdout
    assert summary["validity"]["verdict"] == "SUSPECT"
    assert {line["usage_tokens"] for line in ended.requests} == {claimed}


def test_answers_without_content__are_no_success(tmp_path: Path) -> None:
    """Whole streams that say nothing: not ok, no goodput, exit 1, and the terminal says what they are."""
    with ScriptedServer(lambda _: stream(0)) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "2", "-t", "2s", "--slo", "ttft<1s@p50")
    assert ended.code == 1
    assert "requests: 0 ok, " in ended.stdout
    assert ended.summary["outcomes"]["empty"] == sum(ended.summary["outcomes"].values()) > 0
    assert ended.summary["slo"]["goodput_per_s"] == 0
    assert ended.summary["errors"][0]["example"] == "nothing was said, finish_reason length, usage claims 0 tokens"


def test_prompts__have_the_length_asked_for(tmp_path: Path) -> None:
    """What the server gets is what the contract documents, with the numbers of the command line."""
    arguments = ("-u", "1", "-t", "1s", "--prompt-tokens", "5", "--output-tokens", "9", "--model", "mine")
    with ScriptedServer(lambda _: stream(1)) as server:
        run(tmp_path, "--host", server.url, *arguments)
        body = server.requests[0].body
    assert len(body["messages"][0]["content"].split()) == 5
    assert (body["max_tokens"], body["model"], body["stream"]) == (9, "mine", True)


def test_dialect_without_stream__is_measured_without_ttft(tmp_path: Path) -> None:
    """Its figures are None, and the notes say why."""
    with ScriptedServer(lambda _: [answer("200 OK", WHOLE)]) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "1", "-t", "1s", "--dialect", "segmind")
    summary = ended.summary
    assert ended.code == 0, ended.stderr
    assert summary["ttft_ms"]["p50"] is summary["tpot_ms"]["p50"] is summary["icl_ms"]["mean"] is None
    assert summary["e2e_ms"]["n"] > 0
    assert any("documents no stream" in note for note in summary["notes"])


def test_refused_run__fails_and_does_not_hammer(tmp_path: Path) -> None:
    """One attempt a second and user; exit code 1."""
    with ScriptedServer(lambda _: [answer("429 Too Many Requests", b"{}")]) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "2", "-t", "2s")
    # n seconds hold at most n + 1 attempts that are a second apart
    assert 2 <= len(ended.requests) <= 2 * (int(ended.summary["window"]["duration_s"]) + 1)
    assert ended.code == 1
    assert ended.summary["outcomes"]["rate_limited"] == len(ended.requests)
    assert ended.summary["failure"] == "no request succeeded"
    assert "No request succeeded" in ended.stdout


def test_target_that_asks_to_wait__is_left_alone_by_all_users(tmp_path: Path) -> None:
    """One user is refused, and those who were answered meanwhile do not ask again either."""
    refusal: Script = [answer("429 Too Many Requests", b"{}", "Retry-After: 30")]
    with ScriptedServer(lambda number: stream(3) if number else refusal) as server:
        ended = run(tmp_path, "--host", server.url, "-u", "4", "-r", "4", "-t", "2s")
    assert ended.summary["outcomes"]["rate_limited"] == 1
    # whoever had asked already
    assert len(ended.requests) <= 4


@pytest.mark.parametrize(("most", "code"), [("0.6", 0), ("0.4", 1)])
def test_error_share__decides_the_exit_code(tmp_path: Path, most: str, code: int) -> None:
    """Half of the requests fail: more than 0.4, less than 0.6."""
    refusal: Script = [answer("503 Busy", b"{}")]
    script = {0: stream(1), 1: refusal, 2: [Hang()]}
    with ScriptedServer(lambda number: script[number]) as server:
        # a user waits a second after a failure, so that the third request is cut off by the end of the run
        arguments = ("-u", "1", "-t", "2s", "-s", "1", "--max-error-share", most)
        ended = run(tmp_path, "--host", server.url, *arguments)
    assert ended.summary["error_share"] == 0.5
    assert ended.code == code
