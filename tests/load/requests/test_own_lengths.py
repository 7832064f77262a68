"""Lengths of the user's own prompts, counted before the run; and texts made of a trace's blocks."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from mixtral_contract.load.requests.generator import RequestGenerator
from mixtral_contract.load.requests.own_lengths import own_lengths, own_lengths_line
from mixtral_contract.load.settings.settings import Settings
from mixtral_contract.load.units.progress import Progress
from mixtral_contract.load.workload.arrivals import Share
from mixtral_contract.primitives.tokenizer import tokenizer
from tests.load.prompt_files.samples import MOONCAKE, SAMPLES
from tests.load.settings.test_settings import settings

COUNT = tokenizer("v3").count


def chosen(folder: Path, text: str, **how: Any) -> Settings:
    """The settings of a run with these prompts."""
    path = folder / "prompts"
    path.write_text(text, encoding="utf-8")
    return settings(folder, prompts=str(path), **how)


def lengths(run: Settings) -> dict[str, object]:
    """What is counted of its prompts."""
    assert run.prompt_file is not None
    return own_lengths(run.prompt_file, "v3")


def test_lengths__are_those_of_the_tokenizer(tmp_path: Path) -> None:
    """Of prompts and of the recorded answers; what was left out is said."""
    found = lengths(chosen(tmp_path, SAMPLES["sharegpt"], turns=2))
    asked = sorted(map(COUNT, ("Name three rivers.", "Go on.")))
    answered = sorted(map(COUNT, ("Rhine, Elbe and Oder.", "No.")))
    assert found["prompt_tokens"] == {"least": asked[0], "median": asked[0], "most": asked[1]}
    assert found["answer_tokens"] == {"least": answered[0], "median": answered[0], "most": answered[1]}
    assert (found["conversations"], found["requests"], found["left_out"]) == (2, 3, 1)
    line = own_lengths_line(found)
    assert line.startswith("prompts: 2 of the form sharegpt, 3 turns; prompt ")
    assert line.endswith("; 1 without a question left out")


def test_images__have_no_length_here(tmp_path: Path) -> None:
    """Nobody knows how many tokens a server makes of them."""
    row = {"prompt": "What is it?", "images": ["http://127.0.0.1/a.png"]}
    assert lengths(chosen(tmp_path, json.dumps(row)))["prompt_tokens"] is None


def test_many_prompts__are_counted_in_part(tmp_path: Path) -> None:
    """Evenly, from the whole file."""
    rows = "\n".join(json.dumps({"prompt": "a " * (1 + index)}) for index in range(0, 3000, 3))
    run, told = chosen(tmp_path, f"{rows}\n{rows}\n{rows}"), list[tuple[int, int]]()
    assert run.prompt_file is not None
    found = own_lengths(run.prompt_file, "v3", lambda done, of: told.append((done, of)))
    assert told == [(done, 1000) for done in range(1000)]
    assert (found["counted"], found["conversations"]) == (1000, 3000)
    assert own_lengths_line(found).endswith("(counted 1,000)")


def test_recorded_answer__is_the_limit(tmp_path: Path) -> None:
    """As vLLM's benchmark has it."""
    ask = RequestGenerator(chosen(tmp_path, SAMPLES["sharegpt"]), Share()).next()
    assert ask.max_tokens == COUNT("Rhine, Elbe and Oder.")


def test_blocks_of_a_trace__are_shared(tmp_path: Path) -> None:
    """The same id is the same text wherever it stands, in every process; lengths are exact."""
    run = chosen(tmp_path, MOONCAKE)
    first, second, third = (RequestGenerator(run, Share(worker, 3)).next() for worker in range(3))
    texts = [ask.messages[0]["content"] for ask in (first, second, third)]
    assert [COUNT(text) for text in texts] == [1100, 700, 600]
    assert texts[0].startswith(texts[1])
    words = [text.split(" ") for text in texts]
    assert words[2][:512] != words[0][:512]
    assert words[2][512:] == words[0][512:600]
    assert [ask.max_tokens for ask in (first, second, third)] == [52, 26, 5]


def test_times_of_the_prompts__are_arrivals_when_asked_for(tmp_path: Path) -> None:
    """In their order, twice as fast, each with its own prompt."""
    run = chosen(tmp_path, MOONCAKE, arrivals="trace", speed=2.0)
    assert [(arrival.due_ns, arrival.prompt) for arrival in run.trace] == [
        (0, 1),
        (1_500_000_000, 0),
        (1_750_000_000, 2),
    ]
    assert RequestGenerator(run, Share()).next(run.trace[0]).prompt_tokens == 700


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress__is_shown_of_long_work_on_a_terminal() -> None:
    """After a second, twice a second; nothing in a pipe."""
    written = []
    for stream in (_Terminal(), io.StringIO()):
        clock = iter([0.0, 0.9, 1.1, 1.2, 1.7])
        progress = Progress("prompts", stream, lambda clock=clock: next(clock))  # type: ignore[misc]
        for done in range(4):
            progress.step(done, 1000)
        progress.close()
        written.append(stream.getvalue())
    assert written == ["\rprompts: 1 of 1,000\rprompts: 3 of 1,000\r                   \r", ""]
