"""initializer-rerun: weights that are set back to their start while they are trained, or after they were restored."""

from __future__ import annotations

from itertools import dropwhile
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import DeleteStatement, Remedy
from trainlint.program.events import EpochsBegun, SessionOpened, SessionRun
from trainlint.program.graph_loops import in_one_loop, starts_over
from trainlint.program.sessions import CARETAKERS
from trainlint.program.training import fetched, trains
from trainlint.program.values import Ref, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Value

_ALL = frozenset(("tf.global_variables_initializer", "tf.initialize_all_variables"))
_RESTORE = "tf.train.Saver.restore"


class InitializerRerun(Rule):
    """
    ## What it does
    Reports a run of the initializer of all variables in the loop that also takes the training steps, and one after `saver.restore`.
    The loop over the epochs counts too, where its variable is called so: another loop may start an experiment anew in each round.
    It also reports one in a `MonitoredTrainingSession` with a checkpoint, and an initializer that is made within a session that has finalized the graph.

    ## Why it is bad
    The initializer sets every weight back to its random start and every slot of the optimizer to 0.
    In the loop, each step or epoch starts from nothing, so the loss never falls below that of the first one; after `restore`, the file was read for nothing.
    A monitored session has finalized the graph: an initializer that is made in it ends with `RuntimeError`.

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
    Unsafe: after `restore` and in a monitored session the run is deleted, and a variable that the file does not hold would be left without a value.
    There is none in a loop, where it has to move.

    ## Probe
    Runs the initializer at the same moment in a small graph and looks whether the weights keep what they learned.

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
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "session = tf.Session()\n"
            "tf.train.Saver().restore(session, 'model')\n"
            "print('as published', session.run(loss, {x: batch()}))\n"
            "session.run(tf.global_variables_initializer())\n"
            "for step in range(1000):\n"
            "    session.run(train, {x: batch()})\n",
            why="what was restored has been used by then",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    for num_epochs in options:\n"
            "        session.run(tf.global_variables_initializer())\n"
            "        for epoch in range(num_epochs):\n"
            "            for batch in batches():\n"
            "                session.run(train, {x: batch})\n"
            "init = tf.global_variables_initializer()\n"
            "with tf.train.MonitoredTrainingSession() as session:\n"
            "    session.run(init)\n"
            "    while not session.should_stop():\n"
            "        session.run(train, {x: batch()})\n",
            why="each number of epochs is an experiment of its own; without a checkpoint a second start changes nothing",
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
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "init = tf.global_variables_initializer()\n"
            "def fit(session, epochs):\n"
            "    for epoch in range(epochs):\n"
            "        session.run(init)\n"
            "        for batch in batches():\n"
            "            session.run(train, {x: batch})\n"
            "with tf.Session() as session:\n"
            "    fit(session, 20)\n",
            at="session.run(init)",
            severity="error",
            message="in each round",
            traces=("the training step is taken here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.get_or_create_global_step()\n"
            "train = tf.train.AdamOptimizer().minimize(loss, step)\n"
            "init = tf.global_variables_initializer()\n"
            "with tf.train.MonitoredTrainingSession(checkpoint_dir='model') as session:\n"
            "    session.run(init)\n"
            "    while not session.should_stop():\n"
            "        session.run(train, {x: batch()})\n",
            at="session.run(init)",
            severity="error",
            message="given them values itself",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.get_or_create_global_step()\n"
            "train = tf.train.AdamOptimizer().minimize(loss, step)\n"
            "init = tf.global_variables_initializer()\n"
            "with tf.train.MonitoredTrainingSession(checkpoint_dir='model') as session:\n"
            "    while not session.should_stop():\n"
            "        session.run(train, {x: batch()})\n",
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
            "import tensorflow as tf\n"
            "tf.app.flags.DEFINE_string('pretrained', '', 'a model to start from')\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "session = tf.Session()\n"
            "if tf.app.flags.FLAGS.pretrained:\n"
            "    tf.train.Saver().restore(session, tf.app.flags.FLAGS.pretrained)\n"
            "session.run(tf.global_variables_initializer())\n"
            "for step in range(1000):\n"
            "    session.run(train, {x: batch()})\n",
            at="session.run(tf.global_variables_initializer())",
            severity="error",
            message="restored",
            why="a flag whose default is empty is there to be given",
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
        restoring = [run for run in runs if any(_named(program, value) == _RESTORE for value in run.fetches)]
        for run in starts:
            if run.context.conditions:
                continue
            step = next((t for t in training if _every_round(run, t) and in_one_loop(run.context, t)), None)
            step = step or _in_an_epoch(program, run)
            if step is not None and not starts_over(program):
                yield self.report(
                    run.place,
                    when=" in each round of the loop",
                    consequence="training starts from nothing every time",
                    trace=[Step(step.place, "the training step is taken here")],
                )
                continue
            keeper = program.object(run.session)
            if keeper is not None and keeper.name in CARETAKERS:
                consequence = _in_keeping(program, keeper, run)
                if consequence is not None:
                    yield self.report(
                        run.place,
                        when=" in a session that has given them values itself",
                        consequence=consequence,
                        trace=[Step(keeper.place, "this session initialises the variables or restores them")],
                        remedies=[Remedy("Delete this run", "unsafe", (DeleteStatement(run.place),))],
                    )
                continue
            restored = _restored_before(program, run, restoring) if restoring else None
            if restored is not None:
                yield self.report(
                    run.place,
                    when=" after they were restored from a file",
                    consequence="what the file held is lost",
                    trace=[Step(restored.place, "the variables are restored here")],
                    # Where nothing may have been restored, the run has to move.
                    remedies=[]
                    if restored.context.conditions
                    else [Remedy("Delete this run", "unsafe", (DeleteStatement(run.place),))],
                )


def _restored_before(program: Program, start: SessionRun, restoring: list[SessionRun]) -> SessionRun | None:
    """The restoring run before a start in the same session, if nothing was run with what it had restored."""
    restored: SessionRun | None = None
    for event in program.events:
        if event is start:
            return restored
        if isinstance(event, SessionOpened):
            restored = None
        elif isinstance(event, SessionRun):
            is_restoring = any(event is run for run in restoring)
            restored = event if is_restoring and _goes_on_to(event, start) else None
    return None


def _goes_on_to(run: SessionRun, start: SessionRun) -> bool:
    """Whether a run and a later start stand in one function, or in one module, and concern one session."""
    if run.context.loop or run.context.calls != start.context.calls:
        return False
    # None is the default session: nothing else was opened in between.
    return run.session is None or start.session is None or run.session == start.session


def _every_round(start: SessionRun, step: SessionRun) -> bool:
    return start.context.loop == step.context.loop


def _in_keeping(program: Program, keeper: ApiObject, run: SessionRun) -> str | None:
    """What goes wrong where an initializer is run in a session that needs none; None if nothing does."""
    for operation in fetched(program, run):
        if operation.name in _ALL and operation.context.calls == run.context.calls:
            if _made_later(program, run.session, operation):
                return "it fails, since its graph is finalized: nothing can be added to it"
    checkpoint = keeper.arguments.get("checkpoint_dir")
    if checkpoint is not None and checkpoint.given and not is_none(checkpoint.value):
        return "what it restores from its checkpoint is lost"
    return None


def _made_later(program: Program, session: Value | None, operation: Operation) -> bool:
    """Whether an operation is added to the graph after a session was opened."""
    opened = session.id if isinstance(session, Ref) else None
    return next((key for key in program.heap if key is opened or key is operation.id), None) is not operation.id


def _in_an_epoch(program: Program, start: SessionRun) -> SessionRun | None:
    """The training step of an inner loop where a start is in the loop over the epochs."""
    loops = start.context.loops
    if not any(loops and each.place is loops[-1] for each in program.events_of(EpochsBegun)):
        return None
    behind = dropwhile(lambda run: run is not start, program.runs)
    inner = (run for run in behind if run.context.loop > len(loops) and in_one_loop(run.context, start))
    return next((run for run in inner if trains(program, run)), None)


def _initializes(program: Program, run: SessionRun) -> bool:
    """Whether a run sets all variables to their initial values."""
    return any(operation.name in _ALL for operation in fetched(program, run))


def _named(program: Program, value: object) -> str:
    operation = program.operation(value)  # type: ignore[arg-type]
    return "" if operation is None else operation.name
