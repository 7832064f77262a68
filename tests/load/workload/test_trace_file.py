from __future__ import annotations

from pathlib import Path

import pytest

from mixtral_contract.load.workload.arrivals import Arrival
from mixtral_contract.load.workload.trace_file import TraceError, read_trace

MS = 1_000_000

AZURE = """TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:50.9951690,396,109
2023-11-16 18:15:50.9951690,0,5
"""
BURST = """Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type
5,ChatGPT,472,18,490,Conversation log
45.5,ChatGPT,1087,230,1317,Conversation log
118,GPT-4,417,0,417,Conversation log
"""
MOONCAKE = """{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}

{"timestamp": 26482, "input_length": 100, "output_length": 7, "hash_ids": []}
"""


def _trace(folder: Path, text: str) -> Path:
    path = folder / "trace"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "arrivals"),
    [
        (AZURE, [Arrival(0, 374, 44), Arrival(4_314_579_000, 396, 109)]),
        ("\ufeff" + AZURE.replace("\n", "\r\n"), [Arrival(0, 374, 44), Arrival(4_314_579_000, 396, 109)]),
        (BURST, [Arrival(0, 472, 18), Arrival(40_500 * MS, 1087, 230)]),
        (MOONCAKE, [Arrival(0, 100, 7), Arrival(1000 * MS, 6955, 52)]),
    ],
)
def test_trace__is_read_from_its_first_arrival_on(tmp_path: Path, text: str, arrivals: list[Arrival]) -> None:
    """In the order of time; requests without a prompt or an answer are none."""
    assert read_trace(_trace(tmp_path, text)) == arrivals


def test_speed__shortens_the_time_between(tmp_path: Path) -> None:
    """Twice as fast, half as long."""
    assert [each.due_ns for each in read_trace(_trace(tmp_path, MOONCAKE), speed=2)] == [0, 500 * MS]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: expected JSON lines or a header with TIMESTAMP"),
        ("a,b\n1,2\n", ":1: expected JSON lines or a header with TIMESTAMP"),
        (AZURE.replace("374", "many"), ":2: expected a time and two counts of tokens, got invalid literal"),
        (BURST.replace("45.5", "later"), ":3: expected a time and two counts of tokens, got could not convert"),
        (MOONCAKE.replace('"input_length": 100,', ""), ":3: expected a time and two counts of tokens, got 'input_len"),
        (MOONCAKE + "{\n", ":4: expected JSON, got Expecting property name"),
        (MOONCAKE + '{"a":' * 100_000 + "\n", ":4: expected JSON, got maximum recursion depth"),
        (MOONCAKE + "[1]\n", ":4: expected a time and two counts of tokens, got list indices"),
        (MOONCAKE.replace('"input_length": 100', '"input_length": -1'), ":3: expected a time and two counts"),
        (
            MOONCAKE + '{"timestamp": 1e999, "input_length": 1, "output_length": 1}',
            ":4: expected a time and two counts",
        ),
        ("ContextTokens,GeneratedTokens,TIMESTAMP\n1,2\n", ":2: expected a time and two counts of tokens, got Invalid"),
        (AZURE + "x" * 200_000, ":4: expected CSV, got field larger than field limit"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", ": expected at least one arrival, got none"),
    ],
)
def test_no_trace__is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """Where, and what was expected."""
    path = _trace(tmp_path, text)
    with pytest.raises(TraceError) as told:
        read_trace(path)
    assert str(told.value).startswith(f"{path}{said}")


def test_no_file__is_told(tmp_path: Path) -> None:
    """By the system's own words."""
    with pytest.raises(TraceError, match="expected a trace, got No such file"):
        read_trace(tmp_path / "none")
