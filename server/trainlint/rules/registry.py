"""All rules, found by walking the category folders: a new file is a new rule."""

from __future__ import annotations

import importlib
import os

from trainlint.rules.base import Rule

_RULES: tuple[Rule, ...] | None = None


def all_rules() -> tuple[Rule, ...]:
    """All rules, ordered by code."""
    global _RULES
    if _RULES is None:
        found = [rule for module in _modules() for rule in _rules_of(module)]
        _RULES = tuple(sorted(found, key=lambda rule: rule.code))
    return _RULES


def _modules() -> list[str]:
    here = os.path.dirname(__file__)
    names = []
    for folder in sorted(os.listdir(here)):
        inner = os.path.join(here, folder)
        if os.path.isdir(inner) and not folder.startswith("_"):
            names += [
                f"trainlint.rules.{folder}.{f[:-3]}"
                for f in sorted(os.listdir(inner))
                if f.endswith(".py") and not f.startswith("_")
            ]
    return names


def _rules_of(module_name: str) -> list[Rule]:
    module = importlib.import_module(module_name)
    return [
        value() for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Rule) and value.__module__ == module_name and hasattr(value, "code")
    ]  # fmt: skip


def find(name: str) -> Rule | None:
    """The rule of a name or code."""
    for rule in all_rules():
        if name in (rule.name, rule.code):
            return rule
    return None
