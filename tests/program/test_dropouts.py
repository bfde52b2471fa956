"""Which runs train, and what share of its units a dropout keeps in them."""

from trainlint.interpret.run import interpret
from trainlint.program import dropouts
from trainlint.source.document import read

CODE = """
import tensorflow as tf
x = tf.placeholder(tf.float32, [None, 8])
y = tf.placeholder(tf.int64, [None])
drop = tf.placeholder_with_default(0.0, [])
learning = tf.placeholder(tf.bool, [])
hidden = tf.nn.dropout(tf.layers.dense(x, 16), keep_prob=1 - drop)
hidden = tf.layers.dropout(hidden, rate=0.4, training=learning)
logits = tf.layers.dense(hidden, 3)
loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
train = tf.train.AdamOptimizer().minimize(loss)
answer = tf.argmax(logits, 1)
session = tf.Session()
session.run(tf.global_variables_initializer())
session.run([train, loss], {x: a, y: b, drop: 0.25, learning: True})
session.run(answer, {x: a, learning: False})
session.run([answer, unknown], {x: a, learning: False})
session.run(answer, feeds)
"""


def program():
    return interpret(read(CODE, "train.py"), None, "1.x").programs[0]


def test_role_follows_from_what_is_fetched():
    """A train operation trains; results alone evaluate; initialisers and unknown fetches say nothing."""
    p = program()
    assert [None, "train", "evaluate", None, "evaluate"] == [dropouts.role(p, run) for run in p.runs]


def test_kept_share_of_each_run():
    """Feeds, defaults, arithmetic and the training flag decide; without a feed and a default it is unknown."""
    p = program()
    runs = list(p.runs)
    shares = [[dropouts.kept(p, d, dropouts.fed_in(run)) for d in p.of_kind("dropout")] for run in runs]
    assert [[1.0, None], [0.75, 0.6], [1.0, 1.0], [1.0, 1.0], [1.0, None]] == shares


def test_readable_needs_the_feeds_of_the_switches():
    """In a run whose feeds are unknown nothing is said of a switch."""
    p = program()
    last = list(p.runs)[-1]
    assert [False, False] == [dropouts.readable(p, d, last) for d in p.of_kind("dropout")]


def test_responsible_and_direct_name_the_feed():
    """The feed of the flag comes first; a computed share is not fed directly."""
    p = program()
    first, second = p.of_kind("dropout")
    run = list(p.runs)[1]
    fed = [dropouts.responsible(p, d, run) for d in (first, second)]
    assert [None, "training"] == [dropouts.direct(p, d, feed.key) for d, feed in zip((first, second), fed) if feed]
