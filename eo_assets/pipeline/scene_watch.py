"""The watch over a region's scenes: which partitions changed, which runs to start, what to say.

Each look lists the look-back window whole and compares it with the ledger; that finds new,
replaced and withdrawn scenes with any catalogue. Where the catalogue can be searched by the time of
change, older days are found by that, and each is then compared whole in the same way. The work of a
look depends on the window and on what changed, not on how much is known.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass, field, replace

from eo_assets.errors import SourceContractError, SourceUnavailableError
from eo_assets.pipeline.scene_changes import Change
from eo_assets.pipeline.scene_comparison import (
    Watch,
    changes_between,
    confirm_withdrawals,
    date_of,
    day_changes,
    list_days,
)
from eo_assets.pipeline.scene_listing import SceneListing, updated
from eo_assets.storage.ledger import Batch, Ledger
from eo_assets.storage.partition import Partition

FAILED_LOOKS = 10
"""After so many looks in a row without an answer, a look fails instead of being skipped."""

_OVERLAP = dt.timedelta(hours=1)
"""Catalogues show a change some time after the moment they state for it."""

_SKEW = dt.timedelta(minutes=5)
"""A catalogue's clock may be behind by that much."""

_MOST_UPDATES = 500
"""Changes outside the window that one look takes on."""


@dataclass(frozen=True)
class RunOrder:
    """A run to start.

    Attributes:
        change: Why.
        partition_key: Of which partition.
        run_key: Its name, the same however often the change is found.
    """

    change: Change
    partition_key: str
    run_key: str


@dataclass(frozen=True)
class Look:
    """What a look found.

    Attributes:
        orders: Runs to start.
        cursor: What the next look is to be given if this one is accepted.
        message: What was seen, for people.
    """

    orders: tuple[RunOrder, ...]
    cursor: str
    message: str


@dataclass
class _Updates:
    """Changes outside the window, and how far they were looked at."""

    fresh: dict[dt.date, list[tuple[str, str]]] = field(default_factory=dict)
    watermark: str = ""
    note: str = ""

    def settled(self, unvisited: set[dt.date], watermark: dt.datetime) -> Batch:
        """Give what needs no further look when some days are left for later."""
        done = [u for date, some in self.fresh.items() if date not in unvisited for u in some]
        left = [moment for date in unvisited for moment, _ in self.fresh.get(date, ())]
        reached = max(min(left), watermark.isoformat()) if left else self.watermark
        return Batch(updates=done, watermark="" if reached == watermark.isoformat() else reached)


@dataclass(frozen=True)
class _Seen:
    changes: list[Change]
    n_known: int
    unvisited: set[dt.date]
    updates: _Updates


def look(
    watch: Watch, listing: SceneListing, ledger: Ledger, *, cursor: str, now: dt.datetime
) -> Look:
    """Compare a catalogue with the ledger.

    Args:
        watch: What to watch.
        listing: The catalogue.
        ledger: What is known; this look proposes what becomes known when it is accepted.
        cursor: Of the last accepted look; empty the first time.
        now: The present, aware.

    Returns:
        The runs to start, the new cursor, and what was seen.

    Raises:
        SourceUnavailableError: The catalogue has not answered for ``FAILED_LOOKS`` looks.
        ConfigurationError: The catalogue denies access, or is none.
    """
    ledger.accept(cursor)
    try:
        recorded = _begin(watch, listing, ledger, now) if ledger.state() is None else 0
        seen = _see(watch, listing, ledger, now)
    except SourceUnavailableError as error:
        since, looks = ledger.note_outage(now)
        told = f"The catalogue did not answer since {since:%Y-%m-%d %H:%M} UTC ({looks} ticks)."
        if looks >= FAILED_LOOKS:
            raise SourceUnavailableError(
                f"{told} {error.problem}",
                "Nothing is lost: the next tick that gets an answer finds what has changed.",
            ) from error
        return Look((), cursor, f"{told} {error.problem} Nothing is lost.")
    ledger.end_outage()
    return _conclude(watch, ledger, seen, cursor=cursor, now=now, recorded=recorded)


def _begin(watch: Watch, listing: SceneListing, ledger: Ledger, now: dt.datetime) -> int:
    """Record silently what is older than the first runs are to be; give the number of scenes."""
    first, last = watch.window(now.date())
    oldest = now.date() - dt.timedelta(days=watch.start_days)
    changes = changes_between(watch, {}, list_days(watch, listing, first, last))
    silent = {str(c.date): c.scenes for c in changes if c.date < oldest}
    mark = (now + _OVERLAP - _SKEW).isoformat()
    ledger.learn(
        Batch(scenes=silent, watermark=mark, looked=str(now.date()), begun=now.isoformat())
    )
    return sum(map(len, silent.values()))


def _see(watch: Watch, listing: SceneListing, ledger: Ledger, now: dt.datetime) -> _Seen:
    state = ledger.state()
    assert state is not None
    # after an outage of any length the window still reaches back to what was looked at before it
    first, last = watch.window(state.looked)[0], watch.window(now.date())[1]
    listed, known = list_days(watch, listing, first, last), ledger.scenes(first, last)
    confirm_withdrawals(watch, listing, known, listed)
    changes = changes_between(watch, known, listed)
    updates = _look_for_updates(watch, listing, ledger, before=first)
    # recent scenes come first; what a provider does to its past may be much and can wait
    room = max(watch.max_runs - len(changes), 0)
    dates = sorted(updates.fresh)
    for date in dates[:room]:
        changes += day_changes(watch, listing, ledger, date)
    return _Seen(changes, sum(map(len, known.values())), set(dates[room:]), updates)


def _conclude(
    watch: Watch, ledger: Ledger, seen: _Seen, *, cursor: str, now: dt.datetime, recorded: int
) -> Look:
    state = ledger.state()
    assert state is not None
    without = [change for change in seen.changes if not watch.has_partition(change.date)]
    wanted = [change for change in seen.changes if watch.has_partition(change.date)]
    chosen, waiting = wanted[: watch.max_runs], wanted[watch.max_runs :]
    unvisited = seen.unvisited | {change.date for change in waiting}
    today = str(now.date())
    batch = replace(
        seen.updates.settled(unvisited, state.watermark),
        scenes={str(change.date): change.scenes for change in (*without, *chosen)},
        requested=[str(change.date) for change in chosen],
        looked="" if unvisited or today == str(state.looked) else today,
    )
    orders = tuple(_order(watch, ledger, change, state.begun) for change in chosen)
    recorded += sum(len(change.scenes) for change in without)
    parts = [
        f"{len(chosen)} partitions changed" if chosen else "no new items",
        f"{seen.n_known} known in the last {watch.lookback_days} days",
        f"{recorded} scenes recorded without a run" if recorded else "",
        f"{len(unvisited)} more partitions wait for the next tick" if unvisited else "",
        seen.updates.note,
    ]
    message = f"{watch.region.id}: {'; '.join(part for part in parts if part)}"
    return Look(orders, _write_down(ledger, batch, cursor), message)


def _order(watch: Watch, ledger: Ledger, change: Change, begun: str) -> RunOrder:
    key = Partition(watch.region, change.date, watch.cadence).key
    revision = ledger.revision(change.date) + 1
    return RunOrder(change, key, change.run_key(key, revision=revision, begun=begun))


def _write_down(ledger: Ledger, batch: Batch, cursor: str) -> str:
    if batch.requested:
        token = secrets.token_hex(8)
        ledger.propose(batch, token)
        return token
    if batch != Batch(scenes={}, requested=[], updates=[]):
        ledger.learn(batch)
    return cursor


def _look_for_updates(
    watch: Watch, listing: SceneListing, ledger: Ledger, *, before: dt.date
) -> _Updates:
    state = ledger.state()
    assert state is not None
    since = state.watermark - _OVERLAP
    reached = state.watermark
    updates = _Updates()
    # catalogues are asked by whole seconds
    ledger.forget_updates(since.replace(microsecond=0).isoformat())
    n_fresh = 0
    try:
        for item in listing.updated_since(since) or ():
            moment = updated(item) or since
            reached, mark = max(reached, moment), (moment.isoformat(), str(item["id"]))
            date = date_of(watch, item)
            older = date < before and watch.has_partition(date)
            if older and not ledger.is_settled(*mark):
                updates.fresh.setdefault(date, []).append(mark)
                n_fresh += 1
            if n_fresh == _MOST_UPDATES:
                break
    except (SourceContractError, SourceUnavailableError) as error:
        # the window was listed; what concerns it need not wait
        return _Updates(note=f"changes of older scenes are not known: {error.problem}")
    updates.watermark = reached.isoformat()
    return updates
