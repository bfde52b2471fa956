"""Results of probes, made by hand."""

from __future__ import annotations


def result(finding, verdict="confirmed", attribution="necessary"):
    """Puts the result of a probe into the entry of a finding."""
    keys = "kind data backend device seeds steps effect alone network".split()
    finding["evidence"]["result"] = {
        "verdict": verdict, "attribution": attribution, "text": "It costs all of the skill.", **dict.fromkeys(keys),
    }  # fmt: skip
