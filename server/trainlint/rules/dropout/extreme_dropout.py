"""extreme-dropout: dropout that leaves next to nothing of a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program import dropouts
from trainlint.program.values import FALSE, Tensor
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.operations import Operation
    from trainlint.program.program import Program

HIGH = 0.8
"""Published networks drop 0.1 to 0.7; the original paper drops 0.8 of no layer but very wide ones."""

WIDE, HIGH_WHERE_WIDE = 4096, 0.9
"""From so many units on, a tenth of them is still a layer."""

FEW = 2.0
"""Of fewer units nothing at all is left in many steps."""


class ExtremeDropout(Rule):
    """
    ## What it does
    Reports dropout that drops at least 0.8 of a layer, and dropout of so few units that fewer than two are left on average, such as the single output of a network.
    Layers of 4096 units and more may lose up to 0.9.

    ## Why it is bad
    Dropout is noise, and the more is dropped the more of it there is: at a rate of 0.8 each unit that is left is multiplied by 5.
    Where one unit is all there is, its value is 0 in every second step whatever the input, and the gradient too.

    ## Example
    ```python
    model.add(keras.layers.Dense(64, activation="relu"))
    drop_rate = 0.95
    model.add(keras.layers.Dropout(drop_rate))
    ```

    ## Use instead
    ```python
    model.add(keras.layers.Dense(64, activation="relu"))
    drop_rate = 0.5
    model.add(keras.layers.Dropout(drop_rate))
    ```

    ## Fix safety
    None: how much to drop depends on the data.

    ## Probe
    Counts the zeros behind the layer in training mode.

    ## References
    - Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014, section 7.3: the best share is 0.4 to 0.8 to keep
    - Schoop et al., "UMLAUT: Debugging Deep Learning Programs using Program Structure and Model Behavior", 2021
    """

    name, code, category, severity = "extreme-dropout", "TL407", "dropout", "warning"
    rank = 30
    evidence = ("certificate",)
    message = "dropout with a rate of {rate:.4g} leaves {left}"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "drop_rate = 0.5\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dropout(drop_rate),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "drop_rate = 0.85\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(8192, 'relu'), keras.layers.Dropout(drop_rate),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            why="1200 units are left",
        ),
        Valid(
            "import settings\n"
            "from tensorflow import keras\n"
            "drop_rate = 0.85\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(settings.UNITS, 'relu'), keras.layers.Dropout(drop_rate),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            why="nobody knows how many units are left",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def block(x, drop_rate, training):\n"
            "    return tf.layers.dropout(tf.layers.dense(x, 16, tf.nn.relu), drop_rate, training=training)\n",
            why="the rate is not known",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "drop_rate = tf.placeholder_with_default(0.0, [])\n"
            "h = tf.nn.dropout(tf.layers.dense(x, 16, tf.nn.relu), keep_prob=1.0 - drop_rate)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(tf.layers.dense(h, 1))))\n",
            why="the default is for evaluation",
        ),
        Valid(
            "",
            cells=(
                "from keras.layers import Conv2D, Dropout, Input\nfrom keras.models import Model\n",
                "inputs = Input((28, 28, 8))\n"
                "mask = Dropout(0.5)(Conv2D(1, 3, activation='sigmoid')(inputs))\n"
                "model = Model(inputs, Conv2D(1, 3)(mask))\n"
                "model.compile('adam', 'mse')\n",
            ),
            why="one channel, but many pixels",
        ),
    ]
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "drop_rate = 0.95\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dropout(drop_rate),\n"
            "    keras.layers.Dense(1),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            at="drop_rate",
            occurrence=1,
            severity="warning",
            message="3.2 of 64 units",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([\n"
            "    keras.Input((20,)), keras.layers.Dense(64, 'relu'), keras.layers.Dense(1), keras.layers.Dropout(0.5),\n"
            "])\n"
            "model.compile('adam', 'mse')\n",
            at="0.5",
            severity="warning",
            message="0.5 of 1 unit",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--drop_rate', type=float, default=0.9)\n"
            "args = parser.parse_args()\n"
            "def layer(x, width, training):\n"
            "    return tf.layers.dropout(tf.layers.dense(x, width, tf.nn.relu), rate=args.drop_rate, training=training)\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "training = tf.placeholder(tf.bool, [])\n"
            "h = layer(x, 32, training)\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(tf.layers.dense(h, 1))))\n",
            at="args.drop_rate",
            message="3.2 of 32 units",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "settings = {'drop_rate': 1.0}\n"
            "model = tf.keras.Sequential([tf.keras.Input((20,))])\n"
            "for width in (64, 32):\n"
            "    model.add(tf.keras.layers.Dense(width, 'relu'))\n"
            "    model.add(tf.keras.layers.Dropout(settings['drop_rate']))\n"
            "model.add(tf.keras.layers.Dense(1))\n"
            "model.compile('adam', 'mse')\n",
            at="settings['drop_rate']",
            severity="error",
            message="nothing",
        ),
        Invalid(
            "",
            cells=(
                "from keras.layers import Dense, Dropout\nfrom keras.models import Sequential\n",
                "drop_prob = 0.8\n"
                "model = Sequential()\n"
                "model.add(Dense(100, activation='relu', input_shape=(8,)))\n"
                "model.add(Dropout(drop_prob))\n"
                "model.add(Dense(3, activation='softmax'))\n"
                "model.compile('adam', 'sparse_categorical_crossentropy')\n",
            ),
            at="drop_prob",
            occurrence=1,
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if dropouts.is_shown(program):
            return
        for dropout in program.of_kind("dropout"):
            if dropout.attributes.get("training") == FALSE or dropouts.switches(program, dropout):
                if _is_fed(program, dropout):
                    continue
            keep = dropouts.share(program, dropout, {})
            if keep is None or not 0.0 <= keep < 1.0:
                continue
            source = dropout.inputs[0] if dropout.inputs else None
            units = _units(source)
            rate = 1.0 - keep
            is_high = rate >= HIGH - 1e-9 and not (rate <= HIGH_WHERE_WIDE and _may_be_wide(source))
            is_small = units is not None and units * keep < FEW and _is_layer(program, dropout)
            if not is_high and not is_small:
                continue
            argument = dropouts.share_argument(dropout)
            left = "nothing" if keep == 0 else "few units" if units is None else _count(units * keep, units)
            inner = program.operation(source) if source is not None else None
            yield self.report(
                argument.place if argument is not None and argument.place is not None else dropout.place,
                severity="error" if keep == 0 else None,
                rate=rate,
                left=left,
                trace=[] if inner is None else [Step(inner.place, "this is what it drops from")],
                assumed=argument.value.assumed if argument is not None else (),
                subject=dropout.id,
            )


def _is_fed(program: Program, dropout: Operation) -> bool:
    """Whether the share itself is fed, or the dropout is off for ever."""
    if dropout.attributes.get("training") == FALSE:
        return True
    shares = (dropout.attributes.get("keep"), dropout.attributes.get("rate"))
    return any(
        (operation := program.operation(key)) is not None and operation.kind == "placeholder"
        for value in shares
        if isinstance(value, Tensor)
        for key in program.ancestors(value)
    )


def _units(value: object) -> int | None:
    """The features of each sample; None where a sample is more than a row."""
    if not isinstance(value, Tensor) or value.shape is None or len(value.shape) != 2:
        return None
    last = value.shape[-1]
    return last if isinstance(last, int) else None


def _may_be_wide(value: object) -> bool:
    """Whether a layer has many units, or nobody knows how many it has."""
    if not isinstance(value, Tensor) or value.shape is None:
        return True
    units = value.shape[-1] if len(value.shape) == 2 else 0
    return not isinstance(units, int) or units >= WIDE


def _is_layer(program: Program, dropout: Operation) -> bool:
    """Whether units of a network are dropped, not numbers that were fed."""
    return bool(program.variables(dropout.inputs[0] if dropout.inputs else None))


def _count(left: float, units: int) -> str:
    return f"{left:.2g} of {units} unit{'' if units == 1 else 's'} on average"
