"""Every command of the documentation, and how it is seen to work: run as typed, or by a test elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_KEY = {"NVIDIA_API_KEY": "mock-valid"}
_ONE_CLAUSE = "-q -k SSE-08"
_SHORT = "-u 2 -t 3s --warmup 0s"
_LIVE = "https://integrate.api.nvidia.com"


@dataclass(frozen=True, slots=True)
class Ends:
    """A command that ends by itself.

    `adding` are options behind it that make it small or lead it to the page's mock; `saying` has to be in what it
    prints; `keys` are in its environment.
    """

    adding: str = ""
    status: int = 0
    saying: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Serves:
    """A command that serves until it is ended: it prints its address, answers a call there and ends as it should.

    `stays`: the commands behind it on the page are about this server. `upstream` is an address in it in whose place
    the page's mock is. `status` is what its answer to a question has.
    """

    stays: bool = False
    upstream: str = ""
    status: int = 200


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A command that a test runs already: the test's file and name."""

    test: str


COMMANDS: Mapping[str, Ends | Serves | Elsewhere] = {
    "make demo": Elsewhere("tests/test_demo.py::test_demo__leads_to_both_reports"),
    # a mock
    "python -m mock_server --ttft-ms 200 --itl-ms 20": Serves(stays=True),
    "python -m mock_server --fixtures mock_server/fixtures.yaml": Serves(),
    "python -m mock_server fixtures check mock_server/fixtures.yaml": Ends(saying="nothing wrong"),
    "python -m mock_server fixtures from nvidia.yaml > recorded-fixtures.yaml": Elsewhere(
        "tests/mock/fixtures/test_from_cassette.py::test_cassette__is_answered_as_recorded"
    ),
    "python -m mock_server --journal-bodies": Serves(stays=True),
    "curl http://127.0.0.1:8000/_mock/replies -H 'Content-Type: application/json'"
    ' -d \'{"when": {"turn": 1}, "says": [{"tool_calls": [{"name": "book",'
    ' "arguments": {"nights": 2}}]}, "Booked."]}\'': Ends(saying='{"added":["reply 1"]}'),
    "curl http://127.0.0.1:8000/v1/chat/completions -H 'Authorization: Bearer mock-valid'"
    ' -H \'X-Mock-Reply: ["One ", {"pause": 0.2}, "moment."]\' -H \'Content-Type: application/json\''
    ' -d \'{"messages": [{"role": "user", "content": "hello"}], "stream": true}\'': Ends(saying="data: [DONE]"),
    "curl 'http://127.0.0.1:8000/_mock/journal?bodies=yes&tokens=no'": Ends(saying='"request_body"'),
    "curl -X DELETE http://127.0.0.1:8000/_mock/replies": Ends(saying='{"replies":[]}'),
    "python -m mock_server --incident list": Ends(saying="cut:after=3,by=fin"),
    "python -m mock_server --incident '429(retry_after=1)*2,ok'": Serves(status=429),
    "python -m mock_server --incident 'cut:after=5,by=rst;rate=0.1'": Serves(),
    "python -m mock_server --break SSE-08": Serves(stays=True),
    "python -m mock_server --accounts mock_server/accounts.yaml --workers 2": Serves(status=401),
    "python -m mock_server --engine mixtral-8x22b": Serves(),
    "python -m mock_server --engine mixtral-8x22b --predict 500:100": Ends(saying="knee"),
    f"python -m mock_server --record {_LIVE} --cassette nvidia.yaml": Serves(upstream=_LIVE),
    "python -m mock_server --replay nvidia.yaml --pace x2": Serves(),
    "python -m mock_server --as observed": Serves(),
    "python -m mock_server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem": Elsewhere(
        "tests/mock/server/test_tls.py::test_address__says_https_and_is_served"
    ),
    "curl http://127.0.0.1:8000/v1/chat/completions -H 'Authorization: Bearer mock-valid'"
    " -H 'Content-Type: application/json'"
    ' -d \'{"messages": [{"role": "user", "content": "tell me a joke on cats"}], "stream": true}\'': Ends(
        saying="data: [DONE]"
    ),
    "curl -i http://127.0.0.1:8000/v1/chat/completions -H 'Prefer: code=429' -H 'Authorization: Bearer mock-valid'"
    ' -H \'Content-Type: application/json\' -d \'{"messages": [{"role": "user", "content": "hello"}]}\'': Ends(
        saying="retry-after: 1"
    ),
    "curl http://127.0.0.1:8000/_mock/api": Ends(saying="journal_fields"),
    "curl 'http://127.0.0.1:8000/_mock/journal?limit=1&tokens=no'": Ends(saying='"requests"'),
    "curl http://127.0.0.1:8000/_mock/grade": Ends(saying='"findings"'),
    "curl -X PATCH http://127.0.0.1:8000/_mock/state -H 'Content-Type: application/json'"
    ' -d \'{"incidents": ["429*2,ok"], "pace": {"ttft_ms": 100, "itl_ms": 10}}\'': Ends(saying='"429*2,ok"'),
    "curl -X POST 'http://127.0.0.1:8000/_mock/reset?what=all'": Ends(saying='"incidents":[]'),
    # tests of an application
    "pytest test_joke.py": Ends(saying="1 passed"),
    "pytest test_weather.py": Ends(saying="2 passed"),
    "pytest test_agent.py": Ends(saying="1 passed"),
    # the suite
    "pytest contract_tests": Ends(_ONE_CLAUSE, saying="mock breaks no clause: 2 of 2"),
    "pytest contract_tests -k SSE-08": Ends(saying="mock breaks no clause"),
    "pytest --pyargs contract_tests": Ends(_ONE_CLAUSE, saying="mock breaks no clause: 2 of 2"),
    "pytest contract_tests --base-url http://127.0.0.1:8000 --dialect nvidia": Ends(_ONE_CLAUSE, saying="no clause"),
    "pytest contract_tests --base-url http://127.0.0.1:8000 --dialect nvidia -k SSE-08": Ends(
        status=1, saying='expected  "data: [DONE]" once, in the last event'
    ),
    "pytest contract_tests --target nvidia --level must --budget 40 --rpm 30": Ends(
        f"{_ONE_CLAUSE} --base-url http://127.0.0.1:8000", saying="no clause", keys=_KEY
    ),
    "pytest contract_tests --target nvidia --dry-run": Ends(saying="nothing was sent"),
    "pytest contract_tests --target nvidia --tier smoke": Ends(
        "-q --base-url http://127.0.0.1:8000", saying="no clause", keys=_KEY
    ),
    "python -m contract_tests baseline --from reports/contract > known.yaml": Ends(),
    "pytest contract_tests --base-url http://127.0.0.1:8000 --dialect nvidia --baseline known.yaml": Ends(
        _ONE_CLAUSE, saying="no clause"
    ),
    "pytest contract_tests --base-url http://127.0.0.1:8000 --dialect nvidia --tier smoke --report reports/candidate"
    " --junitxml reports/candidate/junit.xml": Ends(_ONE_CLAUSE, saying="no clause"),
    "python -m contract_tests report reports/contract reports/candidate --out reports/both": Ends(
        saying="reports/both/index.html"
    ),
    "python -m contract_tests report reports/contract --out reports/page": Ends(saying="reports/page/index.html"),
    "python -m contract_tests drift nvidia.yaml": Ends(saying="nvidia.yaml: 1 exchanges"),
    "python -m contract_tests drift nvidia.yaml --api-key-env NVIDIA_API_KEY --budget 10": Ends(
        saying="nvidia.yaml: 1 exchanges", keys=_KEY
    ),
    "python -m contract_tests prove SSE-08 RSP-10": Elsewhere(
        "tests/suite/proof/test_proof.py::test_prove__finds_what_is_declared_and_writes_it"
    ),
    # load
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 20 -t 60s --warmup 5s": Ends(_SHORT),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --arrivals poisson:20 -t 60s --warmup 5s": Ends(_SHORT),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --arrivals trace:azure.csv --speed 2 -t 60s": Elsewhere(
        "tests/load/test_prompts_that_are_sent.py::test_trace__is_played_with_its_lengths"
    ),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 5 -t 30s --prompt-tokens 'lognormal(500,0.8)'"
    " --output-tokens 'uniform(20,100)' --prefix-share 0.5": Ends(_SHORT),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 5 -t 30s --turns 4 --think-time 2s": Elsewhere(
        "tests/load/test_prompts_that_are_sent.py::test_conversation__carries_what_was_said"
    ),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --dialect segmind-openai -u 5 -t 30s --images 1": Ends(
        _SHORT
    ),
    'echo \'{"messages": [{"role": "user", "content": "tell me a joke on cats"}], "max_tokens": 50}\''
    " > prompts.jsonl": Ends(),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 5 -t 30s --prompts prompts.jsonl": Ends(_SHORT),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 20 -t 60s --slo 'ttft<2s@p99,tpot<200ms@p99'": Ends(
        _SHORT, saying="undecided"
    ),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 40 -t 60s --warmup 5s --processes 2": Elsewhere(
        "tests/load/test_locust_command.py::test_run__counts_every_request_once"
    ),
    "locust -f load/ --headless --host http://127.0.0.1:8000 -u 2 -t 30s --paid yes"
    " --price 0.6usd/1M-prompt,1.8usd/1M-output --budget 0.50usd --yes-this-costs-money": Ends(_SHORT, saying="cost:"),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --find max-rate --slo 'ttft<2s@p99,tpot<200ms@p99'"
    " -t 10m": Elsewhere("tests/load/test_staged_runs.py::test_found_rate__is_within_a_tenth_of_the_models_knee"),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --sweep 1..64 --stage 10s -t 10m": Elsewhere(
        "tests/load/test_staged_runs.py::test_sweep__counts_every_request_of_every_stage"
    ),
    "python -m load calibrate": Elsewhere(
        "tests/load/results/test_calibration.py::test_calibrate__finds_the_error_and_writes_it"
    ),
    "python -m load compare reports/monday reports/tuesday --tolerance 5% --out comparison.html": Elsewhere(
        "tests/load/compare/test_comparison.py::test_command__exits_with_what_it_found"
    ),
    "python -m load compare baseline reports/load --pinned reports/release --markdown summary.md --json": Elsewhere(
        "tests/load/compare/test_several_runs.py::test_small_steps__are_seen_against_a_pinned_run"
    ),
    "python -m load report reports/load --warmup 5s -u 20": Elsewhere(
        "tests/load/report/test_requests_file.py::test_report__of_parts_that_a_killed_run_left"
    ),
    "python -m load accept reports/load baseline --reason 'a larger model, slower to the first token'": Elsewhere(
        "tests/load/compare/test_several_runs.py::test_accepted_run__is_the_baseline"
    ),
    # the mock's own speed
    "python -m benchmarks.completions --reference nginx --out reports/speed/completions.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_completions__are_compared_with_nginx"
    ),
    "python -m benchmarks.unpaced_streams --out reports/speed/unpaced_streams.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_unpaced_streams__are_read_to_their_end"
    ),
    "python -m benchmarks.paced_streams --out reports/speed/paced_streams.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_paced_streams__come_at_their_pace"
    ),
    "python -m benchmarks.reading --out reports/speed/reading.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_reading__is_measured_beside_a_client_in_c"
    ),
    "python -m benchmarks.hostile --out reports/speed/hostile.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_hostile_requests__are_sent_beside_a_stream"
    ),
    "python -m benchmarks.soak --seconds 600 --out reports/speed/soak.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_soak__loses_no_answer_and_leaves_no_file_open"
    ),
    "python -m benchmarks.process_faults --rounds 20": Elsewhere(
        "tests/benchmarks/test_programs.py::test_killed_processes__are_looked_at"
    ),
    "python -m benchmarks.footprint --requests 1000000 --out reports/speed/footprint.json": Elsewhere(
        "tests/benchmarks/test_programs.py::test_footprint__is_measured"
    ),
    "python -m benchmarks.completions --peer 'aimock=npx llmock -p {port} -f fixtures.json --log-level silent'"
    " --peer 'LLMock=llmock serve --port {port} --log-level warning'"
    " --peer 'guidellm=guidellm mock-server --port {port} --request-latency 0 --output-tokens 90'": Elsewhere(
        "tests/benchmarks/test_programs.py::test_peer__is_measured_beside_the_mock"
    ),
    # a fourth vendor, on a page of its own
    "python -m spec check": Elsewhere("tests/docs/test_extend.py::test_contract__keeps_its_rules"),
    "python -m mock_server --port 0": Elsewhere(
        "tests/docs/test_extend.py::test_mock__answers_and_refuses_as_the_page_says"
    ),
    "pytest contract_tests --dialect acme": Elsewhere("tests/docs/test_extend.py::test_suite__judges_the_new_dialect"),
    "pytest contract_tests --target acme --dry-run": Elsewhere("tests/docs/test_extend.py::test_preset__names_its_key"),
    "locust -f load/ --headless --host http://127.0.0.1:8000 --dialect acme -u 2 -t 5s": Elsewhere(
        "tests/docs/test_extend.py::test_load_run__measures_the_new_dialect"
    ),
}

BEFORE: Mapping[str, tuple[str, ...]] = {
    "docs/check.md": (f"python -m mock_server --record {_LIVE} --cassette nvidia.yaml",),
}
"""Commands of other pages whose outcome a page takes for granted."""
