"""The shapes of the data that all output formats agree on; imported by the type checker alone.

Lines and columns count from 1, columns in code points, ends are exclusive.
`cell` is the index from 0 among all cells of a notebook; lines count within it.
"""

from __future__ import annotations

from typing import Any, TypedDict

from typing_extensions import NotRequired


class LocationEntry(TypedDict):
    file: str
    cell: int | None
    line: int
    column: int
    end_line: int
    end_column: int


class StepEntry(LocationEntry):
    message: str


class EditEntry(LocationEntry):
    text: str


class FixEntry(TypedDict):
    title: str
    safety: str
    edits: list[EditEntry]


class EffectEntry(TypedDict):
    """The loss of skill while a mistake is left in, on the task where it is largest."""

    skill: float
    skill_repaired: float
    relative: float
    low: float | None
    high: float | None
    p: float


class AloneEntry(TypedDict):
    """What the repair of one mistake alone does to the program as written."""

    skill: float
    sufficient: bool


class ResultEntry(TypedDict):
    """What a probe measured of a finding; `network` is its place in the list of networks."""

    verdict: str
    attribution: str | None
    kind: str | None
    data: str | None
    backend: str | None
    device: str | None
    seeds: int | None
    steps: int | None
    effect: EffectEntry | None
    alone: AloneEntry | None
    text: str
    network: int | None


class EvidenceEntry(TypedDict):
    available: list[str]
    result: ResultEntry | None


class MeasuredEntry(TypedDict):
    """An arm that was trained on a task; `arms` names all that have the same network, `run` counts from 0."""

    name: str
    task: str
    arms: list[str]
    run: int
    checkpoints: list[int]
    skill: list[list[float | None]]
    loss: list[list[float | None]]
    accuracy: list[list[float | None]]
    spread: list[list[float | None]]
    curve_steps: list[int]
    curve: list[list[float | None]]
    gradients: dict[str, list[float | None]]
    activations: dict[str, list[dict[str, float | None]]]
    update_ratio: list[float | None]
    finite: list[bool]
    error: str | None


class RunEntry(TypedDict):
    """A budget; `optimizer` names the one that stood in for the repaired one, None for the arms' own."""

    seeds: int
    steps: int
    optimizer: str | None


class LayerEntry(TypedDict):
    """A weight or an activation of the network as written; `repaired` is its name in the repaired network."""

    kind: str
    layer: str | None
    shape: list[int] | None
    repaired: str | None


class NetworkEntry(TypedDict):
    """A network that was probed."""

    file: str
    cell: int | None
    line: int
    parameters: int
    batch: int
    task: dict[str, Any]
    optimizer: dict[str, Any]
    raised_rate: float | None
    trained: bool
    backend: str | None
    device: dict[str, Any] | None
    seconds: float
    runs: list[RunEntry]
    overall: EffectEntry | None
    arms: list[MeasuredEntry]
    repaired: dict[str, list[str]]
    layers: dict[str, LayerEntry]
    assumed: list[str]
    left_out: list[str]
    notes: list[str]


class LineEntry(TypedDict):
    """A line of the user's text that a finding speaks of."""

    file: str
    cell: int | None
    line: int
    text: str


class FindingEntry(LocationEntry):
    rule: str
    code: str
    category: str
    severity: str
    rank: int
    url: str
    message: str
    cell_id: str | None
    trace: list[StepEntry]
    world: str | None
    assumed: list[str]
    suppressed: str | None
    fixes: list[FixEntry]
    evidence: EvidenceEntry
    fingerprint: str
    lines: list[LineEntry]
    """For formats that show source text; no part of the JSON document."""


class ModelEntry(TypedDict):
    file: str
    cell: int | None
    line: int
    understood: bool
    missing: list[str]


class StatementEntry(TypedDict):
    """A fact that somebody could state, as a comment on a line; `weight` says how much depends on it."""

    file: str
    cell: int | None
    line: int
    name: str
    comment: str
    models: int
    weight: int


class NoticeEntry(TypedDict):
    kind: str
    file: str
    cell: int | None
    line: int | None
    message: str


class FileEntry(TypedDict):
    """Everything that the analysis of one file has to say."""

    file: str
    models: list[ModelEntry]
    findings: list[FindingEntry]
    notices: list[NoticeEntry]
    statement: StatementEntry | None
    """For the text report; no part of the JSON document."""
    siblings: NotRequired[list[str]]
    """The other files that the analysis drew in; no part of the JSON document."""
