"""Probes for the editor: a training in another process, while the server goes on answering."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.config import Config
    from trainlint.probe.client import Worker
    from trainlint.probe.errors import ProbeError
    from trainlint.probe.interpreters import Interpreter
    from trainlint.probe.script import Experiment
    from trainlint.project import Project

    Work = Callable[["ProbeRequest", "Tell", threading.Event], dict[str, Any]]

Tell = Callable[[str], None]
"""Takes a sentence on what happens; called in another thread."""

SCRIPT_SEEDS, SCRIPT_STEPS = 5, 200
"""How often, and for how long, the user's program is run: as much as a verdict takes."""


class ProbeRequest(Record, eq=False):
    """What is to be probed: the text of a document as it stands, and one finding of it, or all.

    `python` and `device` are the user's settings. Where the workspace is not `trusted`, no interpreter from inside of
    its `folders` is started.
    """

    path: str
    data: bytes
    project: Project
    config: Config
    fingerprint: str | None = None
    python: str = ""
    chosen_by: str = ""
    """Who chose `python`, for people; "" for the setting."""
    device: str = "auto"
    seconds: float = 300.0
    trusted: bool = True
    folders: Sequence[str] = ()

    def name(self, path: str) -> str:
        """A path for people: relative to the folder of the workspace that it is in."""
        for folder in self.folders:
            if path.startswith(folder.rstrip(os.sep) + os.sep):
                return os.path.relpath(path, folder).replace(os.sep, "/")
        return os.path.basename(path)


class Measured(Record, eq=False):
    """What a probe said of a finding, and the text that it was said of."""

    result: dict[str, Any]
    data: bytes


class ProbeService(Protocol):
    """Probes findings; one that takes long says what it does and can be cancelled."""

    @property
    def available(self) -> bool:
        """Whether it can probe at all."""

    async def probe(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        """The measured verdicts: `findings` and `networks` as in the JSON document.

        `message` says in a sentence what came out, or why nothing did; `available` is false where probing is not
        possible at all, `cancelled` is true where somebody did not want to wait.
        """

    async def question(self, request: ProbeRequest) -> dict[str, Any]:
        """What running the user's program would mean: `question`, or `error` and `message` if it cannot be run."""

    async def script(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        """Runs the user's program, who agreed to that: `script` as `trainlint probe --script` prints it."""

    def cancel(self) -> bool:
        """Ends the probes that run or wait; whether there was one."""

    def close(self) -> None:
        """Leaves no process behind."""


class WorkerProbe:
    """Probes in the user's interpreter, with a process that stays warm for the next one."""

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self._running: set[threading.Event] = set()
        self._lock = threading.Lock()

    @property
    def available(self) -> bool:
        return True

    async def probe(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        return await self._in_thread(self._probe, request, tell)

    async def question(self, request: ProbeRequest) -> dict[str, Any]:
        return await asyncio.to_thread(question, request)

    async def script(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        return await self._in_thread(run_script, request, tell)

    async def _in_thread(self, work: Work, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        cancelled = threading.Event()
        self._running.add(cancelled)
        try:
            return await asyncio.to_thread(work, request, tell, cancelled)
        finally:
            self._running.discard(cancelled)

    def cancel(self) -> bool:
        running = list(self._running)
        for event in running:
            event.set()
        return bool(running)

    def close(self) -> None:
        self.cancel()
        for worker in list(self._workers.values()):
            worker.close()

    def _probe(self, request: ProbeRequest, tell: Tell, cancelled: threading.Event) -> dict[str, Any]:
        from trainlint.analysis import analyse
        from trainlint.probe.arms import concerning
        from trainlint.probe.client import Limits
        from trainlint.probe.entries import probed_entry
        from trainlint.probe.errors import ProbeError
        from trainlint.probe.service import Wishes, probe_findings

        tell("planning the experiment")
        analysis = analyse(request.data, request.path, request.project, request.config)
        findings = [f for f in concerning(analysis, None) if request.fingerprint in (None, f.fingerprint)]
        if not findings:
            return {"available": True, "message": "there is no finding to probe", "findings": [], "networks": []}

        def run(experiment: dict[str, Any]) -> dict[str, Any]:
            return self._worker(request).run(
                experiment, lambda step: tell(sentence(step)), cancelled.is_set, Limits(seconds=request.seconds)
            )

        try:
            probed = probe_findings(
                analysis, request.project, request.config, findings, run, Wishes(device=request.device)
            )
            interpreter = interpreter_of(request)
        except ProbeError as error:
            return refused(error)
        entry, networks = probed_entry(analysis, probed.outcomes, probed.unplanned, request.name)
        wanted = {finding.fingerprint for finding in findings}
        shown = [each for each in entry["findings"] if each["fingerprint"] in wanted]
        return {
            "available": True, "message": _told(shown), "findings": shown, "networks": networks,
            "interpreter": {"path": interpreter.path, "reason": interpreter.reason},
        }  # fmt: skip

    def _worker(self, request: ProbeRequest) -> Worker:
        from trainlint.probe.client import Worker as MakeWorker
        from trainlint.probe.results_cache import ResultsCache

        interpreter = interpreter_of(request)
        with self._lock:
            worker = self._workers.get(interpreter.path)
            if worker is None or worker.closed:
                worker = self._workers[interpreter.path] = MakeWorker(interpreter, cache=ResultsCache())
            return worker


def interpreter_of(request: ProbeRequest) -> Interpreter:
    """The interpreter that a probe trains in, with the reason; raises ProbeError."""
    from trainlint.probe.interpreters import find_interpreter

    found = find_interpreter(
        Path(request.path),
        setting=request.python or None,
        trusted=request.trusted,
        workspace=[Path(folder) for folder in request.folders],
    )
    return found.replace(reason=request.chosen_by) if request.python and request.chosen_by else found


def refused(error: ProbeError) -> dict[str, Any]:
    """The answer where nothing was measured."""
    from trainlint.probe import errors

    if error.kind == errors.CANCELLED:
        return {"available": True, "cancelled": True, "message": "the probe was cancelled"}
    return {"available": True, "message": error.message, "error": error.kind}


def question(request: ProbeRequest) -> dict[str, Any]:
    """What to ask before the user's program is run, and what it may touch."""
    from trainlint.probe.script import isolation

    found = _to_run(request)
    if isinstance(found, dict):
        return found
    interpreter, experiment = found
    runs = SCRIPT_SEEDS * len(experiment.arms)
    asked = (
        f"Run {request.name(request.path)} {runs} times ({len(experiment.arms)} variants, {SCRIPT_SEEDS} seeds, "
        f"{SCRIPT_STEPS} training steps each) with {interpreter.path}?"
    )
    kept = isolation()
    return {"available": True, "question": asked, "detail": kept.sentence, "isolation": kept.kind}


def run_script(request: ProbeRequest, tell: Tell, cancelled: threading.Event) -> dict[str, Any]:
    """Runs the user's program as written and repaired; only where the user agreed."""
    from trainlint.probe.errors import ProbeError
    from trainlint.probe.script import Limits, Progress, as_json, run

    found = _to_run(request)
    if isinstance(found, dict):
        return found
    interpreter, experiment = found

    def show(step: Progress) -> None:
        done = f", {step.step} of {step.steps} steps" if step.step else ""
        tell(f"run {step.run} of {step.runs}: {step.arm}, {step.phase}{done}")

    try:
        result = run(
            experiment, python=interpreter.path, seeds=range(SCRIPT_SEEDS), steps=SCRIPT_STEPS,
            limits=Limits(seconds=request.seconds), progress=show, cancelled=cancelled,
        )  # fmt: skip
    except ProbeError as error:
        return refused(error)
    if result.cancelled:
        return {"available": True, "cancelled": True, "message": "the probe was cancelled"}
    sentences = [text for comparison in result.comparisons for text in comparison.sentences]
    return {
        "available": True, "message": sentences[0] if sentences else "the program could not be compared",
        "script": {**as_json(result), "entry": request.name(request.path)},
        "interpreter": {"path": interpreter.path, "reason": interpreter.reason},
    }  # fmt: skip


def _to_run(request: ProbeRequest) -> tuple[Interpreter, Experiment] | dict[str, Any]:
    """What would run the user's program, and its variants; the answer where that cannot be."""
    from trainlint.analysis import analyse
    from trainlint.probe.arms import concerning
    from trainlint.probe.errors import ProbeError
    from trainlint.probe.script.planning import script_of

    try:
        interpreter = interpreter_of(request)
    except ProbeError as error:
        return refused(error)
    analysis = analyse(request.data, request.path, request.project, request.config)
    findings = [f for f in concerning(analysis, None) if request.fingerprint in (None, f.fingerprint)]
    experiment = script_of(analysis, request.project, request.config, findings, ())
    if experiment is None:
        return {"available": True, "message": "there is no repair to try in this program", "error": "no-repair"}
    return interpreter, experiment


def sentence(step: dict[str, Any]) -> str:
    """What a worker does, for people."""
    if step.get("message"):
        return str(step["message"])
    if step.get("arm"):
        return f"training {step['arm']}, {step.get('done', 0)} of {step.get('of', '?')} steps"
    return str(step.get("stage") or step.get("kind") or "probing")


def _told(findings: Sequence[Any]) -> str:
    """The outcome in one sentence: of one finding its verdict, of several how many were confirmed."""
    results = [(each["rule"], each["evidence"]["result"]) for each in findings]
    known = [(rule, result) for rule, result in results if result is not None]
    if len(known) == 1:
        rule, result = known[0]
        return f"{rule}: {result['verdict'].replace('-', ' ')}. {result['text']}"
    confirmed = sorted({rule for rule, result in known if result["verdict"] == "confirmed"})
    if not confirmed:
        return f"none of {len(known)} findings was confirmed"
    return f"confirmed: {', '.join(confirmed)} ({len(known)} findings were probed)"


class NoProbe:
    """Stands in where probing is not wanted."""

    MESSAGE = "this server cannot probe findings"

    @property
    def available(self) -> bool:
        return False

    async def probe(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        return {"available": False, "message": self.MESSAGE}

    async def question(self, request: ProbeRequest) -> dict[str, Any]:
        return {"available": False, "message": self.MESSAGE, "error": "unavailable"}

    async def script(self, request: ProbeRequest, tell: Tell) -> dict[str, Any]:
        return {"available": False, "message": self.MESSAGE, "error": "unavailable"}

    def cancel(self) -> bool:
        return False

    def close(self) -> None:
        """There is nothing to end."""
