"""`trainlint probe`: what it says where there is nothing to measure, and what it reports where there is."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainlint.cli.main import group
from trainlint.cli.probing import Probing
from trainlint.probe.errors import ProbeError
from trainlint.probe.plan import Unplanned
from trainlint.probe.service import Certified, Probed

SEEDS = Path(__file__).resolve().parents[2] / "fixtures" / "compat"
BACKEND = os.environ.get("TRAINLINT_PROBE_PYTHON")
needs_backend = pytest.mark.skipif(not BACKEND, reason="TRAINLINT_PROBE_PYTHON names no interpreter with a backend")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """What is measured here is not kept for the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def probe(*arguments):
    """The status, the output and the errors of a call."""
    done = CliRunner().invoke(group, ["probe", *map(str, arguments)], standalone_mode=False)
    message = done.exception.format_message() if hasattr(done.exception, "format_message") else ""
    return done.return_value, done.stdout, done.stderr + message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a FILE to probe"),
        (("a.py", "b.py"), "one FILE at a time"),
        (("--script", "--all", "a.py"), "--script runs one program"),
        (("--yes", "a.py"), "belong to --script"),
        ((SEEDS,), "--all probes what is in it"),
        ((SEEDS / "nothing.py",), "No such file"),
    ],
)
def test_wrong_usage_is_one_line(arguments, message):
    """What is wrong, and what to do."""
    assert message in probe(*arguments)[2]


def test_nothing_to_probe():
    """A line without a finding is no error."""
    status, output, _ = probe(f"{SEEDS / 'seed003_always_half.py'}:3")
    assert (status, "There is no finding on line 3" in output) == (0, True)


def test_environment_without_a_backend():
    """The error says which command installs one."""
    status, _, errors = probe(SEEDS / "seed003_always_half.py", "--python", sys.executable)
    assert (status, f"{sys.executable} -m pip install tensorflow" in errors) == (2, True)


def test_one_file_that_cannot_be_probed_leaves_the_others(monkeypatch):
    """A probe of several files says which one failed, goes on, and its status tells."""
    asked = []

    def measured(self, opened):
        asked.append(opened.analysis.path)
        if len(asked) == 1:
            raise ProbeError("time", "it took longer than 600 seconds")
        return Probed((), (Certified(Unplanned(opened.findings, "the next one")),))

    monkeypatch.setattr(Probing, "measure", measured)
    status, output, errors = probe(
        "--all", SEEDS / "seed000_dropout_blamed.py", SEEDS / "seed002_shared_mask.py", "--output-format", "json"
    )
    texts = {each["evidence"]["result"]["text"] for each in json.loads(output)["findings"]}
    assert (status, len(asked)) == (2, 2)
    assert "seed000_dropout_blamed.py: it took longer than 600 seconds" in errors
    assert texts == {"Not probed: it took longer than 600 seconds.", "Not probed: the next one."}


@needs_backend
def test_certificate_of_a_shared_mask(tmp_path):
    """An exact check decides without a training, and the report goes where it is asked for."""
    target = tmp_path / "report.json"
    status, output, _ = probe(
        SEEDS / "seed002_shared_mask.py", "--python", BACKEND, "--device", "cpu", "--no-cache",
        "--output-format", "json", "--output-file", target,
    )  # fmt: skip
    (finding,) = json.loads(target.read_text())["findings"]
    result = finding["evidence"]["result"]
    assert (status, output) == (1, "")
    assert (result["verdict"], result["kind"], result["steps"]) == ("confirmed", "certificate", None)


@needs_backend
def test_accuracy_that_counts_ties():
    """Seed 004: the 99 % are a tie count, and the ReLU harms on counts."""
    _, output, _ = probe(
        SEEDS / "seed004_mysterious_relu.py",
        "--python",
        BACKEND,
        "--device",
        "cpu",
        "--quick",
        "--output-format",
        "json",
    )
    found = {each["rule"]: each["evidence"]["result"] for each in json.loads(output)["findings"]}
    assert found["tie-counting-accuracy"]["verdict"] == "confirmed"
    assert "100%, where guessing gives 14%" in found["tie-counting-accuracy"]["text"]
    assert found["activated-logits"]["verdict"] != "not-reproduced"


@needs_backend
def test_initializer_is_blamed_and_dropout_is_not():
    """Seed 000: the weights are too large; dropout has no finding to be blamed for."""
    status, output, _ = probe(
        SEEDS / "seed000_dropout_blamed.py",
        "--python",
        BACKEND,
        "--device",
        "cpu",
        "--quick",
        "--output-format",
        "json",
    )
    document = json.loads(output)
    verdicts = {each["rule"]: each["evidence"]["result"]["verdict"] for each in document["findings"]}
    assert (status, verdicts["oversized-initial-weights"]) == (1, "confirmed")
    assert not any("dropout" in rule for rule in verdicts)
    assert document["arms"][0]["raised_rate"] == 0.001


@needs_backend
def test_seed_003_by_what_matters():
    """Broadcast and rate are necessary, initialiser and squared error harmless, the sigmoids slow down at most."""
    _, output, _ = probe(
        SEEDS / "seed003_always_half.py", "--python", BACKEND, "--device", "cpu", "--output-format", "json"
    )
    found = {each["rule"]: each["evidence"]["result"]["attribution"] for each in json.loads(output)["findings"]}
    assert found["silent-loss-broadcast"] == "necessary"
    assert found["slow-default-learning-rate"] == "necessary"
    assert found["unscaled-inputs"] in ("contributing", "slows-down")
    assert found["squared-error-classifier"] == "harmless-here"
    assert found["oversized-initial-weights"] == "harmless-here"
    assert found["saturating-hidden-stack"] in ("slows-down", "harmless-here")
