"""removed-api: names that the version of TensorFlow in use does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.fixes.actions import ApiName, Piece, Remedy, RenameArgument, ReplaceValue, Source
from trainlint.program.eras import is_for_1
from trainlint.rules.base import Invalid, Report, Rule, Valid
from trainlint.tfapi.resolve import availability

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trainlint.program.events import ModelCall
    from trainlint.program.operations import Operation
    from trainlint.program.program import Program
    from trainlint.program.values import ApiObject, Argument
    from trainlint.source.code import Place
    from trainlint.tfapi import Symbol

BEFORE_1 = {
    "mul": "multiply", "sub": "subtract", "neg": "negative", "pack": "stack", "unpack": "unstack",
    "select": "where", "inv": "reciprocal", "batch_matmul": "matmul", "complex_abs": "abs", "listdiff": "setdiff1d",
    "scalar_summary": "summary.scalar", "histogram_summary": "summary.histogram", "image_summary": "summary.image",
    "audio_summary": "summary.audio", "merge_summary": "summary.merge", "merge_all_summaries": "summary.merge_all",
    "train.SummaryWriter": "summary.FileWriter",
}  # fmt: skip
"""Names of TensorFlow before 1.0 and what they are called since; the release notes of 1.0 list them."""

_SAME = frozenset((
    "mul", "sub", "neg", "pack", "unpack", "inv", "batch_matmul", "merge_summary", "merge_all_summaries",
    "train.SummaryWriter",
))  # fmt: skip
"""Those whose arguments mean the same under the new name."""

METHODS = {
    "fit_generator": ("2.16", "Keras 3", "fit"),
    "evaluate_generator": ("2.16", "Keras 3", "evaluate"),
    "predict_generator": ("2.16", "Keras 3", "predict"),
    "predict_classes": ("2.11", "TensorFlow 2.6", "predict"),
    "predict_proba": ("2.11", "TensorFlow 2.6", "predict"),
}
"""Methods of models: the first generation without them, in words, and what took their place."""

_GENERATIONS = ("1.x", "2.0", "2.11", "2.16")


class RemovedApi(Rule):
    """
    ## What it does
    Reports names, methods and arguments that the version of TensorFlow and Keras of the program does not have any more.
    The version follows from pins and from the other names that the program uses, else from what its first lines or the README mention.
    Methods that only older versions have are a warning where nothing tells.
    Names from before TensorFlow 1.0 are always reported, as information where nothing shows that the program is for a later version.
    Names of Keras 1 and 2 are information in a program for Keras alone in which nothing is newer.

    ## Why it is bad
    The program stops with an `AttributeError` or a `TypeError`, sometimes only after the data have been loaded.

    ## Example
    ```python
    hidden = tf.mul(x, w)
    ```

    ## Use instead
    ```python
    hidden = tf.multiply(x, w)
    ```

    ## Fix safety
    Safe where a function only got another name, since the old name exists in no version that can be installed.

    ## Probe
    Looks for the name in the installed version.

    ## References
    - https://github.com/tensorflow/tensorflow/releases/tag/v1.0.0
    - https://www.tensorflow.org/guide/migrate/upgrade
    - https://keras.io/guides/migrating_to_keras_3/
    """

    name, code, category, severity = "removed-api", "TL001", "migration", "error"
    rank = 50
    evidence = ("certificate",)
    message = "`{name}` is gone{since}{instead}"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "\n"
            "try:\n"
            "    histogram_summary = tf.histogram_summary\n"
            "    merge_summary = tf.merge_summary\n"
            "except:\n"
            "    histogram_summary = tf.summary.histogram\n"
            "    merge_summary = tf.summary.merge\n"
            "\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "y = tf.layers.dense(x, 1)\n"
            'parts = merge_summary([histogram_summary("y", y)])\n',
            why="each version has its name",
        ),
        Valid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n"
            "session = tf.Session()\n",
            why="a program for TensorFlow 1 as a whole",
        ),
        Valid(
            "import tensorflow.compat.v1 as tf\n"
            "tf.disable_v2_behavior()\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.multiply(x, 2.0))\n"
            "session = tf.Session()\n"
            "print(session.run(loss, {x: [[1.0] * 8]}))\n",
            why="what TensorFlow 2 keeps of version 1",
        ),
        Valid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(generator(), epochs=3)\n"
            "tf.random.set_seed(1)\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "if tf.__version__.startswith('2'):\n"
            "    tf.random.set_seed(1)\n"
            "    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "    model.compile('adam', 'mse')\n"
            "else:\n"
            "    session = tf.Session()\n",
            why="each version has its branch",
        ),
        Valid(
            "",
            cells=(
                "import keras\nimport tensorflow as tf\nsession = tf.Session()\n",
                "model = keras.models.Sequential([keras.layers.Dense(1, input_dim=4)])\n"
                "model.compile('sgd', 'mse')\n"
                "model.fit_generator(generator(), nb_epoch=3)\n",
            ),
            why="Keras of the time of sessions has these names",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.get_variable('w', [8])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.mul(x, w)))\n"
            "model = Sequential([Dense(1, input_dim=8)])\n",
            at="tf.mul(x, w)",
            severity="info",
            why="Keras, before it was a part of TensorFlow, ran on 0.12 too.",
            fixed="import tensorflow as tf\n"
            "from keras.layers import Dense\n"
            "from keras.models import Sequential\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.get_variable('w', [8])\n"
            "train = tf.train.AdamOptimizer().minimize(tf.reduce_mean(tf.multiply(x, w)))\n"
            "model = Sequential([Dense(1, input_dim=8)])\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.layers.dense(x, 8)\n"
            "loss = tf.reduce_mean(tf.mul(x, w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.mul(x, w)",
            severity="error",
            message="TensorFlow 1.0",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.layers.dense(x, 8)\n"
            "loss = tf.reduce_mean(tf.multiply(x, w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.get_variable('w', [8])\n"
            "loss = tf.reduce_mean(tf.mul(x, w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
            at="tf.mul(x, w)",
            severity="info",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "w = tf.get_variable('w', [8])\n"
            "loss = tf.reduce_mean(tf.multiply(x, w))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n",
        ),
        Invalid(
            "from tensorflow import keras\n"
            "def build(config):\n"
            "    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(config['units']), keras.layers.Dense(1)])\n"
            "    model.compile('adam', 'mse')\n"
            "    return model\n"
            "model = build({'units': 16})\n"
            "model.fit_generator(generator(), epochs=3)\n",
            at="model.fit_generator(generator(), epochs=3)",
            severity="warning",
            message="`fit`",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "for round in range(3):\n"
            "    model.fit(x, y, nb_epoch=3)\n",
            at="3",
            occurrence=1,
            severity="error",
            message="`epochs`",
            fixed="import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "for round in range(3):\n"
            "    model.fit(x, y, epochs=3)\n",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "tf.random.set_seed(1)\n"
            "writer = tf.summary.create_file_writer('logs')\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "session = tf.Session()\n",
            at="tf.Session()",
            severity="error",
            message="TensorFlow 2",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "x = tf.placeholder(tf.float32, [None, 8])\n"
                "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
                "train = tf.train.AdamOptimizer().minimize(loss)\n",
                "summaries = tf.merge_all_summaries()\n",
            ),
            at="tf.merge_all_summaries()",
            cell=1,
            severity="error",
            fixed="import tensorflow as tf\n"
            "x = tf.placeholder(tf.float32, [None, 8])\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 1)))\n"
            "train = tf.train.AdamOptimizer().minimize(loss)\n\n"
            "summaries = tf.summary.merge_all()\n",
        ),
        Invalid(
            "from keras.models import Sequential\n"
            "from keras.layers import Dense\n"
            "model = Sequential([Dense(8, input_dim=4, activation='relu'), Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y, nb_epoch=3)\n",
            at="3",
            severity="info",
            message="`epochs`",
            fixed="from keras.models import Sequential\n"
            "from keras.layers import Dense\n"
            "model = Sequential([Dense(8, input_dim=4, activation='relu'), Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x, y, epochs=3)\n",
            why="nothing is newer than Keras 1: it may be run with that",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation='softmax', input_shape=(4,))])\n"
            "print(model.predict_classes(x))\n",
            at='model.predict_classes(x)',
            severity='info',
            message='gone since TensorFlow 2.6',
        ),
        Invalid(
            "import tensorflow as tf\n"
            "assert tf.__version__ >= '2.16'\n"
            "model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit_generator(generator(), epochs=3)\n",
            at='model.fit_generator(generator(), epochs=3)',
            severity='error',
            message='since Keras 3',
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        seen: set[Place] = set()
        used: list[tuple[Symbol, Operation | ApiObject]] = list(program.recall_each(_plain))
        used += [(record.symbol, record) for _, record in program.objects if record.symbol.flavour in _PLAIN]
        for symbol, item in used:
            if item.place in seen:
                continue
            report = self._name(program, symbol, item)
            if report is not None:
                seen.add(item.place)
                yield report
        for call in program.model_calls:
            yield from self._call(program, call)

    def _name(self, program: Program, symbol: Symbol, item: Operation | ApiObject) -> Report | None:
        short = symbol.path.removeprefix("tensorflow.")
        renamed = BEFORE_1.get(short) if symbol.flavour == "tf" else None
        if renamed is not None:
            name = f"tf.{short}"
            # A program that is all of one old piece may be run with what it was written for.
            return self.report(
                item.place, severity=None if is_for_1(program) else "info", name=name, since=" since TensorFlow 1.0", instead=f"; it is called `tf.{renamed}` there",
                remedies=_renaming(item.place, item.arguments, renamed) if short in _SAME else [],
            )  # fmt: skip
        if program.generation == "1.x" or program.conditions or not symbol.path.startswith("tensorflow."):
            return None
        if availability(symbol) != ("1.x",) or not _is_for_2(program):
            return None
        since = " in TensorFlow 2, which the rest of the program is written for"
        instead = "" if symbol.flavour == "tf.contrib" else f"; `tf.compat.v1.{short}` is what is left of it"
        return self.report(item.place, name=f"tf.{short}", since=since, instead=instead)

    def _call(self, program: Program, call: ModelCall) -> Iterator[Report]:
        entry = METHODS.get(call.method)
        record = program.record(call.model)
        symbol = getattr(record, "symbol", None)
        if symbol is not None and symbol.flavour == "tf_keras":
            return
        if entry is not None and not _is_older(program.generation, entry[0]):
            since, instead = f" since {entry[1]}", f"; `{entry[2]}` takes its place"
            # What was gone before 2.11 shows by itself that the program is older.
            severity = "info" if entry[0] == "2.11" or _may_be_old(program, symbol) else None
            if severity is None and any(_is_older(each, entry[0]) for each in program.possible):
                severity = "warning"
            yield self.report(call.place, severity=severity, name=call.method, since=since, instead=instead)
        argument = call.arguments.get("nb_epoch")
        if argument is not None and argument.place is not None and program.generation != "1.x":
            rename = RenameArgument(call.place, argument.place, "epochs")
            yield self.report(
                argument.place, severity="info" if _may_be_old(program, symbol) else None, name="nb_epoch", since=" since Keras 2.4", instead="; it is called `epochs`",
                remedies=[Remedy("Call it `epochs`", "safe", (rename,))],
            )  # fmt: skip


def _is_older(generation: str, than: str) -> bool:
    return _GENERATIONS.index(generation) < _GENERATIONS.index(than)


_PLAIN = ("tf", "tf.contrib")


def _plain(program: Program, operation: Operation) -> Iterator[tuple[Symbol, Operation]]:
    symbol = operation.symbol
    if symbol is not None and symbol.flavour in _PLAIN and not operation.context.conditions and _is_dated(symbol):
        yield symbol, operation


def _is_dated(symbol: Symbol) -> bool:
    """Whether a name is gone from some version."""
    short = symbol.path.removeprefix("tensorflow.")
    return (symbol.flavour == "tf" and short in BEFORE_1) or availability(symbol) == ("1.x",)


def _may_be_old(program: Program, symbol: Symbol | None) -> bool:
    """Whether a model is of Keras as a package of its own, and nothing in the program is newer than Keras 2.

    Such a program is of one piece and may be run with what it was written for.
    """
    return (
        symbol is not None and symbol.flavour == "keras" and not program.once(f"{__name__}.is_new", _is_new, lasts=True)
    )


def _is_new(program: Program) -> bool:
    symbols = {o.symbol for o in program.operations if o.symbol is not None}
    symbols |= {record.symbol for _, record in program.objects}
    available = [availability(symbol) for symbol in symbols if symbol.path.startswith(("tensorflow.", "keras."))]
    return any(places and not {"1.x", "2.0"} & set(places) for places in available)


def _is_for_2(program: Program) -> bool:
    """Whether the program also uses something that TensorFlow 1 does not have."""
    found: bool = program.once(f"{__name__}.is_for_2", _uses_2, lasts=True)
    return found


def _uses_2(program: Program) -> bool:
    symbols = {o.symbol for o in program.operations if o.symbol is not None}
    symbols |= {record.symbol for _, record in program.objects}
    available = [availability(symbol) for symbol in symbols if symbol.path.startswith(("tensorflow.", "keras."))]
    return any(places and "1.x" not in places for places in available)


def _renaming(place: Place, arguments: Mapping[str, Argument], name: str) -> list[Remedy]:
    """The same call under another name; none when an argument can't be written again."""
    pieces: list[Piece] = [ApiName(f"tensorflow.{name}", place), "("]
    given = [(key, argument) for key, argument in arguments.items() if argument.given]
    given.sort(key=lambda pair: pair[1].place.number if pair[1].place is not None else 0)
    for index, (key, argument) in enumerate(given):
        if argument.place is None or argument.place.unit is not place.unit or argument.place.number < place.number:
            return []
        pieces += [", "] if index else []
        pieces += [] if argument.positional or key.startswith("*") else [f"{key}="]
        pieces.append(Source(argument.place))
    pieces.append(")")
    return [Remedy(f"Call it `tf.{name}`", "safe", (ReplaceValue(place, tuple(pieces)),))]
