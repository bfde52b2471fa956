"""The report for people."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.finding import ModelSummary, Notice, Step
from trainlint.report.terminal import Style, cells
from trainlint.report.text import Report, render

ANSI = re.compile("\x1b\\[[0-9;]*m")


def text(*analyses, width=100, colour=False, files=None, **options):
    """The report as one text."""
    report = Report(files or len(analyses), Style(colour, width), hints=options.pop("hints", False), **options)
    return "\n".join(render([analysed.entry() for analysed in analyses], report))


def test_one_finding(analysed):
    """A finding shows where it is, what is wrong, the line with the place underlined, the trace and the fix."""
    program = analysed("loss = mean(squared(y, y_))\nrun(loss, {y: labels})\n")
    program.find(
        "silent-loss-broadcast",
        "squared(y, y_)",
        "labels [128] against predictions [128, 1] broadcast to [128, 128]",
        severity="error",
        trace=(Step("labels", "y is fed [128] here"),),
        fixes=(program.fix("Give the labels a second axis", "unsafe", ("(y, y_)", "(y[:, None], y_)")),),
    ).model("loss")

    expected = """\
train.py:1:13  error  silent-loss-broadcast (TL701)
  labels [128] against predictions [128, 1] broadcast to [128, 128]

    1 | loss = mean(squared(y, y_))
      |             ^^^^^^^^^^^^^^

  Because:
    2 | run(loss, {y: labels})
      |               ------ y is fed [128] here

  Fix (unsafe): Give the labels a second axis
    1 - loss = mean(squared(y, y_))
    1 + loss = mean(squared(y[:, None], y_))

Found 1 error in 1 file.
1 model: understood"""

    assert expected == text(program)


def test_findings_of_one_line_share_it(seed):
    """A line with two findings is shown once, with both places underlined and named."""
    report = text(seed)
    line = "    5 | w = tf.Variable(tf.random_normal([3, 10], stddev=1.0), tf.float32)\n"

    assert 1 == report.count(line + "      | ")
    assert "^^^ oversized-initial-weights\n" in report
    assert "^^^ dtype-passed-as-trainable\n" in report


def test_repeated_words_are_said_once(seed):
    """A finding that says what an earlier one said names it instead."""
    report = text(seed)

    assert "train.py:6:41  warning  dtype-passed-as-trainable (TL901), as in line 5\n" in report
    assert 1 == report.count("\n  the second argument of tf.Variable is")


def test_opening_is_ordered_by_rank(seed):
    """With more than a few findings the report opens with those most likely to matter."""
    opening = text(seed).split("\n\n")[1]

    assert ["silent-loss-broadcast", "dtype-passed-as-trainable", "oversized-initial-weights"] == re.findall(
        r"\d\. \w+ ([a-z-]+),", opening
    )


def test_the_opening_counts_rules(analysed):
    """What repeats, in a file or in several, is one kind of finding, and the number of the others is that of rules."""
    programs = [analysed("abcdefg\n", f"{name}.py") for name in "xyz"]
    for program in programs:
        for character in "abcdefg":
            program.find(f"rule-{character}", character, "wrong")
    report = text(*programs)

    assert "  1. warning rule-a, x.py:1:1, 3 times in 3 files\n" in report
    assert "  and 2 more kinds of findings, below\n" in report


def test_alternatives_are_counted(analysed):
    """Where a finding has several fixes, the report says which one is applied."""
    program = analysed("a\n")
    fixes = (program.fix("One", "unsafe", ("a", "b")), program.fix("Other", "unsafe", ("a", "c")))
    program.find("some-rule", "a", "wrong", fixes=fixes)

    assert "`--fix --unsafe-fixes` applies it (the first of 2).\n" in text(program, hints=True, width=120)


@pytest.mark.parametrize("width", [40, 80])
def test_the_report_fits(seed, width):
    """No line of prose is wider than the terminal."""
    lines = text(seed, width=width, hints=True, reason=lambda rule: "It hurts. " * 10).split("\n")

    assert [] == [line for line in lines if len(line) > width and "trainlint explain" not in line]


def test_a_skipped_statement_is_not_approved(analysed):
    """Where a statement could not be read, the report does not say that the file is free of mistakes."""
    program = analysed("a\n")
    program.notices.append(Notice("syntax-skipped", "train.py", "this statement was skipped", 1))

    assert "No mistakes found in what could be checked.\n" in text(program)


def test_a_notice_names_its_cell(analysed):
    """A line in a notebook is one of a cell."""
    program = analysed("a\n", "train.ipynb", cell=2)
    program.notices.append(Notice("syntax-skipped", "train.ipynb", "this statement was skipped", 2, cell=2))

    assert "note: train.ipynb:cell 3:2: this statement was skipped\n" in text(program)


def test_few_findings_have_no_opening(analysed):
    """A short report starts with the finding itself."""
    program = analysed("a\n").find("some-rule", "a", "wrong")

    assert text(program).startswith("train.py:1:1  warning  some-rule")


def test_hints_tell_how_to_go_on(seed):
    """The end names the options that repair, and the command that explains the most likely cause."""
    end = text(seed, hints=True).split("\n")[-5:]

    expected = [
        "Found 1 error, 2 warnings and 1 info in 1 file.",
        "2 findings can be repaired safely: `--diff` shows how, `--fix` repairs them.",
        "1 finding has an unsafe fix: `--diff --unsafe-fixes` shows it, `--fix --unsafe-fixes` applies it.",
        "More about a rule: trainlint explain silent-loss-broadcast",
        "1 model: understood",
    ]

    assert expected == end


@pytest.mark.parametrize(("many", "others", "told"), [(50, 1, True), (49, 1, False), (50, 50, False), (50, 0, False)])
def test_a_flood_of_one_rule(analysed, many, others, told):
    """Where most of many findings are of one rule, the end says how to see the others."""
    program = analysed("".join(f"a{number:03}\n" for number in range(many + others)))
    for number in range(many + others):
        program.find("some-rule" if number < many else "other-rule", f"a{number:03}", "wrong")
    line = "50 findings are of some-rule: `--ignore some-rule` shows the others, `--statistics` counts all by rule.\n"

    assert told is (line in text(program, hints=True, width=120))


def test_reason_is_given_once_per_rule(analysed):
    """Why a mistake is bad stands below the first message of its rule."""
    program = analysed("a\nb\n").find("some-rule", "a", "wrong").find("some-rule", "b", "wrong too")

    assert 1 == text(program, reason=lambda rule: f"Why {rule} hurts.").count("  Why some-rule hurts.\n")


def test_suppressed_findings_are_only_counted(analysed):
    """What a comment silences is not shown, and the report says that there was something."""
    program = analysed("a\n").find("some-rule", "a", "wrong", suppressed="ignore[some-rule] fine here")

    assert "No mistakes found in 1 file (1 more silenced by comments)." == text(program).split("\n")[0]


def test_models_that_were_not_understood_are_named(analysed):
    """The last line says how many models were understood, and what was missing for the others."""
    program = analysed("m\nn\no\n").model("m").model("n").model("o", "line 2: `cfg.layers` is unknown")

    assert "3 models: 2 understood, 1 not (line 2: `cfg.layers` is unknown)" == text(program).split("\n")[-1]


def test_lines_of_several_files_carry_their_file(analysed):
    """With several files, the model that was not understood is named with its file."""
    one = analysed("m\n", "a.py").model("m")
    two = analysed("m\n", "b.py").model("m", "`size` is unknown")

    assert "2 models: 1 understood, 1 not (b.py, line 1: `size` is unknown)" == text(one, two).split("\n")[-1]


def test_one_model_is_not_counted_twice(analysed):
    """Of a single model the report says how far it was understood, without numbers."""
    lost = analysed("m\n").model("m", "`build` is unknown")
    partly = analysed("m\n")
    partly.models.append(ModelSummary("m", "model", True, ("the size of its input is unknown",)))

    assert "1 model: not understood (line 1: `build` is unknown)" == text(lost).split("\n")[-1]
    assert "1 model: understood in part (line 1: the size of its input is unknown)" == text(partly).split("\n")[-1]


def test_silence_without_a_model_is_no_approval(analysed):
    """Where no network was found, the report says that its silence means nothing."""
    program = analysed("a\n").find("some-rule", "a", "wrong")
    silent = (
        "0 models: trainlint saw no network being trained, so finding no mistakes does not mean that there are none."
    )

    assert silent == text(analysed(""), width=120).split("\n")[-1]
    assert "0 models: trainlint saw no network being trained." == text(program).split("\n")[-1]


def test_notices_are_shown(analysed):
    """What could not be read stands before the outcome; errors of the check itself are not the report's."""
    program = analysed("a\n")
    program.notices += [
        Notice("syntax-skipped", "train.py", "this statement was skipped", 12),
        Notice("internal", "train.py", "some-rule failed"),
    ]

    expected = ["note: train.py:12: this statement was skipped", "", "No mistakes found in what could be checked."]

    assert expected == text(program).split("\n")[:3]


def test_wide_characters_are_underlined_right(analysed):
    """Characters that take two columns move the underline by two."""
    program = analysed("名前 = f(x)  # 训练\n").find("some-rule", "f(x)", "wrong")

    assert "    1 | 名前 = f(x)  # 训练\n      |        ^^^^\n" in text(program)


def test_tabs_are_expanded(analysed):
    """A tab is shown as spaces, and the underline goes with it."""
    program = analysed("if a:\n\tx =\tf(x)\n").find("some-rule", "f(x)", "wrong")

    assert "    2 |     x = f(x)\n      |         ^^^^\n" in text(program)


def test_combining_characters_take_no_column(analysed):
    """A letter with a combining accent is one column wide."""
    program = analysed("e\u0301 = f(x)\n").find("some-rule", "f(x)", "wrong")

    assert "      |     ^^^^\n" in text(program)


def test_long_lines_are_cut_around_the_place(analysed):
    """Of a very long line, the part around the place is shown."""
    program = analysed(f"x = [{'1, ' * 400}bad(), {'2, ' * 400}]\n").find("some-rule", "bad()", "wrong")
    line, underline = text(program).split("\n")[3:5]

    assert len(line) <= 100
    assert re.fullmatch(r"    1 \| \.\.\..*\bbad\(\),.*\.\.\.", line)
    assert (line.index("bad()"), 5) == (underline.index("^"), underline.count("^"))


def test_statements_of_several_lines(analysed):
    """A place over several lines is underlined on its first line and shown up to a few lines."""
    program = analysed("f(\n" + "    a,\n" * 6 + ")\n").find("some-rule", ("f(\n" + "    a,\n" * 6 + ")", 0), "wrong")

    expected = """\
    1 | f(
      | ^^
    2 |     a,
    3 |     a,
    4 |     a,
  ... | to line 8
"""

    assert expected in text(program)


def test_steps_in_other_files_name_them(analysed):
    """A step of the trace in a sibling module is shown with its file."""
    program = analysed("a\n")
    program.siblings["data.py"] = "y = load()\n"
    program.find("some-rule", "a", "wrong", trace=(Step(("data.py", 1, 5, 11), "made here"),))

    assert "      --> data.py:1:5\n    1 | y = load()\n      |     ------ made here\n" in text(program)


def test_cells_of_a_notebook_count_from_one(analysed):
    """People count cells from 1, so the report does."""
    program = analysed("a\n", "train.ipynb", cell=2).find("some-rule", "a", "wrong")

    assert text(program).startswith("train.ipynb:cell 3:1:1  warning")


def test_conditions_are_told(analysed):
    """What a finding depends on and what it takes for granted stands beside it."""
    program = analysed("a\n").find("some-rule", "a", "wrong", world="args.deep is true", assumed=("x is in [0, 255]",))

    assert "  Holds when args.deep is true.\n  Assumed: x is in [0, 255].\n" in text(program)


def test_long_fixes_are_only_named(analysed):
    """A fix that changes many lines has no preview."""
    program = analysed("a\n" * 20)
    program.find("some-rule", "a", "wrong", fixes=(program.fix("Rewrite", "safe", ("a\n" * 20, "b\n" * 20)),))

    assert "  Fix (safe): Rewrite\n\nFound" in text(program)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_colours_change_nothing_else(seed, width):
    """With colours the report has the same text."""
    assert text(seed, width=width) == ANSI.sub("", text(seed, width=width, colour=True))


def test_nothing_in_a_file_commands_the_terminal(analysed):
    """Control characters of the source and of messages are not printed."""
    program = analysed("a = '\x1b[2J\u202e' + f(x)\n").find("some-rule", "f(x)", "wrong\x07 \x1b[31mred")
    report = text(program)

    assert "\x1b" not in report
    assert "\x07" not in report
    assert "\u202e" not in report


LINES = st.text(st.characters(exclude_characters="\n\r"), min_size=1, max_size=300)


@given(LINES, st.data(), st.integers(40, 120))
def test_any_line_fits(line, data, width):
    """Whatever a line holds and wherever the place is, the report is made and no source line exceeds the width."""
    from trainlint.report.snippet import Mark, snippet

    start = data.draw(st.integers(1, len(line)))
    end = data.draw(st.integers(start, len(line) + 1))
    location = {"file": "a.py", "cell": None, "line": 1, "column": start, "end_line": 1, "end_column": end}
    lines = [{"file": "a.py", "cell": None, "line": 1, "text": line}]
    rows = list(snippet([Mark(location, "^", "a label", "red")], lines, 3, Style(False, width)))

    assert all(cells(row) <= width for row in rows)
    assert any("^" in row for row in rows[1:])
