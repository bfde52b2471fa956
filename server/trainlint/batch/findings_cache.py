"""What was found before, kept by what it follows from: a file of SQLite that any number of processes share.

The first level leads from a file's text, the configuration and the version of trainlint to what the analysis asked the
project for; the second is whether all of that is as it was (`Project.is_still`). What is kept is JSON.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainlint import __version__
from trainlint.caches import cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trainlint.report.schema import FileEntry

LARGEST = 256 << 20
"""Bytes of entries; a file with findings has some ten kilobytes."""

_FORMAT = 3
"""Of the tables; another one is made anew."""

_WAIT = 5.0
"""Seconds to wait for another process that writes; then nothing is kept."""

_TURN = 0.1
"""Seconds of it that SQLite waits by itself: it does not hear Ctrl-C."""

_AT_ONCE = 64
"""Entries that are written together."""

_DAY = 86_400

_TABLES = (
    # With the rows in the tree of the keys (WITHOUT ROWID), removing a tenth of a full file takes forty seconds.
    """CREATE TABLE IF NOT EXISTS found (
        key BLOB PRIMARY KEY, used INTEGER NOT NULL, size INTEGER NOT NULL, kept BLOB NOT NULL
    )""",
    # Holds all that making room asks for.
    "CREATE INDEX IF NOT EXISTS by_use ON found (used, size)",
    f"PRAGMA user_version = {_FORMAT}",
)

_OUT_OF_REACH = ("locked", "unable to open", "readonly", "full", "disk I/O", "out of memory", "denied")
"""What SQLite says where the file may well be whole."""


class FindingsCache:
    """Entries of files, each with what it depends on.

    Where the file cannot be used, nothing is kept; one that is no database any more is made anew.
    Use it as a context: what is not written yet is written at the end, also after an interruption.
    """

    def __init__(self, folder: Path | None = None, largest: int = LARGEST) -> None:
        self._file = (cache_folder() if folder is None else folder) / "findings.sqlite3"
        self._largest = largest
        self._connection: sqlite3.Connection | None = None
        self._usable = True
        self._healed = False
        self._wait = _WAIT
        self._pending: dict[bytes, bytes] = {}
        self._grown = 0
        self._used: set[bytes] = set()
        self._today = int(time.time()) // _DAY

    def __enter__(self) -> FindingsCache:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            # Who interrupts a check waits for nobody.
            self._wait = 0.0
        self.close()

    def get(self, key: bytes) -> tuple[dict[str, str], FileEntry] | None:
        """What was found, with what it depends on; None if there is nothing of this key."""
        return self._try(lambda db: self._get(db, key))

    def _get(self, db: sqlite3.Connection, key: bytes) -> tuple[dict[str, str], FileEntry] | None:
        row = db.execute("SELECT kept, used FROM found WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        kept, used = row
        if not isinstance(kept, bytes) or kept[:_SEAL] != _seal(key, kept[_SEAL:]):
            # SQLite sees damage in its own pages only, and not in what they hold.
            raise sqlite3.DatabaseError("not what was kept")
        depends, entry = json.loads(kept[_SEAL:])
        if used != self._today:
            self._used.add(key)
        return depends, entry

    def put(self, key: bytes, depends: Mapping[str, str], entry: FileEntry) -> None:
        """Keeps what was found, soon."""
        text = json.dumps((depends, entry), separators=(",", ":")).encode("ascii")
        self._pending[key] = _seal(key, text) + text
        if len(self._pending) >= _AT_ONCE:
            self._write()

    def close(self) -> None:
        """Writes what is left, makes room, and lets go of the file."""
        self._write()
        if self._used:
            used = [(self._today, key) for key in self._used]
            self._used = set()
            self._try(lambda db: _together(db, "UPDATE found SET used = ? WHERE key = ?", used))
        if self._grown:
            self._try(self._make_room)
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _write(self) -> None:
        rows = [(key, self._today, len(kept), kept) for key, kept in self._pending.items()]
        self._pending = {}
        if rows:
            self._try(lambda db: _together(db, "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?)", rows))
            self._grown += sum(len(row[3]) for row in rows)
            if self._grown > self._largest // 16:
                # One check may find more than is ever kept.
                self._try(self._make_room)

    def _make_room(self, db: sqlite3.Connection) -> None:
        """Removes what was not used for longest until a tenth is free."""
        self._grown = 0
        (total,) = db.execute("SELECT total(size) FROM found").fetchone()
        if total <= self._largest:
            return
        # A clock that was ahead for a while must not keep for years what it saw.
        _together(db, "UPDATE found SET used = 0 WHERE used > ?", [(self._today + 1,)])
        gone = []
        for number, size in db.execute("SELECT rowid, size FROM found ORDER BY used, rowid"):
            gone.append((number,))
            total -= size
            if total <= self._largest * 0.9:
                break
        _together(db, "DELETE FROM found WHERE rowid = ?", gone)
        # `execute` takes one step of it, which frees one page.
        db.executescript("PRAGMA incremental_vacuum")

    # The file ---------------------------------------------------------------------------------------------------------

    def _try(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        """What `work` gives; None where the file cannot be used now."""
        deadline = time.monotonic() + self._wait
        while self._usable:
            try:
                return work(self._open())
            except (sqlite3.DatabaseError, OSError) as error:
                if "locked" in str(error) and time.monotonic() < deadline:
                    # Most waiting is SQLite's, but the change of a journal by several processes does not wait.
                    time.sleep(0.02)
                elif self._is_damaged(error):
                    self._heal()
                else:
                    # Locked for too long, read only, no room: others may use it, and a check needs none.
                    self._usable = False
        return None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = self._connected()
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=_TURN, isolation_level=None)
        try:
            # Only counts in a file that has no tables yet.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            # Readers do not wait for a writer. It is kept in the file; where that cannot be, they wait.
            connection.execute("PRAGMA journal_mode = WAL")
            # Waiting for the disk protects what is lost with the power; the file would be made anew.
            connection.execute("PRAGMA synchronous = OFF")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version not in (0, _FORMAT):
                raise sqlite3.DatabaseError("another format")
            if version == 0:
                # All or nothing: half of it would look like damage to others.
                connection.execute("BEGIN IMMEDIATE")
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_damaged(self, error: Exception) -> bool:
        """Whether the file is no database of ours, and not only out of reach."""
        if isinstance(error, OSError):
            return False
        if isinstance(error, sqlite3.OperationalError):
            text = str(error)
            # A damaged header may say that it is for reading only.
            own = "readonly" in text and os.access(self._file, os.W_OK) and os.access(self._file.parent, os.W_OK)
            return own or not any(each in text for each in _OUT_OF_REACH)
        return True

    def _heal(self) -> None:
        """Removes a file that is no database of ours, once."""
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._usable = not self._healed
        self._healed = True
        for ending in ("", "-wal", "-shm"):
            try:
                os.unlink(f"{self._file}{ending}")
            except FileNotFoundError:
                pass
            except OSError:
                self._usable = False


def _together(db: sqlite3.Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(statement, rows)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                db.execute("ROLLBACK")
        raise


_SEAL = 16


def _seal(key: bytes, text: bytes) -> bytes:
    """What a text has to begin with to be what was kept under a key."""
    return hashlib.blake2b(text, digest_size=_SEAL, key=key).digest()


def key_of(*parts: object) -> bytes:
    """What stands for everything that a result follows from, apart from what it asks for, and for our own code."""
    digest = hashlib.blake2b(digest_size=20)
    for part in (own_code(), *parts):
        text = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(text))
        digest.update(text)
    return digest.digest()


@functools.lru_cache(maxsize=1)
def own_code() -> str:
    """The version of trainlint and of Python, and what else tells one state of our files from another.

    That is how many they are, how large, and when one was changed last.
    """
    newest, count, size = 0, 0, 0
    folders = [Path(__file__).resolve().parents[1]]
    while folders:
        with os.scandir(folders.pop()) as listed:
            for each in listed:
                if each.is_dir(follow_symlinks=False):
                    if each.name != "__pycache__":
                        folders.append(Path(each.path))
                elif not each.name.endswith(".pyc"):
                    status = each.stat()
                    newest, count, size = max(newest, status.st_mtime_ns), count + 1, size + status.st_size
    return f"{__version__} {sys.implementation.cache_tag} {count} {size} {newest}"
