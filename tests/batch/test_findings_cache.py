"""The cache of findings: shared by processes, bounded, and whole again after damage."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sqlite3

import pytest

from trainlint.batch import findings_cache
from trainlint.batch.findings_cache import FindingsCache, key_of

ENTRY = {"file": "train.py", "models": [], "findings": [], "notices": [], "statement": None}
DEPENDS = {"/project/net.py": "0123", "/project/net/__init__.py": "missing"}


def kept(folder, key, **options):
    with FindingsCache(folder, **options) as cache:
        return cache.get(key)


def test_what_is_kept_comes_back(tmp_path):
    """Entry and dependencies, in another process as well, and nothing of another key."""
    with FindingsCache(tmp_path) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
    assert kept(tmp_path, key_of("a")) == (DEPENDS, ENTRY)
    assert kept(tmp_path, key_of("b")) is None


def test_keys_have_no_seams():
    """Parts do not run into each other, and bytes count as they are."""
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", b"\xff") != key_of("a", b"\xfe")


def test_what_was_interrupted_keeps_what_was_done(tmp_path):
    """An interruption in the middle of a check loses nothing that was found before."""

    def interrupted():
        with FindingsCache(tmp_path) as cache:
            cache.put(key_of("a"), DEPENDS, ENTRY)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert kept(tmp_path, key_of("a")) is not None


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be one" * 100])
def test_damaged_file_is_made_anew(tmp_path, content):
    """What is no database is replaced, and used from then on."""
    (tmp_path / "findings.sqlite3").write_bytes(content)
    with FindingsCache(tmp_path) as cache:
        assert cache.get(key_of("a")) is None
        cache.put(key_of("a"), DEPENDS, ENTRY)
    assert kept(tmp_path, key_of("a")) == (DEPENDS, ENTRY)


def test_file_damaged_in_the_middle_is_made_anew(tmp_path):
    """Pages that were overwritten cost what was kept and nothing else."""
    with FindingsCache(tmp_path) as cache:
        for number in range(200):
            cache.put(key_of(number), DEPENDS, {**ENTRY, "file": "x" * 2000})
    file = tmp_path / "findings.sqlite3"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    file.write_bytes(data)
    with FindingsCache(tmp_path) as cache:
        assert [cache.get(key_of(number)) for number in range(200)] == [None] * 200
        cache.put(key_of("a"), DEPENDS, ENTRY)
    assert kept(tmp_path, key_of("a")) == (DEPENDS, ENTRY)


def test_tables_of_another_format_are_made_anew(tmp_path):
    """A later version of trainlint may keep something else there."""
    with sqlite3.connect(tmp_path / "findings.sqlite3") as db:
        db.executescript("PRAGMA user_version = 99; CREATE TABLE found (other TEXT)")
    with FindingsCache(tmp_path) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
    assert kept(tmp_path, key_of("a")) == (DEPENDS, ENTRY)


def test_folder_that_cannot_be_used(tmp_path):
    """Nothing is kept, and nobody is told."""
    (tmp_path / "file").write_text("")
    with FindingsCache(tmp_path / "file") as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
        assert cache.get(key_of("a")) is None


def test_size_is_bounded(tmp_path):
    """The oldest make room, and the file shrinks with them."""
    large = {**ENTRY, "file": "x" * 10_000}
    for number in range(40):
        with FindingsCache(tmp_path, largest=100_000) as cache:
            # A day for each: what was used last is known by the day.
            cache._today = number
            cache.put(key_of(number), DEPENDS, large)
    found = [kept(tmp_path, key_of(number)) is not None for number in range(40)]
    assert found == [False] * found.index(True) + [True] * found.count(True)
    assert 8 <= found.count(True) <= 10
    assert (tmp_path / "findings.sqlite3").stat().st_size < 300_000


def test_what_is_used_stays(tmp_path):
    """Reading an entry counts as use."""
    large = {**ENTRY, "file": "x" * 10_000}
    for day in range(12):
        with FindingsCache(tmp_path, largest=100_000) as cache:
            cache._today = day
            cache.get(key_of(0))
            cache.put(key_of(day), DEPENDS, large)
    assert kept(tmp_path, key_of(0)) is not None
    assert kept(tmp_path, key_of(1)) is None


def _fill(folder, worker):
    with FindingsCache(folder) as cache:
        for number in range(200):
            cache.put(key_of(worker, number), DEPENDS, ENTRY)
            assert cache.get(key_of(worker, number - 100)) in (None, (DEPENDS, ENTRY))


def _make(folder, worker, start):
    start.wait()
    with FindingsCache(folder) as cache:
        cache.put(key_of(worker), DEPENDS, ENTRY)


@pytest.mark.parametrize("turn", range(10))
def test_processes_that_make_the_file_at_once(tmp_path, turn):
    """Half a file of one is no damage to another."""
    context = multiprocessing.get_context("fork")
    start = context.Barrier(8)
    processes = [context.Process(target=_make, args=(tmp_path, number, start)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [kept(tmp_path, key_of(number)) for number in range(8)] == [(DEPENDS, ENTRY)] * 8


def test_many_processes_at_once(tmp_path):
    """All write, none fails, and all is there."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(tmp_path, number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    with FindingsCache(tmp_path) as cache:
        assert all(cache.get(key_of(worker, number)) for worker in range(4) for number in range(200))


LONG = {**ENTRY, "findings": [{"message": f"what was found {number}"} for number in range(300)]}


@pytest.mark.parametrize("noise", [bytes(range(160, 180)), b"abcdefghijklmnopqrst"])
def test_noise_in_what_is_kept(tmp_path, noise):
    """What is told was kept, whatever SQLite sees of the damage; and the file is used again."""
    with FindingsCache(tmp_path) as cache:
        for number in range(30):
            cache.put(key_of(number), DEPENDS, LONG)
    file = tmp_path / "findings.sqlite3"
    whole = file.read_bytes()
    for start in range(8192, len(whole), len(whole) // 40):
        file.write_bytes(whole[:start] + noise + whole[start + len(noise) :])
        for _ in range(2):
            with FindingsCache(tmp_path) as cache:
                found = [cache.get(key_of(number)) for number in range(30)]
                for number in range(30):
                    cache.put(key_of(number), DEPENDS, LONG)
            assert all(each in (None, (DEPENDS, LONG)) for each in found)
        assert found == [(DEPENDS, LONG)] * 30


def test_damaged_header_is_made_anew(tmp_path):
    """Whatever SQLite takes it for: another format, encrypted, for reading only."""
    with FindingsCache(tmp_path) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
    file = tmp_path / "findings.sqlite3"
    whole = file.read_bytes()
    for number in range(100):
        file.write_bytes(whole[:number] + b"\xee" + whole[number + 1 :])
        for _ in range(2):
            with FindingsCache(tmp_path) as cache:
                cache.get(key_of("a"))
                cache.put(key_of("a"), DEPENDS, ENTRY)
        assert (number, kept(tmp_path, key_of("a"))) == (number, (DEPENDS, ENTRY))


def test_file_shrinks(tmp_path):
    """What made room is given back to the disk."""
    with FindingsCache(tmp_path) as cache:
        for number in range(300):
            cache.put(key_of(number), DEPENDS, {**ENTRY, "file": "x" * 10_000})
    with FindingsCache(tmp_path, largest=100_000) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
    assert (tmp_path / "findings.sqlite3").stat().st_size < 300_000


@pytest.mark.parametrize("count", [64, 2000])
def test_one_check_is_bounded_too(tmp_path, count):
    """However much one process finds, and however that is divided."""
    largest = 0
    with FindingsCache(tmp_path, largest=100_000) as cache:
        for number in range(count):
            cache.put(key_of(number), DEPENDS, {**ENTRY, "file": "x" * 10_000})
            largest = max(largest, sum(each.stat().st_size for each in tmp_path.iterdir()))
    assert largest < 10_000_000
    assert (tmp_path / "findings.sqlite3").stat().st_size < 300_000


def test_clock_that_was_ahead(tmp_path):
    """What was kept in the year 2100 is the first to go, and what is used now stays."""
    large = {**ENTRY, "file": "x" * 10_000}
    for day, first in ((47_500, 0), (20_000, 10), (20_001, 15)):
        with FindingsCache(tmp_path, largest=100_000) as cache:
            cache._today = day
            for number in range(first, first + 5):
                cache.put(key_of(number), DEPENDS, large)
    assert [kept(tmp_path, key_of(number)) is not None for number in (0, 1, 2, 3)] == [False] * 4
    assert [kept(tmp_path, key_of(number)) is not None for number in (12, 13, 14, 17, 18, 19)] == [True] * 6


def test_interrupted_between_two_statements(tmp_path, monkeypatch):
    """A transaction that was begun is no damage."""
    with FindingsCache(tmp_path) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)

    class Interrupted(sqlite3.Connection):
        def execute(self, statement, *rest):
            done = super().execute(statement, *rest)
            if statement == "BEGIN IMMEDIATE" and not interruptions:
                interruptions.append(statement)
                raise KeyboardInterrupt
            return done

    interruptions = []
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *rest, **options: connect(*rest, factory=Interrupted, **options))

    def interrupted():
        with FindingsCache(tmp_path) as cache:
            for number in range(64):
                cache.put(key_of(number), DEPENDS, ENTRY)
                cache.put(key_of("b"), DEPENDS, ENTRY)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert kept(tmp_path, key_of("a")) == (DEPENDS, ENTRY)


def _wait_for_others(folder):
    def interrupt(*_):
        raise KeyboardInterrupt

    findings_cache._WAIT = 3600.0
    signal.signal(signal.SIGALRM, interrupt)
    try:
        with FindingsCache(folder) as cache:
            signal.alarm(1)
            for number in range(64):
                cache.put(key_of(number), DEPENDS, ENTRY)
    except KeyboardInterrupt:
        os._exit(77)


def test_interruption_while_others_write(tmp_path):
    """Whoever waits for another process hears Ctrl-C, and waits no more for what is left."""
    with FindingsCache(tmp_path) as cache:
        cache.put(key_of("a"), DEPENDS, ENTRY)
    with contextlib.closing(sqlite3.connect(tmp_path / "findings.sqlite3", isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        process = multiprocessing.get_context("fork").Process(target=_wait_for_others, args=(tmp_path,))
        process.start()
        process.join(60)
        process.kill()
        process.join()
    assert process.exitcode == 77
