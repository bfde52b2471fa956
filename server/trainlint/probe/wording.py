"""What a probe found, in sentences that say what was measured, on what, and what it does not mean."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainlint.probe import attribution
from trainlint.probe.verdict import CONFIRMED, INCONCLUSIVE, NOT_REPRODUCED, Comparison

if TYPE_CHECKING:
    from trainlint.probe.certificates import Decision
    from trainlint.probe.measure import Outcome, Result

ATTRIBUTIONS = {
    attribution.NECESSARY: "necessary",
    attribution.CONTRIBUTING: "contributing",
    attribution.SLOWS_DOWN: "slows down",
    attribution.HARMLESS: "harmless here",
}

VERDICTS = {CONFIRMED: "confirmed", NOT_REPRODUCED: "not reproduced", INCONCLUSIVE: "inconclusive"}


_NEGATIVE_ZERO = re.compile(r"-0\.00(?!\d)")


def sentence(outcome: Outcome, result: Result) -> str:
    """What was measured of one finding, in one to three sentences."""
    parts = []
    if result.decision is not None:
        parts.append(certified_sentence(result.decision))
    if result.final:
        parts.append(_NEGATIVE_ZERO.sub("0.00", _trained(result)))
    elif result.reason:
        lead = "Not reproduced" if result.verdict == NOT_REPRODUCED else "Not decided"
        parts.append(f"{lead}: {result.reason}.")
    if result.final and result.reason and result.verdict == INCONCLUSIVE:
        parts.append(_capital(result.reason) + ".")
    if result.remark:
        parts.append(_capital(result.remark) + ".")
    return " ".join(parts)


def certified_sentence(decision: Decision) -> str:
    """What a certificate says, as a sentence."""
    return _capital(decision.sentence) + "."


def _trained(result: Result) -> str:
    final = result.final
    worst = max(final, key=lambda each: each.relative)
    numbers = f"skill {worst.worse:.2f} with it and {worst.better:.2f} without, everything else repaired"
    steps = f"after {worst.steps} steps"
    if result.together:
        return f"It costs skill together with {result.together}, and neither does alone: {numbers}, {steps}."
    if result.attribution == attribution.NECESSARY:
        return f"The network does not learn while this is left in: {numbers}, {steps}."
    if result.attribution == attribution.CONTRIBUTING:
        return f"It costs skill: {numbers}, {steps}."
    if result.attribution == attribution.SLOWS_DOWN and result.other:
        other = max(result.other, key=lambda each: each.relative)
        return (
            f"It slows the training down: {numbers}, {steps}; with Adam it makes less of a difference "
            f"({other.worse:.2f} and {other.better:.2f})."
        )
    if result.attribution == attribution.SLOWS_DOWN:
        first = max(result.early, key=lambda each: each.relative, default=worst)
        return (
            f"It slows the training down: skill {first.worse:.2f} with it and {first.better:.2f} without after "
            f"{first.steps} steps, {worst.worse:.2f} and {worst.better:.2f} after {worst.steps}."
        )
    if result.attribution == attribution.HARMLESS and result.other and result.verdict == NOT_REPRODUCED:
        other = max(result.other, key=lambda each: each.relative)
        if all(each.verdict == NOT_REPRODUCED for each in final):
            certain = "" if all(each.verdict == NOT_REPRODUCED for each in result.other) else ", within their spread"
            return (
                f"No harm was measured in this program: {numbers}, {steps} (with Adam {other.worse:.2f} and "
                f"{other.better:.2f}{certain})."
            )
        return (
            f"No harm was measured in this program: with Adam skill {other.worse:.2f} with it and {other.better:.2f} "
            f"without, {worst.worse:.2f} and {worst.better:.2f} with the repaired optimizer, {steps}."
        )
    if result.attribution == attribution.HARMLESS:
        return f"No harm was measured in this program: {numbers}, {steps}."
    verdicts = {each.verdict for each in final}
    if verdicts == {NOT_REPRODUCED}:
        return f"No effect within {worst.steps} steps: {numbers}. That is no proof that there is none later."
    if verdicts == {CONFIRMED, NOT_REPRODUCED} or CONFIRMED in verdicts:
        return f"The two tasks do not agree: {_each(final)}."
    return f"The difference is too small or too uncertain to decide: {numbers}, {steps}."


def _each(found: tuple[Comparison, ...]) -> str:
    return "; ".join(f"skill {each.worse:.2f} with it, {each.better:.2f} without" for each in found)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
