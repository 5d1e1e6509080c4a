"""What is known of scenes, and until when: the memory of the sensors that watch catalogues.

One SQLite file; a *watch* in it is a region's scenes in one catalogue. What a tick wants to start
is written as a *proposal* and becomes knowledge only when a later tick shows, by its cursor, that
the proposal was accepted. A tick that is cut off at any moment therefore leaves the changes
unknown, and the next one finds them again.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from eo_assets.errors import StorageError
from eo_assets.storage.store import storage_errors

_SCHEMA = """
CREATE TABLE IF NOT EXISTS watches (
  watch TEXT PRIMARY KEY, begun TEXT NOT NULL DEFAULT '', watermark TEXT NOT NULL DEFAULT '',
  looked TEXT NOT NULL DEFAULT '',
  outage_since TEXT, outage_ticks INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scenes (
  watch TEXT, date TEXT, id TEXT, fingerprint TEXT, acquisition TEXT, baseline TEXT, made TEXT,
  PRIMARY KEY (watch, date, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions (
  watch TEXT, date TEXT, revision INTEGER, PRIMARY KEY (watch, date)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS updates (
  watch TEXT, updated TEXT, id TEXT, PRIMARY KEY (watch, updated, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS proposals (
  number INTEGER PRIMARY KEY, watch TEXT, token TEXT UNIQUE, batch TEXT
);
"""

_PROPOSALS_KEPT = 5
"""More than one, because a look without effect - a preview - must not forget a real tick's."""


class KnownScene(NamedTuple):
    """A scene that a product is, or is to be, made of.

    Attributes:
        id: The item's id.
        fingerprint: Of its content.
        acquisition: What it shows; versions of the same pixels agree in it.
        baseline: Processing baseline, for people.
        made: When it was generated or changed, as stated, for people.
    """

    id: str
    fingerprint: str
    acquisition: str
    baseline: str = ""
    made: str = ""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What becomes known together.

    Attributes:
        scenes: All scenes of a partition, by its first day.
        requested: Days for which a run is to start; their revision goes up.
        updates: Moment of change and id of items that need no further look.
        watermark: Changes before this moment need no further look; empty for no news.
        looked: Day on which everything in the window was looked at; empty for no news.
        begun: When the watch began; empty for no news.
    """

    scenes: Mapping[str, Sequence[KnownScene]] = field(default_factory=dict)
    requested: Sequence[str] = ()
    updates: Sequence[tuple[str, str]] = ()
    watermark: str = ""
    looked: str = ""
    begun: str = ""


@dataclass(frozen=True)
class WatchState:
    """How far a watch is.

    Attributes:
        begun: When the watch began, as text.
        watermark: Changes before this moment were looked at.
        looked: Last day on which nothing was left for later.
    """

    begun: str
    watermark: dt.datetime
    looked: dt.date


class Ledger:
    """The ledger of one watch, open for a tick.

    Args:
        connection: The file.
        watch: Name of the watch.
    """

    def __init__(self, connection: sqlite3.Connection, watch: str) -> None:
        self._db = connection
        self._watch = watch

    def state(self) -> WatchState | None:
        """Give how far the watch is; None before its first look has succeeded."""
        row = self._one(
            "SELECT begun, watermark, looked FROM watches WHERE watch = ? AND begun != ''"
        )
        if row is None:
            return None
        begun, watermark, looked = row
        moment, day = dt.datetime.fromisoformat(watermark), dt.date.fromisoformat(looked)
        return WatchState(begun, moment, day)

    def scenes(self, first: dt.date, last: dt.date) -> dict[dt.date, list[KnownScene]]:
        """Give the known scenes of partitions that start in a period, by first day."""
        rows = self._db.execute(
            "SELECT date, id, fingerprint, acquisition, baseline, made FROM scenes "
            "WHERE watch = ? AND date BETWEEN ? AND ? ORDER BY date, id",
            (self._watch, str(first), str(last)),
        )
        known: dict[dt.date, list[KnownScene]] = {}
        for date, *scene in rows:
            known.setdefault(dt.date.fromisoformat(date), []).append(KnownScene(*scene))
        return known

    def revision(self, date: dt.date) -> int:
        """Give how often a run was started for a partition; ``date`` is its first day."""
        row = self._one(
            "SELECT revision FROM revisions WHERE watch = ? AND date = ?", date.isoformat()
        )
        return int(row[0]) if row else 0

    def is_settled(self, updated: str, item_id: str) -> bool:
        """Tell whether an item's change was looked at already."""
        query = "SELECT 1 FROM updates WHERE watch = ? AND updated = ? AND id = ?"
        return self._one(query, updated, item_id) is not None

    def propose(self, batch: Batch, token: str) -> None:
        """Write down what becomes known if the tick with this token is accepted."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO proposals (watch, token, batch) VALUES (?, ?, ?)",
                (self._watch, token, json.dumps(asdict(batch))),
            )
            self._db.execute(
                "DELETE FROM proposals WHERE watch = ?1 AND number NOT IN (SELECT number FROM "
                "proposals WHERE watch = ?1 ORDER BY number DESC LIMIT ?2)",
                (self._watch, _PROPOSALS_KEPT),
            )

    def accept(self, token: str) -> bool:
        """Take over the proposal with this token, if there is one, and drop all others.

        Returns:
            Whether there was one.
        """
        row = self._one("SELECT batch FROM proposals WHERE watch = ? AND token = ?", token)
        if row is None:
            return False
        fields = json.loads(row[0])
        fields["scenes"] = {
            date: [KnownScene(*scene) for scene in scenes]
            for date, scenes in fields["scenes"].items()
        }
        with self._transaction():
            self._write(Batch(**fields))
            self._db.execute("DELETE FROM proposals WHERE watch = ?", (self._watch,))
        return True

    def learn(self, batch: Batch) -> None:
        """Take over at once what starts no run."""
        with self._transaction():
            self._write(batch)

    def _write(self, batch: Batch) -> None:
        for date, scenes in batch.scenes.items():
            self._db.execute("DELETE FROM scenes WHERE watch = ? AND date = ?", (self._watch, date))
            rows = [(self._watch, date, *scene) for scene in scenes]
            self._db.executemany("INSERT INTO scenes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.executemany(
            "INSERT INTO revisions VALUES (?, ?, 1) "
            "ON CONFLICT (watch, date) DO UPDATE SET revision = revision + 1",
            [(self._watch, date) for date in batch.requested],
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO updates VALUES (?, ?, ?)",
            [(self._watch, updated, item_id) for updated, item_id in batch.updates],
        )
        self._db.execute(
            "INSERT INTO watches (watch, watermark, looked, begun) VALUES (?1, ?2, ?3, ?4) "
            "ON CONFLICT (watch) DO UPDATE SET watermark = iif(?2 = '', watermark, ?2), "
            "looked = iif(?3 = '', looked, ?3), begun = iif(?4 = '', begun, ?4)",
            (self._watch, batch.watermark, batch.looked, batch.begun),
        )

    def forget_updates(self, before: str) -> None:
        """Drop changes that no search will return any more."""
        self._db.execute(
            "DELETE FROM updates WHERE watch = ? AND updated < ?", (self._watch, before)
        )

    def note_outage(self, now: dt.datetime) -> tuple[dt.datetime, int]:
        """Count a tick in which the catalogue did not answer.

        Returns:
            When that began and how many ticks it has lasted, this one included.
        """
        self._db.execute(
            "INSERT INTO watches (watch, outage_since, outage_ticks) VALUES (?1, ?2, 1) "
            "ON CONFLICT (watch) DO UPDATE SET outage_since = coalesce(outage_since, ?2), "
            "outage_ticks = outage_ticks + 1",
            (self._watch, now.astimezone(dt.UTC).isoformat()),
        )
        row = self._one("SELECT outage_since, outage_ticks FROM watches WHERE watch = ?")
        assert row is not None
        return dt.datetime.fromisoformat(row[0]), int(row[1])

    def end_outage(self) -> None:
        """The catalogue answers."""
        self._db.execute(
            "UPDATE watches SET outage_since = NULL, outage_ticks = 0 "
            "WHERE watch = ? AND outage_ticks > 0",
            (self._watch,),
        )

    def _one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._db.execute(query, (self._watch, *values)).fetchone()
        return row

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


@contextlib.contextmanager
def open_ledger(path: Path, watch: str) -> Iterator[Ledger]:
    """Open the ledger of a watch.

    Args:
        path: The file; it is made when it is not there. On a disk of this machine: SQLite's locks
            do not hold on every network file system.
        watch: Name of the watch.

    Yields:
        The ledger.

    Raises:
        StorageError: The file cannot be opened, read or written.
    """
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # sensors of other regions write to the same file
        with contextlib.closing(sqlite3.connect(path, timeout=20, isolation_level=None)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'proposals'").fetchone():
                db.executescript(_SCHEMA)
            yield Ledger(db, watch)
    except sqlite3.Error as error:
        raise StorageError(
            f"The ledger of scenes {path} cannot be used: {error}.",
            "Check the disk and the file, or set EO_ASSETS_SENSOR_LEDGER to another one.",
        ) from error
