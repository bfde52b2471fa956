"""Why some rules have no certificate: clauses for people."""

REASONS: dict[str, str] = {
    "unused-suppression": "the comment changes nothing that is computed",
    "shapeless-placeholder": "a shape that is declared changes no number, it only lets mistakes be seen",
    "split-unpack-order": "the names alone are at stake; running the program shows the shapes",
}
"""Clauses behind "Not decided: ..."."""
