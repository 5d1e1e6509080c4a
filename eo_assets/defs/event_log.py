"""Dagster's event log in SQLite, with its databases kept open.

Dagster's own opens and closes a database, or three of them, for each event it stores: all of its
statements are compiled anew, and the disk is waited for at every commit and at every close. A run
of four dates without imagery stores some 150 events, which took several times as long as its work.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import sqlalchemy as sa
from alembic.migration import MigrationContext
from dagster._core.storage.event_log import SqliteEventLogStorage  # named in dagster.yaml

if TYPE_CHECKING:
    from dagster._serdes import ConfigurableClassData

_MADE_FOR = "1.13."
"""Versions of Dagster that this fits: what it overrides is not public."""

_MOST_OPEN = 8
"""Databases kept open: the index, and one of each run that was asked for last."""

_WAIT = {"timeout": 60}
"""Seconds to wait for another process that is writing to a database."""


class SqliteEventLog(SqliteEventLogStorage):
    """The same files, in the same place and form, as of Dagster's ``SqliteEventLogStorage``.

    What a process has stored outlives the process. Should the whole machine lose its power, the
    events of the last moments may be missing; the files stay sound.

    Args:
        home: Dagster's home.
        inst_data: How Dagster was told to use this class.
    """

    def __init__(self, home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sa.Engine] = OrderedDict()
        self._thread = _OfThread()
        self._tables: set[str] = set()
        super().__init__(_folder(home), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Tell Dagster what to say of this class in ``dagster.yaml``."""
        return {"home": dg.StringSource}

    @classmethod
    def from_config_value(  # type: ignore[override]
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> SqliteEventLogStorage:
        """Make one from what ``dagster.yaml`` says, or Dagster's own if this one may not fit."""
        if not dg.__version__.startswith(_MADE_FOR):
            logging.getLogger(__name__).warning(
                "The event log of eo_assets fits Dagster %sx, and this is %s: Dagster's own is "
                "used, on the same files. It is slower.",
                _MADE_FOR,
                dg.__version__,
            )
            return SqliteEventLogStorage(_folder(config_value["home"]), inst_data)
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event in one transaction a database, and let those know who watch its run."""
        if self._thread.waiting is not None:
            self._thread.waiting.append(event)
            return
        with self._transaction():
            super().store_event(event)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in one transaction a database."""
        with self._transaction():
            super().store_event_batch(events)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Store at the end, in one transaction, what this thread logs meanwhile.

        Should the work in between fail, what it had logged is stored all the same.
        """
        if self._thread.waiting is not None:
            yield
            return
        waiting = self._thread.waiting = []
        try:
            yield
        finally:
            self._thread.waiting = None
            if waiting:
                self.store_event_batch(waiting)

    def has_table(self, table_name: str) -> bool:
        """Say whether there is a table; asked for each event, and none is ever dropped."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def wipe(self) -> None:
        """Remove all events; also from under the databases that are open."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """Close everything."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Begin in each database that is used meanwhile; in this thread, while others wait."""
        if self._thread.begun is not None:
            yield
            return
        with self._db_lock, contextlib.ExitStack() as stack:
            begun = self._thread.begun = {}
            self._thread.stack = stack
            try:
                yield
                # in the order of their use, as Dagster's own: a run's database before the index
                for connection in begun.values():
                    connection.commit()
            finally:
                self._thread.begun = None
        for shard in begun:
            # who watches a run watches its file; what is written lies in another beside it until
            # the file is closed
            with contextlib.suppress(OSError):
                os.utime(self.path_for_shard(shard))

    def _initdb(self, engine: sa.Engine, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002
        # whether a database is of the newest revision is told by reading all there ever were; only
        # one that has none is new
        with engine.connect() as connection:
            if MigrationContext.configure(connection).get_current_revision() is not None:
                return
        super()._initdb(engine, for_index_shard)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        begun = self._thread.begun
        if begun is None:
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
            return
        if shard not in begun:
            begun[shard] = self._thread.stack.enter_context(self._engine(shard).connect())
            begun[shard].begin()
        yield begun[shard]

    def _engine(self, shard: str) -> sa.Engine:
        url = self.conn_string_for_shard(shard)
        if shard not in self._initialized_dbs:
            self._initdb(sa.create_engine(url, poolclass=sa.NullPool, connect_args=_WAIT))
            self._initialized_dbs.add(shard)
        if shard not in self._engines:
            self._engines[shard] = _opened(url)
        self._engines.move_to_end(shard)
        if len(self._engines) > _MOST_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]


class _OfThread(threading.local):
    """What one thread is storing.

    Attributes:
        waiting: Events to be stored at the end of ``together``; None outside of it.
        begun: The connections of a transaction by database; None outside of one.
        stack: What closes them.
    """

    waiting: list[dg.EventLogEntry] | None = None
    begun: dict[str, sa.Connection] | None = None
    stack: contextlib.ExitStack


@contextlib.contextmanager
def stored_together(instance: dg.DagsterInstance) -> Iterator[None]:
    """Store what is logged meanwhile in one transaction, where records are in SQLite.

    Nobody sees it before the end.

    Args:
        instance: Dagster's records.
    """
    log = instance.event_log_storage
    with log.together() if isinstance(log, SqliteEventLog) else contextlib.nullcontext():
        yield


def _folder(home: str) -> str:
    return str(Path(home) / "history" / "runs")


def _opened(url: str) -> sa.Engine:
    engine = sa.create_engine(
        url,
        poolclass=sa.QueuePool,
        pool_size=1,
        max_overflow=0,
        # one thread at a time, under the storage's lock, but not always the same one
        connect_args={**_WAIT, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def wait_for_no_disk(connection: Any, _record: Any) -> None:
        # sound with a write-ahead log only, which Dagster's databases have where the disk can
        if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            connection.execute("PRAGMA synchronous = NORMAL")

    return engine
