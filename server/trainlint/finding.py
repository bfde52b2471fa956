"""What a check finds: plain data that every output format, the editor and the probe agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.record import Record

if TYPE_CHECKING:
    from trainlint.fixes.actions import Remedy
    from trainlint.source.code import Place

SEVERITIES = ("info", "warning", "error")
"""From mild to grave."""

CATEGORIES = (
    "migration", "reproducibility", "speed", "initialization", "activation", "loss", "dropout", "normalization",
    "optimizer", "data", "shape", "training", "metrics", "suppression",
)  # fmt: skip
"""The closed list of rule categories; the band of a rule's code follows it."""


class Location(Record):
    """A stretch of a user's file.

    Lines and columns count from 1, columns in code points, the end is exclusive.
    `cell` is the index among all cells of a notebook, and lines count within that cell.
    """

    file: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None
    cell_id: str | None = None


class Step(Record):
    """One step of the chain of facts behind a finding: "y is fed [128] here"."""

    place: Place
    message: str


class Edit(Record):
    """Replace the text from `start` to `end` (offsets into `Document.text` of `file`) by `text`."""

    file: str
    start: int
    end: int
    text: str


class Fix(Record):
    """A repair.

    `safe`: right under every reading of the author's intent, and every program that was right means the same after it.
    `verified` is set once the repaired text was analysed again: it parses, the finding is gone, nothing new came.
    """

    title: str
    safety: str  # "safe" or "unsafe"
    edits: tuple[Edit, ...]
    verified: bool = False


class Finding(Record):
    """A mistake at a place.

    `rank` orders findings by how likely they are the cause of the trouble (frequency x severity x certainty, 1..125).
    `world` is the condition under which it holds, None if it always does; `assumed` lists what was taken for granted.
    `suppressed` is the text of the comment that silences it.
    `evidence` names what a probe can bring: "certificate", "training".
    """

    rule: str
    code: str
    category: str
    severity: str
    rank: int
    message: str
    place: Place
    trace: tuple[Step, ...] = ()
    world: str | None = None
    assumed: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = ()
    evidence: tuple[str, ...] = ()
    suppressed: str | None = None
    fingerprint: str = ""
    remedies: tuple[Remedy, ...] = ()
    """What the fixes are made from once somebody wants them."""


class Notice(Record):
    """Something that a check could not do, in one line that says what and where.

    `kind` is syntax-skipped, unreadable, unwritable, incomplete, comment, internal or config.
    """

    kind: str
    file: str
    message: str
    line: int | None = None
    cell: int | None = None


class ModelSummary(Record):
    """One model of the program and whether trainlint understood it; `missing` says what it did not."""

    place: Place
    name: str
    understood: bool
    missing: tuple[str, ...] = ()
