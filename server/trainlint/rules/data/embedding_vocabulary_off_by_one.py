"""embedding-vocabulary-off-by-one: an embedding with fewer rows than there are numbers of words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trainlint.finding import Step
from trainlint.fixes.actions import Remedy, ReplaceValue, Source
from trainlint.program.dims import Symbol
from trainlint.program.heads import feed_of
from trainlint.program.operations import Operation
from trainlint.program.program import Program
from trainlint.program.values import Id, Ref, Tensor
from trainlint.program.weights import constant
from trainlint.rules.base import Invalid, Report, Rule, Valid


class EmbeddingVocabularyOffByOne(Rule):
    """
    ## What it does
    Reports an `Embedding` whose `input_dim` does not reach the largest word number of its inputs.
    That is `len(tokenizer.word_index)` without `+ 1`, or a size below the `num_words` of the data.

    ## Why it is bad
    A tokenizer numbers its words from 1, since 0 fills up short rows; so the last number equals the number of words.
    On a CPU the program stops when it meets such a word; on a GPU it silently takes a row of zeros.

    ## Example
    ```python
    vocabulary = len(tokenizer.word_index)
    rows = tokenizer.texts_to_sequences(texts)
    embedding = keras.layers.Embedding(vocabulary, 64)
    ```

    ## Use instead
    ```python
    vocabulary = len(tokenizer.word_index) + 1
    rows = tokenizer.texts_to_sequences(texts)
    embedding = keras.layers.Embedding(vocabulary, 64)
    ```

    ## Fix safety
    Safe: the embedding gets one row more, and all other rows stay what they are.
    Where the sizes differ by more there is no fix.

    ## Probe
    Asks the installed tokenizer for its largest number, and an embedding for a number that it has no row for.

    ## References
    - https://keras.io/api/layers/core_layers/embedding/
    - https://www.tensorflow.org/api_docs/python/tf/keras/preprocessing/text/Tokenizer
    """

    name, code, category, severity = "embedding-vocabulary-off-by-one", "TL612", "data", "error"
    rank = 48
    evidence = ("certificate",)
    message = "the embedding has {rows} rows, but word numbers go up to {largest}, and rows count from 0"

    VALID = [
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.sequence import pad_sequences\n"
            "from tensorflow.keras.preprocessing.text import Tokenizer\n"
            "tokenizer = Tokenizer()\n"
            "tokenizer.fit_on_texts(texts)\n"
            "rows = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)\n"
            "model = keras.Sequential([keras.layers.Embedding(len(tokenizer.word_index) + 1, 16), keras.layers.LSTM(8), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(rows, y)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "(x, y), _ = keras.datasets.imdb.load_data(num_words=10000)\n"
            "x = keras.utils.pad_sequences(x, maxlen=200)\n"
            "model = keras.Sequential([keras.layers.Embedding(10000, 16), keras.layers.LSTM(8), keras.layers.Dense(1, activation='sigmoid')])\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(x, y)\n",
        ),
        Valid(
            "from tensorflow import keras\n"
            "model = keras.Sequential([keras.layers.Embedding(len(words), 16), keras.layers.LSTM(8), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(rows, y)\n",
            why="how the words are numbered cannot be known",
        ),
        Valid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.text import Tokenizer\n"
            "tokenizer = Tokenizer(num_words=5000)\n"
            "rows = keras.utils.pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)\n"
            "model = keras.Sequential([keras.layers.Embedding(5000, 16), keras.layers.LSTM(8), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(rows, y)\n",
            why="`num_words` counts the 0",
        ),
    ]  # fmt: skip
    INVALID = [
        Invalid(
            "from tensorflow import keras\n"
            "from tensorflow.keras.preprocessing.sequence import pad_sequences\n"
            "from tensorflow.keras.preprocessing.text import Tokenizer\n"
            "tokenizer = Tokenizer()\n"
            "tokenizer.fit_on_texts(texts)\n"
            "rows = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)\n"
            "model = keras.Sequential([keras.layers.Embedding(len(tokenizer.word_index), 16), keras.layers.LSTM(8), keras.layers.Dense(1)])\n"
            "model.compile('adam', 'mse')\n"
            "model.fit(rows, y)\n",
            at="len(tokenizer.word_index)",
            severity="error",
            message="len(word_index)",
            traces=("numbers are made",),
            fixed=(
                "from tensorflow import keras\n"
                "from tensorflow.keras.preprocessing.sequence import pad_sequences\n"
                "from tensorflow.keras.preprocessing.text import Tokenizer\n"
                "tokenizer = Tokenizer()\n"
                "tokenizer.fit_on_texts(texts)\n"
                "rows = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)\n"
                "model = keras.Sequential([keras.layers.Embedding(len(tokenizer.word_index) + 1, 16), keras.layers.LSTM(8), keras.layers.Dense(1)])\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(rows, y)\n"
            ),
        ),
        Invalid(
            "from tensorflow import keras\n"
            "class Config:\n"
            "    words, length = 20000, 200\n"
            "    vocabulary = 10000\n"
            "def load(config):\n"
            "    (x, y), _ = keras.datasets.imdb.load_data(num_words=config.words)\n"
            "    return keras.utils.pad_sequences(x, maxlen=config.length), y\n"
            "x, y = load(Config)\n"
            "model = keras.Sequential([keras.layers.Embedding(Config.vocabulary, 16), keras.layers.LSTM(8)])\n"
            "model.add(keras.layers.Dense(1, activation='sigmoid'))\n"
            "model.compile('adam', 'binary_crossentropy')\n"
            "model.fit(x, y)\n",
            at="Config.vocabulary",
            message="up to 19999",
        ),
        Invalid(
            "",
            cells=(
                "from keras.preprocessing.text import Tokenizer\n"
                "from keras.preprocessing.sequence import pad_sequences\n"
                "from keras.layers import Dense, Embedding, LSTM\n"
                "from keras.models import Sequential\n"
                "tokenizer = Tokenizer(num_words=5000)\n"
                "rows = pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=50)\n",
                "model = Sequential()\n"
                "model.add(Embedding(1000, 16))\n"
                "model.add(LSTM(8))\n"
                "model.add(Dense(1))\n"
                "model.compile('adam', 'mse')\n"
                "model.fit(rows, y)\n",
            ),
            at="1000",
            cell=1,
            message="up to 4999",
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        for operation in program.of_kind("embedding"):
            rows = operation.attributes.get("vocabulary")
            ids = operation.inputs[0] if operation.inputs else None
            if not isinstance(ids, Tensor) or rows is None:
                continue
            feed = feed_of(program, ids)
            value = feed.value if feed is not None and isinstance(feed.value, Tensor) else ids
            source = _numbered(program, value)
            largest = _largest(program, value, source)
            argument = operation.arguments.get("input_dim")
            place = argument.place if argument is not None and argument.place is not None else operation.place
            remedies: list[Remedy] = []
            if isinstance(rows, Symbol) and isinstance(largest, Id) and rows.key == ("len", ("words", largest)):
                shown, text = "len(word_index)", "len(word_index) too"
                remedies = [Remedy("Add a row for the 0", "safe", (ReplaceValue(place, (Source(place), " + 1")),))]
            elif isinstance(rows, int) and isinstance(largest, int) and rows <= largest:
                shown, text = str(rows), str(largest)
            else:
                continue
            near = source.place if source is not None else feed.place if feed is not None else None
            where = "the word numbers are made here" if source is not None else "the word numbers are handed over here"
            trace = [] if near is None else [Step(near, where)]
            yield self.report(place, rows=shown, largest=text, trace=trace, remedies=remedies, subject=operation.id)


def _numbered(program: Program, value: Tensor) -> Operation | None:
    """The rows of word numbers that a tokenizer made."""
    for key in program.ancestors(value):
        operation = program.operation(key)
        if operation is not None and isinstance(operation.attributes.get("tokenizer"), Ref):
            return operation
    return None


def _largest(program: Program, value: Tensor, source: Operation | None) -> int | Id | None:
    """The largest word number: a number, or the tokenizer whose words it counts."""
    if source is not None:
        reference = source.attributes["tokenizer"]
        record = program.object(reference)
        limit = record.arguments.get("num_words") if record is not None else None
        if limit is None or not limit.given:
            return reference.id if isinstance(reference, Ref) else None
        number = constant(limit.value)
        return None if number is None else int(number) - 1
    operation = program.operation(value)
    if operation is not None and operation.kind == "pad" and value.high is not None and math.isfinite(value.high):
        return int(value.high)
    return None
