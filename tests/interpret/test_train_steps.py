"""Models that bring a training step along."""

from __future__ import annotations

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.program.events import Applied
from trainlint.project import Project

STEP = """import numpy as np
import tensorflow as tf
class Network(tf.keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            answer = self(x, training=True)
            loss = LOSS
        weights = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}
inputs = tf.keras.Input((4,))
model = Network(inputs, tf.keras.layers.Dense(1, kernel_regularizer="l2")(inputs))
model.compile("sgd", loss="mse")
model.fit(np.zeros((10, 4)), np.zeros((10, 1)))
"""


def program_of(text, tmp_path):
    """The program of a module."""
    return analyse(text.encode(), str(tmp_path / "train.py"), Project(tmp_path), Config()).programs[0]


def minimized(loss, tmp_path):
    """The kinds of operations behind what is minimised, and the class of the optimizer."""
    program = program_of(STEP.replace("LOSS", loss), tmp_path)
    (event,) = program.minimized
    optimizer = program.object(event.optimizer)
    assert optimizer is not None
    return {program.operation(key).kind for key in program.ancestors(event.loss)}, optimizer.name


def test_the_step_of_a_model_is_run_by_fit(tmp_path):
    """It gets what `fit` is given and the optimizer of `compile`, and it alone decides what is minimised."""
    kinds, optimizer = minimized("tf.reduce_mean(tf.square(y - answer))", tmp_path)

    assert "keras.optimizers.SGD" == optimizer
    assert {"square", "matmul", "input"} <= kinds
    assert "loss" not in kinds


def test_the_loss_of_compile_is_there_for_the_step(tmp_path):
    """`compute_loss` adds the penalties on weights; `compiled_loss` adds those that it is given."""
    assert {"loss", "regularization"} <= minimized("self.compute_loss(y=y, y_pred=answer)", tmp_path)[0]
    assert {"loss"} == {"loss", "regularization"} & minimized("self.compiled_loss(y, answer)", tmp_path)[0]
    with_penalties = "self.compiled_loss(y, answer, regularization_losses=self.losses)"
    assert {"loss", "regularization"} <= minimized(with_penalties, tmp_path)[0]


def test_the_step_of_keras_may_be_called(tmp_path):
    """What `super().train_step` minimises is the loss of `compile`."""
    text = STEP.split("        x, y = data")[0] + "        return super().train_step(data)\n"
    program = program_of(text + STEP[STEP.index("inputs =") :], tmp_path)
    (event,) = program.minimized

    assert "loss" in {program.operation(key).kind for key in program.ancestors(event.loss)}


def test_calls_below_a_tape_are_noted(tmp_path):
    """What a model is called on in a step is known, with the place where it is written."""
    program = program_of(STEP.replace("LOSS", "tf.reduce_mean(y - answer)"), tmp_path)
    (call,) = program.events_of(Applied)

    assert call.inputs.place is not None
    assert (4,) == call.inputs.value.shape[1:]
