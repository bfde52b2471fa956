"""keep-prob-rate-confusion: a share to keep where a share to drop is expected, or the other way round."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Wrap
from trainlint.program import dropouts, shares
from trainlint.program.assumptions import assumptions
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.remarks import comment_beside
from trainlint.program.values import Argument
from trainlint.rules.base import Invalid, Report, Rule, Valid

SUSPICIOUS = 0.8
"""A constant rate from here on is rarely meant: papers drop .5 to .7 (rules.md, TL403 and section 7)."""

TOLERANCE = 1e-6
FORMS = frozenset({"function", "layer", "keras"})
EXPECTS = {"keep": "a share to keep", "drop": "a share to drop"}


class KeepProbRateConfusion(Rule):
    """
    ## What it does
    Reports a dropout that gets the wrong one of two shares.
    An argument named like `keep_prob` goes to `rate`, one named like `drop_rate` goes to `keep_prob`, or a constant would drop 80 % and more.
    Where the name says nothing and a comment on the same line contradicts the argument, that is information.
    It also reports a run that feeds a share at which nothing is kept.

    ## Why it is bad
    `keep_prob=0.9` keeps nine of ten units, `rate=0.9` one of ten.
    With the wrong one the network trains on almost nothing, and with a keep probability of 0 it divides by zero.

    ## Example
    ```python
    keep_prob = 0.8
    hidden = tf.keras.layers.Dropout(keep_prob)(hidden)
    ```

    ## Use instead
    ```python
    keep_prob = 0.8
    hidden = tf.keras.layers.Dropout(1 - keep_prob)(hidden)
    ```

    ## Fix safety
    Unsafe: either the name or the use is wrong, and only the author knows which.

    ## Probe
    Counts the zeros behind the layer in training mode and compares them with the share that was meant.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/nn/dropout (rate)
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/nn/dropout (keep_prob)
    - chiphuyen/stanford-tensorflow-tutorials#100
    """

    name, code, category, severity = "keep-prob-rate-confusion", "TL403", "dropout", "warning"
    rank = 60
    evidence = ("certificate",)
    message = "{what}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "with tf.Session() as sess:\n"
            "    d = tf.to_float(tf.reshape(tf.range(1, 17), [4, 4]))\n"
            "    print(sess.run(d))\n"
            "    # the share of keep_prob stays, the rest becomes 0\n"
            "    dropout1 = tf.nn.dropout(d, 0.2, noise_shape=None)\n"
            "    print(sess.run(dropout1))\n"
            "    dropout2 = tf.nn.dropout(d, 0.4, noise_shape=[4, 1])\n"
            "    print(sess.run(dropout2))\n"
            "    dropout3 = tf.nn.dropout(d, 0.4, noise_shape=[1, 4])\n"
            "    print(sess.run(dropout3))\n",
            why="what dropout does is shown: there is no network",
        ),
        Valid(
            "import tensorflow as tf\n"
            "keep_prob = 0.8\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(16), tf.keras.layers.Dropout(1 - keep_prob), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="turned around",
        ),
        Valid(
            "import tensorflow as tf\n"
            "inputs = tf.keras.Input((8,))\n"
            "x = tf.keras.layers.Dense(64, activation='relu')(inputs)\n"
            "x = tf.keras.layers.Dropout(0.25)(x)  # fraction to drop, not the probability to keep\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(x))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            why="a comment that speaks of both",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "drop_rate = tf.placeholder_with_default(0.0, [])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), rate=drop_rate)\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "tf.Session().run(train, {x: inputs, y: targets, drop_rate: 0.2})\n",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "def block(x, keep_prob=0.5):\n"
            "    return tf.layers.dropout(x, rate=keep_prob, training=True)\n"
            "out = block(tf.placeholder(tf.float32, [None, 8]))\n"
            "tf.Session().run(out, feeds)\n",
            why="at one half both mean the same",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "dropout = 0.75\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "hidden = tf.nn.dropout(x, dropout)\n"
            "tf.Session().run(hidden, feeds)\n",
            why="`dropout` names both in published code",
        ),
        Valid(
            "from tensorflow import keras\n"
            "rate = load_settings()['rate']\n"
            "model = keras.Sequential([keras.layers.Dense(16), keras.layers.Dropout(rate), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            why="neither name nor value says anything",
        ),
        Valid(
            "from keras.layers import AlphaDropout, Dense\n"
            "from keras.models import Sequential\n"
            "model = Sequential([Dense(16, activation='selu'), AlphaDropout(0.8), Dense(1)])\n"
            "model.compile('adam', 'mse')\n",
            why="another layer",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "keep_prob = 0.8\n"
            "model = tf.keras.Sequential()\n"
            "model.add(tf.keras.layers.Dense(16, activation='relu'))\n"
            "model.add(tf.keras.layers.Dropout(keep_prob))\n"
            "model.add(tf.keras.layers.Dense(1))\n"
            "model.build((None, 8))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="keep_prob",
            occurrence=1,
            severity="error",
            message="`keep_prob` (0.8) is a share to keep",
            fixed=(
                "import tensorflow as tf\n"
                "keep_prob = 0.8\n"
                "model = tf.keras.Sequential()\n"
                "model.add(tf.keras.layers.Dense(16, activation='relu'))\n"
                "model.add(tf.keras.layers.Dropout(1 - keep_prob))\n"
                "model.add(tf.keras.layers.Dense(1))\n"
                "model.build((None, 8))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "learning = tf.placeholder(tf.bool, [])\n"
            "def block(tensor, units, keep):\n"
            "    tensor = tf.layers.dense(tensor, units, activation=tf.nn.relu)\n"
            "    return tf.layers.dropout(tensor, keep, training=learning)\n"
            "tensor = x\n"
            "for units in (32, 16):\n"
            "    tensor = block(tensor, units, keep_prob)\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(tensor, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(train, {x: inputs, y: targets, keep_prob: 0.9, learning: True})\n",
            at="keep",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "keep_prob = tf.placeholder(tf.float32)\n"
                "learning = tf.placeholder(tf.bool, [])\n"
                "def block(tensor, units, keep):\n"
                "    tensor = tf.layers.dense(tensor, units, activation=tf.nn.relu)\n"
                "    return tf.layers.dropout(tensor, 1 - keep, training=learning)\n"
                "tensor = x\n"
                "for units in (32, 16):\n"
                "    tensor = block(tensor, units, keep_prob)\n"
                "loss = tf.losses.mean_squared_error(y, tf.layers.dense(tensor, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
                "with tf.Session() as session:\n"
                "    session.run(train, {x: inputs, y: targets, keep_prob: 0.9, learning: True})\n"
            ),
            occurrence=2,
            severity="error",
            traces=("0.9",),
            why="through a function and a loop",
        ),
        Invalid(
            "import argparse\n"
            "import tensorflow as tf\n"
            "parser = argparse.ArgumentParser()\n"
            "parser.add_argument('--dropout_rate', type=float, default=0.2)\n"
            "args = parser.parse_args()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.placeholder(tf.float32, [None, 1])\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=args.dropout_rate)\n"
            "loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="args.dropout_rate",
            severity="error",
            message="is a share to drop",
            fixed=(
                "import argparse\n"
                "import tensorflow as tf\n"
                "parser = argparse.ArgumentParser()\n"
                "parser.add_argument('--dropout_rate', type=float, default=0.2)\n"
                "args = parser.parse_args()\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "y = tf.placeholder(tf.float32, [None, 1])\n"
                "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=1 - args.dropout_rate)\n"
                "loss = tf.losses.mean_squared_error(y, tf.layers.dense(hidden, 1))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n"
            ),
            why="from the command line",
        ),
        Invalid(
            "",
            cells=(
                "from keras.layers import Dense, Dropout\n"
                "from keras.models import Sequential\n"
                "settings = {'rate': 0.9}\n",
                "model = Sequential([Dense(16, activation='relu'), Dropout(settings['rate']), Dense(1)])\n"
                "model.build((None, 8))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n",
            ),
            at="settings['rate']",
            fixed=(
                "from keras.layers import Dense, Dropout\n"
                "from keras.models import Sequential\n"
                "settings = {'rate': 0.9}\n"
                "\n"
                "model = Sequential([Dense(16, activation='relu'), Dropout(1 - settings['rate']), Dense(1)])\n"
                "model.build((None, 8))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x, y)\n"
            ),
            cell=1,
            severity="warning",
            message="keeps only 0.1",
            why="the value alone, in a notebook",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "def block(x, share=0.75):\n"
            "    x = tf.keras.layers.Dense(64, activation='relu')(x)\n"
            "    return tf.keras.layers.Dropout(share)(x)  # probability to keep units\n"
            "inputs = tf.keras.Input((8,))\n"
            "model = tf.keras.Model(inputs, tf.keras.layers.Dense(1)(block(inputs)))\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y)\n",
            at="share",
            occurrence=1,
            severity="info",
            message="the comment calls this a share to keep",
            why="only a comment says what is meant",
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "keep_prob = tf.placeholder(tf.float32)\n"
            "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=keep_prob)\n"
            "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
            "print(tf.Session().run(answer, {x: inputs, keep_prob: 0.0}))\n",
            at="0.0",
            severity="error",
            message="keeps nothing",
            fixed=(
                "import tensorflow.compat.v1 as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "keep_prob = tf.placeholder(tf.float32)\n"
                "hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=keep_prob)\n"
                "answer = tf.argmax(tf.layers.dense(hidden, 3), 1)\n"
                "print(tf.Session().run(answer, {x: inputs, keep_prob: 1.0}))\n"
            ),
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if dropouts.is_shown(program):
            return
        yield from program.recall_each(self._of, "dropout")

    def _of(self, program: Program, dropout: Operation) -> Iterator[Report]:
        found = written_share(dropout)
        by_name = self._by_name(program, dropout, *found) if found is not None else None
        if by_name is not None:
            yield by_name
            return
        by_value = self._by_value(program, dropout, *found) if found is not None else None
        if by_value is not None:
            yield by_value
        by_comment = self._by_comment(program, dropout, *found) if found is not None and by_value is None else None
        if by_comment is not None:
            yield by_comment
        yield from self._fed_to_nothing(program, dropout)

    def _by_name(self, program: Program, dropout: Operation, expected: str, argument: Argument) -> Report | None:
        said = shares.meaning(argument.spelled)
        if said is None or said == expected or argument.place is None:
            return None
        values = values_of(program, dropout)
        if values and all(abs(value - 0.5) < TOLERANCE for value, _ in values):
            return None
        # The value too is one of the kind that the name says.
        contradicted = [(v, p) for v, p in values if (v > 0.5 if said == "keep" else v < 0.5)]
        trace = [Step(place, f"it is fed {value:g} here") for value, place in contradicted[:1] if place is not None]
        amount = f" ({contradicted[0][0]:g})" if contradicted else ""
        what = f"`{argument.spelled}`{amount} is {EXPECTS[said]}, and this argument is {EXPECTS[expected]}"
        remedy = Remedy(f"Write `1 - {argument.spelled}`", "unsafe", (opposite(argument),))
        return self.report(
            argument.place, what=what, severity="error" if contradicted else "warning", trace=trace, remedies=[remedy],
            assumed=assumptions(argument) if contradicted else (), subject=dropout.id,
        )  # fmt: skip

    def _by_value(self, program: Program, dropout: Operation, expected: str, argument: Argument) -> Report | None:
        if (
            shares.meaning(argument.spelled) is not None
            or argument.place is None
            or dropout.attributes.get("form") not in FORMS
        ):
            return None
        keep = dropouts.share(program, dropout, {})
        if keep is None or (dropouts.switches(program, dropout) and dropouts.active(program, dropout, {}) is None):
            fed = values_of(program, dropout)
            if keep is None and fed:
                return None
        if keep is None or not 0 < keep <= 1 - SUSPICIOUS + TOLERANCE:
            return None
        given = "keep probability" if expected == "keep" else "rate"
        amount = keep if expected == "keep" else 1 - keep
        what = f"a {given} of {amount:.4g} keeps only {keep:.4g} of the units"
        remedy = Remedy("Take the other share: `1 - ...`", "unsafe", (opposite(argument),))
        return self.report(
            argument.place, what=what, severity="warning", assumed=assumptions(argument), remedies=[remedy],
            subject=dropout.id,
        )  # fmt: skip

    def _by_comment(self, program: Program, dropout: Operation, expected: str, argument: Argument) -> Report | None:
        if shares.meaning(argument.spelled) is not None or argument.place is None:
            return None
        said = shares.meaning_in_words(comment_beside(argument.place))
        values = values_of(program, dropout)
        if said is None or said == expected or all(abs(value - 0.5) < TOLERANCE for value, _ in values):
            return None
        what = f"the comment calls this {EXPECTS[said]}, and the argument is {EXPECTS[expected]}"
        return self.report(argument.place, what=what, severity="info", subject=dropout.id)

    def _fed_to_nothing(self, program: Program, dropout: Operation) -> Iterator[Report]:
        for run in program.runs:
            if not any(dropout.id in program.ancestors(fetch) for fetch in run.fetches):
                continue
            feed = dropouts.responsible(program, dropout, run)
            if feed is None or dropouts.kept(program, dropout, dropouts.fed_in(run)) != 0:
                continue
            used = dropouts.direct(program, dropout, feed.key)
            remedies = []
            if used in ("keep", "rate") and dropouts.role(program, run) == "evaluate":
                text = "1.0" if used == "keep" else "0.0"
                remedies = [Remedy(f"Feed `{text}` here", "unsafe", (ReplaceValue(feed.place, (text,)),))]
            trace = [Step(dropout.place, "this dropout")]
            yield self.report(
                feed.place, what="with this value dropout keeps nothing: the share to keep is 0", severity="error", trace=trace,
                remedies=remedies, assumed=assumptions(feed.value), subject=feed.key,
            )  # fmt: skip


def written_share(dropout: Operation) -> tuple[str, Argument] | None:
    """What the share of a dropout is taken for ("keep" or "drop"), and its argument."""
    keep = dropout.arguments.get("keep_prob")
    if keep is not None and keep.given and dropout.attributes.get("keep") == keep.value:
        return "keep", keep
    for name in ("rate", "p", "level"):
        argument = dropout.arguments.get(name)
        if argument is not None and argument.given:
            # Which share the second argument of tf.nn.dropout is depends on the version: positional-dropout-flip.
            is_open = dropout.name == "tf.nn.dropout" and argument.positional
            return None if is_open else ("drop", argument)
    return None


def values_of(program: Program, dropout: Operation) -> list[tuple[float, object]]:
    """The values that the share takes, as it is written, with the place of the feed if it is fed."""
    for name in ("keep", "rate"):
        value = dropout.attributes.get(name)
        constant = dropouts.number(program, value, {})
        found = [] if constant is None else [(constant, None)]
        if not dropouts.switches(program, dropout):
            if found:
                return found  # type: ignore[return-value]
            continue
        fed: list[tuple[float, object]] = []
        for run in program.runs:
            amount = dropouts.number(program, value, dropouts.fed_in(run))
            feed = dropouts.responsible(program, dropout.replace(attributes={name: value}), run)
            if amount is not None and feed is not None:
                fed.append((amount, feed.place))
        if fed or found:
            return fed or found  # type: ignore[return-value]
    return []


def opposite(argument: Argument) -> Wrap:
    """`1 - x` in place of x."""
    assert argument.place is not None
    return Wrap(argument.place, ("1 - ",), ())
