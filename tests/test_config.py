"""The configuration and what it says about mistakes in it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainlint.config import Config, ConfigError, matches, read_config


class Rule(NamedTuple):
    """A rule as the configuration sees it."""

    name: str
    code: str
    category: str


SCALE = Rule("unscaled-inputs", "TL601", "data")
SHAPE = Rule("silent-loss-broadcast", "TL701", "shape")
OTHER = Rule("label-order", "TL602", "data")
RULES = [SCALE, SHAPE, OTHER]


def config(**table: object) -> Config:
    """The configuration of /p/pyproject.toml with these keys."""
    return read_config({key.replace("_", "-"): value for key, value in table.items()}, RULES, "/p/pyproject.toml")


def test_default():
    """Without any choice all rules run and keep their severities."""
    assert all(config().enabled(rule, "/p/a.py") for rule in RULES)
    assert config().severity_of(SCALE) is None


@pytest.mark.parametrize(
    ("table", "enabled"),
    [
        ({"select": ["data"]}, [SCALE, OTHER]),
        ({"select": ["TL701", "label-order"]}, [SHAPE, OTHER]),
        ({"select": []}, []),
        ({"ignore": ["data"]}, [SHAPE]),
        ({"select": ["TL601"], "ignore": ["data"]}, []),
    ],
)
def test_selection(table, enabled):
    """A rule is chosen by its name, its code or its category, and ignoring wins."""
    assert enabled == [rule for rule in RULES if config(**table).enabled(rule)]


def test_per_file_ignores():
    """A rule may be off in some files, named by patterns from the folder of the configuration."""
    chosen = config(per_file_ignores={"tests/": ["data"], "old_*.py": ["TL701"]})

    assert [SHAPE] == [rule for rule in RULES if chosen.enabled(rule, "/p/x/tests/a.py")]
    assert [SCALE, OTHER] == [rule for rule in RULES if chosen.enabled(rule, "/p/x/old_1.py")]
    assert RULES == [rule for rule in RULES if chosen.enabled(rule, "/elsewhere/tests/a.py")]


def test_severity():
    """A severity for one rule counts before one for its category."""
    chosen = config(severity={"data": "info", "TL602": "error"})

    assert ["info", None, "error"] == [chosen.severity_of(rule) for rule in RULES]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"selct": []}, "selct: unknown key (did you mean select?)"),
        ({"zzz": []}, "zzz: unknown key"),
        ({"select": "all"}, "select: must be a list of strings"),
        ({"ignore": [1]}, "ignore: must be a list of strings"),
        ({"ignore": ["unscaled-input"]}, "ignore: unknown rule 'unscaled-input' (did you mean unscaled-inputs?)"),
        ({"severity": "error"}, "severity: must be a table"),
        ({"severity": {"speeed": "info"}}, "severity.speeed: unknown rule 'speeed' (did you mean speed?)"),
        (
            {"severity": {"data": "warn"}},
            "severity.data: must be info, warning or error, not 'warn' (did you mean warning?)",
        ),
        ({"severity": {"data": 1}}, "severity.data: must be info, warning or error, not 1"),
        ({"severity": {"data": ["info"]}}, "severity.data: must be info, warning or error, not ['info']"),
        ({"per-file-ignores": {"a.py": "data"}}, "per-file-ignores.a.py: must be a list of strings"),
        ({"per-file-ignores": {"a.py": ["dat"]}}, "per-file-ignores.a.py: unknown rule 'dat' (did you mean data?)"),
        ({"peek": "yes"}, "peek: must be true or false"),
        ({"exclude": "a"}, "exclude: must be a list of strings"),
        ({"extend-exclude": [None]}, "extend-exclude: must be a list of strings"),
        ({"exclude": ["!"]}, "exclude: '!' is not a pattern"),
    ],
)
def test_mistakes(table, message):
    """A mistake is one line that names the file and the key."""
    with pytest.raises(ConfigError) as caught:
        config(**table)

    assert f"/p/pyproject.toml: tool.trainlint.{message}" == str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from(["select", "ignore", "severity", "per-file-ignores", "exclude", "extend-exclude", "peek", "x"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=4) | st.sampled_from(["data", "info", "!", "[", "**a"]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        ),
    )
)
def test_any_table(table):
    """Every table is either a configuration or a ConfigError of one line."""
    message = ""
    try:
        read_config(table, RULES, "/p/pyproject.toml")
    except ConfigError as error:
        message = str(error)

    assert len(message.splitlines()) <= 1


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("old/", "/p/x/old/", True),
        ("old/", "/p/x/old/a.py", True),
        ("old/", "/p/old", False),
        ("/a.py", "/p/a.py", True),
        ("/a.py", "/p/x/a.py", False),
        ("*.py", "/q/a.py", False),
        ("*", "/p", False),
    ],
)
def test_patterns(pattern, path, expected):
    """Patterns are those of a .gitignore file beside the configuration, and reach no further than its folder."""
    assert expected == matches((pattern,), "/p", path)


def test_error_travels():
    """The error arrives whole from another process."""
    error = pickle.loads(pickle.dumps(ConfigError("a.toml", "wrong")))

    assert ("a.toml: wrong", "a.toml") == (str(error), error.file)


def test_import_is_cheap():
    """Neither patterns nor suggestions cost anything until they are needed."""
    code = "import sys, trainlint.config; sys.exit(bool({'pathspec', 'difflib', 'dataclasses'} & set(sys.modules)))"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
