"""initializer-rerun: weights that are set back to their start while they are trained, or after they were restored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import DeleteStatement, Remedy
from trainlint.program.graph_loops import in_one_loop, starts_over
from trainlint.program.training import fetched, trains
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import SessionRun
    from trainlint.program.program import Program

_ALL = frozenset(("tf.global_variables_initializer", "tf.initialize_all_variables"))
_RESTORE = "tf.train.Saver.restore"


class InitializerRerun(Rule):
    """
    ## What it does
    Reports a run of the initializer of all variables in the loop that also takes the training steps, and one after `saver.restore`.

    ## Why it is bad
    The initializer sets every weight back to its random start and every slot of the optimizer to 0.
    In the loop, each step starts from nothing, so the loss never falls below that of the first step; after `restore`, the file was read for nothing.

    ## Example
    ```python
    for step in range(1000):
        session.run(tf.global_variables_initializer())
        session.run(train_step)
    ```

    ## Use instead
    ```python
    session.run(tf.global_variables_initializer())
    for step in range(1000):
        session.run(train_step)
    ```

    ## Fix safety
    Unsafe: after `restore` the run is deleted, and a variable that the file does not hold would be left without a value.
    There is none in a loop, where it has to move.

    ## Probe
    Compares the loss of a later step with that of the first.

    ## References
    - Humbatova et al., "Taxonomy of Real Faults in Deep Learning Systems", 2020: wrong initialization of global variables
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", 2021
    """

    name, code, category, severity = "initializer-rerun", "TL807", "training", "error"
    rank = 50
    evidence = ("certificate",)
    message = "this sets all variables back to their start{when}, so {consequence}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "start = tf.global_variables_initializer()\n"
            "session = tf.Session()\n"
            "for fold in folds:\n"
            "    session.run(start)\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch(fold)})\n",
            why="each fold starts anew",
        ),
        Valid(
            "import os\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "saver = tf.train.Saver()\n"
            "def main(path):\n"
            "    with tf.Session() as session:\n"
            "        if os.path.exists(path):\n"
            "            saver.restore(session, path)\n"
            "        else:\n"
            "            session.run(tf.global_variables_initializer())\n"
            "        session.run(train, {x: batch()})\n"
            "main('model')\n",
            why="one or the other",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for step in range(1000):\n"
            "        if step == 0:\n"
            "            session.run(tf.global_variables_initializer())\n"
            "        session.run(train, {x: batch()})\n",
            why="in the first round only",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "total = tf.local_variables_initializer()\n",
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    tf.train.Saver().restore(session, 'model')\n"
                "    for step in range(1000):\n"
                "        session.run(total)\n"
                "        session.run(train, {x: batch()})\n",
            ),
            why="restored after the start; metrics are set back on purpose",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for step in range(1000):\n"
            "        session.run(tf.global_variables_initializer())\n"
            "        session.run(train, {x: batch()})\n",
            at="session.run(tf.global_variables_initializer())",
            severity="error",
            message="in each round",
            traces=("the training step is taken here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "saver = tf.train.Saver()\n"
            "with tf.Session() as session:\n"
            "    saver.restore(session, 'model')\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: batch()})\n",
            at="session.run(tf.global_variables_initializer())",
            severity="error",
            message="restored",
            traces=("restored here",),
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "saver = tf.train.Saver()\n"
            "with tf.Session() as session:\n"
            "    saver.restore(session, 'model')\n"
            "    session.run(train, {x: batch()})\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    steps = 1000\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "start = tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())\n"
            "def step(session):\n"
            "    start.run()\n"
            "    session.run(train, {x: batch()})\n"
            "with tf.Session() as session:\n"
            "    for _ in range(Config.steps):\n"
            "        step(session)\n",
            at="start.run()",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
                "session = tf.InteractiveSession()\n"
                "while True:\n"
                "    tf.global_variables_initializer().run()\n"
                "    train.run({x: batch()})\n",
            ),
            at="tf.global_variables_initializer().run()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        runs = list(program.runs)
        starts = [run for run in runs if _initializes(program, run)]
        if not starts:
            return
        training = [run for run in runs if run.context.loop > 0 and trains(program, run)]
        for run in starts:
            if run.context.conditions:
                continue
            step = next(
                (t for t in training if _every_round(run, t) and in_one_loop(program, run.place, run.context, t)), None
            )
            if step is not None and not starts_over(program):
                yield self.report(
                    run.place,
                    when=" in each round of the loop",
                    consequence="training starts from nothing every time",
                    trace=[Step(step.place, "the training step is taken here")],
                )
                continue
            restored = self._restored_before(program, runs, run)
            if restored is not None:
                yield self.report(
                    run.place,
                    when=" after they were restored from a file",
                    consequence="what the file held is lost",
                    trace=[Step(restored.place, "the variables are restored here")],
                    remedies=[Remedy("Delete this run", "unsafe", (DeleteStatement(run.place),))],
                )

    def _restored_before(self, program: Program, runs: list[SessionRun], start: SessionRun) -> SessionRun | None:
        """The restoring run before a start in the same session."""
        for run in runs[: runs.index(start)]:
            if not any(_named(program, value) == _RESTORE for value in run.fetches) or run.context.loop:
                continue
            if run.context.calls != start.context.calls or run.place.unit is not start.place.unit:
                continue
            between = [
                record for _, record in program.objects
                if record.kind == "session" and record.place.unit is run.place.unit
                and run.place.number < record.place.number < start.place.number
            ]  # fmt: skip
            if not between:
                return run
        return None


def _every_round(start: SessionRun, step: SessionRun) -> bool:
    return start.context.loop == step.context.loop


def _initializes(program: Program, run: SessionRun) -> bool:
    """Whether a run sets all variables to their initial values."""
    return any(operation.name in _ALL for operation in fetched(program, run))


def _named(program: Program, value: object) -> str:
    operation = program.operation(value)  # type: ignore[arg-type]
    return "" if operation is None else operation.name
