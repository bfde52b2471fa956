"""`check --probe`: what was measured stands with the findings."""

from __future__ import annotations

import json
import os
import time

import pytest

from reviewed import OLD
from trainlint.report.formats import FORMATS


def test_a_probe_that_is_not_possible_is_an_error(repository, trainlint):
    """What was found is shown all the same."""
    result = trainlint("check", "--probe", "certificate", "--python", "nowhere/python", "--output-format", "concise")

    assert (2, 5) == (result.status, result.out.count("\n"))
    assert result.errors.startswith("trainlint: error: --probe: ")


PYTHON = os.environ.get("TRAINLINT_PROBE_PYTHON", "")

TRAINED = pytest.mark.skipif(not PYTHON, reason="TRAINLINT_PROBE_PYTHON names no interpreter")


@TRAINED
def test_probes(repository, trainlint, monkeypatch, tmp_path):
    """What a probe says stands with the findings, and may decide alone whether a check fails."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    python = ("--python", PYTHON)
    exact = trainlint("check", "--probe", "certificate", *python, "--output-format", "json", "--diff-base", "main")
    trained = trainlint("check", "--probe", "training", *python, "--fail-on", "confirmed", "--output-format", "concise")
    kinds = {each["evidence"]["result"]["kind"] for each in json.loads(exact.out)["findings"]}

    assert {"certificate"} == kinds
    assert 1 == trained.status
    assert "[probe: confirmed" in trained.out


@TRAINED
@pytest.mark.parametrize("budget", [1, 5])
def test_the_budget_is_kept(budget, repository, trainlint, monkeypatch, tmp_path):
    """It holds for all files together; what it does not reach says so, and is not confirmed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for n in range(4):
        repository.write(**{f"more{n}": OLD.replace("Dense(16", f"Dense({20 + n}")})
    began = time.monotonic()
    options = ("--probe", "training", "--probe-budget", str(budget), "--python", PYTHON, "--fail-on", "confirmed")
    result = trainlint("check", *options)
    spent = time.monotonic() - began

    # Reading the files, and ending a worker that trains.
    assert spent < budget + 10
    assert f"Not probed: the budget of {budget} seconds was used up." in " ".join(result.out.split())
    assert budget > 1 or 0 == result.status


HARMLESS = """\
import numpy as np
import tensorflow as tf

x = tf.compat.v1.placeholder(tf.float32, [None, 4])
w = tf.Variable(tf.random.uniform([4, 1]), tf.float32)
y = tf.matmul(x, w)
"""


@TRAINED
def test_what_is_not_reproduced(repository, trainlint, monkeypatch, tmp_path):
    """It is shown as such in every format, fails a check as before, and passes where only what is confirmed counts."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    repository.write(harmless=HARMLESS)
    wanted = [f"--output-format={name}={tmp_path / name}" for name in FORMATS]
    probe = ("harmless.py", "--select", "dtype-passed-as-trainable", "--probe", "certificate", "--python", PYTHON)
    fails = trainlint("check", *wanted, *probe)
    passes = trainlint("check", *probe, "--fail-on", "confirmed")

    assert (1, 0) == (fails.status, passes.status)
    for name in FORMATS:
        text = (tmp_path / name).read_text("utf-8")
        assert "not-reproduced" in text or "not reproduced" in text
