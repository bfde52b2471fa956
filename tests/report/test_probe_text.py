"""What a probe prints at a terminal."""

from __future__ import annotations

import pytest

from probed import CHECKPOINTS, colours, failed, measured, network, result
from stand_ins import Analysed
from trainlint.report.probe_text import render, sparkline
from trainlint.report.terminal import Style, cells


def rendered(entries, networks, width=80, **style):
    return list(render(entries, networks, Style(width=width, **style)))


def one_finding(found, **changes):
    """A program with one finding that has this result."""
    program = Analysed("loss = f(y, y_)\n")
    program.find("silent-loss-broadcast", "f(y, y_)", "they broadcast", **changes)
    entry = program.entry()
    entry["findings"][0]["evidence"]["result"] = found
    return [entry]


def test_a_probe_in_full(seed):
    """The network, the arms, the verdicts with the gravest first, what it rests on, and what to do."""
    expected = """\
The network trained at train.py:7

  Network   171 parameters; Adadelta with the rate 0.001, batches of 128
  Learns    yes or no for each sample
  Data      synthetic, shaped like yours: teacher (answers that a small random
            network gives) and prototypes (one typical example for each answer,
            and noise)
  Measured  on tensorflow 2.21.0, CPU, in 3.4 seconds: 5 seeds x 200 steps, then
            8 seeds x 800 steps

  Skill is 1 for a perfect network, 0 for guessing by how often each answer
  occurs, below 0 for worse than that. Each network was trained several times,
  each time from other random numbers (a seed).
"""
    lines = rendered(*colours(seed))

    assert expected.splitlines() == lines[:13]
    titles = [line for line in lines if line.startswith(("Necessary", "Not reproduced", "Harmless here"))]
    assert ["Necessary", "Not reproduced", "Harmless here"] == [line.split(":")[0] for line in titles]
    assert "Repair `silent-loss-broadcast` first: without this repair the network does not" in lines


def test_table_of_arms(seed):
    """Each arm has its skill, the range over the seeds, the steps and a curve; what does the most harm comes first."""
    lines = rendered(*colours(seed))
    start = next(i for i, line in enumerate(lines) if line.startswith("  Task teacher"))

    assert [
        "  Task teacher                 skill  range of seeds  steps  while training",
        "  your program as written      -0.01  (-0.02..0.00)     800  ▁▁▁▁▁▁▁▁▁▁▁",
        "  everything repaired           0.96  (0.93..0.99)      800  ▃▄▅▆▆▇▇████",
        "  everything repaired except",
        "    silent-loss-broadcast       0.01  (0.00..0.01)      200  ▁▁▁▁▁▁▁",
        "    oversized-initial-weights   0.95  (0.93..0.98)      800  ▃▄▅▆▆▇▇████",
        "    dtype-passed-as-trainable  same as everything repaired",
        "  nothing repaired except",
        "    oversized-initial-weights   0.02  (0.01..0.03)      200  ▁▁▁▁▁▁▁",
        "    silent-loss-broadcast      -0.01  (-0.02..0.00)     200  ▁▁▁▁▁▁▁",
    ] == lines[start : start + 10]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_lines_fit(seed, width):
    """Nothing is wider than the terminal, however narrow."""
    assert width >= max(map(cells, rendered(*colours(seed), width=width)))


def test_very_long_names_fit():
    """An arm with a long name is cut in the table."""
    name = "all but " + "a-rule-with-a-very-long-name-" * 5
    found = one_finding(result("confirmed", "necessary"))

    lines = rendered(found, [network([measured("all repaired", 0.9), measured(name, 0.1)])])

    assert 80 >= max(map(cells, lines))
    assert any("..." in line for line in lines)


def test_without_unicode(seed):
    """A stream that cannot carry block characters gets ASCII alone."""
    assert all(line.isascii() for line in rendered(*colours(seed), unicode=False))


def test_colours_change_no_text(seed):
    """Colours are added around the text."""
    import re

    painted = rendered(*colours(seed), colour=True)

    assert rendered(*colours(seed)) == [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in painted]


def test_sparkline():
    """A curve is drawn from 0 to 1 with the middles between its points; what is no number is crossed out."""
    assert "▁▃▅▆█" == sparkline([-2.0, 0.5, 1.0], True)
    assert "_:=+#" == sparkline([-2.0, 0.5, 1.0], False)
    assert "▁××" == sparkline([0.0, None], True)
    assert "" == sparkline([], True)


def test_an_arm_that_failed():
    """The reason stands where its numbers would."""
    arms = [measured("as written", 0.2), failed("all repaired", error="out of memory on the card")]
    lines = rendered(one_finding(result("inconclusive", text="An arm could not be trained.")), [network(arms)])

    assert any("everything repaired" in line and "not measured: out of memory on the card" in line for line in lines)


def test_skills_that_are_no_numbers():
    """A seed whose loss was not finite is named; the others give the mean."""
    nothing = [None] * len(CHECKPOINTS)
    row = [0.1, 0.2, 0.3, 0.4]
    arm = measured("as written", 0.2, skill=[row, nothing], finite=[True, False])
    lost = measured("all repaired", 0.2, skill=[nothing, nothing], finite=[False, False])
    lines = rendered(one_finding(result()), [network([arm, lost])])

    assert any("as written" in line and "0.40  (0.40..0.40)" in line for line in lines)
    assert any("everything repaired" in line and "not measured: no number came out" in line for line in lines)
    assert "  as written: the loss was not a finite number with 1 of 2 seeds" in lines


def test_certificates_alone():
    """Where nothing was trained there is no table, and a confirmation says that it was computed."""
    found = result("confirmed", None, kind="certificate", seeds=None, steps=None, effect=None, text="Computed: 1.")
    lines = rendered(one_finding(found), [network([])])

    assert any("no training" in line for line in lines)
    assert not any(line.startswith("  Task") for line in lines)
    assert "Confirmed: computed on this network, without a training" in lines
    assert "Confirmed: `silent-loss-broadcast`." in lines


def test_what_could_not_be_probed():
    """A finding without an experiment says why."""
    found = result("inconclusive", None, kind=None, network=None, text="Not probed: the loss is unknown (line 3).")
    lines = rendered(one_finding(found), [])

    assert "Not probed: no experiment could answer" in lines
    assert "    → Not probed: the loss is unknown (line 3)." in lines
    assert "Nothing was confirmed, and not everything could be decided." in lines


def test_nothing_to_probe():
    """Without results one sentence is left."""
    assert ["There was nothing to probe."] == rendered([], [])


def test_repeated_findings_stand_together():
    """Findings of one rule share an arm, so their result is said once, with all places."""
    program = Analysed("a = f(1)\nb = f(2)\nc = f(3)\n", "net.ipynb", cell=2)
    for text in ("f(1)", "f(2)", "f(3)"):
        program.find("some-rule", text, "wrong")
    entry = program.entry()
    for finding in entry["findings"]:
        finding["evidence"]["result"] = result("confirmed", "contributing")
    lines = rendered([entry], [network([], file="net.ipynb", cell=4)])

    assert 1 == sum("some-rule" in line and "TL701" in line for line in lines)
    assert "  net.ipynb:cell 3:1:5  some-rule (TL701)" in lines
    assert "    also at cell 3:2:5, cell 3:3:5" in lines
    assert "The network trained at net.ipynb:cell 5:7" in lines


def test_what_a_repair_alone_does():
    """Enough, not enough, or nothing: for what does harm alone."""
    said = {
        0.9: "This repair alone is enough: skill 0.90.",
        0.4: "This repair alone is not enough: skill 0.40.",
        0.0: "This repair alone changes nothing to speak of: skill 0.00.",
    }
    for skill, text in said.items():
        found = result("confirmed", "contributing", alone={"skill": skill, "sufficient": skill > 0.8})
        assert any(text in line for line in rendered(one_finding(found), []))
    harmless = result("not-reproduced", "harmless-here", alone={"skill": 0.9, "sufficient": True})
    assert not any("alone" in line for line in rendered(one_finding(harmless), []))


def test_silenced_findings_are_left_out():
    """What a comment silences is not reported."""
    assert ["There was nothing to probe."] == rendered(one_finding(result(), suppressed="fine"), [])


def test_several_networks(seed):
    """A verdict says which network it was measured on, where there are several, and so do its conditions."""
    entries, networks = colours(seed)
    lines = rendered(entries, [*networks, network([], line=30, assumed=["a batch of 32"])])

    assert "    measured on the network trained at train.py:7" in lines
    assert "Taken for granted (the network at train.py:30)" in lines
    assert not any(line.startswith("    measured on") for line in rendered(*colours(seed)))


def test_findings_of_several_networks_are_ranked(seed):
    """What costs most stands at the top, and the tables of the networks behind the verdicts."""
    entries, networks = colours(seed)
    lines = rendered(entries, [*networks, network([], line=30)])

    assert [
        "4 findings on 2 networks, by what they cost",
        "",
        "                  skill lost",
        "  Necessary             0.93  silent-loss-broadcast      train.py:7:23",
        "  Not reproduced              dtype-passed-as-trainable  train.py:5:56 and 1 more",
        "  Harmless here         0.01  oversized-initial-weights  train.py:5:17",
    ] == lines[:6]
    tables = lines.index("The network trained at train.py:7")
    assert tables > next(i for i, line in enumerate(lines) if line.startswith("Harmless here: "))


def test_a_long_line_is_cut_around_its_place():
    """What the finding is about stays in sight."""
    program = Analysed(f"    value = {'some_name + ' * 20}f(y, y_)\n")
    program.find("silent-loss-broadcast", "f(y, y_)", "they broadcast")
    entry = program.entry()
    entry["findings"][0]["evidence"]["result"] = result()

    assert any(" | ..." in line and "f(y, y_)" in line for line in rendered([entry], []))
