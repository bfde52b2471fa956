"""slow-default-learning-rate: Adadelta with a rate a thousand times smaller than its paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.actions import ApiName, Remedy, ReplaceValue, SetArgument
from trainlint.program.eras import is_for_keras_1
from trainlint.program.heads import learning_rate, optimizer_name
from trainlint.program.training import is_idle
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject

TOO_SLOW = 0.01
"""Constant rates up to this one crawl as well: measured .001 against 1.0, relative skill lost 1.7 at 50 steps."""


class SlowDefaultLearningRate(Rule):
    """
    ## What it does
    Reports Adadelta with its default learning rate of 0.001, or with a constant rate of at most 0.01.
    Keras' Adagrad with its default rate is reported as an information.

    ## Why it is bad
    The method was published with a rate of 1.0, and old standalone Keras used that.
    TensorFlow's default is a thousand times smaller, so the weights hardly move and the loss crawls.
    The default of Adagrad went from 0.01 to 0.001, so code that was written before trains ten times slower.

    ## Example
    ```python
    model.compile(optimizer="adadelta", loss="mse")
    ```

    ## Use instead
    ```python
    model.compile(optimizer=keras.optimizers.Adadelta(learning_rate=1.0), loss="mse")
    ```

    ## Fix safety
    Unsafe: training changes, which is the point.

    ## Probe
    Trains with the rate as written and with 1.0, and compares how far the weights move.

    ## References
    - Zeiler, "ADADELTA: An Adaptive Learning Rate Method", arXiv:1212.5701
    - tensorflow/tensorflow#36785, tensorflow/tensorflow#39432
    """

    name, code, category, severity = "slow-default-learning-rate", "TL501", "optimizer", "warning"
    rank = 60
    evidence = ("training",)
    message = "Adadelta runs with a learning rate of {rate:g}; the method was made for 1.0, so the weights hardly move"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(10, activation='softmax', input_shape=(784,))])\n"
            "model.compile(loss='categorical_crossentropy', optimizer='adadelta')\n"
            "model.load_weights('trained.h5')\n"
            "print(model.predict(images()))\n",
            why="nothing is trained: what is loaded is asked",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(10, activation='softmax', input_shape=(784,))])\n"
            "model.compile(loss='categorical_crossentropy', optimizer=tf.keras.optimizers.Adadelta())\n"
            "model.load_weights('trained.h5')\n"
            "print(model.predict(images()))\n",
            why="nothing is trained: what is loaded is asked",
        ),
        Valid(
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "model = Sequential([Dense(10, input_shape=(20,))])\n"
            "model.compile('adadelta', 'mse')\n"
            "assert tensorflow.__version__ == '2.1.0'\n",
            why="Keras of its own up to 2.3 had a rate of 1",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile(keras.optimizers.Adagrad(lr=0.001), 'mse')\n",
            why="its author has chosen the rate, whatever becomes of it",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdadeltaOptimizer(learning_rate=1.0, epsilon=1e-6).minimize(loss)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(optimizer=keras.optimizers.Adadelta(1.0), loss='mse')\n",
        ),
        Valid(
            "import argparse\n"
            "from tensorflow.keras.optimizers import Adadelta\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--rate', type=float)\n"
            "optimizer = Adadelta(learning_rate=parser.parse_args().rate)\n",
            why="the rate comes from the command line and has no default",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            why="the default of Adam is as published",
        ),
        Valid(
            "import keras\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "import tensorflow as tf\n"
            "session = tf.Session()\n"
            "model = Sequential()\n"
            "model.add(Dense(10, input_dim=4))\n"
            "model.compile(loss='mse', optimizer=keras.optimizers.Adadelta())\n"
            "model.fit(x, y, nb_epoch=3)\n",
            why="standalone Keras of that time has a default of 1.0",
        ),
        Valid(
            "from keras.layers import Convolution2D, Dense, Flatten\n"
            "from keras.models import Sequential\n"
            "model = Sequential()\n"
            "model.add(Convolution2D(32, 3, 3, border_mode='same', input_shape=(28, 28, 1)))\n"
            "model.add(Flatten())\n"
            "model.add(Dense(10, activation='softmax'))\n"
            "model.compile(loss='categorical_crossentropy', optimizer='adadelta')\n",
            why="nothing newer than Keras 2.3 takes `border_mode`",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(optimizer='adadelta', loss='mse')\n",
            at="'adadelta'",
            severity="warning",
            message="a learning rate of 0.001",
            fixed="from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])\n"
            "model.compile(optimizer=keras.optimizers.Adadelta(learning_rate=1.0), loss='mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "w = tf.get_variable('w', [3, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdadeltaOptimizer().minimize(loss)\n",
            at="tf.train.AdadeltaOptimizer()",
            severity="warning",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 3])\n"
            "w = tf.get_variable('w', [3, 1])\n"
            "loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))\n"
            "train = tf.train.AdadeltaOptimizer(learning_rate=1.0).minimize(loss)\n",
        ),
        Invalid(
            "from keras.optimizers import Adadelta as Descent\n"
            "from keras import Input, Sequential, layers\n"
            "class Config:\n"
            "    rate = 0.005\n"
            "def make_optimizer():\n"
            "    return Descent(learning_rate=Config.rate)\n"
            "model = Sequential([Input((4,)), layers.Dense(1)])\n"
            "model.compile(make_optimizer(), 'mse')\n",
            at="Descent(learning_rate=Config.rate)",
            message="a learning rate of 0.005",
            fixed="from keras.optimizers import Adadelta as Descent\n"
            "from keras import Input, Sequential, layers\n"
            "class Config:\n"
            "    rate = 0.005\n"
            "def make_optimizer():\n"
            "    return Descent(learning_rate=1.0)\n"
            "model = Sequential([Input((4,)), layers.Dense(1)])\n"
            "model.compile(make_optimizer(), 'mse')\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.Adagrad(), 'mse')\n",
            at="tf.keras.optimizers.Adagrad()",
            severity="info",
            message="Adagrad",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile(tf.keras.optimizers.Adagrad(learning_rate=0.01), 'mse')\n",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n",
                "optimizers = {'slow': tf.keras.optimizers.Adadelta}\n"
                "model.compile(optimizers['slow'](), loss='mse')\n",
            ),
            at="optimizers['slow']()",
            cell=1,
            severity="warning",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n\n"
            "optimizers = {'slow': tf.keras.optimizers.Adadelta}\n"
            "model.compile(optimizers['slow'](learning_rate=1.0), loss='mse')\n",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for key, optimizer in program.objects:
            method = optimizer_name(optimizer)
            if optimizer.kind != "optimizer" or method not in ("Adadelta", "Adagrad"):
                continue
            if is_idle(program, key):
                continue
            if "lr" in optimizer.arguments:
                continue  # its author has chosen one, whatever becomes of it
            argument = learning_rate(optimizer)
            rate = constant(argument.value) if argument is not None else None
            if (
                argument is None
                or rate is None
                or not 0 < rate <= TOO_SLOW
                or (_old(program, optimizer) and not argument.given)
            ):
                continue
            if method == "Adadelta":
                remedies = _remedies(optimizer, "1.0")
                yield self.report(
                    optimizer.place, rate=rate, assumed=argument.value.assumed, remedies=remedies, subject=key
                )
            elif not argument.given and rate < TOO_SLOW:
                text = f"Adagrad runs with the default learning rate of {rate:g}; it used to be 0.01"
                yield self.report(
                    optimizer.place, severity="info", message=text, remedies=_remedies(optimizer, "0.01"), subject=key
                )


def _old(program: Program, optimizer: ApiObject) -> bool:
    """Whether this may be the standalone Keras up to 2.3, which had the published defaults."""
    is_early = program.generation in ("1.x", "2.0") or is_for_keras_1(program)
    return optimizer.symbol.flavour == "keras" and is_early


def _remedies(optimizer: ApiObject, rate: str) -> list[Remedy]:
    if optimizer.fields.get("spelled") == "string":
        name = ApiName(_full(optimizer), optimizer.place)
        action = ReplaceValue(optimizer.place, (name, f"(learning_rate={rate})"))
        return [Remedy(f"Set `learning_rate={rate}`", "unsafe", (action,))]
    argument = learning_rate(optimizer)
    existing = argument.place if argument is not None else None
    action_ = SetArgument(optimizer.place, "learning_rate", (rate,), existing=existing)
    return [Remedy(f"Set `learning_rate={rate}`", "unsafe", (action_,))]


def _full(optimizer: ApiObject) -> str:
    """The optimizer's path as TensorFlow spells it."""
    return f"tensorflow.keras.optimizers.{optimizer.name.rsplit('.', 1)[-1]}"
