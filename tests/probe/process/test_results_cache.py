"""What was measured before is known, and nothing else is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.probe.process.helpers import experiment

from trainlint.probe import results_cache
from trainlint.probe.client import Worker
from trainlint.probe.results_cache import ResultsCache

HELLO = {
    "python": [3, 11, 7],
    "backend": {"name": "tensorflow", "version": "2.21.0"},
    "packages": {"numpy": {"version": "2.0.0"}},
}
MEASURED = {"version": 1, "device": {"name": "cpu", "reason": "asked for"}, "arms": [{"skill": [[0.5, None]]}]}


@pytest.fixture
def code(tmp_path) -> Path:
    """The code of a worker."""
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "engine.py").write_text("1")
    return folder


@pytest.fixture
def cache(tmp_path) -> ResultsCache:
    """An empty cache."""
    return ResultsCache(tmp_path / "cache")


def test_known(cache, code):
    """The same experiment on the same backend is known, whatever the order of its keys."""
    given = {"version": 1, "seeds": [1, 2], "device": "auto"}
    assert cache.get(given, HELLO, code) is None

    cache.put(given, HELLO, MEASURED, code)

    assert MEASURED == cache.get({"device": "auto", "seeds": [1, 2], "version": 1}, HELLO, code)
    assert MEASURED == cache.get({"device": "cpu", "seeds": [1, 2], "version": 1}, HELLO, code)


@pytest.mark.parametrize(
    ("given", "hello"),
    [
        ({"seeds": [1, 3]}, {}),
        ({"device": "gpu"}, {}),
        ({}, {"backend": {"name": "tensorflow", "version": "2.22.0"}}),
        ({}, {"backend": {"name": "jax", "version": "2.21.0"}}),
        ({}, {"packages": {"numpy": {"version": "2.1.0"}}}),
        ({}, {"python": [3, 12, 0]}),
    ],
)
def test_unknown(cache, code, given, hello):
    """Another experiment, backend, version, or device is not."""
    cache.put({"version": 1, "seeds": [1, 2]}, HELLO, MEASURED, code)

    assert cache.get({"version": 1, "seeds": [1, 2], **given}, {**HELLO, **hello}, code) is None


def test_another_worker(cache, code, tmp_path):
    """What other code measured is not known."""
    cache.put({"version": 1}, HELLO, MEASURED, code)
    other = tmp_path / "other"
    other.mkdir()
    (other / "engine.py").write_text("2")

    assert cache.get({"version": 1}, HELLO, other) is None


def test_any_device(cache, code):
    """Where any device will do, what a GPU measured is as good."""
    on_gpu = {**MEASURED, "device": {"name": "gpu", "reason": "asked for"}}
    cache.put({"version": 1, "device": "gpu"}, HELLO, on_gpu, code)

    assert on_gpu == cache.get({"version": 1, "device": "auto"}, HELLO, code)
    assert on_gpu == cache.get({"version": 1, "device": "gpu"}, HELLO, code)
    assert cache.get({"version": 1, "device": "cpu"}, HELLO, code) is None


@pytest.mark.parametrize("damage", [b"", b"{", b"0" * 64 + b"\n{}", None])
def test_corrupt_entries(cache, code, tmp_path, damage):
    """An entry that is damaged is not read, and does not stay."""
    cache.put({"version": 1}, HELLO, MEASURED, code)
    [file] = (tmp_path / "cache").iterdir()
    file.write_bytes(file.read_bytes().replace(b"0.5", b"0.6") if damage is None else damage)

    assert cache.get({"version": 1}, HELLO, code) is None
    assert not file.exists()


def test_bounded(code, tmp_path):
    """The entries that were not used for longest make room; abandoned drafts go too."""
    cache = ResultsCache(tmp_path / "cache", largest=2000)
    (tmp_path / "cache").mkdir()
    draft = tmp_path / "cache" / "draft-abandoned"
    draft.touch()
    os.utime(draft, (0, 0))
    for number in range(40):
        cache.put({"version": 1, "number": number}, HELLO, MEASURED, code)
        for file in (tmp_path / "cache").iterdir():
            status = file.stat()
            os.utime(file, (status.st_mtime - 10, status.st_mtime - 10))
        assert cache.get({"version": 1, "number": 0}, HELLO, code) is not None

    files = list((tmp_path / "cache").iterdir())

    assert 2000 >= sum(file.stat().st_size for file in files)
    assert 5 < len(files) < 15
    assert cache.get({"version": 1, "number": 39}, HELLO, code) is not None
    assert cache.get({"version": 1, "number": 1}, HELLO, code) is None


def test_a_folder_that_cannot_be_used(code, tmp_path):
    """Without a folder nothing is kept, and nobody notices."""
    (tmp_path / "file").touch()
    cache = ResultsCache(tmp_path / "file" / "cache")

    cache.put({"version": 1}, HELLO, MEASURED, code)

    assert cache.get({"version": 1}, HELLO, code) is None


PUT_AND_GET = """
import json, sys, time
from pathlib import Path
from trainlint.probe.results_cache import ResultsCache
folder, code, hello, measured = sys.argv[1:]
hello, measured = json.loads(hello), json.loads(measured)
cache = ResultsCache(Path(folder), largest=1500)
limit = time.monotonic() + 0.5
number = 0
while time.monotonic() < limit:
    number = (number + 1) % 20
    cache.put({"version": 1, "number": number}, hello, measured, Path(code))
    found = cache.get({"version": 1, "number": (number * 7) % 20}, hello, Path(code))
    assert found in (None, measured), found
"""


def test_many_processes(code, tmp_path):
    """Processes that write and remove the same entries do not disturb each other: whatever is read is whole."""
    arguments = [str(tmp_path / "cache"), str(code), json.dumps(HELLO), json.dumps(MEASURED)]
    environment = {**os.environ, "PYTHONPATH": str(Path(results_cache.__file__).parents[2])}
    processes = [subprocess.Popen([sys.executable, "-c", PUT_AND_GET, *arguments], env=environment) for _ in range(3)]

    assert [0, 0, 0] == [process.wait(30) for process in processes]
    assert not list((tmp_path / "cache").glob("draft-*"))


def test_in_the_folder_of_the_user(monkeypatch, tmp_path, code):
    """The cache lies where the user's caches lie."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))

    ResultsCache().put({"version": 1}, HELLO, MEASURED, code)

    assert 1 == len(list((tmp_path / "caches" / "trainlint" / "probe").iterdir()))


def test_a_worker_with_a_cache(cache, environment, stub_folder, temporary):
    """A worker runs an experiment once; one without a cache runs it again."""
    seen = []
    with Worker(environment.python, folder=stub_folder, cache=cache) as worker:
        first = worker.run(experiment())
    with Worker(environment.python, folder=stub_folder, cache=cache) as worker:
        again = worker.run(experiment(), seen.append)
    with Worker(environment.python, folder=stub_folder) as worker:
        anew = worker.run(experiment())

    assert first == again
    assert ["starting", "known"] == [said["stage"] for said in seen]
    assert first["pid"] != anew["pid"]
    results_cache.sources.cache_clear()
