"""Where values were written, and under which name."""

from trainlint.interpret.run import interpret
from trainlint.source.document import read


def first(code):
    document = read(code, "train.py")
    return document, interpret(document, None, "1.x").programs[0]


def text_at(document, place):
    start, end = document.offsets(place)
    return document.text[start:end]


def test_arguments_keep_the_name_that_was_written():
    """Names, attributes, items by key and 1 minus one of these; anything else has no name."""
    _, program = first(
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 8])\n"
        "tf.nn.dropout(x, keep)\n"
        "tf.nn.dropout(x, keep_prob=args.keep)\n"
        "tf.nn.dropout(x, 1 - config['drop'])\n"
        "tf.nn.dropout(x, 0.5)\n"
    )
    found = [operation.arguments["keep_prob"] for operation in program.of_kind("dropout")]
    assert ["keep", "args.keep", "1 - config['drop']", None] == [argument.spelled for argument in found]
    assert [True, False, True, True] == [argument.positional for argument in found]


def test_feeds_know_where_their_values_are_written():
    """In a dict display, by a later assignment, and through `update`."""
    document, program = first(
        "import tensorflow as tf\n"
        "x, y, z = tf.placeholder(tf.float32), tf.placeholder(tf.float32), tf.placeholder(tf.float32)\n"
        "feeds = {x: 0.25}\n"
        "feeds[y] = 0.5\n"
        "feeds.update({z: 0.75})\n"
        "tf.Session().run(x + y + z, feeds)\n"
    )
    (run,) = program.runs
    assert ["0.25", "0.5", "0.75"] == [text_at(document, feed.place) for feed in run.feeds]


def test_operands_of_an_operator_know_their_places():
    """An operator has the arguments x and y, like the function it stands for."""
    document, program = first(
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [4])\n"
        "y = x * scale\n"
    )  # fmt: skip
    (product,) = program.of_kind("multiply")
    assert {"x": "x", "y": "scale"} == {name: text_at(document, a.place) for name, a in product.arguments.items()}


def test_keywords_of_a_partial_keep_their_places():
    """What `functools.partial` binds is written where the partial is made."""
    document, program = first(
        "import tensorflow as tf\n"
        "from functools import partial\n"
        "drop = partial(tf.nn.dropout, keep_prob=0.9)\n"
        "drop(tf.placeholder(tf.float32, [None, 8]))\n"
    )
    (dropout,) = program.of_kind("dropout")
    assert "0.9" == text_at(document, dropout.arguments["keep_prob"].place)


def test_fetches_that_cannot_be_read_make_a_run_partial():
    """A run says whether all that it fetches is known."""
    _, program = first(
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32)\n"
        "session = tf.Session()\n"
        "session.run([x, x + 1])\n"
        "session.run([x, unknown])\n"
    )
    assert [False, True] == [run.partial for run in program.runs]


def test_fetches_by_name_make_a_run_partial_and_the_program_goes_on():
    """A string names a tensor or an operation, alone and in a structure; what stands behind the run is still seen."""
    _, program = first(
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, name='x')\n"
        "session = tf.Session()\n"
        "session.run('train')\n"
        "both = session.run(('x:0', 'loss:0'), {x: 1.0})\n"
        "session.run({'loss': 'loss:0', 'x': x})\n"
        "session.run([x])\n"
    )
    assert [True, True, True, False] == [run.partial for run in program.runs]
