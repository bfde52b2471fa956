"""train-op-never-run: a graph with a training step that no run of the session takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.events import Escape
from trainlint.program.values import ApiObject, Id, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Minimize, SessionRun
    from trainlint.program.program import Program

_RESTORE = "tf.train.Saver.restore"


class TrainOpNeverRun(Rule):
    """
    ## What it does
    Reports a training step of a TensorFlow 1 graph that no `session.run` fetches, in a program that initializes the variables and then looks at the loss or the outputs in a loop.
    All runs have to be visible: a program with options on its command line, a step that is handed to other code, or a graph whose variables are restored from a file, is not reported.

    ## Why it is bad
    `minimize` only adds a step to the graph.
    Running the loss computes the loss; the weights change only when the step itself is run.
    The loop prints numbers that belong to the initial weights, for ever.

    ## Example
    ```python
    step = tf.train.AdamOptimizer(1e-3).minimize(loss)
    for features, labels in batches:
        print(session.run(loss, {x: features, y: labels}))
    ```

    ## Use instead
    ```python
    step = tf.train.AdamOptimizer(1e-3).minimize(loss)
    for features, labels in batches:
        _, value = session.run([step, loss], {x: features, y: labels})
        print(value)
    ```

    ## Fix safety
    None: which run should take the step is up to the author.

    ## Probe
    It follows from the program: no run leads to the step.

    ## References
    - https://github.com/tensorflow/docs/blob/master/site/en/guide/migrate/migrating_feature_columns.ipynb: sessions and fetches
    - Nikanjam et al., "Automatic Fault Detection for Deep Learning Programs Using Graph Transformations", arXiv:2105.08095
    """

    name, code, category, severity = "train-op-never-run", "TL811", "training", "error"
    rank = 30
    evidence = ("certificate",)
    message = "no run takes this training step, so the weights stay as they were drawn"

    VALID = [
        Valid(
            "import threading\n"
            "import tensorflow as tf\n"
            "class Net:\n"
            "    def __init__(self):\n"
            "        self.session = tf.Session()\n"
            "        self.x = tf.placeholder(tf.float32, [None, 4])\n"
            "        self.y = tf.layers.dense(self.x, 2)\n"
            "        self.step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(self.y)))\n"
            "        self.session.run(tf.global_variables_initializer())\n"
            "    def update(self):\n"
            "        while True:\n"
            "            self.session.run(self.step, {self.x: batch()})\n"
            "net = Net()\n"
            "threading.Thread(target=net.update).start()\n"
            "for step in range(1000):\n"
            "    net.session.run(net.y, {net.x: batch()})\n",
            why="a thread takes the steps",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "y = tf.layers.dense(x, 1)\n"
            "step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(y)))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    saver = tf.train.import_meta_graph('model.ckpt.meta')\n"
            "    saver.restore(session, 'model.ckpt')\n"
            "    for row in rows:\n"
            "        print(session.run(y, {x: [row]}))\n",
            why="the weights are those of a file",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for features, targets in read_batches('train.csv'):\n"
            "        _, value = session.run([step, loss], {x: features, y: targets})\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n"
            "with tf.control_dependencies([step]):\n"
            "    trained = tf.identity(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for features, targets in read_batches('train.csv'):\n"
            "        print(session.run(trained, {x: features, y: targets}))\n",
            why="what is fetched waits for the step",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    tf.train.Saver().restore(session, 'model.ckpt')\n"
            "    for features, targets in read_batches('test.csv'):\n"
            "        print(session.run(loss, {x: features, y: targets}))\n",
            why="the weights were trained by another program",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Model:\n"
            "    def __init__(self, rate):\n"
            "        self.x = tf.placeholder(tf.float32, [None, 9])\n"
            "        self.y = tf.placeholder(tf.float32, [None, 1])\n"
            "        self.loss = tf.losses.mean_squared_error(self.y, tf.layers.dense(self.x, 1))\n"
            "        self.step = tf.train.AdamOptimizer(rate).minimize(self.loss)\n"
            "    def run(self, session, batches, fetches):\n"
            "        for features, targets in batches:\n"
            "            session.run(fetches, {self.x: features, self.y: targets})\n"
            "model = Model(1e-3)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    model.run(session, read_batches('train.csv'), choose(model))\n",
            why="what is fetched is not known",
        ),
        Valid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--mode', default='test')\n"
            "args = parser.parse_args()\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    if args.mode == 'train':\n"
            "        session.run(step, {x: read('train.csv')})\n"
            "    for features in read_batches('test.csv'):\n"
            "        print(session.run(loss, {x: features}))\n",
            why="the option may ask for training",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 9])\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
                "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
                "session = tf.InteractiveSession()\n"
                "session.run(tf.global_variables_initializer())\n"
                "for features in read_batches('train.csv'):\n"
                "    step.run({x: features})\n",
            ),
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 4])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "weights = tf.Variable(tf.random_normal([4, 1]))\n"
            "error = tf.matmul(x, weights) - y\n"
            "step = tf.assign(weights, weights - 0.1 * tf.matmul(tf.transpose(x), error))\n"
            "cost = tf.reduce_mean(error * error)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for batch, targets in batches:\n"
            "        session.run([step, cost], {x: batch, y: targets})\n"
            "other = tf.train.GradientDescentOptimizer(0.1).minimize(cost)\n",
            why="the weights follow gradients that the author works out",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 9])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(x, 1))\n"
            "step = tf.train.AdamOptimizer(1e-3).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for features, targets in read_batches('train.csv'):\n"
            "        print(session.run(loss, {x: features, y: targets}))\n",
            at="tf.train.AdamOptimizer(1e-3).minimize(loss)",
            severity="error",
            traces=("this run",),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "CONFIG = {'rate': 0.1, 'epochs': 20}\n"
            "def build(config):\n"
            "    x = tf.placeholder(tf.float32, [None, 9])\n"
            "    y = tf.placeholder(tf.float32, [None, 1])\n"
            "    loss = tf.reduce_mean(tf.square(tf.matmul(x, tf.get_variable('w', [9, 1])) - y))\n"
            "    optimizer = tf.train.GradientDescentOptimizer(config['rate'])\n"
            "    return x, y, loss, optimizer.apply_gradients(optimizer.compute_gradients(loss))\n"
            "x, y, loss, step = build(CONFIG)\n"
            "session = tf.Session()\n"
            "session.run(tf.global_variables_initializer())\n"
            "for epoch in range(CONFIG['epochs']):\n"
            "    value = session.run(loss, feed_dict={x: load('x.npy'), y: load('y.npy')})\n"
            "    print(epoch, value)\n",
            at="optimizer.apply_gradients(optimizer.compute_gradients(loss))",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 9])\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
                "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n",
                "session = tf.InteractiveSession()\n"
                "session.run(tf.global_variables_initializer())\n"
                "for features in read_batches('train.csv'):\n"
                "    loss.eval({x: features})\n",
            ),
            at="tf.train.GradientDescentOptimizer(0.1).minimize(loss)",
            cell=0,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        steps = [event for event in program.minimized if event.how in ("minimize", "gradients")]
        if not steps or any(_is_taken(world) for world in program.worlds):
            return
        runs = list(program.runs)
        if not any(_initializes(program, run) for run in runs):
            return
        if _has_options(program):
            return
        escaped = _escaped(program)
        if escaped is None or any(event.op in escaped or program.consumers(event.op) for event in steps):
            return
        for event in steps:
            look = next((run for run in runs if _looks(program, run, event)), None)
            if look is not None and not event.context.conditions:
                trace = [Step(look.place, "this run in a loop computes the loss or the outputs, and takes no step")]
                yield self.report(event.place, trace=trace, subject=event.op)


def _is_taken(program: Program) -> bool:
    """Whether some run takes a training step, or may."""
    for run in program.runs:
        if run.partial or not run.fetches:
            return True
        for value in run.fetches:
            operation = program.operation(value)
            if operation is None or operation.kind in ("train", "group", "opaque") or operation.name == _RESTORE:
                return True
            # The author's own gradients change the weights.
            if operation.kind == "assign" and run.context.loop:
                return True
    return False


def _has_options(program: Program) -> bool:
    """Whether a command line may choose a part of the program that the defaults leave out."""
    return any(isinstance(record, ApiObject) and record.kind == "parser" for record in program.heap.values())


def _initializes(program: Program, run: SessionRun) -> bool:
    return any((o := program.operation(v)) is not None and o.kind == "initializer" for v in run.fetches)


def _looks(program: Program, run: SessionRun, event: Minimize) -> bool:
    """Whether a run in a loop computes what the loss is made of, weights included."""
    if run.context.loop == 0 or run.context.conditions or not isinstance(event.loss, Tensor):
        return False
    weights = {weight.id for weight in program.variables(event.loss)}
    return any(weights & set(program.ancestors(value)) for value in run.fetches if isinstance(value, Tensor))


def _escaped(program: Program) -> set[Id | None] | None:
    """The operations that other code gets; None if an object with unknown contents goes there."""
    found: set[Id | None] = set()
    for escape in program.events_of(Escape):
        for value in escape.values:
            if isinstance(value, Tensor):
                found.add(value.op)
                continue
            record = program.record(value)
            if record is None:
                continue
            if hasattr(record, "attributes") or hasattr(record, "items"):
                return None
    return found
