"""queue-runners-not-started: a session waits for a queue that nothing fills."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainlint.finding import Step
from trainlint.program.sessions import sessions
from trainlint.rules.base import Invalid, Report, Rule, Valid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trainlint.program.program import Program


class QueueRunnersNotStarted(Rule):
    """
    ## What it does
    Reports a session of TensorFlow 1 that takes something from an input queue without `tf.train.start_queue_runners`, or with one that comes too early or too late.
    Input queues are made by `tf.train.batch`, `tf.train.shuffle_batch`, `tf.train.string_input_producer` and their like.
    What is done with the session has to be visible: one that is given to other code, supervisors and monitored sessions are not reported.

    ## Why it is bad
    These functions only describe a queue and the threads that fill it.
    `start_queue_runners` starts the threads of the queues that the graph holds by then.
    Without them the first run waits for ever: no error, no output.

    ## Example
    ```python
    images, labels = tf.train.shuffle_batch([image, label], 32, 2000, 1000)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train_step)
    ```

    ## Use instead
    ```python
    images, labels = tf.train.shuffle_batch([image, label], 32, 2000, 1000)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        coordinator = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coordinator)
        session.run(train_step)
        coordinator.request_stop()
        coordinator.join(threads)
    ```

    ## Fix safety
    None: the threads have to be stopped too, and where is up to the author; `tf.data` needs no threads at all.

    ## Probe
    Makes the same mistake in a small graph and runs it with a time limit.

    ## References
    - https://www.tensorflow.org/api_docs/python/tf/compat/v1/train/start_queue_runners
    - Zhang et al., "An Empirical Study on TensorFlow Program Bugs", ISSTA 2018
    """

    name, code, category, severity = "queue-runners-not-started", "TL815", "training", "error"
    rank = 40
    evidence = ("certificate",)
    message = "{what}, so the first run that needs a batch waits for ever"

    VALID = [
        Valid(
            "import tensorflow as tf\n"
            "names = tf.train.string_input_producer(['a.tfrecord', 'b.tfrecord'])\n"
            "_, record = tf.TFRecordReader().read(names)\n"
            "records = tf.train.batch([record], batch_size=32)\n"
            "with tf.Session() as session:\n"
            "    tf.train.start_queue_runners(session)\n"
            "    print(session.run(records))\n",
        ),
        Valid(
            "import tensorflow as tf\n"
            "image = tf.random_normal([28, 28])\n"
            "images = tf.train.shuffle_batch([image], 32, 2000, 1000)\n"
            "mean = tf.reduce_mean(images)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(mean, {images: load()}))\n",
            why="what is fed is not taken from the queue",
        ),
        Valid(
            "import tensorflow as tf\n"
            "from helpers import Feeder\n"
            "images = tf.train.batch([tf.random_normal([28, 28])], 32)\n"
            "with tf.Session() as session:\n"
            "    feeder = Feeder(session)\n"
            "    for step in range(100):\n"
            "        print(session.run(images))\n",
            why="other code has the session",
        ),
        Valid(
            "import tensorflow as tf\n"
            "def inputs(size):\n"
            "    return tf.train.batch([tf.random_normal([28, 28])], size)\n"
            "images = inputs(32)\n"
            "with tf.train.MonitoredTrainingSession() as session:\n"
            "    while not session.should_stop():\n"
            "        session.run(images)\n",
            why="a monitored session starts them",
        ),
        Valid(
            "import tensorflow as tf\n"
            "images = tf.train.batch([tf.random_normal([28, 28])], 32)\n"
            "session = tf.Session()\n"
            "for runner in tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS):\n"
            "    runner.create_threads(session, start=True)\n"
            "print(session.run(images))\n",
            why="started one by one",
        ),
        Valid(
            "",
            cells=(
                "import tensorflow as tf\nimages = tf.train.batch([tf.random_normal([28, 28])], 32)\n",
                "session = tf.InteractiveSession()\nthreads = tf.train.start_queue_runners()\n",
                "images.eval()\n",
            ),
        ),
        Valid(
            "import tensorflow as tf\n"
            "record = tf.train.batch([tf.random_normal([28, 28])], 32)\n"
            "with tf.Session() as session:\n"
            "    if settings.threads:\n"
            "        tf.train.start_queue_runners(session)\n"
            "    if settings.train:\n"
            "        session.run(tf.reduce_mean(record))\n",
            why="both may go together",
        ),
    ]
    INVALID = [
        Invalid(
            "import tensorflow as tf\n"
            "names = tf.train.string_input_producer(['a.tfrecord', 'b.tfrecord'])\n"
            "_, record = tf.TFRecordReader().read(names)\n"
            "records = tf.train.batch([record], batch_size=32)\n"
            "with tf.Session() as session:\n"
            "    print(session.run(records))\n",
            at="tf.Session()",
            severity="error",
            message="nothing starts the queue runners",
            traces=("this run", "this queue"),
        ),
        Invalid(
            "import tensorflow as tf\n"
            "name, label = tf.train.slice_input_producer([['a.png', 'b.png'], [0, 1]])\n"
            "picture = tf.image.resize_images(tf.image.decode_png(tf.read_file(name), channels=3), [8, 8])\n"
            "pictures, labels = tf.train.batch([picture, label], 16)\n"
            "mean = tf.reduce_mean(pictures)\n"
            "with tf.Session() as session:\n"
            "    for step in range(1000):\n"
            "        if step % 100 == 99:\n"
            "            print(session.run([mean, labels]))\n"
            "        else:\n"
            "            session.run(mean)\n",
            at="tf.Session()",
            message="nothing starts the queue runners",
            why="one run or the other",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "session = tf.Session()\n"
            "threads = tf.train.start_queue_runners(sess=session)\n"
            "images = tf.train.shuffle_batch([tf.random_normal([28, 28])], 32, 2000, 1000)\n"
            "print(session.run(tf.reduce_mean(images)))\n",
            at="tf.train.start_queue_runners(sess=session)",
            severity="error",
            message="started before",
            traces=("this queue", "this run"),
        ),
        Invalid(
            "import tensorflow.compat.v1 as tf\n"
            "class Config:\n"
            "    size = 16\n"
            "def inputs(config):\n"
            "    image, label = tf.train.slice_input_producer([load('x.npy'), load('y.npy')])\n"
            "    return tf.train.batch([image, label], config.size)\n"
            "images, labels = inputs(Config)\n"
            "loss = tf.reduce_mean(tf.square(tf.layers.dense(images, 1) - labels))\n"
            "step = tf.train.GradientDescentOptimizer(0.1).minimize(loss)\n"
            "with tf.Session() as session:\n"
            "    session.run(tf.global_variables_initializer())\n"
            "    for _ in range(1000):\n"
            "        session.run(step)\n",
            at="tf.Session()",
            severity="error",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "images = tf.train.batch([tf.random_normal([28, 28])], 32)\n"
            "session = tf.Session()\n"
            "first = session.run(images)\n"
            "tf.train.start_queue_runners(session)\n",
            at="session.run(images)",
            severity="error",
            message="started after it",
        ),
        Invalid(
            "import tensorflow as tf\n"
            "names = tf.train.string_input_producer(['a.csv'])\n"
            "key, line = tf.TextLineReader().read(names)\n"
            "session = tf.InteractiveSession()\n"
            "print(line.eval())\n",
            at="tf.InteractiveSession()",
            severity="error",
        ),
        Invalid(
            "",
            cells=(
                "import tensorflow as tf\n"
                "images = tf.train.batch([tf.random_normal([28, 28])], 32)\n",
                "with tf.Session() as session:\n"
                "    images.eval()\n",
            ),
            at="tf.Session()",
            cell=1,
        ),
    ]  # fmt: skip

    def check(self, program: Program) -> Iterator[Report]:
        followed = sessions(program)
        for wait in followed.waits:
            run = Step(wait.run.place, "this run needs what the queue holds")
            queue = Step(wait.made.place, "this queue is made here")
            if wait.starts:
                if followed.in_order:
                    what = "the queue runners are started before this queue is made"
                    yield self.report(wait.starts[-1].place, what=what, trace=[queue, run])
                continue
            later = followed.queues.get(wait.session, ())
            if not later:
                what = "nothing starts the queue runners in this session"
                yield self.report(wait.opened, what=what, trace=[run, queue])
            elif followed.in_order and any(start.context.calls == wait.run.context.calls for start in later):
                yield self.report(
                    wait.run.place,
                    message="this waits for ever: the queue runners are started after it",
                    trace=[queue, Step(later[0].place, "the queue runners are started here")],
                )
