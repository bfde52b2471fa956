"""Losses of tf.nn by position: TensorFlow before 1.0 had the scores first, 1.x took none."""

from __future__ import annotations

import pytest

from trainlint.interpret.run import interpret
from trainlint.program.values import Tensor
from trainlint.source.document import read

START = (
    "import tensorflow as tf\n"
    "x = tf.placeholder(tf.float32, [None, 8])\n"
    "y = tf.placeholder(tf.int64, [None])\n"
    "learned = tf.matmul(x, tf.Variable(tf.zeros([8, 3])))\n"
    "given = tf.placeholder(tf.float32, [None, 3])\n"
)


@pytest.mark.parametrize(
    ("arguments", "rank"), [("learned, y", 2), ("y, learned", 2), ("given, y", None), ("y, given", None)]
)
def test_scores_are_what_is_learned(arguments, rank):
    """Nobody knows which of them the scores are where neither is."""
    document = read(f"{START}loss = tf.nn.sparse_softmax_cross_entropy_with_logits({arguments})\n", "train.py")
    (program,) = interpret(document, None, "1.x").programs
    (loss,) = program.of_kind("loss")
    scores = loss.attributes.get("predictions")

    assert rank == (scores.rank if isinstance(scores, Tensor) else None)
