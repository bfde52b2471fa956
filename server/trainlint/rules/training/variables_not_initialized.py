"""variables-not-initialized: a session reads variables that nothing in it has given a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.sessions import GLOBAL, LOCAL, depends_on, sessions
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.sessions import Read, Sessions


class VariablesNotInitialized(Rule):
    """
    ## What it does
    Reports a session of TensorFlow 1 that reads variables before an initializer has given them a value.
    There is none, it is made but not run, it runs in another session or too late, it is for local variables only, or it was made before the variables (or the slots of the optimizer) that the run reads.
    It also reports a variable whose initial value reads another variable.
    What is done with the session has to be visible: one that is given to other code, Keras models, supervisors and restored graphs are not reported.

    ## Why it is bad
    `tf.Variable` adds a variable to the graph; it has a value in a session once its initializer was run there.
    A run that reads it before that ends with `FailedPreconditionError: Attempting to use uninitialized value`.
    `tf.global_variables_initializer()` initialises the variables that exist when it is called; `minimize` of Adam, Momentum and others makes more of them.
    The variables are initialised in no particular order: an initial value that reads another variable fails where that one comes later.
    Later versions find such reads of plain variables and put the other's initial value in their place, so those are information; they do not for resource variables, which `tf.compat.v1` makes.

    ## Example
    ```python
    with tf.Session() as session:
        for features, labels in batches:
            session.run(train_step, {x: features, y: labels})
    ```

    ## Use instead
    ```python
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for features, labels in batches:
            session.run(train_step, {x: features, y: labels})
    ```

    ## Fix safety
    None: whether the variables are initialised or restored from a file is up to the author.

    ## Probe
    Makes the same mistake in a small graph of the installed TensorFlow and looks for `FailedPreconditionError`.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/global_variables_initializer
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/Variable#initialized_value
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: confusion with the computation model
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    """

    name, code, category, severity = "variables-not-initialized", "TL814", "training", "error"
    rank = 50
    evidence = ("certificate",)
    message = "{what}, so the first run ends with FailedPreconditionError"

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
            "from helpers import prepare\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    prepare(session)\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n",
            why="what other code does with the session is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "init = tf.global_variables_initializer()\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "session = tf.InteractiveSession()\n"
            "init.run()\n"
            "for step in range(1000):\n"
            "    train.run({x: batch()})\n",
            why="plain gradient descent makes no variables",
        ),
        Valid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--model')\n"
            "args = parser.parse_args()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.layers.dense(x, 1)\n"
            "saver = tf.train.Saver()\n"
            "with tf.Session() as session:\n"
            "    if args.model:\n"
            "        saver.restore(session, args.model)\n"
            "    else:\n"
            "        session.run(tf.global_variables_initializer())\n"
            "    print(session.run(y, {x: read()}))\n",
            why="one or the other",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random_normal([3, 3]))\n"
            "v = tf.Variable(w.initialized_value() * 2.0)\n"
            "u = tf.get_variable('u', [3])\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.initialize_all_variables())\n"
            "    print(session.run([v, u]))\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3]))\n"
            "b = tf.Variable(1.0)\n"
            "def main():\n"
            "    with tf.Session() as session:\n"
            "        for variable in (w, b):\n"
            "            session.run(variable.initializer)\n"
            "        print(session.run(w + b))\n"
            "main()\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "count = tf.Variable(0)\n"
            "with tf.Session() as session:\n"
            "    try:\n"
            "        session.run(count)\n"
            "    except tf.errors.FailedPreconditionError:\n"
            "        print('not initialised yet')\n"
            "    session.run(tf.assign(count, 3))\n"
            "    print(session.run(count))\n",
            why="the error is expected, and an assignment gives a value too",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def build(x):\n"
            "    with tf.variable_scope('net', reuse=tf.AUTO_REUSE):\n"
            "        return tf.matmul(x, tf.get_variable('w', [8, 1]))\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "first = build(x)\n"
            "init = tf.global_variables_initializer()\n"
            "second = build(2 * x)\n"
            "with tf.train.MonitoredTrainingSession() as session:\n"
            "    session.run(second, {x: batch()})\n"
            "with tf.Session() as session:\n"
            "    session.run(init)\n"
            "    session.run(second, {x: batch()})\n",
            why="a monitored session initialises; the second network shares the variables of the first",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from model import x, y\n"
            "init = tf.global_variables_initializer()\n"
            "with tf.Session() as session:\n"
            "    session.run(init)\n"
            "    print(session.run(y, {x: read()}))\n",
            why="the module makes its variables when it is imported",
            files=(
                (
                    "model",
                    "import tensorflow as tf\nx = tf.placeholder(tf.float32, [None, 8])\ny = tf.layers.dense(x, 1)\n",
                ),
            ),
        ),
        Valid(
            "import tensorflow as tf\n"
            "a = tf.Variable(tf.zeros([3])); b = tf.Variable(tf.zeros([3]))\n"
            "parameters = [a, b]\n"
            "with tf.Session() as sess:\n"
            "    for i in range(int(input())):\n"
            "        sess.run(parameters[i].assign([1., 2., 3.]))\n"
            "    print(sess.run(a + b))\n",
            why="any of them may be set",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]))\ninit = tf.global_variables_initializer()\n",
                "session = tf.InteractiveSession()\ninit.run()\n",
                "print(w.eval())\n",
            ),
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
            "        session.run(train, {x: batch()})\n",
            at="tf.Session()",
            severity="error",
            message="nothing gives the variables a value in this session",
            traces=("this run", "made here"),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.Variable(tf.random_normal([2, 2]))\n"
            "start = tf.global_variables_initializer()\n"
            "session = tf.Session(start)\n"
            "print(session.run(x))\n",
            at="start",
            occurrence=1,
            severity="error",
            message="the address of a server",
            traces=("the initializer is made here", "this run", "made here"),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "init = tf.global_variables_initializer()\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(init)\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n",
            at="tf.global_variables_initializer()",
            severity="error",
            message="before the optimizer makes its own",
            traces=("this training step", "this run"),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    x = tf.placeholder(tf.float32, [None, 8])\n"
            "    w = tf.Variable(tf.zeros([8, 1]))\n"
            "    y = tf.matmul(x, w)\n"
            "    print(session.run(y, {x: read()}))\n",
            at="tf.global_variables_initializer()",
            severity="error",
            message="before some variables",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    size = 8\n"
            "def build(config):\n"
            "    x = tf.placeholder(tf.float32, [None, config.size])\n"
            "    return x, tf.layers.dense(x, 1)\n"
            "x, y = build(Config)\n"
            "start = tf.global_variables_initializer()\n"
            "session = tf.Session()\n"
            "for batch in read():\n"
            "    print(session.run(y, {x: batch}))\n",
            at="tf.global_variables_initializer()",
            severity="error",
            message="never run",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3]))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.local_variables_initializer())\n"
            "    print(session.run(w))\n",
            at="tf.local_variables_initializer()",
            severity="error",
            message="local variables only",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.get_variable('w', [3])\n"
            "init = tf.global_variables_initializer()\n"
            "with tf.Session() as session:\n"
            "    session.run(init)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(w))\n",
            at="tf.Session()",
            occurrence=1,
            severity="error",
            message="another session",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.zeros([3]))\n"
            "def main():\n"
            "    with tf.Session() as session:\n"
            "        print(session.run(w))\n"
            "        session.run(tf.global_variables_initializer())\n"
            "main()\n",
            at="session.run(w)",
            severity="error",
            message="before the initializer",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "w = tf.Variable(tf.random_normal([3, 3]))\n"
            "v = tf.Variable(w * 2.0)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    print(session.run(v))\n",
            at="w * 2.0",
            severity="info",
            message="in no particular order",
            traces=("the other variable",),
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "w = tf.Variable(tf.zeros([3]))\n",
                "session = tf.InteractiveSession()\n"
                "print(w.eval())\n",
            ),
            at="tf.InteractiveSession()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        followed = sessions(program)
        for read in followed.reads:
            yield from self._of_read(program, followed, read)
        for variable, other in depends_on(program):
            argument = next((variable.arguments[n] for n in _INITIAL if n in variable.arguments), None)
            if argument is not None and argument.place is not None:
                is_plain = variable.symbol is not None and ".compat." not in variable.symbol.path
                yield self.report(
                    argument.place,
                    severity="info" if is_plain else "warning",
                    message="this initial value reads another variable, and variables are initialised in no particular "
                    "order: FailedPreconditionError where the other one comes later",
                    trace=[Step(other.place, "the other variable is made here")],
                    subject=variable.id,
                )

    def _of_read(self, program: Program, followed: Sessions, read: Read) -> Iterator[Report]:
        is_slot = read.made.kind == "train"
        trace = [
            Step(read.run.place, "this run takes the step" if is_slot else "this run reads a variable"),
            Step(read.made.place, "the slots of the optimizer are" if is_slot else "the variable is made here"),
        ]
        if is_slot:
            trace = [
                Step(read.made.place, "this training step makes variables of the optimizer"),
                Step(read.run.place, "this run takes the step"),
            ]
        early = next((o for o in reversed(read.started) if o.name == GLOBAL), None)
        if early is not None:
            if followed.in_order:
                when = "before the optimizer makes its own" if is_slot else "before some variables are made"
                yield self.report(early.place, what=f"this initializer is made {when}", trace=trace)
            return
        later = [
            run for run, operation in followed.started.get(read.session, ()) if followed.covers(operation, read.made)
        ]
        if later:
            if followed.in_order and any(run.context.calls == read.run.context.calls for run in later):
                yield self.report(
                    read.run.place,
                    message="this reads variables before the initializer is run: FailedPreconditionError",
                    trace=[Step(later[0].place, "the initializer is run here"), trace[-1 if not is_slot else 0]],
                )
            return
        local = next((o for o in read.started if o.name == LOCAL), None)
        if local is not None:
            yield self.report(local.place, what="this initialises local variables only", trace=trace)
            return
        idle = self._never_run(program, followed)
        if idle is not None:
            opened = program.object(read.session)
            target = opened.arguments.get("target") if opened is not None else None
            if target is not None and target.place is not None and program.operation(target.value) is idle:
                yield self.report(
                    target.place,
                    message="a session takes the address of a server here, not what it is to run: TypeError; this initializer is never run",
                    trace=[Step(idle.place, "the initializer is made here"), *trace],
                )
            else:
                yield self.report(idle.place, what="this initializer is never run", trace=trace)
        elif any(other is not read.session for other in followed.started):
            what = "the variables were initialised in another session, and this one has values of its own"
            yield self.report(read.opened, what=what, trace=trace)
        else:
            yield self.report(read.opened, what="nothing gives the variables a value in this session", trace=trace)

    def _never_run(self, program: Program, followed: Sessions) -> Operation | None:
        """An initializer that is made and used nowhere."""
        used = {operation.id for runs in followed.started.values() for _, operation in runs}
        for operation in program.of_kind("initializer"):
            if operation.name == GLOBAL and operation.id not in used and not program.consumers(operation.id):
                return operation
        return None


_INITIAL = ("initial_value", "initializer")
