"""The configuration: what `[tool.trainlint]` of a pyproject.toml says, checked word by word.

    [tool.trainlint]
    select = ["shape", "TL301"]             # names, codes or categories of rules; all rules if not given
    ignore = ["unscaled-inputs"]            # wins over select
    exclude = ["old/"]                      # in place of the folders that are left out by default
    extend-exclude = ["generated_*.py"]     # beside them
    peek = true                             # read small csv, npy and npz files that a program names

    [tool.trainlint.severity]
    speed = "info"                          # info, warning or error

    [tool.trainlint.per-file-ignores]
    "examples/" = ["reproducibility"]

Patterns are those of a .gitignore file in the folder of the pyproject.toml.
"""

from __future__ import annotations

import os.path
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from trainlint.finding import CATEGORIES, SEVERITIES
from trainlint.record import Record
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pathspec import GitIgnoreSpec

KEYS = ("select", "ignore", "severity", "per-file-ignores", "exclude", "extend-exclude", "peek")


class RuleIdentity(Protocol):
    """What the configuration has to know of a rule."""

    @property
    def name(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def category(self) -> str: ...


class ConfigError(ValueError):
    """A configuration that cannot be used; the text is one line that names the file and the key."""

    def __init__(self, file: str, problem: str):
        super().__init__(f"{file}: {problem}")
        self.file, self.problem = file, problem

    def __reduce__(self) -> tuple[type[ConfigError], tuple[str, str]]:
        return type(self), (self.file, self.problem)


class Config(Record):
    """What a user has chosen.

    `select` is None if all rules are chosen, `exclude` is None if the default folders are left out.
    `file` is where it was written, `root` the folder that its patterns start from.
    """

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: tuple[tuple[str, str], ...] = ()
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    exclude: tuple[str, ...] | None = None
    extend_exclude: tuple[str, ...] = ()
    peek: bool = False
    file: str = ""
    root: str = ""

    def with_choices(self, select: tuple[str, ...], ignore: tuple[str, ...], peek: bool | None) -> Config:
        """This configuration with what a command line or an editor chooses.

        What is selected by hand is not ignored by a file; without a choice the file's counts.
        """
        ignored = tuple(name for name in self.ignore if name not in select) + ignore
        return self.replace(select=select or self.select, ignore=ignored, peek=self.peek if peek is None else peek)

    def enabled(self, rule: RuleIdentity, file: str | None = None) -> bool:
        """Whether the rule is to run, in this file (an absolute path) if one is given."""
        if not (self.select is None or names(self.select, rule)) or names(self.ignore, rule):
            return False
        return file is None or not any(
            names(rules, rule) and matches((pattern,), self.root, file) for pattern, rules in self.per_file_ignores
        )

    def severity_of(self, rule: RuleIdentity) -> str | None:
        """The severity that the user gives to the rule; its own name or code counts before its category."""
        chosen = dict(self.severity)
        return chosen.get(rule.name) or chosen.get(rule.code) or chosen.get(rule.category)


def names(chosen: Collection[str], rule: RuleIdentity) -> bool:
    """Whether one of the selectors is the rule's name, code or category."""
    return rule.name in chosen or rule.code in chosen or rule.category in chosen


def selectors(rules: Iterable[RuleIdentity]) -> set[str]:
    """All that can be selected: names and codes of the rules, and every category, also one without a rule so far."""
    return {name for rule in rules for name in (rule.name, rule.code)}.union(CATEGORIES)


def matches(patterns: tuple[str, ...], root: str, path: str) -> bool:
    """Whether an absolute path matches one of the patterns, those of a .gitignore file in the folder `root`.

    The path of a folder ends with a slash.
    """
    top = root.rstrip(os.sep) + os.sep
    if not patterns or not path.startswith(top):
        return False
    return ignore_spec(patterns).match_file(path[len(top) :].replace(os.sep, "/"))


@lru_cache(maxsize=1024)
def ignore_spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    """The patterns of a .gitignore file, ready to match."""
    # Imported late: it costs as much as checking a short file, and most checks need no pattern.
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(patterns)


def read_config(
    table: Mapping[str, Any], rules: Iterable[RuleIdentity], file: str, section: str = "tool.trainlint"
) -> Config:
    """The configuration in a table, every key and every name in it checked against the known rules.

    Raises ConfigError on the first thing that is wrong.
    """
    rules = list(rules)
    known = sorted(selectors(rules))
    reader = _Reader(known, file, section)
    for key in table:
        if key not in KEYS:
            raise reader.error(key, f"unknown key{did_you_mean(key, KEYS)}")
    config = Config(
        select=reader.rules(table, "select") if "select" in table else None,
        ignore=reader.rules(table, "ignore"),
        severity=tuple(sorted(reader.severities(table).items())),
        per_file_ignores=tuple(
            (reader.pattern("per-file-ignores", pattern), reader.rules(ignores, pattern, "per-file-ignores."))
            for ignores in (reader.table(table, "per-file-ignores"),)
            for pattern in ignores
        ),
        exclude=reader.patterns(table, "exclude") if "exclude" in table else None,
        extend_exclude=reader.patterns(table, "extend-exclude"),
        peek=reader.flag(table, "peek"),
        file=file,
        root=os.path.dirname(file),
    )
    return config


class _Reader:
    """Reads the values of one table and names the place of what is wrong."""

    def __init__(self, known: list[str], file: str, section: str):
        self.known, self.file, self.section = known, file, section

    def error(self, key: str, problem: str) -> ConfigError:
        shown = key if key.isprintable() else ascii(key)
        return ConfigError(self.file, f"{self.section}.{shown}: {problem}")

    def strings(self, table: Mapping[str, Any], key: str, prefix: str = "") -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.error(prefix + key, "must be a list of strings")
        return tuple(value)

    def flag(self, table: Mapping[str, Any], key: str) -> bool:
        value = table.get(key, False)
        if not isinstance(value, bool):
            raise self.error(key, "must be true or false")
        return value

    def rules(self, table: Mapping[str, Any], key: str, prefix: str = "") -> tuple[str, ...]:
        selectors = self.strings(table, key, prefix)
        for selector in selectors:
            self.check_rule(selector, prefix + key)
        return selectors

    def check_rule(self, selector: str, key: str) -> None:
        if selector not in self.known:
            raise self.error(key, f"unknown rule {selector!r}{did_you_mean(selector, self.known)}")

    def patterns(self, table: Mapping[str, Any], key: str) -> tuple[str, ...]:
        return tuple(self.pattern(key, pattern) for pattern in self.strings(table, key))

    def pattern(self, key: str, pattern: str) -> str:
        try:
            ignore_spec((pattern,))
        except ValueError:
            raise self.error(key, f"{pattern!r} is not a pattern") from None
        return pattern

    def table(self, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self.error(key, "must be a table")
        return value

    def severities(self, table: Mapping[str, Any]) -> dict[str, str]:
        chosen = self.table(table, "severity")
        for selector, severity in chosen.items():
            self.check_rule(selector, f"severity.{selector}")
            if severity not in SEVERITIES:
                hint = did_you_mean(severity, SEVERITIES) if isinstance(severity, str) else ""
                raise self.error(f"severity.{selector}", f"must be info, warning or error, not {severity!r}{hint}")
        return dict(chosen)
