"""The settings, as one frozen value. Nothing else reads the environment or ``citechat.toml``.

Later sources win: the defaults below, ``citechat.toml`` in the home folder, ``CITECHAT_*`` variables, and what a
command line passes.
"""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from index.errors import InputError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_HOME = Path(".citechat")

_SECRET = ("llm_key", "judge_key", "admin_token", "admin_password_hash", "store", "signing_key")
"""Settings whose values no message shows."""

MIN_SIGNING_KEY = 32

Origin = Annotated[str, StringConstraints(pattern=r"^https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?$")]
"""Scheme, host and port of a page, as browsers write them: lower case, no path, no final slash."""
SiteKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""The name of a site, which its pages carry in ``data-site``; not a secret."""


class Site(BaseModel):
    """A web site whose pages may ask."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    origins: tuple[Origin, ...] = Field(min_length=1)
    """Where its pages are, such as ``https://www.example.org``; several, if it has several addresses."""
    filter: str = ""
    """Conditions that restrict what its visitors may read, such as ``outlet="Human Resources"``; none is everything."""
    requests_per_minute: int = Field(default=600, ge=1)
    """Questions of all its visitors together, per minute."""
    title: str | None = None
    """Heading of its widget; the server's, unless set."""
    examples: tuple[str, ...] | None = None
    """Questions offered by its widget; the server's, unless set."""


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(env_prefix="CITECHAT_", frozen=True, extra="forbid")

    home: Path = DEFAULT_HOME
    """Folder of the index and all other state."""
    store: SecretStr = SecretStr("")
    """A PostgreSQL database that holds the index instead of the home folder: ``postgresql://USER@HOST:5432/DATABASE``."""
    store_schema: str = Field(default="citechat", pattern=r"^[a-z_][a-z0-9_]{0,62}$")
    """Schema of its tables; it is made if the role may."""
    store_connections: int = Field(default=10, ge=1)
    """Connections of one process to the database, at most; a web server has as many again for what readers leave."""
    shared_folder: Path | None = None
    """Folder that every host sees, for uploaded files, eval cases and reports; the home folder, unless set."""
    originals: str = ""
    """Where the files that documents came from are kept for every host: ``s3://BUCKET/FOLDER`` or ``file:///FOLDER``.
    Unless set, a file is looked for where it was when it was indexed."""
    signing_key: SecretStr = SecretStr("")
    """Signs the tokens of sites' visitors, the same for every process; meant for ``CITECHAT_SIGNING_KEY``. Unless set,
    it is in the database, or lives as long as the process where there is none."""

    embedder: str = "all-MiniLM-L6-v2"
    """A model of the catalogue, or the folder of any sentence-transformers model."""
    passage_tokens: int = Field(default=144, ge=48)
    """Tokens of a passage with its title and headings, at most; the embedder's limit bounds it too."""

    dense_weight: float | None = Field(default=None, ge=0, le=1)
    """Share of the dense score in the fused one, the lexical score has the rest; by default it follows the question."""
    candidates: int = Field(default=50, ge=1)
    """Passages taken from each of the two searches."""
    read_passages: int = Field(default=12, ge=1)
    """Passages that the reader looks into."""
    reread_passages: int = Field(default=2, ge=1)
    """Passages of these that the cross-encoder reads, the most promising ones."""
    max_claims: int = Field(default=4, ge=1)
    """Sentences of an answer, at most."""
    threshold: float | None = Field(default=None, ge=0, le=1)
    """Confidence below which the documents are said not to answer; by default the calibrated one."""
    max_false_answers: float | None = Field(default=None, ge=0, le=1)
    """Share of the questions without an answer in the documents that may get one, such as 0.05; the calibration has
    the threshold for it. A ``threshold`` that is set counts instead."""

    llm: str = "none"
    """Language model that writes from the quotes: a GGUF file, a name that the server or the catalogue has, or none."""
    llm_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+")
    """Address of a server that speaks the OpenAI interface, such as ``http://127.0.0.1:11434/v1``."""
    llm_key: SecretStr | None = None
    """Key of that server."""
    llm_key_file: Path | None = None
    """File that holds the server's key, instead of ``llm_key``."""
    judge_key: SecretStr | None = None
    """Key of the server at which a judge of eval runs is asked, where that is not the server of ``llm_url``."""
    llm_timeout_s: float = Field(default=120, gt=0)
    """Seconds of an answer, at most."""
    llm_context: int = Field(default=4096, ge=1024)
    """Tokens that the model can read and write together."""
    llm_quotes: int = Field(default=3, ge=1, le=30)
    """Quotes that the model sees, if those that make the answer are fewer."""

    title: str = "Ask the documents"
    examples: tuple[str, ...] = (
        "Who prepared the draft of the peace plan?",
        "What did Umerov say about red lines?",
        "How many weeks of parental leave are paid?",
        "Which file formats can be added?",
    )
    """Questions offered on an empty chat where the documents answer them; others are made from the documents."""
    language: Literal["auto", "en", "es", "de", "fr"] = "auto"
    """Language of the chat page; ``auto`` is the one that the reader's browser asks for."""
    uploads: bool = False
    """Whether readers of the chat page may add documents."""
    max_upload_mib: int = Field(default=20, ge=1, le=64)
    """Size of a document that a reader adds, at most."""
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    """Host names under which the server answers."""
    trusted_proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses of one's own reverse proxies: only these are believed when they say whom a request comes from."""
    widget_origins: tuple[Origin, ...] = ()
    """Origins of the pages that may embed the widget without naming a site: short for ``sites.default.origins``."""
    sites: dict[SiteKey, Site] = Field(default_factory=dict)
    """Sites by their key; what is not named here may not ask."""
    open_to_all: bool = True
    """Whether the chat page and programs may ask about every document. If not, the pages of ``sites`` alone may ask,
    and what none of their filters lets through is out of reach."""
    requests_per_minute: int = Field(default=60, ge=1)
    """Questions per address and minute."""
    shutdown_seconds: int = Field(default=5, ge=0)
    """Time that answers have to finish when the server is told to end."""
    admin_password_hash: str = ""
    """Opens the operator's pages: what ``citechat password`` prints. Empty: there are none, unless a token is set."""
    admin_token: SecretStr = SecretStr("")
    """Opens them too; meant for the variable ``CITECHAT_ADMIN_TOKEN``."""
    folders: tuple[Path, ...] = ()
    """Folders of this machine that the operator's pages bring the index up to date with."""
    log_answers: bool = False
    """Whether the server writes a line of JSON for each answer to standard error."""
    log_questions: bool = False
    """Whether these lines, and traces, hold the text of the question."""
    keep_gaps: bool = False
    """Whether the text of questions that found nothing is kept for the operator's gap list, for 60 days; how many there
    were on each day always is."""
    trace_url: str | None = Field(default=None, pattern=r"^https?://[^\s/]+")
    """Where spans of each question are sent (OTLP over HTTP), such as ``http://127.0.0.1:4318/v1/traces``; needs the
    extra ``otel``."""
    max_question_length: int = Field(default=2000, ge=1)
    """Characters of a question, at most."""

    def api_key(self) -> str | None:
        """Return the key of the language model's server, if one is set.

        Raises:
            InputError: its file cannot be read or holds no key.
        """
        if self.llm_key is not None:
            return self.llm_key.get_secret_value()
        if self.llm_key_file is None:
            return None
        try:
            key = self.llm_key_file.expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise InputError(
                f"Cannot read the key in {self.llm_key_file}: {error}.", "Correct llm_key_file."
            ) from error
        if not key.isascii() or not key.isprintable() or not key:
            raise InputError(f"{self.llm_key_file} holds no key.", "Write the key alone into the file.")
        return key

    @property
    def files(self) -> Path:
        """The folder of what every host must see."""
        return self.home if self.shared_folder is None else self.shared_folder

    @field_validator("signing_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < MIN_SIGNING_KEY:
            raise ValueError(f"it must have {MIN_SIGNING_KEY} characters or more")
        return value

    @field_validator("store")
    @classmethod
    def _is_an_address(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("it must begin with postgresql://, or be empty for the home folder")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  # given by pydantic
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources, the strongest first."""
        home = Path(init_settings().get("home", DEFAULT_HOME))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, home / "citechat.toml")


def load_settings(home: Path | None = None, **overrides: Any) -> Settings:  # noqa: ANN401  # pydantic checks them
    """Read the settings for a home folder; an override of ``None`` counts as not given.

    Raises:
        InputError: a value is unknown or out of range, or ``citechat.toml`` cannot be read.
    """
    chosen = home or Path(os.environ.get("CITECHAT_HOME") or DEFAULT_HOME)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(home=chosen.expanduser(), **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the settings"
        raise InputError(
            f"Setting {name}: {_said(first)}.",
            f"Correct it in {chosen / 'citechat.toml'} or in the variable CITECHAT_{name.upper()}.",
        ) from error
    except SettingsError as error:  # a variable that holds a list is read as JSON before it is checked
        wrong = next(name for name in _variables() if not _is_json(os.environ[name]))
        raise InputError(
            f"The variable {wrong} is no list (got {os.environ[wrong]!r}).",
            f"""Write a list in JSON, such as {wrong}='["one", "two"]'.""",
        ) from error
    except ValueError as error:
        raise InputError(f"Cannot read {chosen / 'citechat.toml'}: {error}.", "Correct the file.") from error


def problem_with(name: str, value: object) -> str:
    """Return what is wrong with a value of the setting ``name``, by itself; nothing if it may have that value."""
    try:
        Settings.__pydantic_validator__.validate_assignment(Settings.model_construct(), name, value)
    except ValidationError as error:
        return _said(error.errors()[0])
    return ""


def _said(error: ErrorDetails) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":  # its value is not shown: a misspelt name may hold a secret
        near = get_close_matches(name, Settings.model_fields, 1) if len(error["loc"]) == 1 else ()
        return "there is none of that name" + (f"; the nearest is {near[0]}" if near else "")
    return error["msg"] + ("" if name in _SECRET else f" (got {error.get('input')!r})")


def _variables() -> list[str]:
    """Return the variables that are set for lists."""
    lists = [
        name for name, field in Settings.model_fields.items() if name == "sites" or isinstance(field.default, tuple)
    ]
    return [variable for name in lists if (variable := f"CITECHAT_{name.upper()}") in os.environ]


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
