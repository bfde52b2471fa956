"""A worker as a process: its pipes, its log, its folder and what it takes. Linux and macOS.

Everything that the client asks of the operating system stands here; `worker/system.py` says what Windows would need.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trainlint.probe.worker.protocol import Message, ProtocolError, decode, encode, lines

LOG = 64 * 1024
"""Bytes of what a worker prints that are kept, the last ones."""

WORKER_FOLDER = Path(__file__).parent / "worker"

_PREFIX = "trainlint-probe-"

_NEW = 60.0
"""Seconds in which a folder is taken for one that is being made."""

_DROPPED = ("PYTHON", "__PYVENV_LAUNCHER__", "TF_CONFIG", "TF_XLA_FLAGS")
"""Starts of names: what would change the interpreter, make a cluster of one machine, or compile behind our back."""

GROUP_CHECK = 1.0
"""Seconds between looks at the memory of the whole group, which means reading about every process."""


def environment_of(given: Mapping[str, str], folder: str) -> dict[str, str]:
    """The variables that a worker starts with: the user's, without what would make it another interpreter.

    One thread each: small networks are 1.0 to 2.8 times faster so, and the machine stays usable.
    """
    kept = {name: value for name, value in given.items() if not name.startswith(_DROPPED)}
    for name in (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        # XLA's pool of threads on the CPU, which JAX uses.
        "NPROC",
    ):
        kept[name] = "1"
    kept["XLA_FLAGS"] = f"{kept.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    kept["TF_CPP_MIN_LOG_LEVEL"] = "2"
    kept["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    kept["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    for name in ("TMPDIR", "TEMP", "TMP"):
        kept[name] = folder
    return kept


def command(python: str, folder: Path, requests: int, answers: int, idle: float, given: Mapping[str, str]) -> list[str]:
    """How a worker is started: by its folder, with no path of the user's in front of the standard library.

    -E ignores PYTHONPATH and the like; the folder that is run takes the place of the current one on the path, and
    removes itself. -I would also hide what `pip install --user` installed, where many have their TensorFlow; it is
    seen as the interpreter itself would see it.
    """
    options = ["-E"] + (["-s"] if given.get("PYTHONNOUSERSITE") else [])
    return [python, *options, str(folder), str(requests), str(answers), str(idle)]


class WorkerProcess:
    """A started worker; `messages` holds what it says, and None when it says no more.

    `end` leaves nothing of it, from whatever thread it is called. OSError from the constructor: it could not start.
    """

    def __init__(
        self, python: str, folder: Path = WORKER_FOLDER, idle: float = 600, given: Mapping[str, str] | None = None
    ) -> None:
        given = os.environ if given is None else given
        self.messages: queue.Queue[Message | ProtocolError | None] = queue.Queue()
        self.exit_status: int | None = None
        self._log: deque[bytes] = deque()
        self._logged = 0
        self._lock = threading.Lock()
        self._ending = threading.Lock()
        self._group_checked = 0.0
        self._group = 0
        sweep()
        self._folder = tempfile.mkdtemp(prefix=_PREFIX)
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        # The lock goes with the last process that has the folder: by that, `sweep` knows what is left over.
        guard = os.open(self._folder, os.O_RDONLY)
        _try_lock(guard)
        started: queue.Queue[subprocess.Popen[bytes] | BaseException] = queue.Queue()

        def run() -> None:
            try:
                process = subprocess.Popen(
                    command(python, folder.absolute(), requests, answers, idle, given),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    cwd=self._folder,
                    env=environment_of(given, self._folder),
                    pass_fds=(requests, answers, guard),
                    start_new_session=True,
                )
            except BaseException as error:  # told to whoever waits
                started.put(error)
                return
            started.put(process)
            self._keep_log(process)

        # A worker dies with the thread that started it (system.settle), so that is the thread that reads its log.
        threading.Thread(target=run, name="trainlint-probe-log", daemon=True).start()
        outcome = started.get()
        for descriptor in (requests, answers, guard):
            os.close(descriptor)
        if isinstance(outcome, BaseException):
            os.close(self._requests)
            os.close(self._answers)
            shutil.rmtree(self._folder, ignore_errors=True)
            raise outcome
        self._process = outcome
        os.set_blocking(self._requests, False)
        self._reader = threading.Thread(target=self._read, name="trainlint-probe-answers", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def folder(self) -> str:
        return self._folder

    def runs(self) -> bool:
        """Whether the process is there; one that ended keeps its number until `end`, so nothing else is killed."""
        if not hasattr(os, "waitid"):
            # macOS before Python 3.13.
            return self._process.poll() is None
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    def send(self, message: Message, patience: Callable[[], Any] = lambda: None) -> bool:
        """Whether a message was taken; `patience` is called now and then while the worker does not read."""
        data = memoryview(encode(message))
        poll = select.poll()
        poll.register(self._requests, select.POLLOUT)
        while data:
            try:
                data = data[os.write(self._requests, data) :]
            except BlockingIOError:
                poll.poll(50)
                patience()
            except OSError:
                return False
        return True

    def log(self) -> str:
        """The last that the worker printed."""
        with self._lock:
            return b"".join(self._log)[-LOG:].decode("utf-8", "replace")

    def memory(self) -> int:
        """Bytes of memory that the worker's group holds at the moment; 0 where the system does not tell."""
        own = _resident(self.pid)
        now = time.monotonic()
        if now - self._group_checked >= GROUP_CHECK:
            self._group_checked = now
            self._group = sum(_resident(pid) for pid in _members(self.pid) if pid != self.pid)
        return own + self._group

    def end(self, grace: float = 0.0) -> int:
        """Ends the worker and all that it started; the status that it ended with (negative: by a signal)."""
        with self._ending:
            if self.exit_status is not None:
                return self.exit_status
            limit = time.monotonic() + grace
            while self.runs() and time.monotonic() < limit:
                time.sleep(0.01)
            # Also when it is gone: what it started may not be.
            with contextlib.suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)
            self.exit_status = self._process.wait()
            os.close(self._requests)
            self._reader.join(1.0)
            shutil.rmtree(self._folder, ignore_errors=True)
            return self.exit_status

    def _read(self) -> None:
        try:
            for line in lines(self._answers):
                self.messages.put(decode(line))
        except ProtocolError as error:
            self.messages.put(error)
        finally:
            self.messages.put(None)
            os.close(self._answers)

    def _keep_log(self, process: subprocess.Popen[bytes]) -> None:
        stream = process.stdout
        assert stream is not None
        while data := os.read(stream.fileno(), 1 << 16):
            with self._lock:
                self._log.append(data)
                self._logged += len(data)
                while self._logged - len(self._log[0]) >= LOG:
                    self._logged -= len(self._log.popleft())
        stream.close()
        # A worker that closed its output still runs, and would end with this thread.
        with contextlib.suppress(ChildProcessError, AttributeError):
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def sweep() -> None:
    """Removes the folders of workers that were ended in a way that left nobody to do it."""
    try:
        left = [entry.path for entry in os.scandir(tempfile.gettempdir()) if entry.name.startswith(_PREFIX)]
    except OSError:
        return
    for path in left:
        try:
            guard = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue
        try:
            status = os.fstat(guard)
            # A new one may not be locked yet.
            is_old = time.time() - status.st_mtime > _NEW
            if is_old and status.st_uid == os.getuid() and _try_lock(guard):
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(guard)


def signal_name(status: int) -> str:
    """What ended a process with such a status: "SIGSEGV", "status 3"."""
    if status >= 0:
        return f"status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"


def total_memory() -> int:
    """Bytes of memory that this machine, or the container, has."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(file).read_text("ascii")))
    return min(size for size in sizes if size > 0)


def _try_lock(descriptor: int) -> bool:
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        # Held by somebody, or a file system without locks: nothing is known, so nothing is swept.
        return False
    return True


def _resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _members(group: int) -> list[int]:
    """The processes of a group."""
    if not sys.platform.startswith("linux"):
        return []
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name of the program stands in parentheses and may hold anything.
                    fields = file.read().rpartition(b")")[2].split()
                if int(fields[2]) == group:
                    found.append(int(name))
            except (OSError, ValueError, IndexError):
                continue
    return found
