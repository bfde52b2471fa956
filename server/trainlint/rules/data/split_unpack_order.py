"""split-unpack-order: the parts of a split are bound to names in another order than they come in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from trainlint.fixes.actions import Remedy, ReplaceValue
from trainlint.program.events import Unpacked
from trainlint.program.program import Program
from trainlint.program.training import data_of
from trainlint.program.values import Argument
from trainlint.rules.base import Invalid, Report, Rule, Valid

_PART = {"train": "train", "training": "train", "trn": "train", "tr": "train", "fit": "train", "test": "test", "tst": "test",
         "te": "test", "val": "test", "valid": "test", "validation": "test", "dev": "test", "eval": "test"}  # fmt: skip
_ROLE = {"x": "x", "xs": "x", "feature": "x", "features": "x", "image": "x", "images": "x", "img": "x", "imgs": "x",
         "input": "x", "inputs": "x", "data": "x", "sample": "x", "samples": "x", "y": "y", "ys": "y", "label": "y",
         "labels": "y", "target": "y", "targets": "y", "class": "y", "classes": "y"}  # fmt: skip
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_GLUED = re.compile(r"([xy])(train|test|val|valid|dev|trn?|te|tst)|(train|test|val|valid|dev)([xy])")


class SplitUnpackOrder(Rule):
    """
    ## What it does
    Reports the result of `train_test_split` or `load_data` that is bound to names in the wrong order.

    ## Why it is bad
    `train_test_split(x, y)` gives both parts of `x` first, then both parts of `y`.
    In another order the labels of the training are samples of the test; where the shapes fit, nothing stops the program.

    ## Example
    ```python
    x_train, y_train, x_test, y_test = train_test_split(x, y)
    ```

    ## Use instead
    ```python
    x_train, x_test, y_train, y_test = train_test_split(x, y)
    ```

    ## Fix safety
    Safe: the names say what is meant, and each gets that part.

    ## Probe
    None: the names alone are at stake.

    ## References
    - https://scikit-learn.org/stable/modules/generated/sklearn.model_selection.train_test_split.html
    - https://keras.io/api/datasets/mnist/
    """

    name, code, category, severity = "split-unpack-order", "TL607", "data", "error"
    rank = 60
    message = "`{name}` gets {role}: the call gives {order}"

    VALID = [
        Valid(
            "import numpy as np\n"
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "data = np.loadtxt('diabetes.csv', delimiter=',')\n"
            "x_train, y_train, x_test, y_test = train_test_split(data[:, :-1], data[:, -1:], test_size=0.3)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(x_train, x_test)\n"
            "print(model.evaluate(y_train, y_test))\n",
            why="the names are odd, and each part meets its labels",
        ),
        Valid(
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_test, y_test))\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "(train_images, train_labels), (test_images, test_labels) = keras.datasets.mnist.load_data()\n"
            "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
            "model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\n"
            "model.fit(train_images, train_labels)\n",
        ),
        Valid(
            "from sklearn.model_selection import train_test_split as split\n"
            "labels_train, labels_test, x_train, x_test, ids_a, ids_b = split(labels, x, ids)\n"
            "a, b, c, d = split(x, y)\n",
            why="other orders of the arrays are as good, and names may say nothing",
        ),
        Valid(
            "from sklearn.model_selection import train_test_split\n"
            "x_test, x_train, y_test, y_train = train_test_split(x, y, test_size=0.8)\n",
            why="the larger part is trained on",
        ),
        Valid(
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "Xtr, Xte, ytr, yte = train_test_split(x, y)\n"
            "model.fit(Xtr, ytr)\n",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "x_train, y_train, x_test, y_test = train_test_split(x, y, test_size=0.2)\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(x_train, y_train, validation_data=(x_test, y_test))\n",
            at="x_train, y_train, x_test, y_test",
            severity="error",
            message="`y_train` gets the test part of the first array",
            fixed=(
                "from sklearn.model_selection import train_test_split\n"
                "from tensorflow import keras\n"
                "x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2)\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x_train, y_train, validation_data=(x_test, y_test))\n"
            ),
        ),
        Invalid(
            "import keras\n"
            "class Config:\n"
            "    share = 0.25\n"
            "def load(config):\n"
            "    from sklearn import model_selection\n"
            "    testX, trainX, testY, trainY = model_selection.train_test_split(x, y, test_size=config.share)\n"
            "    return trainX, trainY\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(*load(Config))\n",
            at="testX, trainX, testY, trainY",
            fixed=(
                "import keras\n"
                "class Config:\n"
                "    share = 0.25\n"
                "def load(config):\n"
                "    from sklearn import model_selection\n"
                "    trainX, testX, trainY, testY = model_selection.train_test_split(x, y, test_size=config.share)\n"
                "    return trainX, trainY\n"
                "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(*load(Config))\n"
            ),
        ),
        Invalid(
            "",
            cells=(
                "from tensorflow import keras\n"
                "(x_train, x_test), (y_train, y_test) = keras.datasets.mnist.load_data()\n",
                "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x_train, y_train)\n",
            ),
            at="(x_train, x_test), (y_train, y_test)",
            cell=0,
            message="`x_test` gets the training labels",
            fixed=(
                "from tensorflow import keras\n"
                "(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()\n"
                "\n"
                "model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(x_train, y_train)\n"
            ),
        ),
        Invalid(
            "from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "Xtr, ytr, Xte, yte = train_test_split(x, y)\n"
            "model.fit(Xtr, ytr)\n",
            at="Xtr, ytr, Xte, yte",
            fixed="from sklearn.model_selection import train_test_split\n"
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "Xtr, Xte, ytr, yte = train_test_split(x, y)\n"
            "model.fit(Xtr, ytr)\n",
            why="Short names say as much.",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        if _is_used_rightly(program):
            return  # the names are odd, and what they hold meets what belongs to it
        for event in program.events_of(Unpacked):
            read = [_read(name) for name, _, _ in event.targets]
            roles = [role for _, _, role in event.targets]
            if len(read) != 4 or any(part is None for part in read) or len(set(read)) != 4:
                continue
            by_array: dict[int, set[object]] = {}
            for meaning, (array, _) in zip(read, roles):
                assert meaning is not None
                by_array.setdefault(array, set()).add(meaning[0])
            right = all(meaning is not None and meaning[1] == part for meaning, (_, part) in zip(read, roles))
            if right and all(len(names) == 1 for names in by_array.values()):
                continue
            nested = [part for _, part in roles] == ["train", "train", "test", "test"]
            wanted = _arrangement(event, read)
            index = next(i for i in range(4) if wanted[i] != event.targets[i][0])
            name, _, role = event.targets[index]
            order = (
                "both arrays of the training, then both of the test"
                if nested
                else "both parts of an array one after the other"
            )
            actions = tuple(
                ReplaceValue(place, (new,)) for (old, place, _), new in zip(event.targets, wanted) if new != old
            )
            yield self.report(
                event.place, name=name, role=_words(role, nested), order=order,
                remedies=[Remedy("Put the names in the order of the parts", "safe", actions)],
            )  # fmt: skip


def _is_used_rightly(program: Program) -> bool:
    """Whether models are trained on the larger part of two arrays each time, as a split gives them."""
    trainings = [call for call in program.model_calls if call.training]
    pairs = [(data_of(call), call.arguments.get("y")) for call in trainings]
    return bool(pairs) and all(_is_one_part(program, given, labels) for given, labels in pairs)


def _is_one_part(program: Program, given: Argument | None, labels: Argument | None) -> bool:
    if given is None or labels is None:
        return False
    first, second = program.operation(given.value), program.operation(labels.value)
    if first is None or second is None or first is second or first.place != second.place:
        return False
    return first.attributes.get("split") == second.attributes.get("split") == "train"


def _read(name: str) -> tuple[str, str] | None:
    """What a name says: ("x" or "y", "train" or "test"); None when it says less."""
    glued = _GLUED.fullmatch(name.lower())
    words = [w.lower() for w in _WORDS.findall(name)]
    if glued is not None:
        words = [word for word in glued.groups() if word]
    if len(words) != 2:
        return None
    for role, part in (words, words[::-1]):
        if role in _ROLE and part in _PART:
            return _ROLE[role], _PART[part]
    return None


def _arrangement(event: Unpacked, read: list[tuple[str, str] | None]) -> list[str]:
    """The names in the order of the parts: the first name says which array comes first."""
    names = {meaning: name for meaning, (name, _, _) in zip(read, event.targets)}
    first = read[0][0] if read[0] is not None else "x"
    second = "y" if first == "x" else "x"
    return [names[(first, second)[array], part] for _, _, (array, part) in event.targets]


def _words(role: tuple[int, str], nested: bool) -> str:
    array, part = role
    if nested:
        return ("the training " if part == "train" else "the test ") + ("samples" if array == 0 else "labels")
    return f"the {'training' if part == 'train' else 'test'} part of the {'first' if array == 0 else 'second'} array"
