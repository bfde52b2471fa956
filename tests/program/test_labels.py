"""What labels look like, and which compile call counts."""

from __future__ import annotations

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.compiles import is_replaced
from trainlint.program.labels import are_several, format_of, is_chosen_from
from trainlint.program.values import Tensor
from trainlint.project import Project


def program_of(text, tmp_path):
    """The program of a module."""
    return analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]


def test_the_shape_tells_the_format():
    """As many columns as outputs are rows; one number a sample is a class number."""
    outputs = Tensor(shape=(32, 10))

    assert "one-hot" == format_of(Tensor(shape=(32, 10)), outputs)
    assert "class-ids" == format_of(Tensor(shape=(32,)), outputs)
    assert "class-ids" == format_of(Tensor(shape=(32, 1)), outputs)
    assert format_of(Tensor(shape=(32, 5, 4)), outputs) is None
    assert format_of(Tensor(), outputs) is None


def test_how_labels_were_made_tells_the_format():
    """One-hot rows stay so where the width of the network is not known; a column of them is none."""
    assert "one-hot" == format_of(Tensor(encoding="one-hot"), Tensor())
    assert "class-ids" == format_of(Tensor(encoding="class-ids"), Tensor())
    assert format_of(Tensor(encoding="one-hot", shape=(32,)), Tensor()) is None
    assert format_of(Tensor(encoding="one-hot", shape=(32, 10)), Tensor(shape=(32, 5, 10))) is None


def test_the_best_of_a_row_is_found_behind_a_softmax(tmp_path):
    """Taking the best probability is taking the best score."""
    text = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 8])
scores = tf.layers.dense(x, 4)
best = tf.argmax(tf.nn.softmax(scores), 1)
"""
    program = program_of(text, tmp_path)
    (best,) = program.of_kind("argmax")
    (softmax,) = program.of_kind("activation")

    assert is_chosen_from(program, softmax.inputs[0])
    assert not is_chosen_from(program, best.output)


def test_a_model_that_is_compiled_again_forgets_its_first_loss(tmp_path):
    """The first loss counts only if something runs the model between the two calls."""
    start = """
from tensorflow import keras
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
model.compile("adam", loss="mse")
"""
    end = 'model.compile("adam", loss="mae")\n'
    direct = program_of(start + end, tmp_path)
    trained = program_of(start + "model.fit([[1.0, 2.0, 3.0, 4.0]], [[1.0, 2.0]])\n" + end, tmp_path)

    assert [True, False] == [is_replaced(direct, loss) for loss in direct.of_kind("loss")]
    assert [False, False] == [is_replaced(trained, loss) for loss in trained.of_kind("loss")]


def test_columns_that_are_drawn_apart_are_no_classes(tmp_path):
    """Numbers that are compared one by one may hold together; rows of an identity matrix do not."""

    def several(labels):
        text = f"""import numpy as np
from tensorflow import keras
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(5, "softmax")])
model.compile("adam", "categorical_crossentropy")
model.fit(np.random.normal(size=(100, 8)), {labels})
"""
        program = program_of(text, tmp_path)
        return are_several(program, next(program.of_kind("loss")).attributes["labels"])

    assert several("(np.random.rand(100, 5) > 0.7).astype('float32')")
    assert several("np.random.randint(0, 2, size=(100, 5))")
    assert not several("np.eye(5)[np.random.randint(0, 5, size=100)]")
    assert not several("scores > 0.5")
