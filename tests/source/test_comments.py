"""Suppression comments and stated facts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.source.comments import DTYPES, Directives, StatedFact, Suppression, read_comments

EXAMPLE = " such as `x float32[batch, 3] in [0, 1]`"


def read(text: str, alone: bool = False) -> Directives:
    """What one comment on line 4 says."""
    return read_comments([(30, 4, text, alone)], "train.py")


@pytest.mark.parametrize(
    ("text", "rules", "reason", "scope"),
    [
        (
            "# trainlint: ignore[unscaled-inputs] scaled elsewhere",
            ("unscaled-inputs",),
            "scaled elsewhere",
            "statement",
        ),
        ("#trainlint:ignore[TL101,a-b]", ("TL101", "a-b"), "", "statement"),
        ("# trainlint: ignore [ TL101 , a ]: why", ("TL101", "a"), "why", "statement"),
        ("# trainlint: ignore-file[TL101] -- old code", ("TL101",), "old code", "file"),
        ("# noqa  # trainlint: ignore[TL101] a # b", ("TL101",), "a # b", "statement"),
    ],
)
def test_suppression(text, rules, reason, scope):
    """A suppression names its rules and may give a reason."""
    [suppression] = read(text, alone=True).suppressions
    start = text.index("#", 1) if "noqa" in text else 0

    assert Suppression(4, rules, reason, scope, True, 30 + start, text[start:]) == suppression


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x float32[batch, 784] in [0, 255]", {"dtype": "float32", "shape": ("batch", 784), "low": 0, "high": 255}),
        ("x float32", {"dtype": "float32"}),
        ("x float32[]", {"dtype": "float32", "shape": ()}),
        ("x [3, ?, None, n,]", {"shape": (3, "?", "?", "n")}),
        ("x in [-1.5e0, inf]", {"low": -1.5, "high": float("inf")}),
        ("x in {0, 1}", {"low": 0, "high": 1, "values": (0, 1)}),
        ("x in{1, 0, 1}", {"low": 0, "high": 1, "values": (0, 1)}),
        ("x int64 [n] in {0..3}", {"dtype": "int64", "shape": ("n",), "low": 0, "high": 3, "values": (0, 1, 2, 3)}),
        ("x in {0, ..., 2}", {"low": 0, "high": 2, "values": (0, 1, 2)}),
        ("x one-hot", {"one_hot": True}),
        ("x [n, 10] one-hot", {"shape": ("n", 10), "one_hot": True}),
        ("x uint8 # from the csv file", {"dtype": "uint8"}),
    ],
)
def test_fact(text, expected):
    """Each part of a fact may be left out."""
    empty = StatedFact(4, "x", None, None, None, None, False, offset=30)

    assert (empty.replace(**expected),) == read(f"# trainlint: {text}").facts


def test_names():
    """A fact may be about an attribute, and a name may start like a word of the grammar."""
    names = ["self.x", "inputs", "in_", "ignored", "größe", "one_hot"]

    assert names == [fact.name for name in names for fact in read(f"# trainlint: {name} float32").facts]


def test_whole_numbers_stay_whole():
    """A bound that is written as a whole number is an int."""
    [fact] = read("# trainlint: x in [0, 255.0]").facts

    assert (int, float) == (type(fact.low), type(fact.high))


def test_several_directives():
    """One comment may hold several directives."""
    directives = read("# trainlint: x float32 # trainlint: ignore[a] b # trainlint: ignore[c]")

    assert ["x"] == [fact.name for fact in directives.facts]
    assert [(("a",), "b"), (("c",), "")] == [(each.rules, each.reason) for each in directives.suppressions]


@pytest.mark.parametrize(
    "text", ["# trainlint is a linter", "# see trainlint: it reads code", "# pylint: ignore[x]", "#"]
)
def test_ordinary_comments(text):
    """A comment that only speaks of trainlint is an ordinary one."""
    assert Directives() == read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ignore", "`ignore` names no rule: write `ignore[rule-name] why`"),
        ("ignore-file[]", "`ignore-file` names no rule: write `ignore-file[rule-name] why`"),
        ("ignore[a b]", "`ignore[a b]`: 'a b' is not the name of a rule"),
        ("ignore[a,]", "`ignore[a,]`: '' is not the name of a rule"),
        ("", "`` is neither `ignore[rule-name]` nor a fact such as `x float32[batch, 3]`"),
        ("disable[a]", "`disable[a]` is not understood (did you mean `ignore[a]`?)"),
        ("disable=TL201", "`disable=TL201` is not understood (did you mean `ignore[TL201]`?)"),
        ("ignroe[random-bias]", "`ignroe[random-bias]` is not understood (did you mean `ignore[random-bias]`?)"),
        ("ignore_file[a]", "`ignore_file[a]` is not understood (did you mean `ignore-file[a]`?)"),
        ("x[a]", "`x[a]`: `[a]` is not part of a fact" + EXAMPLE),
        ("x in [0, 1e400]", "`x in [0, 1e400]`: 1e400 is larger than any number that a tensor holds"),
        ("x", "`x` states nothing: write for instance `x float32[batch, 3] in [0, 1]`"),
        ("x flot32", "`x flot32`: 'flot32' is not a dtype"),
        ("x [3, -1]", "`x [3, -1]`: '-1' is not a dimension"),
        ("x [3,, 1]", "`x [3,, 1]`: '' is not a dimension"),
        ("x in [0]", "`x in [0]`: a range has two bounds, as in `in [0, 1]`"),
        ("x in [1, 0]", "`x in [1, 0]`: the range is empty"),
        ("x in {}", "`x in {}`: '' is not a number"),
        ("x in [0, nan]", "`x in [0, nan]`: 'nan' is not a number"),
        ("x float32 from csv", "`x float32 from csv`: `from csv` is not part of a fact" + EXAMPLE),
    ],
)  # fmt: skip
def test_malformed(text, message):
    """A directive that cannot be read gives a notice that says what and where."""
    directives = read(f"# trainlint: {text}")

    assert (("comment", "train.py", message, 4),) == tuple(
        (notice.kind, notice.file, notice.message, notice.line) for notice in directives.notices
    )
    assert ((), ()) == (directives.suppressions, directives.facts)


NUMBERS = st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, width=32)


@given(
    st.sampled_from(["x", "self.y"]),
    st.none() | st.sampled_from(sorted(DTYPES)),
    st.none() | st.lists(st.integers(0, 10**6) | st.sampled_from(["batch", "?"]), max_size=4).map(tuple),
    st.none() | st.tuples(NUMBERS, NUMBERS).map(sorted),
    st.booleans(),
)
def test_what_is_written_is_read(name, dtype, shape, bounds, one_hot):
    """Every fact that the grammar can write is read as it was meant."""
    parts = [name]
    if dtype or shape is not None:
        parts.append((dtype or "") + ("" if shape is None else f"[{', '.join(map(str, shape))}]"))
    parts += ["one-hot"] * one_hot
    low, high = bounds or (None, None)
    if bounds:
        parts.append(f"in [{low}, {high}]")
    if len(parts) == 1:
        return

    expected = StatedFact(4, name, dtype, shape, low, high, False, None, one_hot, 30)
    assert (expected,) == read("# trainlint: " + " ".join(parts)).facts


@given(
    st.lists(
        st.sampled_from(["x", " ", "[", "]", "{", "}", ",", "in", "..", "-", "9" * 5000, "e9", "ignore", "#", "\u0661"])
        | st.characters(),
        max_size=12,
    ).map("".join)
)  # fmt: skip
def test_any_text(text):
    """No text makes the reader fail, and each directive gives exactly one result."""
    directives = read(f"# trainlint: {text}")

    assert 1 <= len(directives.suppressions) + len(directives.facts) + len(directives.notices)


def test_capital_letters():
    """A directive is one however its words are written."""
    directives = read("# Trainlint: Ignore-File[random-bias] Why")

    assert [(("random-bias",), "Why", "file")] == [
        (each.rules, each.reason, each.scope) for each in directives.suppressions
    ]


def test_facts_on_lines_that_follow_each_other():
    """Several facts alone on lines are all for the statement below them."""
    comments = [(0, 1, "# trainlint: x in [0, 1]", True), (30, 2, "# trainlint: y in [0, 1]", True)]

    assert [("x", 2), ("y", 2)] == [(fact.name, fact.line) for fact in read_comments(comments).facts]
