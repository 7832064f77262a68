"""llama.cpp's own HTTP server on a tiny Mixtral of random weights: a server nobody here wrote.

The model has Mixtral's architecture (routed experts), Mixtral's own tokenizer (v1, out of the
`mistral-common` wheel) and a chat template of Mixtral's form. Its weights are noise: what it says
is nonsense, yet really counted, sampled, batched and streamed.

`python -m tests.real.llama_cpp` serves it until it is told to stop or its parent is gone;
`llama_server` does that for as long as a test needs it.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

import gguf
import numpy as np
import sentencepiece
import xllamacpp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Matrix = npt.NDArray[np.float32]

MODEL = "mistralai/mixtral-8x22b-instruct-v0.1"
SLOTS = 4
CONTEXT = 2048
MAX_TOKENS = 1024  # where a request names none, as on NVIDIA; else the end of the context decides
START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0

_REPOSITORY = Path(__file__).parents[2]
_LAYERS, _WIDTH, _INNER_WIDTH = 2, 64, 128
_HEADS, _KV_HEADS = 4, 2
_EXPERTS, _EXPERTS_USED = 4, 2
_SHARPNESS = 1.5  # the spread of the logits
_END_SHARPNESS = 2.6  # larger: most answers end by themselves, after some hundred tokens
_TEMPLATE = (
    "{{ bos_token }}{% set ns = namespace(system='') %}{% for message in messages %}"
    "{% if message.role == 'system' %}{% set ns.system = ns.system + message.content + '\n\n' %}"
    "{% elif message.role == 'user' %}"
    "{{ '[INST] ' + ns.system + message.content + ' [/INST]' }}{% set ns.system = '' %}"
    "{% elif message.role == 'assistant' %}{{ ' ' + message.content + eos_token }}"
    "{% else %}{{ raise_exception("
    "'role: expected system, user or assistant, got ' + message.role) }}"
    "{% endif %}{% endfor %}"
    "{% if ns.system %}{{ '[INST] ' + ns.system + ' [/INST]' }}{% endif %}"
)


def write_tiny_mixtral(path: Path, *, seed: int = 0) -> None:
    """Writes a GGUF file of Mixtral's architecture, 18 MB; the same seed gives the same bytes."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny random Mixtral")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(CONTEXT)
    writer.add_block_count(_LAYERS)
    writer.add_embedding_length(_WIDTH)
    writer.add_feed_forward_length(_INNER_WIDTH)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_KV_HEADS)
    writer.add_expert_count(_EXPERTS)
    writer.add_expert_used_count(_EXPERTS_USED)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(1e6)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    pieces = _pieces()
    _add_tokenizer(writer, pieces)
    for name, weights in _weights(pieces, np.random.default_rng(seed)):
        writer.add_tensor(f"{name}.weight", weights)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@contextlib.contextmanager
def llama_server(api_key: str) -> Iterator[str]:
    """The address of a new server that accepts that key; it answers on entry, and ends on exit.

    Raises: RuntimeError if it does not answer within START_LIMIT_S.
    """
    command = [sys.executable, "-m", "tests.real.llama_cpp", "--api-key", api_key]
    with subprocess.Popen(command, cwd=_REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield _address(process)
        finally:
            _stop(process)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Serves until SIGTERM, SIGINT or the end of the parent, and ends the process."""
    parser = _parser()
    options = parser.parse_args(arguments)
    parent = os.getppid()
    received: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: received.append(number))
    with _only_address_on_stdout() as stdout:
        try:
            server = _serve(options)
        except RuntimeError as error:
            parser.exit(1, f"port {options.port}: expected a server, got {error}\n")
        print(server.listening_address, file=stdout, flush=True)
    while not received and os.getppid() == parent:
        time.sleep(0.1)
    # llama.cpp's own end waits for ever, for streams it feeds no more or for a loop just begun
    os._exit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.real.llama_cpp",
        description="llama.cpp's HTTP server on a tiny random Mixtral; prints its address.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    argument = parser.add_argument
    argument("--port", type=_port, default=0, help="port on 127.0.0.1; 0 picks a free one")
    argument("--api-key", metavar="KEY", help="the one key that is accepted; without it, any is")
    argument("--model-alias", metavar="NAME", default=MODEL, help="what the model is called")
    argument("--seed", type=_natural, default=0, metavar="N", help="seed of the weights")
    return parser


def _port(text: str) -> int:
    port = _natural(text)
    if port > 65535:
        raise argparse.ArgumentTypeError(f"expected 0 to 65535, got {text!r}")
    return port


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a number from 0 up, got {text!r}")
    return int(text)


@contextlib.contextmanager
def _only_address_on_stdout() -> Iterator[TextIO]:
    """The real standard output; whatever llama.cpp writes to it later arrives at standard error."""
    sys.stdout.flush()
    with os.fdopen(os.dup(1), "w") as stdout:
        os.dup2(2, 1)
        yield stdout


def _serve(options: argparse.Namespace) -> xllamacpp.Server:
    params = xllamacpp.CommonParams()
    params.port = options.port
    params.api_keys = [options.api_key] if options.api_key else []
    params.model_alias = {options.model_alias}
    params.n_parallel = SLOTS
    params.n_ctx = SLOTS * CONTEXT
    params.n_predict = MAX_TOKENS
    # two threads spin while they wait for each other, for seconds where the cores are shared
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    # coarser numbers would let what else is in the batch decide between two tokens
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    params.n_threads_http = 64  # each open connection holds one
    params.cache_ram_mib = 0  # no memory grows with the number of requests
    params.fit_params = False  # the model is as small as it gets
    params.ui = False
    params.verbosity = 1  # errors only
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny-mixtral.gguf"
        write_tiny_mixtral(path, seed=options.seed)
        params.model.path = str(path)
        # what is loaded needs its file's name no more, so the folder can go before the server does
        return xllamacpp.Server(params)


def _address(process: subprocess.Popen[str]) -> str:
    # killing the process ends its output, so nothing below waits for longer than that
    limit = threading.Timer(START_LIMIT_S, process.kill)
    limit.start()
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        while process.poll() is None:
            if address and _is_healthy(address):
                return address
            time.sleep(0.02)
    finally:
        limit.cancel()
    status = process.returncode
    raise RuntimeError(f"llama.cpp: expected an answer in {START_LIMIT_S} s, got exit {status}")


def _is_healthy(address: str) -> bool:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=1)
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    return False


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()


def _pieces() -> sentencepiece.SentencePieceProcessor:
    # finding the package does not import it
    found = find_spec("mistral_common")
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError("mistral_common: expected the package, got none")
    path = Path(found.submodule_search_locations[0]) / "data" / "tokenizer.model.v1"
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def _add_tokenizer(writer: gguf.GGUFWriter, pieces: sentencepiece.SentencePieceProcessor) -> None:
    tokens = range(pieces.vocab_size())
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([pieces.id_to_piece(token) for token in tokens])
    writer.add_token_scores([pieces.get_score(token) for token in tokens])
    writer.add_token_types([_token_type(pieces, token) for token in tokens])
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=False)
    writer.add_add_space_prefix(value=True)
    writer.add_chat_template(_TEMPLATE)


def _token_type(pieces: sentencepiece.SentencePieceProcessor, token: int) -> gguf.TokenType:
    if pieces.is_unknown(token):
        return gguf.TokenType.UNKNOWN
    if pieces.is_control(token):
        return gguf.TokenType.CONTROL
    if pieces.is_byte(token):
        return gguf.TokenType.BYTE
    return gguf.TokenType.NORMAL


def _weights(
    pieces: sentencepiece.SentencePieceProcessor,
    noise: np.random.Generator,
) -> Iterator[tuple[str, Matrix]]:
    """Each tensor's name and noise that keeps the size of what passes through it."""

    def matrix(*shape: int) -> Matrix:
        return noise.standard_normal(shape, dtype=np.float32) / np.float32(shape[-1] ** 0.5)

    unit = np.ones(_WIDTH, dtype=np.float32)
    kv_width = _WIDTH // _HEADS * _KV_HEADS
    yield "token_embd", noise.standard_normal((pieces.vocab_size(), _WIDTH), dtype=np.float32)
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        yield f"{block}.attn_norm", unit
        yield f"{block}.attn_q", matrix(_WIDTH, _WIDTH)
        yield f"{block}.attn_k", matrix(kv_width, _WIDTH)
        yield f"{block}.attn_v", matrix(kv_width, _WIDTH)
        yield f"{block}.attn_output", matrix(_WIDTH, _WIDTH)
        yield f"{block}.ffn_norm", unit
        yield f"{block}.ffn_gate_inp", matrix(_EXPERTS, _WIDTH)
        yield f"{block}.ffn_gate_exps", matrix(_EXPERTS, _INNER_WIDTH, _WIDTH)
        yield f"{block}.ffn_up_exps", matrix(_EXPERTS, _INNER_WIDTH, _WIDTH)
        yield f"{block}.ffn_down_exps", matrix(_EXPERTS, _WIDTH, _INNER_WIDTH)
    yield "output_norm", unit
    yield "output", _output(pieces, matrix(pieces.vocab_size(), _WIDTH))


def _output(pieces: sentencepiece.SentencePieceProcessor, rows: Matrix) -> Matrix:
    sharpness = np.full((len(rows), 1), _SHARPNESS, dtype=np.float32)
    for token in range(len(rows)):
        if _token_type(pieces, token) != gguf.TokenType.NORMAL:
            # as likely as the average: a single byte may be no UTF-8, a control piece is no text
            sharpness[token] = 0
    sharpness[pieces.eos_id()] = _END_SHARPNESS
    return rows * sharpness


if __name__ == "__main__":
    main()
