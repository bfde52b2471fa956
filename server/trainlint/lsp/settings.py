"""What the user chose in the editor: the client's settings, read with care."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from trainlint.config import selectors
from trainlint.finding import SEVERITIES
from trainlint.record import Record
from trainlint.suggest import did_you_mean

if TYPE_CHECKING:
    from trainlint.config import Config, RuleIdentity

ON_TYPE, ON_SAVE = "onType", "onSave"
OPEN_FILES, WORKSPACE = "openFilesOnly", "workspace"

DEBOUNCE = 0.2
"""Seconds of rest after a key before a file is checked again."""

PROBE_SECONDS = 300.0
"""What one experiment of a probe may take."""

_CHOICES = {
    "lint.run": (ON_TYPE, ON_SAVE),
    "diagnosticMode": (OPEN_FILES, WORKSPACE),
    "probe.device": ("auto", "cpu", "gpu"),
    "logLevel": ("error", "warning", "info", "debug"),
}
_SHOWN = (*SEVERITIES, "hint", "off")
"""How findings can be shown: "hint" marks them with dots, "off" not at all."""


class Settings(Record):
    """The settings `trainlint.*` of a client; what is not given has the value that most people want.

    `select` and `ignore` win over a configuration file.
    `peek` alone decides whether data files are read: a configuration file may come with a folder that nobody trusts.
    `severity` maps rules, codes and categories, or the severities themselves, to how they are shown.
    """

    enable: bool = True
    run: str = ON_TYPE
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] = ()
    severity: tuple[tuple[str, str], ...] = ()
    mode: str = OPEN_FILES
    inlay_hints: bool = False
    code_lens: bool = False
    debounce: float = DEBOUNCE
    peek: bool = False
    trusted: bool = True
    """Whether the user trusts the workspace; an editor that knows says so, and nothing is run where not."""
    probe_python: str = ""
    probe_device: str = "auto"
    probe_seconds: float = PROBE_SECONDS
    log_level: str = "warning"

    def applied_to(self, config: Config) -> Config:
        """A configuration with the editor's choices."""
        return config.with_choices(self.select or (), self.ignore, self.peek)

    def shown(self, rule: RuleIdentity, severity: str) -> str:
        """How a finding of a rule is shown."""
        chosen = dict(self.severity)
        for name in (rule.name, rule.code, rule.category, severity):
            if name in chosen:
                return chosen[name]
        return severity


def read_settings(given: Any, rules: list[Any]) -> tuple[Settings, list[str]]:
    """The settings in what a client sends, and one sentence for each that cannot be used."""
    problems: list[str] = []
    values = {key.removeprefix("trainlint."): value for key, value in _flat(given)}
    known = sorted(selectors(rules))

    def boolean(key: str, default: bool) -> bool:
        value = values.get(key)
        if value is not None and not isinstance(value, bool):
            problems.append(f"the setting trainlint.{key} must be true or false")
        return value if isinstance(value, bool) else default

    def choice(key: str, default: str) -> str:
        value = values.get(key)
        if value is None or value in _CHOICES[key]:
            return value or default
        problems.append(f"the setting trainlint.{key} must be {' or '.join(_CHOICES[key])}, not {value!r}")
        return default

    def rule_names(key: str) -> tuple[str, ...] | None:
        value = values.get(key)
        if value is None:
            return None
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            problems.append(f"the setting trainlint.{key} must be a list of rules")
            return None
        for each in value:
            if each not in known:
                problems.append(f"the setting trainlint.{key} names no rule: {each!r}{did_you_mean(each, known)}")
        return tuple(each for each in value if each in known)

    severity: dict[str, str] = {}
    for key, value in values.items():
        if not key.startswith("severity."):
            continue
        name = key.removeprefix("severity.")
        if name not in known and name not in SEVERITIES:
            problems.append(f"the setting trainlint.severity names no rule: {name!r}{did_you_mean(name, known)}")
        elif value not in _SHOWN:
            problems.append(f"the setting trainlint.{key} must be one of {', '.join(_SHOWN)}, not {value!r}")
        else:
            severity[name] = value

    def text(key: str) -> str:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            problems.append(f"the setting trainlint.{key} must be a text")
        return value if isinstance(value, str) else ""

    rest = values.get("debounce")
    timeout = values.get("probe.timeout")
    if timeout is not None and not _is_positive(timeout):
        problems.append("the setting trainlint.probe.timeout must be a number of seconds above 0")
    settings = Settings(
        enable=boolean("lint.enable", True),
        run=choice("lint.run", ON_TYPE),
        select=rule_names("lint.select") or None,
        ignore=rule_names("lint.ignore") or (),
        severity=tuple(severity.items()),
        mode=choice("diagnosticMode", OPEN_FILES),
        inlay_hints=boolean("inlayHints", False),
        code_lens=boolean("codeLens", False),
        peek=boolean("peek", False),
        trusted=boolean("trusted", True),
        probe_python=text("probe.interpreter"),
        probe_device=choice("probe.device", "auto"),
        log_level=choice("logLevel", "warning"),
        probe_seconds=float(timeout) if timeout is not None and _is_positive(timeout) else PROBE_SECONDS,
        debounce=rest / 1000
        if isinstance(rest, (int, float)) and not isinstance(rest, bool) and rest >= 0
        else DEBOUNCE,
    )
    return settings, problems


def _is_positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _flat(given: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings as dotted keys: clients send objects within objects, dotted keys, or both."""
    if hasattr(given, "_asdict"):
        given = given._asdict()
    if not isinstance(given, Mapping):
        return
    for key, value in given.items():
        name = f"{prefix}{key}"
        nested = value._asdict() if hasattr(value, "_asdict") else value
        if isinstance(nested, Mapping):
            yield from _flat(nested, f"{name}.")
        else:
            yield name, value
