from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from index.errors import InputError
from rag.settings import DEFAULT_HOME, Settings, load_settings

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the tester's own, no ``.citechat`` in the current folder."""
    for field in Settings.model_fields:
        monkeypatch.delenv(f"CITECHAT_{field.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)


def write(home: Path, text: str) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "citechat.toml").write_text(text, encoding="utf-8")


def test_without_anything_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings == Settings()
    assert (settings.home, settings.embedder, settings.port) == (DEFAULT_HOME, "all-MiniLM-L6-v2", 7860)
    assert settings.host == "127.0.0.1"
    assert settings.widget_origins == ()


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 'port = 1001\ntitle = "From the file"\nmax_claims = 2\nwidget_origins = ["https://a.example"]\n')
    monkeypatch.setenv("CITECHAT_PORT", "1002")
    monkeypatch.setenv("CITECHAT_MAX_CLAIMS", "3")
    monkeypatch.setenv("CITECHAT_ALLOWED_HOSTS", '["b.example"]')
    settings = load_settings(tmp_path, port=1003, host=None)
    assert settings.port == 1003
    assert settings.max_claims == 3
    assert settings.title == "From the file"
    assert settings.widget_origins == ("https://a.example",)
    assert settings.allowed_hosts == ("b.example",)
    assert settings.host == "127.0.0.1"
    assert load_settings(tmp_path).port == 1002


def test_the_home_folder_is_the_one_given_then_the_variable_then_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "given", "port = 1")
    write(tmp_path / "variable", "port = 2")
    write(DEFAULT_HOME, "port = 3")
    assert (load_settings().home, load_settings().port) == (DEFAULT_HOME, 3)
    monkeypatch.setenv("CITECHAT_HOME", str(tmp_path / "variable"))
    assert (load_settings().home, load_settings().port) == (tmp_path / "variable", 2)
    given = load_settings(tmp_path / "given")
    assert (given.home, given.port) == (tmp_path / "given", 1)
    monkeypatch.setenv("CITECHAT_HOME", "")
    assert load_settings().home == DEFAULT_HOME
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings(Path("~/given")).port == 1


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().port = 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('port = "x"', "Setting port: .* (got 'x')"),
        ("port = 70000", "Setting port: .*65535.*70000"),
        ("dense_weight = 1.5", "Setting dense_weight: "),
        ("passage_tokens = 5", "Setting passage_tokens: .*48"),
        ("prot = 80", "Setting prot: there is none of that name; the nearest is port."),
        ("zzz = 80", "Setting zzz: there is none of that name."),
        ("threshold = -0.1", "Setting threshold: "),
        ('widget_origins = "https://a.example"', "Setting widget_origins: "),
    ],
)
def test_a_wrong_value_is_told_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    write(tmp_path, text)
    with pytest.raises(InputError, match=problem.replace("(", r"\(").replace(")", r"\)")) as refusal:
        load_settings(tmp_path)
    name = text.split(" ")[0]
    assert str(tmp_path / "citechat.toml") in refusal.value.remedy
    assert f"CITECHAT_{name.upper()}" in refusal.value.remedy
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    ["llm_key = [7070]", "judge_key = [7070]", "admin_token = 7070", "admin_password_hash = 7070", "admin_tokn = 7070"],
)
def test_a_wrong_secret_is_told_without_its_value(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    with pytest.raises(InputError, match=f"Setting {text.split(' ')[0]}: ") as refusal:
        load_settings(tmp_path)
    assert "7070" not in str(refusal.value)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    texts = [(ROOT / "README.md"), *(ROOT / "seeds" / "manual").glob("*.md")]
    assert any(f"`{name}`" in text.read_text(encoding="utf-8") for text in texts)


@pytest.mark.parametrize("content", [b"port = ", b"port 80", b"\xff\xfe", b"[[[", b'title = "open'])
def test_a_file_that_cannot_be_read_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "citechat.toml").write_bytes(content)
    with pytest.raises(InputError, match="Cannot read") as refusal:
        load_settings(tmp_path)
    assert str(tmp_path / "citechat.toml") in refusal.value.problem
    assert refusal.value.remedy == "Correct the file."


@pytest.mark.parametrize(("name", "value"), [("PORT", "x"), ("DENSE_WEIGHT", "2")])
def test_a_wrong_variable_is_told(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"CITECHAT_{name}", value)
    with pytest.raises(InputError) as refusal:
        load_settings()
    assert f"CITECHAT_{name}" in str(refusal.value)


def test_a_variable_that_is_no_list_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITECHAT_ALLOWED_HOSTS", '["chat.example"]')
    monkeypatch.setenv("CITECHAT_EXAMPLES", "Who came?, Who went?")
    with pytest.raises(InputError, match=r"CITECHAT_EXAMPLES is no list .*Who came\?, Who went\?") as refusal:
        load_settings()
    assert """CITECHAT_EXAMPLES='["one", "two"]'""" in refusal.value.remedy


def test_a_wrong_override_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Setting port: .*65535"):
        load_settings(tmp_path, port=99999)
