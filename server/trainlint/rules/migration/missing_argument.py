"""missing-argument: a call lacks an argument that the function requires."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.program.events import MissingArgument as Event
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program


class MissingArgument(Rule):
    """
    ## What it does
    Reports a call of a function, a class or a method of TensorFlow or Keras without an argument that has no default.
    It has to be required in every version that has the function.
    Where a program says that it is for a version before 1.0, also what that one required is reported.
    Calls with `*args` or `**kwargs`, decorators, inherited methods, `tf.contrib` and whatever stands where a `TypeError` is expected are not reported.

    ## Why it is bad
    The call ends with `TypeError: missing a required argument`.
    In code that runs late, it comes after hours of training.

    ## Example
    ```python
    optimizer = tf.train.GradientDescentOptimizer()
    ```

    ## Use instead
    ```python
    optimizer = tf.train.GradientDescentOptimizer(learning_rate=0.1)
    ```

    ## Fix safety
    None: what the argument should be is for the author to say.

    ## Probe
    Asks the installed version which arguments the call requires.

    ## References
    - https://www.tensorflow.org/versions/r1.15/api_docs/python/tf/train/GradientDescentOptimizer
    - https://github.com/tensorflow/tensorflow/releases/tag/v1.0.0
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018: API change
    """

    name, code, category, severity = "missing-argument", "TL007", "migration", "error"
    rank = 40
    evidence = ("certificate",)
    message = "`{function}` is called without {names}, which {versions}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(inputs=x, units=1)))\n"
            "step = tf.train.GradientDescentOptimizer(learning_rate=0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    session.run(step, feed_dict={x: batch()})\n",
            why="by position or by name",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from tensorpack import argscope, enable_argscope_for_module\n"
            "enable_argscope_for_module(tf.layers)\n"
            "x = tf.placeholder(tf.float32, [None, 32, 32, 3])\n"
            "with argscope([tf.layers.conv2d], kernel_size=3, padding='same'), argscope(tf.layers.dense, units=10):\n"
            "    scores = tf.layers.dense(tf.layers.flatten(tf.layers.conv2d(x, 8, activation=tf.nn.relu)))\n"
            "step = tf.train.AdamOptimizer().minimize(tf.reduce_mean(scores))\n",
            why="a scope of another library sets them",
        ),
        Valid(
            "from functools import partial\n"
            "import tensorflow as tf\n"
            "convolution = partial(tf.keras.layers.Conv2D, kernel_size=3, padding='same')\n"
            "class Residual(tf.keras.layers.Wrapper):\n"
            "    def call(self, x):\n"
            "        return x + self.layer(x)\n"
            "model = tf.keras.Sequential([tf.keras.Input((8, 8, 3)), convolution(16), tf.keras.layers.Flatten()])\n"
            "model.compile('adam', 'mse')\n",
            why="what lacks an argument is not the call",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from helpers import settings\n"
            "def build(**options):\n"
            "    return tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(**options)])\n"
            "for options in settings:\n"
            "    build(**options).compile('adam', 'mse')\n",
            why="what the options hold is not known",
        ),
        Valid(
            "from keras.models import Sequential\n"
            "from keras.layers import Dense\n"
            "model = Sequential([Dense(output_dim=8, input_dim=4), Dense(output_dim=1)])\n"
            "model.compile('sgd', 'mse')\n",
            why="an older name of the argument",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.random_normal([8, 3])\n"
            "first = tf.strided_slice(x, [0], [1])\n"
            "print(tf.Session().run(first))\n",
            why="the version before 1.0 that required the strides is not what this is for",
        ),
        Valid(
            "import tensorflow as tf\n"
            "assert tf.__version__.startswith('0.12.')\n"
            "x = tf.random_normal([8, 3])\n"
            "first = tf.strided_slice(x, [0], [1], [1])\n"
            "left, middle, right = tf.split(1, 3, x)\n"
            "print(tf.Session().run([first, left]))\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "class OptimizerTest(tf.test.TestCase):\n"
            "    def test_rate(self):\n"
            "        with self.assertRaises(TypeError):\n"
            "            tf.train.GradientDescentOptimizer()\n"
            "OptimizerTest().test_rate()\n",
            why="the error is what is expected",
        ),
        Valid(
            "import tensorflow as tf\n"
            "embedding = tf.keras.layers.Embedding(input_dim=100, output_dim=8)\n"
            "embedding.build()\n"
            "print(embedding.get_weights())\n",
            why="a class may take less than the one above it",
        ),
        Valid(
            "import tensorflow as tf\nx = tf.placeholder(...)\nh = tf.matmul(...)\n",
            why="the dots are there to be filled in",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nfrom tensorflow.keras import layers\n",
                "model = tf.keras.Sequential([layers.Dense(4, input_shape=(8,)), layers.Dropout(0.5), layers.Dense(1)])\n"
                "model.compile(optimizer='adam', loss='mse')\n",
            ),
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "step = tf.train.GradientDescentOptimizer().minimize(loss)\n",
            at="tf.train.GradientDescentOptimizer()",
            severity="error",
            message="without `learning_rate`",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "assert tf.__version__[:len('0.12.')] == '0.12.'\n"
            "x = tf.random_normal([8, 3])\n"
            "print(tf.Session().run(tf.strided_slice(x, [0], [1])))\n",
            at="tf.strided_slice(x, [0], [1])",
            severity="error",
            message="`strides`, which TensorFlow before 1.0 requires",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def block(units):\n"
            "    return [tf.keras.layers.Conv2D(units, padding='same'), tf.keras.layers.ReLU()]\n"
            "model = tf.keras.Sequential([tf.keras.Input((8, 8, 3))])\n"
            "for units in (8, 16):\n"
            "    for layer in block(units):\n"
            "        model.add(layer)\n",
            at="tf.keras.layers.Conv2D(units, padding='same')",
            severity="error",
            message="`kernel_size`",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\nw = tf.Variable(tf.zeros([3]))\nsaver = tf.train.Saver()\n",
                "with tf.Session() as session:\n"
                "    session.run(tf.global_variables_initializer())\n"
                "    saver.save('model')\n",
            ),
            at="saver.save('model')",
            cell=1,
            message="`save_path`",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        version = program.version
        for event in program.events_of(Event):
            if event.context.guarded:
                continue
            if event.before is None:
                # The tables do not tell what was required before 1.0.
                if version is not None and version < (1,):
                    continue
                versions = "every version of it requires"
            elif version is not None and version < event.before:
                versions = f"TensorFlow before {event.before[0]}.0 requires"
            else:
                continue
            names = " and ".join(f"`{name}`" for name in event.names)
            yield self.report(event.place, function=event.function, names=names, versions=versions)
