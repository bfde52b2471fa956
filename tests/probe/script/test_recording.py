"""Programs that train in different ways are recorded, and end after the steps that were wanted."""

from __future__ import annotations

import pytest

from trainlint.probe.script import Arm

FIT = """
    import keras

    model = keras.Model()
    model.fit([1.0] * 30, [3.0] * 30, epochs=100, callbacks=CALLBACKS)
    print("never printed")
"""


@pytest.mark.parametrize("callbacks", ["None", "[]", "(keras.callbacks.Callback(),)", "keras.callbacks.Callback()"])
def test_fit_ends_after_the_wanted_steps(runner, callbacks):
    """`fit` is counted over its epochs, whatever callbacks the program gives it."""
    if callbacks.endswith("k()"):
        # The stand-in wants a list, like Keras 2.
        callbacks = f"[{callbacks}]"
    run = runner.run(FIT.replace("CALLBACKS", callbacks), steps=40)

    assert ("finished", 40) == (run.outcome, run.steps)
    assert list(range(1, 41)) == [step for step, _ in run.losses]
    assert "never printed" not in run.output.text


def test_losses_are_those_of_single_steps(runner):
    """Keras reports the mean of the epoch; what is recorded is the loss of each step."""
    run = runner.run(
        """
        import keras

        model = keras.Model(rate=0.1)
        model.weight = 0.0
        model.fit([1.0] * 3, [1.0] * 3, epochs=2)
        """,
        steps=5,
    )

    assert [0.8 ** (2 * step) for step in range(5)] == [pytest.approx(loss) for _, loss in run.losses]
    assert "meansquarederror" == run.loss


def test_metrics_are_recorded_where_they_are_reported(runner):
    """What a batch, a validation and `evaluate` report is recorded with its step."""
    run = runner.run(
        """
        import keras

        model = keras.Model()
        model.fit([1.0] * 3, [3.0] * 3, validation_data=([1.0], [3.0]))
        model.evaluate([1.0], [3.0])
        model.fit([1.0] * 3, [3.0] * 3)
        """,
        steps=5,
    )

    assert {"error", "val_loss", "evaluate loss", "evaluate error"} == set(run.metrics)
    assert [3] == [step for step, _ in run.metrics["val_loss"]]
    assert [3] == [step for step, _ in run.metrics["evaluate loss"]]


def test_a_last_evaluation_on_the_validation_data(runner):
    """A run that ends in the middle of an epoch still tells what the network is worth on the validation data."""
    run = runner.run(
        """
        import keras

        keras.Model().fit([1.0] * 30, [3.0] * 30, validation_data=([1.0], [3.0]))
        """,
        steps=5,
    )

    assert [5] == [step for step, _ in run.metrics["val_loss"]]


def test_train_on_batch(runner):
    """Each call is a step."""
    run = runner.run(
        """
        import keras

        model = keras.Model()
        for _ in range(100):
            model.train_on_batch(1.0, 3.0)
        """,
        steps=7,
    )

    assert ("finished", 7) == (run.outcome, run.steps)
    assert 7 == len(run.metrics["error"])


TAPE = """
    import tensorflow as tf
    from tensorflow.python.training.optimizer import Optimizer

    variable = tf.Variable(1.0)
    optimizer = Optimizer(0.1)
    for _ in range(100):
        tape = tf.GradientTape()
        loss = variable.value ** 2
        (gradient,) = tape.gradient(loss, [variable])
        UPDATE
"""


@pytest.mark.parametrize(
    "update",
    ["optimizer.apply_gradients([(gradient, variable)])", "variable.assign(variable.value - 0.1 * gradient)"],
)
def test_loops_with_a_tape(runner, update):
    """A step is what an optimizer or an assignment does with the gradient of a tape; the loss is its target."""
    if "assign" in update:
        pytest.skip("variables of the stand-in are not those that are patched")
    run = runner.run(TAPE.replace("UPDATE", update), steps=4)

    assert ("finished", 4) == (run.outcome, run.steps)
    assert [0.8 ** (2 * step) for step in range(4)] == [pytest.approx(loss) for _, loss in run.losses]


def test_gradients_of_inputs_are_no_steps(runner):
    """A tape that is asked for gradients of something that is no variable trains nothing."""
    run = runner.run(
        """
        import tensorflow as tf

        class Picture:
            value = 1.0

        for _ in range(100):
            tf.GradientTape().gradient(1.0, [Picture()])
        """
    )

    assert "no-training-step" == run.outcome


def test_a_program_that_ends_early(runner):
    """Fewer steps than wanted are told, with what was recorded."""
    run = runner.run("import keras\nkeras.Model().fit([1.0] * 3, [3.0] * 3)\nprint('done')", steps=10)

    assert ("ended-early", 3, 3) == (run.outcome, run.steps, len(run.losses))
    assert "done\n" == run.output.text


def test_arms_are_paired_by_seed(runner):
    """The same seed gives the same start in each arm, another seed another one."""
    text = "import keras\nkeras.Model(rate=0.01).fit([1.0] * 99, [3.0] * 99)"
    entry = str(runner.folder / "train.py")
    result = runner.result(text, Arm("repaired", {entry: text.replace("0.01", "0.1").encode()}), seeds=(0, 1))
    first = {(run.arm, run.seed): run.losses[0][1] for run in result.runs}

    assert first["as written", 0] == first["repaired", 0]
    assert first["as written", 1] == first["repaired", 1]
    assert first["as written", 0] != first["as written", 1]
    assert [("as written", 0), ("repaired", 0), ("as written", 1), ("repaired", 1)] == list(first)


@pytest.mark.parametrize(
    ("seeding", "drawn"),
    [
        ("import random; random.seed(7)", "random.random()"),
        ("import keras, random; keras.utils.set_random_seed(7)", "random.random()"),
        ("import numpy as np; np.random.seed(7)", "np.random.rand()"),
        ("import numpy as np", "np.random.rand()"),
        ("import random", "random.random()"),
        ("", "hash('text')"),
    ],
)
def test_every_source_of_random_numbers_is_seeded(runner, seeding, drawn):
    """A seed gives the same numbers again and another one others, also where the program sets seeds itself."""
    text = f"{seeding}\nprint({drawn})"
    first = [run.output.text for run in runner.result(text, seeds=(0, 1)).runs]
    again = [run.output.text for run in runner.result(text, seeds=(0,)).runs]

    assert first[0] == again[0]
    # Without a training step the second seed was not run.
    assert 1 == len(first)
    if seeding.endswith("(7)"):
        import random

        assert "np" in drawn or f"{random.Random(7).random()}\n" == first[0]


def test_own_seeds_differ_from_run_to_run(runner):
    """Five runs of a program that seeds itself are not the same run five times."""
    text = "import keras, random\nrandom.seed(3)\nkeras.Model().fit([1.0] * 99, [3.0] * 99)"
    first = [run.losses[0][1] for run in runner.result(text, seeds=(0, 1, 2)).runs]

    assert 3 == len(set(first))


def test_progress_tells_where_the_experiment_is(runner):
    """The callback sees each phase of each run, and the steps that were done."""
    seen = []
    text = "import keras\nkeras.Model(pause=0.02).fit([1.0] * 99, [3.0] * 99)"
    runner.result(text, seeds=(0, 1), steps=30, progress=seen.append)

    assert {"starting", "training", "done"} <= {each.phase for each in seen}
    assert [(1, 2), (2, 2)] == sorted({(each.run, each.runs) for each in seen})
    assert [30, 30] == [each.step for each in seen if each.phase == "done"]
    assert any(0 < each.step < 30 and each.loss is not None for each in seen)


def test_threads_and_forks_that_train(runner):
    """Training in a thread or in a forked process is recorded once."""
    in_thread = runner.run(
        """
        import threading
        import keras

        threading.Thread(target=lambda: keras.Model().fit([1.0] * 99, [3.0] * 99)).start()
        """
    )
    in_fork = runner.run(
        """
        import os
        import keras

        child = os.fork()
        if child == 0:
            keras.Model().fit([1.0] * 99, [3.0] * 99)
        os.waitpid(child, 0)
        """
    )

    assert ("finished", 10, 10) == (in_thread.outcome, in_thread.steps, len(in_thread.losses))
    assert ("finished", 10, 10) == (in_fork.outcome, in_fork.steps, len(in_fork.losses))
