"""Where the web server keeps what readers and the operator leave: in this process, or shared by several.

It is chosen here alone, by the setting ``store``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ui.kept.conversations import Conversations, Transcripts
from ui.kept.days import FILE, Daybook, DaysInFile
from ui.kept.feedback import FeedbackLog, Judgements
from ui.web.limits import Bucketing, own_buckets

if TYPE_CHECKING:
    from rag.settings import Settings
    from ui.admin.sessions import Ledger
    from ui.web.stream import Library


@dataclass(frozen=True, slots=True)
class Keeping:
    """What is kept, and where.

    Without a ``ledger`` or a ``signing_key`` the process has its own. ``cached`` gives a library that need not be
    asked the same twice.
    """

    conversations: Transcripts
    feedback: Judgements
    buckets: Bucketing
    days: Daybook
    ledger: Ledger | None
    signing_key: bytes | None
    cached: Callable[[Library], Library]
    close: Callable[[], None]


def open_keeping(settings: Settings) -> Keeping:
    """Open what the settings name.

    Raises:
        StoreUnavailable: the database is not there, or lets us not in.
        InputError: it is too old, or the role may not make its tables.
    """
    key = settings.signing_key.get_secret_value().encode() or None
    if settings.store.get_secret_value():
        return _shared(settings, key)
    feedback = FeedbackLog(settings.home / "feedback.jsonl")
    days = Daybook(DaysInFile(settings.home / FILE), questions=settings.keep_gaps)
    return Keeping(Conversations(), feedback, own_buckets, days, None, key, lambda library: library, days.close)


def _shared(settings: Settings, key: bytes | None) -> Keeping:
    from index.store.opening import open_server
    from index.store.postgres.rights import sees_a_part

    server = open_server(settings.store.get_secret_value(), settings.store_schema, settings.store_connections)
    from ui.kept.shared.changes import CachedLibrary, Changes
    from ui.kept.shared.conversations import SharedConversations
    from ui.kept.shared.days import SharedDays
    from ui.kept.shared.feedback import SharedFeedback
    from ui.kept.shared.keys import signing_key
    from ui.kept.shared.limits import SharedBuckets
    from ui.kept.shared.sessions import SharedLedger

    conversations, changes = SharedConversations(server), Changes(server)
    with server.connection() as connection:
        apart = sees_a_part(connection)  # what others asked is not for this role
    kept = DaysInFile(settings.home / FILE) if apart else SharedDays(server)
    days = Daybook(kept, questions=settings.keep_gaps)

    def close() -> None:
        days.close()
        conversations.close()
        changes.close()
        server.close()

    return Keeping(
        conversations,
        SharedFeedback(server),
        partial(SharedBuckets, server),
        days,
        SharedLedger(server),
        key or signing_key(server),
        lambda library: CachedLibrary(library, changes),
        close,
    )
