"""batchnorm-updates-not-run: moving averages that nothing updates, so that inference divides by the wrong numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.fixes.actions import ApiName, Remedy, Wrap
from trainlint.program.values import FALSE, TRUE, ApiObject, Unknown, is_none
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.events import Minimize
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

_LAYERS = ("tf.layers.batch_normalization", "tf.contrib.layers.batch_norm", "tf.contrib.slim.batch_norm")
_RUNS_UPDATES = ("create_train_op", "optimize_loss")


class BatchnormUpdatesNotRun(Rule):
    """
    ## What it does
    Reports a training step of TensorFlow 1 on a network with batch normalization when nothing runs the updates of its moving averages.
    Networks that always normalize with the batch at hand are not reported: they never read the averages.

    ## Why it is bad
    `tf.layers.batch_normalization` and `tf.contrib.layers.batch_norm` only put the updates into the collection `UPDATE_OPS`.
    Unless the training step depends on them, the moving mean stays 0 and the moving variance 1.
    Training looks fine, and with `training=False` the results are garbage.

    ## Example
    ```python
    train_op = tf.train.AdamOptimizer().minimize(loss)
    ```

    ## Use instead
    ```python
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train_op = tf.train.AdamOptimizer().minimize(loss)
    ```

    ## Fix safety
    Unsafe: it changes the results of inference, which is the point.

    ## Probe
    Takes twenty steps and looks whether the moving averages change.

    ## References
    - https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/layers/batch_normalization
    - tensorflow/tensorflow#16455, ageron/handson-ml#56
    """

    name, code, category, severity = "batchnorm-updates-not-run", "TL451", "normalization", "error"
    rank = 60
    evidence = ("certificate",)
    message = (
        "this training step does not update the moving averages of {many}: "
        "with `{flag}=False` it divides by a variance of 1 and subtracts 0"
    )

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool)\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(x, 16), training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
            "with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):\n"
            "    train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "z = tf.placeholder(tf.float32, [None, 100])\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(z, 128), training=True)\n"
            "fake = tf.layers.dense(tf.nn.relu(h), 784, tf.nn.sigmoid)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(fake))\n",
            why="the batch at hand is used always, as many generators do",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool)\n"
            "h = tf.contrib.layers.batch_norm(tf.layers.dense(x, 16), is_training=training, updates_collections=None)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.layers.dense(tf.nn.relu(h), 1)))\n",
            why="updated in place",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((8,)), tf.keras.layers.Dense(16, 'relu'),\n"
            "                             tf.keras.layers.BatchNormalization(), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="Keras runs the updates itself",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool)\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(x, 16), training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "updates = tf.get_collection('update_ops')\n"
            "with tf.Session() as session:\n"
            "    session.run([train, updates], {x: batch(), training: True})\n",
            why="run together with the step",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "slim = tf.contrib.slim\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "training = tf.placeholder(tf.bool)\n",
                "h = slim.batch_norm(tf.layers.dense(x, 16), is_training=training)\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
                "train = slim.learning.create_train_op(loss, tf.train.AdamOptimizer())\n",
            ),
            why="slim's training step runs the updates",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool)\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(x, 16), training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.train.AdamOptimizer().minimize(loss)",
            severity="error",
            message="`training=False`",
            traces=("batch normalization",),
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool)\n"
            "h = tf.layers.batch_normalization(tf.layers.dense(x, 16), training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n"
            "train = tf.group(tf.train.AdamOptimizer().minimize(loss), *tf.get_collection(tf.GraphKeys.UPDATE_OPS))\n",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    widths = [32, 32]\n"
            "def network(h, training, reuse=False):\n"
            "    with tf.variable_scope('net', reuse=reuse):\n"
            "        for i, width in enumerate(Config.widths):\n"
            "            h = tf.layers.dense(h, width, name='dense%d' % i)\n"
            "            h = tf.nn.relu(tf.layers.batch_normalization(h, training=training, name='norm%d' % i))\n"
            "        return tf.layers.dense(h, 10, name='out')\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = network(x, True)\n"
            "test_scores = network(x, False, reuse=True)\n"
            "loss = tf.losses.softmax_cross_entropy(y, scores)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(test_scores, 1), tf.argmax(y, 1)), tf.float32))\n"
            "optimizer = tf.train.MomentumOptimizer(0.01, 0.9)\n"
            "train = optimizer.minimize(loss)\n",
            at="optimizer.minimize(loss)",
            severity="error",
            message="2 layers",
            fixed="import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    widths = [32, 32]\n"
            "def network(h, training, reuse=False):\n"
            "    with tf.variable_scope('net', reuse=reuse):\n"
            "        for i, width in enumerate(Config.widths):\n"
            "            h = tf.layers.dense(h, width, name='dense%d' % i)\n"
            "            h = tf.nn.relu(tf.layers.batch_normalization(h, training=training, name='norm%d' % i))\n"
            "        return tf.layers.dense(h, 10, name='out')\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "y = tf.placeholder(tf.float32, [None, 10])\n"
            "scores = network(x, True)\n"
            "test_scores = network(x, False, reuse=True)\n"
            "loss = tf.losses.softmax_cross_entropy(y, scores)\n"
            "accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(test_scores, 1), tf.argmax(y, 1)), tf.float32))\n"
            "optimizer = tf.train.MomentumOptimizer(0.01, 0.9)\n"
            "train = tf.group(optimizer.minimize(loss), *tf.get_collection(tf.GraphKeys.UPDATE_OPS))\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "from tensorflow.contrib.layers import batch_norm\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "training = tf.placeholder_with_default(False, ())\n",
                "h = batch_norm(tf.layers.dense(x, 16), is_training=training)\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n",
                "optimizer = tf.train.AdamOptimizer()\n"
                "train = optimizer.apply_gradients(optimizer.compute_gradients(loss))\n"
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    session.run(train, {x: batch(), training: True})\n",
            ),
            at="optimizer.apply_gradients(optimizer.compute_gradients(loss))",
            cell=2,
            severity="error",
            message="`is_training=False`",
            fixed="import tensorflow as tf\n"
            "from tensorflow.contrib.layers import batch_norm\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder_with_default(False, ())\n\n"
            "h = batch_norm(tf.layers.dense(x, 16), is_training=training)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(tf.nn.relu(h), 1)))\n\n"
            "optimizer = tf.train.AdamOptimizer()\n"
            "train = tf.group(optimizer.apply_gradients(optimizer.compute_gradients(loss)), *tf.get_collection(tf.GraphKeys.UPDATE_OPS))\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(train, {x: batch(), training: True})\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        layers = [o for o in program.of_kind("normalization") if _collects_updates(o)]
        if not layers or _asked_for(program) or not any(_reads_averages(o) for o in layers):
            return
        for event in program.minimized:
            if event.how not in ("minimize", "gradients") or _runs_updates(program, event):
                continue
            behind = program.ancestors(event.loss)
            found = [o for o in layers if o.id in behind and o.attributes.get("training") != FALSE]
            if found:
                yield self._report(event, found)

    def _report(self, event: Minimize, found: list[Operation]) -> Report:
        first = found[0]
        symbol = first.symbol
        room = (
            "tensorflow.compat.v1"
            if symbol is not None and symbol.path.startswith("tensorflow.compat")
            else "tensorflow"
        )
        name = ApiName(f"{room}.group", event.place)
        asked = ApiName(f"{room}.get_collection", event.place), ApiName(f"{room}.GraphKeys.UPDATE_OPS", event.place)
        wrap = Wrap(event.place, (name, "("), (", *", asked[0], "(", asked[1], "))"))
        # A function that is called twice may reuse its layers.
        is_counted = len({(o.place, o.id.iteration) for o in found}) == len(found)
        many = f"{len(found)} layers of batch normalization" if is_counted else "the layers of batch normalization"
        return self.report(
            event.place,
            many="batch normalization" if len(found) == 1 else many,
            flag=_flag(first),
            trace=[Step(first.place, "batch normalization collects its updates here")],
            remedies=[Remedy("Run the updates with the step", "unsafe", (wrap,))],
            subject=event.op,
        )


def _flag(operation: Operation) -> str:
    return "training" if operation.name.startswith("tf.layers") else "is_training"


def _collects_updates(operation: Operation) -> bool:
    """Whether a layer leaves the updates of its averages to somebody else."""
    if operation.name not in _LAYERS or operation.attributes.get("form") != "batch":
        return False
    place = operation.arguments.get("updates_collections")
    return place is None or not (is_none(place.value) or isinstance(place.value, Unknown))


def _reads_averages(operation: Operation) -> bool:
    """Whether the moving averages are used in some run: the flag is fed, or off."""
    training = operation.attributes.get("training")
    if isinstance(training, Unknown):
        return False
    return training != TRUE and not (training is not None and is_none(training))


def _asked_for(program: Program) -> bool:
    """Whether anything reads the collection of updates, or a collection whose name is not known."""
    return any(
        isinstance(record, ApiObject) and record.fields.get("collection") in ("UPDATE_OPS", "")
        for record in program.heap.values()
    )


def _runs_updates(program: Program, event: Minimize) -> bool:
    step = program.operation(event.op)
    return step is not None and step.symbol is not None and step.symbol.path.endswith(_RUNS_UPDATES)
