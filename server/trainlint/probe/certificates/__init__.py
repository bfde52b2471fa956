"""Certificates: exact facts that decide by themselves, without training.

They are computed in a few passes through the network, asked of the framework that is installed, or follow from the
program alone. Each band of rules has a module; `docs/probe-format.md` lists the checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainlint.probe.certificates import (  # noqa: F401
    activations,
    data,
    dropout,
    losses,
    metrics,
    migration,
    normalization,
    optimizers,
    sessions,
    shapes,
    training,
)
from trainlint.probe.certificates.reasons import REASONS
from trainlint.probe.certificates.request import MAKERS, Certificate, Checks, Decision, Remark, Request
from trainlint.probe.experiment import AS_WRITTEN, VERSION
from trainlint.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trainlint.finding import Finding
    from trainlint.probe.experiment import Json
    from trainlint.probe.networks import Network
    from trainlint.probe.replica import Replica
    from trainlint.program.program import Program

__all__ = ["MAKERS", "REASONS", "Certificate", "Decided", "Decision", "Request", "alone", "certificates", "decided"]


def certificates(
    programs: Sequence[Program],
    network: Network | None,
    findings: Sequence[Finding],
    written: Replica | None,
    repaired: Replica | None,
) -> tuple[tuple[Certificate, ...], dict[int, str]]:
    """The certificates of findings that have one, and why others have none, by the identity of the finding.

    `written` and `repaired` are the replicas of the network; without them only what needs none is made.
    """
    found: list[Certificate] = []
    reasons: dict[int, str] = {}
    number = 0
    for finding in findings:
        made = _first(programs, network, finding, written, repaired)
        if isinstance(made, str):
            reasons[id(finding)] = made
        elif isinstance(made, Decision):
            found.append(Certificate(finding, (), lambda _, decision=made: decision))
        elif made is not None:
            checks = []
            for check in made.checks:
                number += 1
                checks.append({"arm": AS_WRITTEN, **check, "id": str(number)})
            found.append(Certificate(finding, tuple(checks), made.decide, made.instead))
    return tuple(found), reasons


def _first(
    programs: Sequence[Program], network: Network | None, finding: Finding, written: Replica | None,
    repaired: Replica | None,
) -> Checks | Decision | str | None:  # fmt: skip
    """What can be made of a finding with its network, else with another root or world of the program."""
    reason = None
    requests = [] if network is None else [Request(network.program, finding, network, written, repaired)]
    others = (program for program in programs if network is None or program is not network.program)
    for request in (*requests, *(Request(program, finding, None, None, None) for program in others)):
        made = _made(request)
        if made is not None and not isinstance(made, str):
            return made
        reason = reason or made
    return reason or REASONS.get(finding.rule)


def _made(request: Request) -> Checks | Decision | str | None:
    """What the first maker of a rule that has something makes, else the reason of the last."""
    reason = None
    for registered in MAKERS.get(request.finding.rule, ()):
        if registered.network and request.written_ is None:
            continue
        made = registered.make(request)
        if isinstance(made, str):
            reason = made
        elif made is not None:
            return made
    return reason


class Decided(Record, eq=False):
    """What certificates say of findings, each by the identity of the finding.

    `reasons` is why nothing was decided, `remarks` what was read that decides nothing.
    """

    decisions: dict[int, Decision]
    reasons: dict[int, str]
    remarks: dict[int, str]


def decided(certificates: Iterable[Certificate], certified: Iterable[Json]) -> Decided:
    """What certificates say after the worker has answered."""
    readings: Mapping[str, Any] = {each["id"]: each.get("reading") for each in certified}
    found: dict[int, Decision] = {}
    reasons: dict[int, str] = {}
    remarks: dict[int, str] = {}
    for certificate in certificates:
        taken = [readings.get(check["id"]) for check in certificate.checks]
        failed = next((why for reading in taken if (why := _failed(reading)) is not None), None)
        said = failed or certificate.decide([reading for reading in taken if isinstance(reading, dict)])
        if isinstance(said, Decision):
            found[id(certificate.finding)] = said
        elif isinstance(said, Remark):
            remarks[id(certificate.finding)] = said.sentence
        elif certificate.instead is not None:
            found[id(certificate.finding)] = certificate.instead
        elif said is not None:
            reasons[id(certificate.finding)] = said
    return Decided(found, reasons, remarks)


def _failed(reading: Json | None) -> str | None:
    """Why a reading is none; None where it is one."""
    if not isinstance(reading, dict):
        return "it was not computed"
    if reading.get("error") and "available" not in reading:
        return str(reading["error"])
    if reading.get("available") is False and reading.get("reason"):
        return str(reading["reason"])
    return None


def alone(certificates: Iterable[Certificate], device: str = "auto") -> Json | None:
    """An experiment of certificates that need no network; None where nothing has to be computed."""
    checks = [check for each in certificates for check in each.checks]
    if not checks:
        return None
    return {
        "version": VERSION, "arms": [], "tasks": [], "seeds": [0], "steps": 0, "checkpoints": [0], "batch": 1,
        "rows": 0, "held_out": 0, "device": "cpu" if device == "auto" else device, "certificates": checks,
    }  # fmt: skip
