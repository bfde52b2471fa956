"""model-reused-across-folds: one model goes through all folds of a cross-validation."""

from __future__ import annotations

from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.program.events import ModelCall
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.training import data_of
from trainlint.program.values import ApiObject, Const, Frame, Id, SliceValue, Tensor, Tuple, Unknown, Value
from trainlint.rules.base import Invalid, Report, Rule, Valid


class ModelReusedAcrossFolds(Rule):
    """
    ## What it does
    Reports a model that is made before the loop over the folds of a cross-validation and trained in each of them.

    ## Why it is bad
    `fit` goes on from the weights that are there.
    From the second fold on the model has been trained on the samples that it is tested with, so the scores rise from fold to fold and mean nothing.

    ## Example
    ```python
    model = make_model()
    for train, test in KFold(5).split(x):
        model.fit(x[train], y[train])
        scores.append(model.evaluate(x[test], y[test]))
    ```

    ## Use instead
    ```python
    for train, test in KFold(5).split(x):
        model = make_model()
        model.fit(x[train], y[train])
        scores.append(model.evaluate(x[test], y[test]))
    ```

    ## Fix safety
    None: the lines that make the model have to move into the loop.

    ## Probe
    Looks whether the weights have moved after 25 steps: the next fold starts from them.

    ## References
    - https://scikit-learn.org/stable/modules/cross_validation.html
    """

    name, code, category, severity = "model-reused-across-folds", "TL804", "training", "error"
    rank = 60
    evidence = ("certificate",)
    message = "this model is trained in every fold and made only once: later folds start from what it learned of their test samples"

    VALID = [
        Valid(
            "from sklearn.model_selection import KFold\n"
            "from tensorflow import keras\n"
            "def make_model():\n"
            "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "    model.compile('adam', 'mse')\n"
            "    return model\n"
            "for train, test in KFold(5).split(x):\n"
            "    model = make_model()\n"
            "    model.fit(x[train], y[train])\n"
            "    print(model.evaluate(x[test], y[test]))\n",
        ),
        Valid(
            "from sklearn.model_selection import KFold\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "start = model.get_weights()\n"
            "for train, test in KFold(5).split(x):\n"
            "    model.set_weights(start)\n"
            "    model.fit(x[train], y[train])\n"
            "    print(model.evaluate(x[test], y[test]))\n",
        ),
        Valid(
            "from sklearn.model_selection import KFold\n"
            "from tensorflow import keras\n"
            "base = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "for train, test in KFold(5).split(x):\n"
            "    model = keras.models.clone_model(base)\n"
            "    model.compile('adam', 'mse')\n"
            "    model.fit(x[train], y[train], validation_data=(x[test], y[test]))\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "for epoch in range(10):\n"
            "    model.fit(x, y)\n"
            "    print(model.evaluate(x_test, y_test))\n",
            why="epochs, not folds",
        ),
        Valid(
            "from sklearn.model_selection import KFold\n"
            "from ours import reset\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "for train, test in KFold(5).split(x):\n"
            "    reset(model)\n"
            "    model.fit(x[train], y[train])\n"
            "    print(model.evaluate(x[test], y[test]))\n",
            why="what an unknown function does with the weights cannot be known",
        ),
        Valid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.random.normal(size=(400, 8)), np.random.normal(size=400)\n"
            "size, scores = len(x) // 4, []\n"
            "for i in range(4):\n"
            "    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "    model.compile('adam', 'mse')\n"
            "    rest = np.concatenate([x[: i * size], x[(i + 1) * size :]], axis=0)\n"
            "    answers = np.concatenate([y[: i * size], y[(i + 1) * size :]], axis=0)\n"
            "    model.fit(rest, answers, epochs=20)\n"
            "    scores.append(model.evaluate(x[i * size : (i + 1) * size], y[i * size : (i + 1) * size]))\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from sklearn.model_selection import KFold\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "for train, test in KFold(5).split(x):\n"
            "    model.fit(x[train], y[train])\n"
            "    print(model.evaluate(x[test], y[test]))\n",
            at="model.fit(x[train], y[train])",
            severity="error",
            message="every fold",
            traces=("made here",),
        ),
        Invalid(
            "import numpy as np\n"
            "from sklearn.model_selection import StratifiedKFold\n"
            "import keras\n"
            "class Config:\n"
            "    folds = 10\n"
            "def run(model, x, y):\n"
            "    scores = []\n"
            "    splitter = StratifiedKFold(n_splits=Config.folds, shuffle=True)\n"
            "    for number, (train, test) in enumerate(splitter.split(x, y)):\n"
            "        model.fit(x[train], y[train], validation_data=(x[test], y[test]))\n"
            "        scores.append(model.predict(x[test]))\n"
            "    return scores\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "run(model, np.random.normal(size=(100, 8)), np.random.randint(0, 2, size=100))\n",
            at="model.fit(x[train], y[train], validation_data=(x[test], y[test]))",
        ),
        Invalid(
            "",
            cells=(
                "import pandas as pd\n"
                "from sklearn.model_selection import KFold\n"
                "from tensorflow import keras\n"
                "table = pd.read_csv('table.csv')\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n",
                "for train, test in KFold(n_splits=5, shuffle=True).split(table):\n"
                "    rows, held_out = table.iloc[train], table.iloc[test]\n"
                "    model.fit(rows, verbose=0)\n"
                "    print(model.evaluate(held_out))\n",
            ),
            at="model.fit(rows, verbose=0)",
            cell=1,
        ),
        Invalid(
            "import numpy as np\n"
            "from tensorflow import keras\n"
            "x, y = np.random.normal(size=(400, 8)), np.random.normal(size=400)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "size, scores = len(x) // 4, []\n"
            "for i in range(4):\n"
            "    rest = np.concatenate([x[: i * size], x[(i + 1) * size :]], axis=0)\n"
            "    answers = np.concatenate([y[: i * size], y[(i + 1) * size :]], axis=0)\n"
            "    model.fit(rest, answers, epochs=20)\n"
            "    fold = slice(i * size, (i + 1) * size)\n"
            "    scores.append(model.evaluate(x[fold], y[fold]))\n",
            at="model.fit(rest, answers, epochs=20)",
            why="Folds that are cut by hand.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        calls = [call for call in program.model_calls if call.context.loop]
        for call in calls:
            record = program.object(call.model)
            if call.method not in ("fit", "fit_generator") or record is None or not _is_outside(call.model):
                continue
            argument = data_of(call)
            if argument is None or not _of_fold(program, argument.value):
                continue
            if not any(other.model is call.model and not other.training for other in calls) and not _validates(call):
                continue
            if (
                record.fields.get("restored")
                or record.fields.get("adapted")
                or _may_be_reset(program, call.model, record)
            ):
                continue
            trace = [Step(record.place, "the model is made here, before the loop")]
            yield self.report(call.place, trace=trace, subject=call.model)


def _is_outside(key: Id) -> bool:
    """Whether an object is made outside of all loops."""
    frame: Frame | None = key.frame
    while frame is not None:
        if frame.iteration:
            return False
        frame = frame.parent
    return not key.iteration


def _validates(call: ModelCall) -> bool:
    argument = call.arguments.get("validation_data")
    return argument is not None and argument.value != Const(None)


def _of_fold(program: Program, value: Value) -> bool:
    """Whether data consists of the rows of a fold."""
    if isinstance(value, Unknown):
        return _origin_of_fold(program, value.origin)
    if isinstance(value, Tensor):
        for key in program.ancestors(value):
            operation = program.operation(key)
            index = operation.attributes.get("index") if operation is not None else None
            if isinstance(index, Tensor) and _is_fold(program.operation(index)):
                return True
            if operation is not None and operation.kind == "concat" and _leaves_out(program, operation):
                return True
    return False


def _leaves_out(program: Program, operation: Operation) -> bool:
    """Whether the rows before and after those of a round are put together: `x[:start]` and `x[stop:]`."""
    before: set[Id] = set()
    after: set[Id] = set()
    for part in operation.inputs:
        piece = program.operation(part)
        index = piece.attributes.get("index") if piece is not None and piece.kind == "slice" else None
        if isinstance(index, Tuple) and index.items:
            index = index.items[0]
        source = program.operation(piece.inputs[0]) if piece is not None and piece.inputs else None
        if not isinstance(index, SliceValue) or source is None:
            continue
        if index.lower == Const(None) and not isinstance(index.upper, Const):
            before.add(source.id)
        elif index.upper == Const(None) and not isinstance(index.lower, Const):
            after.add(source.id)
    return bool(before & after)


def _origin_of_fold(program: Program, origin: object) -> bool:
    if isinstance(origin, Id):
        return _is_fold(program.operation(origin))
    return isinstance(origin, tuple) and any(_origin_of_fold(program, part) for part in origin)


def _is_fold(operation: Operation | None) -> bool:
    return operation is not None and "fold" in operation.attributes


def _may_be_reset(program: Program, model: Id, record: ApiObject) -> bool:
    """Whether something may give the model its first weights again: an assignment, a layer's or an unknown function."""
    if any(True for _ in program.of_kind("assign")):
        return True
    layers = [program.object(layer) for layer in record.fields.get("layers", ())]
    if any(layer is not None and layer.fields.get("adapted") for layer in layers):
        return True
    return program.escapes(model)
