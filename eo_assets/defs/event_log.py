"""Dagster's event log in SQLite, with its databases kept open.

Dagster's own opens and closes a database, or three of them, for each event it stores: all of its
statements are compiled anew, and the disk is waited for at every commit and at every close. A run
of four dates without imagery stores some 150 events, which took several times as long as its work.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dagster import DagsterInstance, StringSource
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

_MOST_OPEN = 8
"""Databases kept open: the index, and one of each run that was asked for last."""

_WAIT = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}


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
        self._thread = threading.local()
        super().__init__(str(Path(home) / "history" / "runs"), inst_data)

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Tell Dagster what to say of this class in ``dagster.yaml``."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> SqliteEventLog:
        """Make one from what ``dagster.yaml`` says."""
        return cls(inst_data=inst_data, **config_value)

    def store_event(self, event: EventLogEntry) -> None:
        """Store an event, and let those know who watch its run."""
        super().store_event(event)
        if self._held is None:
            self._tell(event.run_id)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store events in one transaction."""
        with self.together():
            super().store_event_batch(events)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Store in one transaction what this thread stores meanwhile."""
        if self._held is not None:
            yield
            return
        begun: dict[str, sa.Connection] = {}
        with self._db_lock, contextlib.ExitStack() as stack:
            self._thread.held = stack, begun
            try:
                yield
            finally:
                self._thread.held = None
        for shard in begun:
            self._tell(shard)

    def _tell(self, shard: str) -> None:
        # who watches a run watches its file; what is written lies in another beside it until the
        # file is closed
        os.utime(self.path_for_shard(shard))

    def dispose(self) -> None:
        """Close everything."""
        super().dispose()
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    @property
    def _held(self) -> tuple[contextlib.ExitStack, dict[str, sa.Connection]] | None:
        """What the transaction of ``together`` has begun in this thread, by database."""
        return getattr(self._thread, "held", None)

    @contextlib.contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        if self._held is None:
            with self._db_lock, self._engine(shard).begin() as connection:
                yield connection
            return
        stack, connections = self._held
        if shard not in connections:
            connections[shard] = stack.enter_context(self._engine(shard).begin())
        yield connections[shard]

    def _engine(self, shard: str) -> sa.Engine:
        if shard not in self._engines:
            url = self.conn_string_for_shard(shard)
            self._initdb(sa.create_engine(url, poolclass=sa.NullPool, connect_args=_WAIT))
            self._engines[shard] = _opened(url)
        self._engines.move_to_end(shard)
        if len(self._engines) > _MOST_OPEN:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]


@contextlib.contextmanager
def stored_together(instance: DagsterInstance) -> Iterator[None]:
    """Store what is logged meanwhile in one transaction, where records are in SQLite.

    Args:
        instance: Dagster's records.
    """
    log = instance.event_log_storage
    with log.together() if isinstance(log, SqliteEventLog) else contextlib.nullcontext():
        yield


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
        # enough with a write-ahead log, which Dagster's databases have
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine
