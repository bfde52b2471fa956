"""What installed loaders, shuffles and preprocessing do with rows that can be told apart."""

import numpy as np

from .library import Missing, first_line, keras_of_programs, keras_version, lookup, tensorflow, tensorflow_version

ROWS = 1000


def _generator(**options):
    """An image generator, which Keras 3 without TensorFlow does not have."""
    keras, _ = keras_of_programs()
    made = getattr(keras.preprocessing.image, "ImageDataGenerator", None)
    if made is None:
        raise Missing("the installed Keras has no `ImageDataGenerator`")
    return made(**options)


def _order(certificate):
    """Whether two passes over a shuffled source give the same order, for each kind of source."""
    how = certificate.get("how", "dataset")
    if how == "generator":
        made = _generator()
        x = np.arange(64, dtype=np.float32).reshape(64, 1, 1, 1)
        arguments = {} if certificate.get("shuffle") is None else {"shuffle": certificate["shuffle"]}
        batches = made.flow(x, batch_size=64, seed=0, **arguments)
        first = np.ravel(next(batches))
        return {"available": True, "in_order": bool(np.array_equal(first, x.ravel())), "library": keras_version()}
    tf = tensorflow()
    data = _shuffled(tf, certificate)
    first, second = [np.array([int(one) for one in data]) for _ in range(2)]
    return {
        "available": True, "in_order": bool(np.array_equal(first, np.arange(ROWS))),
        "same": bool(np.array_equal(first, second)), "library": tensorflow_version(),
    }  # fmt: skip


def _shuffled(tf, certificate):
    arguments = {"buffer_size": int(min(certificate.get("buffer") or ROWS, ROWS))}
    for name, key in (("reshuffle_each_iteration", "reshuffle"), ("seed", "seed")):
        if certificate.get(key) is not None:
            arguments[name] = certificate[key]
    return tf.data.Dataset.range(ROWS).shuffle(**arguments)


def _overlap(certificate):
    """How many elements of the second part were in the first part of the pass before it."""
    tf = tensorflow()
    data = _shuffled(tf, certificate)
    share = float(certificate.get("share") or 0.8)
    if certificate.get("parts") == "shard":
        first, second = data.shard(2, 0), data.shard(2, 1)
    else:
        first, second = data.take(int(ROWS * share)), data.skip(int(ROWS * share))
    held_out = {int(one) for one in second}
    trained = {int(one) for one in first}
    return {
        "available": True, "overlap": len(held_out & trained), "of": len(held_out), "library": tensorflow_version(),
    }  # fmt: skip


def _apart(certificate):
    """How many rows keep their label where two arrays are shuffled one after the other."""
    generator = np.random.RandomState(0)
    x, y = np.arange(ROWS), np.arange(ROWS)
    if certificate.get("only_one"):
        generator.shuffle(x)
    else:
        generator.shuffle(x)
        generator.shuffle(y)
    return {"available": True, "together": int((x == y).sum()), "of": ROWS}


def _cardinality(certificate):
    """The number of elements of a small dataset after a step; -1 is endless."""
    tf = tensorflow()
    data = tf.data.Dataset.range(3).repeat(*certificate.get("arguments", ()))
    return {"available": True, "elements": int(data.cardinality()), "library": tensorflow_version()}


def _words(certificate):
    """The largest number that the installed tokenizer gives, for as many words."""
    keras, _ = keras_of_programs()
    text = getattr(keras.preprocessing, "text", None)
    if text is None:
        raise Missing("the installed Keras has no tokenizer")
    made = text.Tokenizer(num_words=certificate.get("num_words"))
    made.fit_on_texts(["a b c d e", "a b c", "a"])
    largest = max(max(one) for one in made.texts_to_sequences(["a b c d e"]))
    return {
        "available": True, "words": len(made.word_index), "largest": int(largest), "library": keras_version(),
    }  # fmt: skip


def _looked_up(certificate):
    """What an embedding gives for a number that it has no row for."""
    keras, _ = keras_of_programs()
    rows, wanted = 5, 5 + int(certificate.get("beyond", 0))
    layer = keras.layers.Embedding(rows, 2, embeddings_initializer="ones")
    try:
        found = np.asarray(layer(np.array([[wanted]], np.int32)))
    except Exception as error:  # the backends raise errors of their own
        return {"available": True, "error": first_line(error), "values": None, "library": keras_version()}
    values = "not finite" if not np.isfinite(found).all() else "zeros" if not found.any() else "those of another row"
    return {"available": True, "error": "", "values": values, "library": keras_version()}


def _adapted(certificate):
    """Whether normalization that has seen no data changes what goes in."""
    keras, _ = keras_of_programs()
    if certificate.get("how") == "generator":
        option = {certificate["option"]: True}
        made = _generator(**option)
        x = np.random.RandomState(0).uniform(0, 255, (8, 4, 4, 3)).astype(np.float32)
        found = next(made.flow(x, batch_size=8, shuffle=False))
    else:
        x = np.random.RandomState(0).uniform(0, 255, (8, 5)).astype(np.float32)
        found = np.asarray(keras.layers.Normalization()(x))
    difference = float(np.abs(np.asarray(found) - x).max())
    return {"available": True, "same": difference <= 1e-3, "difference": difference, "library": keras_version()}


def _preprocessed(certificate):
    """The range that the `preprocess_input` of an application makes of pixels from 0 to 255."""
    keras, _ = keras_of_programs()
    module = getattr(keras.applications, certificate["module"])
    ramp = np.linspace(0, certificate.get("high", 255), 256, dtype=np.float32)
    pixels = np.repeat(ramp[:, None], 3, 1).reshape(1, 16, 16, 3)
    found = np.asarray(module.preprocess_input(pixels.copy()))
    return {
        "available": True, "low": float(found.min()), "high": float(found.max()), "library": keras_version(),
    }  # fmt: skip


def _directory(certificate):
    """The default of `shuffle` of a loader of the installed Keras."""
    import inspect

    found = inspect.signature(lookup(certificate["function"])).parameters.get("shuffle")
    default = None if found is None or found.default is inspect.Parameter.empty else bool(found.default)
    return {"available": True, "shuffle": default, "library": keras_version()}


CHECKS = {
    "order": _order,
    "overlap": _overlap,
    "apart": _apart,
    "cardinality": _cardinality,
    "words": _words,
    "looked-up": _looked_up,
    "adapted": _adapted,
    "preprocessed": _preprocessed,
    "loader-shuffles": _directory,
}
