"""graph-grows-in-loop: operations that are made in the loop that runs the session."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import Rounds
from trainlint.program.graph_loops import (
    adds_to_graph,
    in_one_loop,
    looped_runs,
    may_add_to_graph,
    outside_of_steps,
    starts_over,
)
from trainlint.program.training import trains
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import SessionRun
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.source.code import Place


FEW, FEWEST = 100, 10
"""Rounds that are few: in 100 that each add an operation to a small graph and run it the last takes 1.4 times the
first, and all of them .8 s; in 1,000 it is ten times (TensorFlow 2.21 with sessions). Ten do no harm to a training."""

LASTING = 10_000
"""Operations that no memory runs out with: 500 rounds with five of them took 61 MiB (TensorFlow 2.21)."""


class GraphGrowsInLoop(Rule):
    """
    ## What it does
    Reports operations of TensorFlow 1 that are made inside of the loop that runs the session.

    ## Why it is bad
    Each round adds the operations to the graph once more.
    The graph is checked and copied again before the next run, so every step is slower than the one before, and memory runs out in the end.
    It is an information where the graph grows slowly: once for each epoch, while the steps have a loop of their own inside; under a test, while others are made without it; or in a loop of a hundred rounds at most that trains nothing.
    Losses, metrics and `argmax` belong before the loop; arithmetic on results belongs to NumPy.

    ## Example
    ```python
    for step in range(1000):
        session.run(train_step, feed_dict=batch())
        print(session.run(tf.reduce_mean(loss), feed_dict=batch()))
    ```

    ## Use instead
    ```python
    mean_loss = tf.reduce_mean(loss)
    for step in range(1000):
        session.run(train_step, feed_dict=batch())
        print(session.run(mean_loss, feed_dict=batch()))
    ```

    ## Fix safety
    None: what has to move, and how far, depends on names that the loop sets.

    ## Probe
    Counts the operations that each round of such a loop adds to a small graph of the installed TensorFlow.
    `graph.finalize()` before the loop stops your own program at the culprit.

    ## References
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", 2018: confusion with the computation model
    - https://stackoverflow.com/questions/38714557
    """

    name, code, category, severity = "graph-grows-in-loop", "TL021", "speed", "warning"
    rank = 45
    evidence = ("certificate",)
    message = "{rounds} {what} to the graph{harm}"

    VALID = [
        Valid(
            "import threading\n"
            "import tensorflow as tf\n"
            "session = tf.Session()\n"
            "def work(session):\n"
            "    product = tf.matmul(tf.constant([[1.0, 2.0]]), tf.constant([[1.0], [2.0]]))\n"
            "    print(session.run(product))\n"
            "for i in range(5000):\n"
            "    threading.Thread(target=work, args=(session,)).start()\n",
            why="each thread has a default graph of its own",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Net:\n"
            "    def __init__(self, name):\n"
            "        with tf.variable_scope(name):\n"
            "            self.x = tf.placeholder(tf.float32, [None, 4])\n"
            "            self.w = tf.Variable(tf.zeros([4, 2]))\n"
            "            self.b = tf.Variable(tf.zeros([2]))\n"
            "            self.parameters = [self.w, self.b]\n"
            "            loss = tf.reduce_mean(tf.square(tf.matmul(self.x, self.w) + self.b))\n"
            "            self.step = tf.train.AdamOptimizer().minimize(loss)\n"
            "    def copy_from(self, session, other):\n"
            "        steps = []\n"
            "        for mine, its in zip(self.parameters, other.parameters):\n"
            "            steps.append(mine.assign(session.run(its)))\n"
            "        session.run(steps)\n"
            "mine, other = Net('mine'), Net('other')\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for _ in range(100000):\n"
            "        session.run(mine.step, {mine.x: batch()})\n"
            "    other.copy_from(session, mine)\n",
            why="it ends with the last variable, and is done once",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "losses = []\n"
            "for scale in scales():\n"
            "    losses.append(tf.reduce_mean(tf.square(scale * x)))\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.add_n(losses) + tf.layers.dense(x, 1))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n",
            why="the graph is built in another loop than the one that runs it",
        ),
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
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "h = x\n"
            "for units in sizes:\n"
            "    h = tf.layers.dense(h, units, tf.nn.relu)\n"
            "loss = tf.losses.softmax_cross_entropy(y, tf.layers.dense(h, 3))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        value, _ = session.run([loss, train], {x: batch(), y: labels()})\n"
            "        total = np.mean(value) + 1\n",
            why="layers are built in a loop of their own; arithmetic on results is no part of the graph",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def experiment(rate):\n"
            "    tf.reset_default_graph()\n"
            "    x = tf.placeholder(tf.float32, [None, 8])\n"
            "    loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "    train = tf.train.AdamOptimizer(rate).minimize(loss)\n"
            "    with tf.Session() as session:\n"
            "        session.run(tf.global_variables_initializer())\n"
            "        for step in range(100):\n"
            "            session.run(train, {x: batch()})\n"
            "        return session.run(loss, {x: batch()})\n"
            "for rate in rates:\n"
            "    print(experiment(rate))\n",
            why="each round is an experiment with a graph of its own",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "optimizer = tf.keras.optimizers.Adam()\n"
            "for x, y in dataset:\n"
            "    with tf.GradientTape() as tape:\n"
            "        loss = tf.reduce_mean(tf.square(model(x, training=True) - y))\n"
            "    gradients = tape.gradient(loss, model.trainable_variables)\n"
            "    optimizer.apply_gradients(zip(gradients, model.trainable_variables))\n",
            why="nothing but results is kept when TensorFlow 2 runs eagerly",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "score = tf.layers.dense(x, 1, name='out')\n"
            "def load(path, session):\n"
            "    for name, value in np.load(path).items():\n"
            "        with tf.variable_scope('out', reuse=True):\n"
            "            session.run(tf.get_variable(name).assign(value))\n"
            "with tf.Session() as session:\n"
            "    load('weights.npz', session)\n"
            "    print(session.run(score, {x: batch()}))\n",
            why="loading goes over the variables once",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "score = tf.layers.dense(x, 1)\n"
                "session = tf.InteractiveSession()\n",
                "for step in range(1000):\n"
                "    score.eval({x: batch()})\n"
                "print(session.run(tf.reduce_mean(score), {x: batch()}))\n",
            ),
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.square(tf.layers.dense(x, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n"
            "        print(session.run(tf.reduce_mean(loss), {x: batch()}))\n",
            at="tf.reduce_mean(loss)",
            occurrence=1,
            severity="warning",
            message="`tf.reduce_mean`",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 3])\n"
            "scores = tf.layers.dense(x, 3)\n"
            "loss = tf.losses.softmax_cross_entropy(y, scores)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "def accuracy():\n"
            "    correct = tf.equal(tf.argmax(scores, 1), tf.argmax(y, 1))\n"
            "    return tf.reduce_mean(tf.cast(correct, tf.float32))\n"
            "def main(config):\n"
            "    session = tf.Session()\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    while True:\n"
            "        session.run(train, {x: batch(), y: labels()})\n"
            "        value = session.run(accuracy(), {x: batch(), y: labels()})\n"
            "        if value > config.goal:\n"
            "            break\n"
            "main(load_config())\n",
            at="accuracy()",
            occurrence=1,
            severity="warning",
            traces=("is made here",),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "rate = tf.Variable(0.0, trainable=False)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.GradientDescentOptimizer(rate).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for epoch in range(500):\n"
            "        session.run(tf.assign(rate, 0.1 * 0.97 ** epoch))\n"
            "        for step in range(1000):\n"
            "            session.run(train, {x: batch()})\n",
            at="tf.assign(rate, 0.1 * 0.97 ** epoch)",
            severity="info",
            message="not each step",
            why="once for each epoch",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch()})\n" + "        note(step)\n" * 60 + "        total = tf.reduce_sum(x)\n",
            at="tf.reduce_sum(x)",
            why="a loop may be long",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.Variable(0, name='x')\n"
            "start = tf.global_variables_initializer()\n"
            "with tf.Session() as session:\n"
            "    session.run(start)\n"
            "    for i in range(5):\n"
            "        x = x + 1\n"
            "        print(session.run(x))\n",
            at="x + 1",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.Variable(10)\n"
            "y = tf.Variable(20)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for _ in range(10):\n"
            "        session.run(tf.add(x, y))\n"
            "    print(tf.get_default_graph().as_graph_def())\n",
            at="tf.add(x, y)",
            severity="info",
            message="in so few rounds that does no harm",
            why="ten rounds",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x, most = tf.Variable(10), 20\n"
            "y, rounds, done = tf.Variable(20), 0, False\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    while not done and rounds < most:\n"
            "        done = session.run(tf.greater(x, y))\n"
            "        rounds += 1\n",
            at="tf.greater(x, y)",
            severity="info",
            message="in so few rounds that does no harm",
            why="twenty rounds at most",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.layers.dense(x, 1)\n"
            "step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(y - 1.0)))\n"
            "with tf.Session() as sess:\n"
            "    sess.run(tf.global_variables_initializer())\n"
            "    for i in range(100):\n"
            "        sess.run([step, tf.tanh(y)], {x: batch()})\n",
            at="tf.tanh(y)",
            severity="warning",
            message="each round of this loop adds `tf.tanh` to the graph: it grows, and every step is slower",
            why="a hundred small operations fill no memory",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "class Learner:\n"
            "    def __init__(self, session):\n"
            "        self.session, self.steps = session, 0\n"
            "        self.fast, self.slow = tf.Variable(tf.ones([8, 1])), tf.Variable(tf.ones([8, 1]))\n"
            "        self.train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(tf.matmul(x, self.fast))))\n"
            "    def learn(self, batch):\n"
            "        self.session.run(self.train, {x: batch})\n"
            "        if self.steps % 1000 == 0:\n"
            "            self.session.run([tf.assign(slow, fast) for slow, fast in [(self.slow, self.fast)]])\n"
            "        self.steps += 1\n"
            "session = tf.Session()\n"
            "learner = Learner(session)\n"
            "session.run(tf.global_variables_initializer())\n"
            "for step in range(100000):\n"
            "    if step > 500:\n"
            "        learner.learn(batch())\n",
            at="tf.assign(slow, fast)",
            severity="info",
            message="under a test, this loop adds",
            why="the test stands under another",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.layers.dense(x, 1)\n"
            "step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(y - 1.0)))\n"
            "with tf.Session() as sess:\n"
            "    sess.run(tf.global_variables_initializer())\n"
            "    for i in range(1000):\n"
            "        sess.run(step, {x: batch()})\n"
            "        if i % 100 == 0:\n"
            "            sample = sess.run(tf.tanh(y), {x: batch()})\n",
            at="tf.tanh(y)",
            severity="info",
            message="under a test, this loop adds",
            why="under a test",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "scores = tf.layers.dense(x, 3)\n"
                "session = tf.InteractiveSession()\n"
                "session.run(tf.global_variables_initializer())\n",
                "for step in range(1000):\n"
                "    results = session.run(scores, {x: batch()})\n"
                "    shares = tf.nn.softmax(results)\n"
                "    print(shares.eval())\n",
            ),
            at="tf.nn.softmax(results)",
            cell=1,
            severity="warning",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "from six.moves import xrange\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.reduce_mean(tf.layers.dense(x, 1)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in xrange(20):\n"
            "        session.run(train, {x: np.zeros((4, 8))})\n"
            "        tf.summary.scalar('error', x[0, 0])\n",
            at="x[0, 0]",
            severity='warning',
            message='it grows, and every step is slower',
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.reduce_mean(tf.layers.dense(x, 1)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(1000):\n"
            "        session.run(train, {x: batch(step)})\n"
            "        print(session.run(tf.reduce_max(x), {x: batch(0)}))\n",
            at='tf.reduce_max(x)',
            severity='warning',
            message='it grows, and every step is slower',
            why='a thousand operations fill no memory',
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.reduce_mean(tf.layers.dense(x, 1)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for epoch in range(10):\n"
            "        session.run(train, {x: batch(epoch)})\n"
            "        print(session.run(tf.reduce_max(x), {x: batch(0)}))\n",
            at='tf.reduce_max(x)',
            severity='info',
            message='in so few rounds',
        ),
        Invalid(
            "import tensorflow as tf\n"
            "count = tf.Variable(0, trainable=False)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "train = tf.train.GradientDescentOptimizer(0.01).minimize(tf.reduce_mean(tf.layers.dense(x, 1)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for step in range(2000):\n"
            "        session.run(train, {x: batch(step)})\n"
            "        count.assign(step).eval()\n",
            at='count.assign(step)',
            severity='warning',
            message='adds `assign` to the graph',
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        runs = looped_runs(program)
        if not runs or starts_over(program):
            return
        made = [o for o in program.operations if o.context.loop > 0 and adds_to_graph(o)]
        if not made or any(o.kind == "initializer" and o.context.loop > 0 for o in program.operations):
            return
        groups: dict[object, tuple[Place, SessionRun, list[Operation]]] = {}
        around: dict[int, SessionRun | None] = {}
        for operation in made:
            where = id(operation.context)
            if where not in around:
                around[where] = next((r for r in runs if in_one_loop(operation.context, r)), None)
            run = around[where]
            if run is None:
                continue
            depth = min(len(operation.context.calls), len(run.context.calls))
            calls = operation.context.calls
            place = calls[depth] if len(calls) > depth else operation.place
            key = (run.context.calls[:depth], run.context.loops)
            groups.setdefault(key, (place, run, []))[2].append(operation)
        rounds: dict[Place, float] = {}
        for event in program.events_of(Rounds):
            rounds[event.place] = max(event.most, rounds.get(event.place, 0))
        for place, first, operations in groups.values():
            # A loop that does nothing but read variables, or load values into them, ends with the last variable.
            if all(_only_assigns(program, run) for run in runs if in_one_loop(run.context, first)):
                continue
            # Where nothing is seen to train, the runs of an inner loop are taken for steps.
            inner = [run for run in runs if run.context.loop > first.context.loop]
            steps = [run for run in runs if trains(program, run)] or inner
            most = rounds.get(first.context.loops[-1], math.inf)
            # What runs in loops around this one adds up.
            is_bounded = most * len(operations) <= LASTING and len(first.context.loops) == 1
            harm = _SLOWER if is_bounded or most <= FEW else _MUCH
            trained = any(in_one_loop(run.context, first) for run in steps)
            if most <= FEWEST or (most <= FEW and not trained):
                harm = _FEW
            elif all(outside_of_steps(operation, steps, first) for operation in operations):
                tested = any(step.context.loops == first.context.loops for step in steps)
                harm = _TESTED if tested else _SELDOM
            others = any(may_add_to_graph(o) and in_one_loop(o.context, first) for o in program.operations)
            yield self._report(place, operations, harm, "at least " if others else "")

    def _report(self, place: Place, operations: list[Operation], harm: str, least: str) -> Report:
        first = operations[0]
        # Of two branches a round takes one.
        other = {(key, not outcome) for key, outcome in first.context.conditions}
        places = {each.place for each in operations if other.isdisjoint(each.context.conditions)}
        what = f"`{_named(first)}`" + (f" and {least}{len(places) - 1} more" if len(places) > 1 else "")
        trace = [Step(first.place, f"`{_named(first)}` is made here")] if first.place != place else []
        return self.report(
            place, severity="warning" if harm in (_MUCH, _SLOWER) else "info", what=what, harm=harm, trace=trace, subject=first.id,
            rounds="under a test, this loop adds" if harm is _TESTED else "each round of this loop adds",
        )  # fmt: skip


_MUCH = ": it grows, every step is slower, and memory runs out"
_SLOWER = ": it grows, and every step is slower"
_SELDOM = ", though not each step: the next step is slower"
_TESTED = ": the next step is slower"
_FEW = ": in so few rounds that does no harm, in many each would be slower"


def _only_assigns(program: Program, run: SessionRun) -> bool:
    fetched = [program.operation(value) for value in run.fetches]
    return bool(fetched) and all(o is not None and o.kind in ("assign", "variable") for o in fetched)


def _named(operation: Operation) -> str:
    return operation.name.removeprefix("operator ").removeprefix("tensor.")
