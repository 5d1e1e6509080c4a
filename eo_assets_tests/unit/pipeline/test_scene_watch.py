"""Which runs the watch over scenes starts, whatever happens to catalogue, ticks and cursor."""

from __future__ import annotations

import datetime as dt
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from eo_assets.errors import SourceContractError, SourceUnavailableError, StorageError
from eo_assets.pipeline.scene_watch import FAILED_LOOKS, look
from eo_assets.storage.ledger import Batch, KnownScene, Ledger, open_ledger
from eo_assets_tests.scene_catalogue import NOW, Catalogue, Dagster, day, scene

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "storage" / "scenes.sqlite"


def key(days_ago: int) -> str:
    return f"{day(days_ago)}|seam"


def begun(file: Path, *items: dict, stamps: bool = False, **changes) -> Dagster:
    """A watch that has begun and knows some items."""
    dagster = Dagster(Catalogue(*items, stamps=stamps), file, start_days=0, **changes)
    assert dagster.tick().orders == ()
    return dagster


def test_the_first_look_starts_runs_for_recent_scenes_and_records_the_older_ones(file):
    dagster = Dagster(Catalogue(scene(2), scene(7), scene(8), scene(29), scene(400)), file)
    found = dagster.tick()
    assert dagster.runs == [(key(7), "new"), (key(2), "new")]
    assert "2 scenes recorded without a run" in found.message
    assert dagster.tick().message == "seam: no new items; 4 known in the last 30 days"


def test_a_first_look_that_fails_is_still_the_first(file):
    dagster = Dagster(Catalogue(*[scene(days) for days in range(30)]), file, start_days=0)
    dagster.catalogue.down = True
    dagster.tick()
    dagster.catalogue.down = False
    dagster.tick()
    assert dagster.runs == [(key(0), "new")]


def test_a_new_scene_starts_its_partition_and_no_other(file):
    dagster = begun(file, scene(3), scene(5))
    dagster.catalogue.put(scene(5, tile=1))
    dagster.tick()
    dagster.tick()
    assert dagster.runs == [(key(5), "new")]


def test_a_late_scene_within_the_window_counts_and_an_older_one_without_a_date_does_not(file):
    dagster = begun(file)
    dagster.catalogue.put(scene(30))
    dagster.catalogue.put(scene(31))
    dagster.tick()
    assert dagster.runs == [(key(30), "new")]


def test_a_newer_baseline_replaces_and_an_older_one_changes_nothing(file):
    dagster = begun(file, scene(3, baseline="05.09"))
    dagster.catalogue.put(scene(3, baseline="04.00"))
    dagster.tick()
    assert dagster.runs == []
    dagster.catalogue.put(scene(3, baseline="05.10"))
    dagster.tick()
    assert dagster.runs == [(key(3), "replaced")]
    del dagster.catalogue.items[scene(3, baseline="05.10")["id"]]
    dagster.tick()
    assert dagster.runs[1:] == [(key(3), "replaced")], "the one before is used again"


def test_content_that_changed_under_the_same_id_replaces(file):
    dagster = begun(file, scene(3))
    dagster.catalogue.put(scene(3, **{"s2:generation_time": "2024-06-29T00:00:00Z"}))
    dagster.tick()
    assert dagster.runs == [(key(3), "replaced")]


def test_a_withdrawal_starts_a_run_and_its_return_another(file):
    dagster = begun(file, scene(3), scene(4))
    withdrawn = dagster.catalogue.items.pop(scene(3)["id"])
    dagster.tick()
    dagster.catalogue.put(withdrawn)
    dagster.tick()
    dagster.catalogue.items.pop(withdrawn["id"])
    dagster.tick()
    causes = ["withdrawn", "new", "withdrawn"]
    assert dagster.runs == [(key(3), cause) for cause in causes]


def test_scenes_that_are_not_used_start_nothing(file):
    dagster = begun(file, max_cloud_cover_pct=20)
    dagster.catalogue.put(scene(3, **{"eo:cloud_cover": 80.0}))
    dagster.tick()
    assert dagster.runs == []
    dagster.catalogue.put(scene(3, **{"eo:cloud_cover": 10.0}))
    dagster.tick()
    assert dagster.runs == [(key(3), "new")]


def test_a_scene_missing_from_a_listing_that_the_catalogue_still_has_is_not_withdrawn(file):
    dagster = begun(file, scene(3), scene(4))
    dagster.catalogue.hides = {scene(3)["id"]}
    assert "its listings are not whole" in dagster.tick().message
    dagster.catalogue.hides = set()
    dagster.tick()
    assert dagster.runs == []


def test_everything_gone_at_once_is_an_outage_and_one_scene_less_is_not(file):
    dagster = begun(file, *[scene(days) for days in range(1, 12)])
    items = dict(dagster.catalogue.items)
    dagster.catalogue.items.clear()
    assert "none of the 11 scenes" in dagster.tick().message
    dagster.catalogue.items = items
    items.pop(scene(1)["id"])
    dagster.tick()
    assert dagster.runs == [(key(1), "withdrawn")]


def test_a_scene_whose_time_was_corrected_leaves_one_partition_for_another(file):
    dagster = begun(file, scene(3))
    moved = scene(3)
    moved["properties"]["datetime"] = f"{day(9)}T09:20:31.024000Z"
    dagster.catalogue.put(moved)
    dagster.tick()
    assert dagster.runs == [(key(9), "new"), (key(3), "withdrawn")]


def test_more_changes_than_a_tick_may_request_wait_for_the_next_ones(file):
    dagster = begun(file, max_runs=4)
    for days in range(10):
        dagster.catalogue.put(scene(days))
    assert "6 more partitions wait for the next tick" in dagster.tick().message
    assert [len(dagster.tick().orders) for _ in range(3)] == [4, 2, 0]
    assert [partition for partition, _ in dagster.runs] == [key(days) for days in range(9, -1, -1)]


def test_after_an_outage_longer_than_the_window_nothing_is_lost(file):
    dagster = begun(file)
    dagster.catalogue.down = True
    dagster.catalogue.put(scene(1))
    for n in range(1, FAILED_LOOKS):
        found = dagster.tick(NOW + n * MINUTE)
        assert f"since 2024-06-30 12:01 UTC ({n} ticks)" in found.message
        assert found.orders == ()
    with pytest.raises(SourceUnavailableError, match=r"since 2024-06-30 12:01 UTC \(10 ticks\)"):
        dagster.tick(NOW + FAILED_LOOKS * MINUTE)
    dagster.catalogue.down = False
    dagster.tick(NOW + dt.timedelta(days=45))
    assert dagster.runs == [(key(1), "new")]
    dagster.catalogue.down = True
    assert "(1 ticks)" in dagster.tick(NOW + dt.timedelta(days=45)).message


def test_a_tick_that_is_cut_off_is_repeated_and_a_preview_does_no_harm(file):
    dagster = begun(file, scene(3))
    dagster.catalogue.put(scene(2))
    first = dagster.look()
    again = dagster.tick()
    assert [o.run_key for o in first.orders] == [o.run_key for o in again.orders]
    dagster.look(cursor="")
    dagster.catalogue.items.pop(scene(2)["id"])
    dagster.tick()
    assert dagster.runs == [(key(2), "new"), (key(2), "withdrawn")]


def test_days_without_a_partition_are_recorded_without_a_run(file):
    def since_tuesday(date):
        return date >= NOW.date() - dt.timedelta(days=5)

    dagster = begun(file, has_partition=since_tuesday)
    dagster.catalogue.put(scene(6))
    dagster.catalogue.put(scene(5))
    assert "1 scenes recorded without a run" in dagster.tick().message
    assert dagster.runs == [(key(5), "new")]


def test_a_week_is_one_partition(file):
    # the 30th of June 2024 is a Sunday, the last day of the week that began on the 24th
    dagster = begun(file, scene(6), cadence="weekly")
    dagster.catalogue.put(scene(0))
    dagster.catalogue.put(scene(7))
    dagster.tick()
    assert dagster.runs == [("2024-06-17|seam", "new"), ("2024-06-24|seam", "new")]


# catalogues that can be searched by the time of change


def test_a_change_of_an_old_scene_is_found_by_the_time_of_change_and_once(file):
    dagster = begun(file, scene(400), scene(500), stamps=True)
    dagster.catalogue.put(scene(400, baseline="05.10"), NOW + MINUTE)
    for n in range(2, 200, 20):
        dagster.tick(NOW + n * MINUTE)
    assert [partition for partition, _ in dagster.runs] == [key(400)]
    dagster.catalogue.put(scene(400, baseline="05.11"), NOW + 200 * MINUTE)
    dagster.tick(NOW + 201 * MINUTE)
    assert dagster.runs[1:] == [(key(400), "replaced")]


def test_a_reprocessed_archive_is_worked_off_and_recent_scenes_come_first(file):
    dagster = begun(file, stamps=True, max_runs=3)
    moment = NOW + MINUTE
    for days in range(100, 110):
        dagster.catalogue.put(scene(days), moment)
    dagster.catalogue.put(scene(2), moment)
    for _ in range(6):
        dagster.tick(moment + MINUTE)
    assert dagster.runs[0] == (key(2), "new")
    assert sorted(p for p, _ in dagster.runs[1:]) == sorted(key(d) for d in range(100, 110))
    n_searches = dagster.catalogue.searches
    dagster.tick(moment + MINUTE)
    assert dagster.catalogue.searches == n_searches + 2, "what is settled is not listed again"


def test_a_catalogue_that_ignores_the_time_of_change_is_watched_by_its_window(file):
    dagster = begun(file, stamps=True)

    def ignore(_moment):
        raise SourceContractError("It does not search by the time of change.")
        yield

    dagster.catalogue.updated_since = ignore
    dagster.catalogue.put(scene(1))
    assert "does not search by the time of change" in dagster.tick().message
    assert dagster.runs == [(key(1), "new")]


# the ledger


def test_two_watches_in_one_file_know_nothing_of_each_other(file):
    dagster = begun(file, scene(3))
    with open_ledger(file, "another") as ledger:
        assert ledger.state() is None
        ledger.learn(
            Batch(scenes={day(3): []}, looked=day(0), watermark=NOW.isoformat(), begun="now")
        )
        assert ledger.scenes(NOW.date() - dt.timedelta(days=30), NOW.date()) == {}
    assert dagster.tick().message == "seam: no new items; 1 known in the last 30 days"


def test_a_ledger_that_was_removed_begins_anew(file):
    dagster = Dagster(Catalogue(scene(2)), file)
    dagster.tick()
    dagster.catalogue.put(scene(2, baseline="05.10"))
    dagster.tick()
    file.unlink()
    dagster.made_of.clear()
    dagster.tick(NOW + MINUTE)
    dagster.catalogue.items.pop(scene(2, baseline="05.10")["id"])
    dagster.tick(NOW + MINUTE)
    causes = ["new", "replaced", "new", "replaced"]
    assert dagster.runs == [(key(2), cause) for cause in causes]


def test_a_ledger_that_cannot_be_used_says_what_to_do(tmp_path):
    file = tmp_path / "scenes.sqlite"
    file.write_text("this is no database at all, and long enough to be taken for one" * 40)
    with pytest.raises(StorageError, match="EO_ASSETS_SENSOR_LEDGER"), open_ledger(file, "a"):
        pass


def _operations_of_a_look(file: Path, n_known: int) -> int:
    """Steps of SQLite's machine in a look with one new and one withdrawn scene."""
    recent = [scene(days) for days in range(1, 20)]
    dagster = Dagster(Catalogue(*recent, stamps=True), file, start_days=0)
    dagster.tick()
    first = dt.date(1800, 1, 1)
    past = {
        str(first + dt.timedelta(days=n // 2)): [
            KnownScene(f"scene-{n - n % 2 + i}", f"{n:016x}", f"a/{n - n % 2 + i}")
            for i in range(2)
        ]
        for n in range(0, n_known, 2)
    }
    with open_ledger(file, "tests") as ledger:
        ledger.learn(Batch(scenes=past, requested=list(past)))
    dagster.catalogue.put(scene(0), NOW)
    dagster.catalogue.items.pop(scene(4)["id"])
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    connection = sqlite3.connect(file, isolation_level=None)
    connection.set_progress_handler(count, 1)
    try:
        found = look(
            dagster.watch, dagster.catalogue, Ledger(connection, "tests"), cursor="", now=NOW
        )
        assert len(found.orders) == 2
        assert Ledger(connection, "tests").accept(found.cursor)
    finally:
        connection.close()
    return steps


def test_the_work_of_a_look_does_not_grow_with_what_is_known(tmp_path):
    few = _operations_of_a_look(tmp_path / "few.sqlite", 1_000)
    many = _operations_of_a_look(tmp_path / "many.sqlite", 100_000)
    assert few <= many <= few * 1.02


# any order of events


class Interleavings(RuleBasedStateMachine):
    """Scenes come, change and go while the catalogue fails and ticks are cut off."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = NOW

    @initialize(stamps=st.booleans(), max_runs=st.integers(1, 3), n_known=st.integers(0, 3))
    def begin(self, stamps, max_runs, n_known):
        known = [scene(days) for days in range(n_known)]
        file = Path(self.folder.name, "scenes.sqlite")
        self.dagster = Dagster(
            Catalogue(*known, stamps=stamps), file, start_days=-1, max_runs=max_runs
        )
        self.dagster.tick()
        self.catalogue = self.dagster.catalogue
        self.dagster.made_of = self.dagster.now_used()

    @rule(
        days=st.integers(0, 3),
        tile=st.integers(0, 1),
        baseline=st.sampled_from(["04.00", "05.09", "05.10"]),
        generation=st.integers(1, 2),
    )
    def publish(self, days, tile, baseline, generation):
        time = {"s2:generation_time": f"2024-07-0{generation}T00:00:00Z"}
        self.catalogue.put(scene(days, tile, baseline=baseline, **time), self.now)

    @precondition(lambda self: self.catalogue.stamps)
    @rule(days=st.sampled_from([400, 401, 402]), baseline=st.sampled_from(["05.09", "05.10"]))
    def publish_the_past(self, days, baseline):
        self.catalogue.put(scene(days, baseline=baseline), self.now)

    @precondition(lambda self: any(i for i in self.catalogue.items.values() if recent(i)))
    @rule(data=st.data())
    def withdraw(self, data):
        names = sorted(name for name, item in self.catalogue.items.items() if recent(item))
        self.catalogue.items.pop(data.draw(st.sampled_from(names)))

    @rule(down=st.booleans())
    def fail_or_recover(self, down):
        self.catalogue.down = down

    @rule()
    def tick(self):
        self._try(self.dagster.tick)

    @rule()
    def cut_off(self):
        self._try(self.dagster.look)

    @rule()
    def preview_from_the_start(self):
        self._try(lambda now: self.dagster.look(now, cursor=""))

    def _try(self, act):
        self.now += MINUTE
        try:
            return act(self.now)
        except SourceUnavailableError:
            assert self.catalogue.down
            return None

    @invariant()
    def no_run_is_started_twice(self):
        # Dagster.tick itself fails on two runs in a row for the same scenes
        assert len(self.dagster.keys) == len(getattr(self.dagster, "runs", []))

    def teardown(self):
        if hasattr(self, "dagster"):
            self.catalogue.down = False
            for _ in range(40):
                found = self._try(self.dagster.tick)
                if not found.orders and "wait" not in found.message:
                    break
            used = self.dagster.now_used()
            made = {date: prints for date, prints in self.dagster.made_of.items() if prints}
            assert made == used
        self.folder.cleanup()


def recent(item: dict) -> bool:
    return item["properties"]["datetime"] > day(20)


TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
