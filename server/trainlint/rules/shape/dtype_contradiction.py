"""dtype-contradiction: an operation gets tensors of types that it does not take."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.dtypes import mismatches
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.dtypes import Mismatch, Proof
    from trainlint.program.program import Program
    from trainlint.source.code import Place


class DtypeContradiction(Rule):
    """
    ## What it does
    Reports operations of TensorFlow whose tensors are proved to have types that it does not take.
    That is two types in one sum or product, class numbers that are `float32`, the mean of `bool`, texts as labels, or a fraction and a tensor of whole numbers.
    It also reports the mean of whole numbers, which is a whole number.
    Python numbers and arrays of NumPy are converted where TensorFlow converts them.

    ## Why it is bad
    TensorFlow never converts one tensor to the type of another: the operation stops with `TypeError` or `InvalidArgumentError`.
    The message names an operation deep inside of the library; the type was chosen where the placeholder was declared.
    The mean of whole numbers goes on without an error: an accuracy of 0.97 is shown as 0.

    ## Example
    ```python
    x = tf.placeholder(tf.float64, [None, 784])
    weights = tf.Variable(tf.truncated_normal([784, 10], stddev=0.05))
    scores = tf.matmul(x, weights)
    ```

    ## Use instead
    ```python
    x = tf.placeholder(tf.float32, [None, 784])
    weights = tf.Variable(tf.truncated_normal([784, 10], stddev=0.05))
    scores = tf.matmul(x, weights)
    ```

    ## Fix safety
    None: which of the two types is meant cannot be told.

    ## Probe
    Builds the operation with tensors of these types, which decides.

    ## References
    - https://www.tensorflow.org/guide/tensor: "Most ops expect the same type"; https://www.tensorflow.org/api_docs/python/tf/cast
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: API misuse
    """

    name, code, category, severity = "dtype-contradiction", "TL710", "shape", "error"
    rank = 45
    evidence = ("certificate",)
    message = "{reason}{outcome}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "\n"
            "inputs = tf.placeholder(tf.float32, shape=[None, 1, 4, 1])\n"
            "start = tf.truncated_normal(shape=[1, 2, 1, 3], stddev=0.1, dtype=tf.float32)\n"
            "# TF >= 0.12 refuses this line; older ones take the dtype of the tensor (float32)\n"
            'kernel = tf.get_variable("kernel", dtype=tf.float64, initializer=start)\n'
            'conv = tf.nn.conv2d(inputs, kernel, strides=[1, 1, 2, 1], padding="SAME")\n'
            "\n"
            "with tf.Session() as sess:\n"
            "    sess.run(tf.initialize_all_variables())\n"
            "    print(sess.run(conv, feed_dict={inputs: np.zeros((2, 1, 4, 1))}))\n",
            why="which type the variable has is not sure: later versions refuse it before",
        ),
        Valid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 784])\n"
            "w = tf.Variable(tf.zeros([784, 10]))\n"
            "y = tf.matmul(x, w) * 2 + np.ones(10) / 3.0\n"
            "labels = tf.placeholder(tf.int64, [None])\n"
            "hit = tf.equal(tf.argmax(y, 1), labels)\n"
            "accuracy = tf.reduce_mean(tf.cast(hit, tf.float32))\n"
            "print(tf.Session().run(accuracy, {x: read(), labels: classes()}))\n",
            why="numbers and arrays are converted",
        ),
        Valid(
            "import tensorflow as tf\n"
            "image = tf.cast(tf.constant([1, 2, 3]), tf.float32) / 255.0\n"
            "count = tf.constant(3) * 2\n"
            "half = tf.constant(3) / tf.constant(2)\n"
            "weights = tf.Variable([0.5, 1, 2])\n"
            "total = tf.reduce_sum(weights * image)\n"
            "train = tf.train.GradientDescentOptimizer(0.1).minimize(total)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def net(x, kind):\n"
            "    w = tf.get_variable('w', [8, 2], dtype=kind)\n"
            "    return tf.matmul(x, w)\n"
            "x = tf.placeholder(tf.float64, [None, 8])\n"
            "y = net(x, tf.float64)\n"
            "z = net(x, choose())\n"
            "print(tf.Session().run([y, z], {x: read()}))\n",
            why="the same type, and one that is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    dtype = tf.float16\n"
            "x = tf.placeholder(Config.dtype, [None, 8])\n"
            "y = tf.layers.dense(x, 3)\n"
            "labels = tf.placeholder(tf.uint8, [None])\n"
            "loss = tf.losses.softmax_cross_entropy(tf.one_hot(labels, 3), y)\n"
            "for factor in (1, 2):\n"
            "    loss = factor * loss\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            why="layers take over the type of their input",
        ),
        Valid(
            "import tensorflow as tf\n"
            "try:\n"
            "    tf.constant(1.0) + tf.constant(1)\n"
            "except TypeError as error:\n"
            "    print(error)\n",
            why="the error is expected",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\na = tf.constant([1, 2])\n",
                "b = tf.reduce_mean(tf.cast(a, tf.float32))\nc = tf.constant(2, dtype=tf.float32) * b\n",
            ),
        ),
        Valid(
            "import tensorflow as tf\n"
            "import tensorflow.experimental.numpy as tnp\n"
            "tnp.experimental_enable_numpy_behavior(dtype_conversion_mode='all')\n"
            "print(tf.constant(10, dtype=tf.int32) + tf.constant(5.0))\n",
            why="types are converted as in NumPy",
        ),
        Valid(
            "import tensorflow as tf\n"
            "counts = tf.constant([3.0, 4.0])\n"
            "drawn = tf.random.stateless_binomial(shape=[2], seed=[1, 2], counts=counts, probs=0.5)\n"
            "least = tf.math.minimum(drawn, tf.cast(counts, 'int32'))\n",
            why="some random numbers are whole",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float64, [None, 784])\n"
            "w = tf.Variable(tf.truncated_normal([784, 10], stddev=0.05))\n"
            "y = tf.matmul(x, w)\n"
            "print(tf.Session().run(y, {x: read()}))\n",
            at="tf.float64",
            severity="error",
            message="one operand is float64, the other float32",
            traces=("do not fit", "float32"),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "scores = tf.placeholder(tf.float32, [None, 10])\n"
            "labels = tf.placeholder(tf.float32, [None])\n"
            "loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.float32",
            occurrence=1,
            severity="error",
            message="the class numbers are float32",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def accuracy(scores, labels):\n"
            "    return tf.reduce_mean(tf.equal(tf.argmax(scores, 1), tf.argmax(labels, 1)))\n"
            "scores = tf.placeholder(tf.float32, [None, 10])\n"
            "labels = tf.placeholder(tf.float32, [None, 10])\n"
            "print(accuracy(scores, labels))\n"
            "print(tf.Session().run(scores, {scores: read()}))\n",
            at="tf.reduce_mean(tf.equal(tf.argmax(scores, 1), tf.argmax(labels, 1)))",
            severity="error",
            message="is bool",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "scores = tf.placeholder(tf.float32, [None, 10])\n"
            "labels = tf.placeholder(tf.int32, [None])\n"
            "hit = tf.equal(tf.argmax(scores, 1), labels)\n"
            "print(tf.Session().run(hit, {scores: read(), labels: classes()}))\n",
            at="tf.int32",
            severity="error",
            message="one operand is int64, the other int32",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "scores = tf.placeholder(tf.float32, [None, 10])\n"
            "labels = tf.placeholder(tf.int64, [None])\n"
            "hit = tf.equal(tf.argmax(scores, 1), labels)\n"
            "accuracy = tf.reduce_mean(tf.cast(hit, tf.int32))\n"
            "print(tf.Session().run(accuracy, {scores: read(), labels: classes()}))\n",
            at="tf.reduce_mean(tf.cast(hit, tf.int32))",
            severity="warning",
            message="cut off",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "class Config:\n"
            "    labels = tf.string\n"
            "x = tf.placeholder(tf.float32, [None, 10])\n"
            "y = tf.placeholder(Config.labels, [None, 4])\n"
            "w = tf.Variable(tf.zeros([10, 4]))\n"
            "loss = tf.nn.softmax_cross_entropy_with_logits(logits=tf.matmul(x, w), labels=y)\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="Config.labels",
            severity="error",
            message="texts",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "images = tf.cast(tf.random.uniform([8, 28, 28]) * 255, tf.uint8)\n"
            "scaled = images / 255.0\n",
            at="images / 255.0",
            severity="error",
            message="a number with a fraction",
        ),
        Invalid(
            "import numpy as np\n"
            "import tensorflow as tf\n"
            "data = np.random.rand(100, 3)\n"
            "w = tf.Variable(tf.zeros([3, 1]))\n"
            "y = tf.matmul(data, w)\n",
            at="tf.matmul(data, w)",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "a = tf.constant([1, 2, 3])\n",
                "b = tf.constant([1.0, 2.0, 3.0])\n"
                "print(a * b)\n",
            ),
            at="a * b",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        told: set[Place] = set()
        for found in mismatches(program):
            culprit = _culprit(found)
            place = culprit.written if culprit is not None and culprit.written is not None else found.operation.place
            if place in told:
                continue
            told.add(place)
            trace = [
                Step(p.written or p.source.place, f"{p.dtype} comes from here")
                for p in found.proofs
                if p is not culprit
            ]
            if place != found.operation.place:
                trace.insert(0, Step(found.operation.place, "here the types do not fit"))
            yield self.report(
                place,
                severity="warning" if found.silent else None,
                reason=found.reason,
                outcome=", and no error says so" if found.silent else ": this stops with an error",
                trace=[step for step in dict.fromkeys(trace) if step.place != place],
                subject=found.operation.id,
            )


def _culprit(found: Mismatch) -> Proof | None:
    """The operand whose type was written by hand where the other's is the customary one; None where both may be."""
    if found.silent:
        return None
    written = [proof for proof in found.proofs if proof.source.kind == "placeholder"]
    if len(found.proofs) == 1:
        return written[0] if written else None
    odd = [proof for proof in written if proof.dtype != "float32"]
    return odd[0] if len(odd) == 1 else None
