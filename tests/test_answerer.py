from __future__ import annotations

from evals.running.answerer import ANSWERING
from rag.settings import Settings

SERVING = {
    *("home", "title", "examples", "language", "uploads", "max_upload_mib", "host", "port", "allowed_hosts"),
    *("trusted_proxies", "widget_origins", "sites", "requests_per_minute", "shutdown_seconds", "max_question_length"),
    *("log_answers", "log_questions", "keep_gaps", "llm_timeout_s", "trace_url", "open_to_all", "folders"),
    *("shared_folder", "store", "store_schema", "store_connections", "originals"),
}
SECRET = {"signing_key", "llm_key", "judge_key", "llm_key_file", "admin_password_hash", "admin_token"}


def test_every_setting_is_known_to_change_answers_or_not() -> None:
    """A setting that a report forgets would let old answers pass for those of the system as it is now."""
    known = [ANSWERING, {"embedder", "threshold", "max_false_answers"}, SERVING, SECRET]
    assert set().union(*known) == set(Settings.model_fields)
    assert sum(map(len, known)) == len(Settings.model_fields)
