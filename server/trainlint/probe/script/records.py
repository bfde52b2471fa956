"""What goes into script mode and what comes out, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from trainlint.record import Record

Curve = tuple[tuple[int, float | None], ...]
"""Pairs of a training step, counted from 1, and a value; None where the program reported no number."""

Outcome = Literal[
    "finished",
    "ended-early",
    "no-training-step",
    "error",
    "backend-missing",
    "died",
    "timed-out",
    "out-of-memory",
    "too-many-processes",
    "cancelled",
    "not-started",
]


class Arm(Record):
    """One variant of the program: the files that differ from those on disk, by absolute path."""

    name: str
    files: Mapping[str, bytes] = {}
    loss: str | None = None
    """A word for the loss function, where the caller knows it: arms are comparable when theirs are equal.

    Without it, what was seen while the program ran decides.
    That does not see a repair of what the loss is computed from (labels [n] against predictions [n, 1]), so such a
    repair has to say so here.
    """
    judged: bool = True
    """False where a short run can't tell what is better: it always prefers less regularization."""


class Experiment(Record):
    """A program and its arms; the first arm is the program as it is written."""

    entry: str
    """The absolute path of the program; a notebook has a path with `.py` that need not exist, and text in every arm."""
    arms: tuple[Arm, ...]
    folder: str | None = None
    """Where the program runs; None is the folder that it lies in."""
    root: str | None = None
    """The project that the program belongs to; None is the folder that it lies in."""
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str | None] = {}
    """Variables to set, and to remove where the value is None."""
    notebook: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    """Names of arms to compare, the repaired one second; empty compares each with the first one."""


class Limits(Record):
    """What one run may take before it is ended."""

    seconds: float = 600.0
    """From its start on, the import of the backend included."""
    memory: int = 16 << 30
    """Bytes of all its processes together."""
    files: int = 2 << 30
    """Bytes that it may write: in all where it is isolated, else to one file."""
    processes: int = 64
    output: int = 64 << 10
    """Bytes of its output to keep."""


class Isolation(Record):
    """How far a program is kept away from everything else."""

    kind: Literal["bubblewrap", "none"]
    writes: Literal["discarded", "refused", "kept"]
    sentence: str
    """For the user who is asked whether the program may run."""


class Progress(Record):
    """Where an experiment is."""

    arm: str
    seed: int
    run: int
    runs: int
    phase: Literal["starting", "importing", "training", "ending", "done"]
    step: int
    steps: int
    loss: float | None = None
    seconds: float = 0.0


class Output(Record):
    """What a program printed, without the middle where it was too much."""

    head: str = ""
    tail: str = ""
    dropped: int = 0
    """Bytes between head and tail."""

    @property
    def text(self) -> str:
        """All that was kept, with a line for what was not."""
        if not self.dropped:
            return self.head + self.tail
        return f"{self.head}\n... {self.dropped} bytes left out ...\n{self.tail}"


class Run(Record):
    """One arm with one seed."""

    arm: str
    seed: int
    outcome: Outcome
    message: str
    """What happened, as a sentence."""
    steps: int = 0
    losses: Curve = ()
    """Of what was trained first."""
    other_losses: Mapping[str, Curve] = {}
    """Of further networks and optimizers."""
    metrics: Mapping[str, Curve] = {}
    place: tuple[str, int, str] | None = None
    """File, line and function of the user's code that an error comes from."""
    loss: str | None = None
    """The loss function as far as it was seen."""
    optimizer: str | None = None
    weights: tuple[tuple[tuple[int, ...], int], ...] | None = None
    """Shape and checksum of what training begins with."""
    device: str = ""
    backend: str = ""
    versions: Mapping[str, str] = {}
    seconds: float = 0.0
    training_seconds: float = 0.0
    peak_memory: int = 0
    output: Output = Output()
    notes: tuple[str, ...] = ()


class Comparison(Record):
    """What two arms show against each other."""

    before: str
    after: str
    verdict: Literal["confirmed", "not-reproduced", "inconclusive"] | None
    """None where only what was seen can be told."""
    seeds: tuple[int, ...]
    """The seeds that both arms finished."""
    step: int
    """The last step that all of those reached."""
    comparable: bool
    """Whether the losses mean the same."""
    loss: tuple[float, float] | None = None
    """Median over the seeds at the end."""
    relative: float | None = None
    """Median over the seeds of (before - after) / before at the end: what of the loss is gone."""
    effect: tuple[float, float, float] | None = None
    """Mean and 90 % interval of the difference of skill, relative to the skill of the arm after."""
    metrics: Mapping[str, tuple[float, float]] = {}
    """What both report: medians over the seeds of the last values."""
    sentences: tuple[str, ...] = ()


class ScriptResult(Record):
    """All runs of an experiment, and what they show."""

    entry: str
    steps: int
    seeds: tuple[int, ...]
    isolation: Isolation
    runs: tuple[Run, ...]
    comparisons: tuple[Comparison, ...]
    python: str
    cancelled: bool = False
    notes: tuple[str, ...] = ()
