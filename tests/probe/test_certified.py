"""Certificates of whole programs with a real worker: each rule's own cases, and what has no network."""

from __future__ import annotations

import os

import pytest

from rules.bench import Case, Fresh
from trainlint.config import Config
from trainlint.probe.certificates import MAKERS
from trainlint.probe.client import Limits, Worker
from trainlint.probe.entries import probed_entry
from trainlint.probe.errors import CANCELLED, NO_BACKEND, ProbeError
from trainlint.probe.service import Probed, Wishes, probe_findings
from trainlint.rules.base import Invalid
from trainlint.rules.registry import all_rules

BACKEND = os.environ.get("TRAINLINT_PROBE_PYTHON")
real = pytest.mark.skipif(not BACKEND, reason="TRAINLINT_PROBE_PYTHON names no interpreter with a backend")

RULES = {rule.name: rule for rule in all_rules()}

ACQUITTED = {
    "bias-before-batchnorm": 1.0, "redundant-reduction": 1.0,
    "dtype-passed-as-trainable": 0.6, "double-activation": 0.5, "mixed-keras-namespaces": 0.5, "missing-argument": 0.3,
    "unused-computation": 0.3, "probabilities-into-logits-loss": 0.6, "missing-nonlinearity": 0.2,
    "swapped-loss-arguments": 0.2,
}  # fmt: skip
"""Rules of which a share of the own cases, at most so large, is harmless in the installed versions."""

OPEN = {"activated-logits", "learning-rate-out-of-range"}
"""Rules whose own cases leave it to a training."""


@pytest.fixture(scope="module")
def worker():
    """One warm worker for all programs."""
    with Worker(str(BACKEND)) as started:
        yield started


def certified(rule: str, case: Invalid, folder, run) -> tuple[Fresh, Probed]:
    """What certificates say of the findings of a program; nothing is trained."""
    fresh = Fresh(Case(RULES[rule], case, rule), folder)
    config = Config(select=(rule,))

    def without_training(experiment):
        found = run({**experiment, "tasks": [], "steps": 0})
        return {**found, "arms": [], "seconds": 0.0}

    wishes = Wishes(device="cpu", thorough=False)
    return fresh, probe_findings(
        fresh.analysis, fresh.project, config, list(fresh.findings()), without_training, wishes
    )


def results(fresh: Fresh, probed: Probed) -> list[dict]:
    entry, _ = probed_entry(fresh.analysis, probed.outcomes, probed.unplanned, str)
    return [found for each in entry["findings"] if (found := each["evidence"]["result"]) is not None]


@real
@pytest.mark.parametrize("rule", sorted(name for name in MAKERS if "certificate" in RULES[name].evidence))
def test_own_cases_are_certified(rule, worker, tmp_path):
    """The planted mistakes of a rule's page are confirmed, but for those that change no number in these versions."""
    verdicts = []
    for number, case in enumerate(RULES[rule].INVALID):
        folder = tmp_path / str(number)
        folder.mkdir()
        fresh, probed = certified(rule, case, folder, lambda e: worker.run(e, limits=Limits(seconds=300.0)))
        verdicts += [found["verdict"] for found in results(fresh, probed) if found["kind"] == "certificate"]
    if rule in OPEN:
        return
    assert verdicts
    acquitted = verdicts.count("not-reproduced") / len(verdicts)
    assert acquitted <= ACQUITTED.get(rule, 0.0), verdicts
    assert rule not in ("bias-before-batchnorm", "redundant-reduction") or acquitted == 1.0


class Backend:
    """Stands in for a worker: answers each check with one reading, or raises."""

    def __init__(self, reading=None, error: ProbeError | None = None) -> None:
        self.reading = reading
        self.error = error
        self.asked: list[dict] = []

    def __call__(self, experiment):
        self.asked.append(experiment)
        if self.error is not None:
            raise self.error
        certified = [{"id": check["id"], "reading": self.reading} for check in experiment["certificates"]]
        return {"certificates": certified, "backend": {"name": "tensorflow", "version": "2.21"},
                "device": {"name": "cpu"}}  # fmt: skip


def of_case(rule: str, number: int, tmp_path, backend: Backend) -> tuple[Probed, list[dict]]:
    fresh, probed = certified(rule, RULES[rule].INVALID[number], tmp_path, backend)
    return probed, results(fresh, probed)


def test_finding_without_a_network_has_a_result(tmp_path):
    """It is confirmed by what the installed framework does, and counts as confirmed."""
    backend = Backend({"available": True, "error": "DeadlineExceededError", "library": "TensorFlow 2.21"})
    probed, (found,) = of_case("queue-runners-not-started", 0, tmp_path, backend)
    assert ("confirmed", "certificate", "tensorflow 2.21") == (found["verdict"], found["kind"], found["backend"])
    assert found["text"].startswith("Computed: in TensorFlow 2.21 a run that needs a queue")
    assert 1 == probed.confirmed


def test_without_a_backend_the_program_is_enough(tmp_path):
    """What follows from the program holds; what had to be asked says why it was not."""
    backend = Backend(error=ProbeError(NO_BACKEND, "no backend is installed."))
    _, (found,) = of_case("queue-runners-not-started", 0, tmp_path, backend)
    assert "confirmed" == found["verdict"] and found["text"].startswith("It follows from the program: ")

    other = tmp_path / "other"
    other.mkdir()
    _, (found,) = of_case("tensor-for-value", 0, other, backend)
    assert "inconclusive" == found["verdict"] and "no backend is installed" in found["text"]


def test_cancelling_goes_through(tmp_path):
    """A probe that is cancelled has no result."""
    with pytest.raises(ProbeError):
        of_case("tensor-for-value", 0, tmp_path, Backend(error=ProbeError(CANCELLED, "cancelled")))


def test_no_worker_is_asked_where_the_program_is_enough(tmp_path):
    """A certificate without checks needs no backend at all."""
    backend = Backend(error=ProbeError(NO_BACKEND, "no backend is installed"))
    _, (found,) = of_case("train-op-never-run", 0, tmp_path, backend)
    assert "confirmed" == found["verdict"]
    assert [] == backend.asked


def test_reason_names_what_is_missing(tmp_path):
    """A finding that nothing decides says why, not only that."""
    backend = Backend({"available": False, "reason": "this needs TensorFlow, which is not installed in this Python"})
    _, found = of_case("removed-api", 2, tmp_path, backend)
    assert "inconclusive" == found[0]["verdict"]
    assert "needs TensorFlow" in found[0]["text"]
