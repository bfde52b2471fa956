"""The one fact whose statement would let trainlint judge most."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainlint.analysis import Analysis
    from trainlint.report.schema import FileEntry, StatementEntry


def statement_entry(analysis: Analysis, display: Callable[[str], str]) -> StatementEntry | None:
    """The unknown input of a file that most depends on; None where all is known, or nothing is trained."""
    if not analysis.models:
        return None
    from trainlint.fixes.statements_of_fact import unknown_inputs

    found = unknown_inputs(analysis)
    if not found:
        return None
    best = found[0]
    location = analysis.location(best.place)
    return {
        "file": display(location.file),
        "cell": location.cell,
        "line": location.line,
        "name": best.name,
        "comment": best.comment,
        "models": best.models,
        "weight": best.weight,
    }


def statement_hint(entries: Sequence[FileEntry], files_checked: int) -> str | None:
    """The sentence that asks for one fact, None where no unknown input keeps rules silent."""
    found = [entry["statement"] for entry in entries if entry.get("statement")]
    if not found:
        return None
    best = max((each for each in found if each is not None), key=lambda each: each["weight"])
    models = "1 model is" if best["models"] == 1 else f"{best['models']} models are"
    where = f"line {best['line']}"
    if best["cell"] is not None:
        where += f" of cell {best['cell'] + 1}"
    if files_checked > 1:
        where += f" of {best['file']}"
    return (
        f"{models} not judged in full: state what `{best['name']}` is, for example with `{best['comment']}` on {where}."
    )
