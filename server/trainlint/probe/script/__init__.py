"""Script mode: the user's own program on the user's own data, as written and with repairs, for a few hundred steps.

`run` is the one way in; `isolation` says beforehand what a run may touch, for whoever asks the user.
"""

from trainlint.probe.script.comparison import compare
from trainlint.probe.script.document import as_json, comparison_lines
from trainlint.probe.script.records import (
    Arm,
    Comparison,
    Experiment,
    Isolation,
    Limits,
    Output,
    Progress,
    Run,
    ScriptResult,
)
from trainlint.probe.script.runs import run
from trainlint.probe.script.trial import isolation

__all__ = [
    "Arm",
    "Comparison",
    "Experiment",
    "Isolation",
    "Limits",
    "Output",
    "Progress",
    "Run",
    "ScriptResult",
    "as_json",
    "compare",
    "comparison_lines",
    "isolation",
    "run",
]
