"""unused-suppression: a comment that silences nothing."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.program.program import Program
from trainlint.rules.base import Invalid, Report, Rule, Valid

_DROPOUT = "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 3])\n"
_ADADELTA = "from tensorflow import keras\noptimizer = keras.optimizers.Adadelta()"


class UnusedSuppression(Rule):
    """
    ## What it does
    Reports a `# trainlint: ignore[...]` comment that no finding needs any more, or that names no rule.

    ## Why it is bad
    The comment promises that somebody looked and decided.
    When the code around it changes, it may hide a new mistake that nobody has looked at.

    ## Example
    ```python
    optimizer = keras.optimizers.Adam()  # trainlint: ignore[slow-default-learning-rate] from the paper
    ```

    ## Use instead
    ```python
    optimizer = keras.optimizers.Adam()
    ```

    ## Fix safety
    Safe for a rule that finds nothing: the comment, or the name in it, changes nothing.
    Unsafe for a name that no rule has: it may be a slip of the pen.

    ## Probe
    Nothing to train: the comment changes nothing.

    ## References
    - ESLint `--report-unused-disable-directives`, Ruff RUF100: the same idea.
    """

    name, code, category, severity = "unused-suppression", "TL000", "suppression", "info"
    rank = 1
    message = "this comment silences nothing"

    VALID = [
        Valid(
            _ADADELTA + "  # trainlint: ignore[slow-default-learning-rate] measured: .001 is enough here\n",
            why="The comment silences a finding.",
        ),
        Valid(_ADADELTA + "  # trainlint: ignore[TL501] by its code\n"),
        Valid("", cells=("from tensorflow import keras", "keras.optimizers.Adadelta()  # trainlint: ignore[TL501]")),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\noptimizer = keras.optimizers.Adam()  # trainlint: ignore[slow-default-learning-rate] why\n",
            at="# trainlint: ignore[slow-default-learning-rate] why",
            severity="info",
            message="finds nothing here",
            fixed="from tensorflow import keras\noptimizer = keras.optimizers.Adam()\n",
        ),
        Invalid(
            _ADADELTA + "  # trainlint: ignore[keep-prob-rate-confusion, TL501] measured\n",
            at="# trainlint: ignore[keep-prob-rate-confusion, TL501] measured",
            message="`keep-prob-rate-confusion` finds nothing here",
            why="one of two names is needed",
            fixed=_ADADELTA + "  # trainlint: ignore[TL501] measured\n",
        ),
        Invalid(
            _DROPOUT + "# trainlint: ignore[slow-learning] no rule has this name\ny = x * 2\n",
            at="# trainlint: ignore[slow-learning] no rule has this name",
            message="no rule is called `slow-learning`",
            fixed=_DROPOUT + "y = x * 2\n",
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n# trainlint: ignore[TL501] it was Adadelta once",
                "optimizer = keras.optimizers.Adam()",
            ),
            at="# trainlint: ignore[TL501] it was Adadelta once",
            cell=0,
            fixed="from tensorflow import keras\noptimizer = keras.optimizers.Adam()",
        ),
    ]

    def check(self, program: Program) -> Iterator[Report]:
        """Nothing: what is unused is known only after all findings are, see `trainlint.suppressions`."""
        yield from ()
