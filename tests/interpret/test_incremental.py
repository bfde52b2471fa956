"""Analysing again after an edit gives exactly what a fresh analysis gives."""

from __future__ import annotations

import gc
import random
import weakref
from pathlib import Path
from typing import Any

import pytest
from bench.edits import edits

from trainlint.analysis import Analysis, analyse
from trainlint.config import Config
from trainlint.interpret.machine import Cancelled
from trainlint.project import Project

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
PROGRAMS = sorted(FIXTURES.rglob("*.py"))
EDITS = 4


def told(analysis: Analysis) -> Any:
    """Everything that an analysis says."""
    findings = [(f.rule, f.severity, f.message, f.world, f.fingerprint) for f in analysis.findings]
    places = [analysis.location(f.place) for f in analysis.findings]
    traces = [[(s.message, analysis.location(s.place)) for s in f.trace] for f in analysis.findings]
    models = [(m.understood, m.missing, analysis.location(m.place)) for m in analysis.models]
    return findings, places, traces, models, [(n.kind, n.line, n.message) for n in analysis.notices]


@pytest.mark.parametrize("file", PROGRAMS[::4], ids=lambda file: file.relative_to(FIXTURES).as_posix())
def test_editing_equals_a_fresh_analysis(file):
    """After each of a few random edits, broken states included."""
    project, config = Project(str(file.parent)), Config()
    text = file.read_text(encoding="utf-8")
    analysis = analyse(text.encode(), str(file), project, config)
    dice = random.Random(file.name)
    for _ in range(EDITS):
        text = next(edits(text, 1, seed=dice.randrange(10**9)))
        analysis = analyse(text.encode(), str(file), project, config, analysis)
        fresh = analyse(text.encode(), str(file), project, config)

        assert told(fresh) == told(analysis)


@pytest.mark.parametrize("seed", range(6))
def test_editing_a_long_program_equals_a_fresh_analysis(seed):
    """Findings are kept where nothing has changed that they rest on, and only there: several programs in one file."""
    dice = random.Random(seed)
    text = "\n".join(
        file.read_text("utf-8").replace("from __future__ import", "import __future__ #")
        for file in dice.sample(PROGRAMS, 4)
    )
    project, config = Project("."), Config()
    analysis = analyse(text.encode(), "edited.py", project, config)
    before = text
    for number in range(12):
        # Every third edit takes the last one back.
        text, before = (before, text) if number % 3 == 2 else (next(edits(text, 1, seed=dice.randrange(10**9))), text)
        analysis = analyse(text.encode(), "edited.py", project, config, analysis)

        assert told(analyse(text.encode(), "edited.py", project, config)) == told(analysis)


def test_an_edit_in_a_function_repeats_the_rest_of_it():
    """The frame of a call stays the same when a statement of a long function changes, and with it all ids."""
    weights = "".join(f"    w{n} = tf.Variable(tf.ones([{n}]))\n" for n in range(8, 100))
    text = f"import tensorflow as tf\ndef build():\n{weights}    return w8\nbuild()\n"
    project, config = Project("."), Config()
    first = analyse(text.encode(), "edited.py", project, config)
    analysis = analyse(text.replace("ones([50])", "ones([500])").encode(), "edited.py", project, config, first)

    assert analysis.interpretation.machine.executed < 46
    kept = {operation.id for operation in first.programs[0].operations}
    assert len([o for o in analysis.programs[0].operations if o.id in kept]) > 0.9 * len(kept)


def test_what_a_loop_leaves_behind_is_repeated():
    """A branch that breaks off a loop has set something, also where the loop is repeated from memory."""
    text = (
        "import tensorflow as tf\nlimit = 3\nwidth = 16\nfor row in rows():\n    if row > limit:\n"
        "        width = row\n        break\nnote = 1\n"
        "y = tf.matmul(tf.placeholder(tf.float32, [None, width]), tf.ones([8, 3]))\n"
    )
    project, config = Project("."), Config()
    first = analyse(text.encode(), "edited.py", project, config)
    analysis = analyse(text.replace("note = 1", "note = 2").encode(), "edited.py", project, config, first)
    without = analyse(text.replace("        width = row\n", "").encode(), "edited.py", project, config, analysis)

    assert ((), (), ["shape-contradiction"]) == (
        first.findings, analysis.findings, [finding.rule for finding in without.findings]
    )  # fmt: skip


@pytest.mark.parametrize("change", ["x = tf.ones([4])\n", "x = tf.ones([4]\n", "def f(:\n    pass\n"])
def test_old_analyses_are_freed_at_once(change):
    """Nothing waits for the garbage collector, which would run in the middle of somebody's edit."""
    text = "import tensorflow as tf\nw = tf.keras.layers.Dense(3)(tf.keras.Input((2,)))\nif input():\n    w = w + 1\n"
    project, config = Project("."), Config()
    analysis = analyse(text.encode(), "edited.py", project, config)
    gc.collect()
    gc.disable()
    try:
        for number in range(3):
            old = [weakref.ref(program) for program in analysis.programs]
            analysis = analyse(f"{text}y{number} = 1\n{change}".encode(), "edited.py", project, config, analysis)
            now = set(analysis.programs)

            assert [] == [ref() for ref in old if ref() is not None and ref() not in now]
    finally:
        gc.enable()


def test_an_edit_repeats_what_it_does_not_touch():
    """Most parts of a program come from memory after one line of it was changed."""
    file = FIXTURES / "seeds" / "seed003_always_half.py"
    project, config = Project(str(file.parent)), Config()
    text = file.read_text(encoding="utf-8")
    first = analyse(text.encode(), str(file), project, config)
    fresh = first.interpretation.machine.executed
    analysis = analyse(text.replace("stddev=1.0", "stddev=0.5", 1).encode(), str(file), project, config, first)
    machine = analysis.interpretation.machine

    assert machine.executed < fresh / 2
    assert machine.replayed > machine.executed


def test_a_collection_of_variables_is_collected_again():
    """What `tf.trainable_variables()` gives depends on the whole program, not only on what the statement reads."""
    text = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 8])\n"
        "with tf.variable_scope('one'):\n"
        "    code = tf.layers.dense(x, 4)\n"
        "with tf.variable_scope('two'):\n"
        "    other = tf.layers.dense(code, 2)\n"
        "loss = tf.reduce_mean(tf.square(code))\n"
        "train = tf.train.AdamOptimizer().minimize(loss, var_list=tf.trainable_variables())\n"
    )
    project, config = Project("."), Config()
    analysis = analyse(text.encode(), "edited.py", project, config)
    layer, nothing, variable = "    other = tf.layers.dense(code, 2)\n", "    pass\n", "    w = tf.Variable(0.5)\n"
    for old, new in ((layer, nothing), (nothing, variable)):
        text = text.replace(old, new)
        analysis = analyse(text.encode(), "edited.py", project, config, analysis)

        fresh = analyse(text.encode(), "edited.py", project, config)
        assert told(fresh) == told(analysis)
        found = analysis.programs[0].of_kind("train")
        assert [len(op.inputs) for op in fresh.programs[0].of_kind("train")] == [len(op.inputs) for op in found]


def test_a_program_that_an_edit_left_as_it_was_is_kept():
    """A comment more changes no program, so nothing has to be found out about it again."""
    text = "import tensorflow as tf\nlayer = tf.keras.layers.Dense(3)\nprint(layer)\n"
    project, config = Project("."), Config()
    first = analyse(text.encode(), "edited.py", project, config)
    commented = analyse(f"# a comment\n{text}".encode(), "edited.py", project, config, first)
    changed = analyse(text.replace("3", "4").encode(), "edited.py", project, config, commented)

    assert first.programs[0] is commented.programs[0]
    assert first.programs[0] is not changed.programs[0]


def test_memory_is_bounded():
    """An editor that stays open does not remember every keystroke."""
    text = "\n".join(f"x{i} = {i}" for i in range(400))
    project, config = Project("."), Config()
    analysis = analyse(("import tensorflow\n" + text).encode(), "program.py", project, config)
    for number in range(40):
        changed = "import tensorflow\n" + text.replace(" = ", f" = {number} + ")
        analysis = analyse(changed.encode(), "program.py", project, config, analysis)

    assert len(analysis.interpretation.machine.memory) < 2_000 + 10 * 400


def test_cancelled_analysis_leaves_nothing_wrong():
    """An analysis that is given up at any point costs time and nothing else: the next one is exact."""
    file = FIXTURES / "seeds" / "seed003_always_half.py"
    project, config = Project(str(file.parent)), Config()
    text = file.read_text(encoding="utf-8")
    analysis = analyse(text.encode(), str(file), project, config)
    changed = text.replace("stddev=1.0", "stddev=0.5")
    fresh = analyse(changed.encode(), str(file), project, config)
    given_up = 0
    for steps in range(0, 60, 7):
        left = iter(range(steps))
        try:
            analyse(
                changed.replace("0.5", f"0.{steps}9").encode(), str(file), project, config, analysis,
                cancelled=lambda left=left: next(left, None) is None,
            )  # fmt: skip
        except Cancelled:
            given_up += 1

        assert told(fresh) == told(analyse(changed.encode(), str(file), project, config, analysis))
        assert told(analysis) == told(analyse(text.encode(), str(file), project, config, analysis))

    assert given_up >= 3


def test_names_that_were_typed_are_forgotten(monkeypatch):
    """Each letter of an import looks for another module; the machine does not go on asking for all of them."""
    monkeypatch.setattr("trainlint.interpret.machine._MANY_NAMES", 20)
    project, config = Project("."), Config()
    analysis = None
    for number in range(60):
        text = f"import tensorflow as tf\nimport module{number}\nx = tf.name{number}\nprint(module{number}, x)\n"
        analysis = analyse(text.encode(), "edited.py", project, config, analysis)

    machine = analysis.interpretation.machine
    assert len(machine.documents) + len(machine.attributes) < 80
    assert told(analyse(text.encode(), "edited.py", project, config)) == told(analysis)


def test_what_is_run_again_and_gives_the_same_is_no_change():
    """A training step collects all variables, so it is made anew in each version; an equal one counts as kept."""
    text = (
        "import tensorflow as tf\n"
        "x = tf.placeholder(tf.float32, [None, 8])\n"
        "loss = tf.reduce_mean(tf.square(tf.layers.dense(x, 4)))\n"
        "train = tf.train.AdamOptimizer().minimize(loss)\n"
        "other = tf.zeros([3])\n"
        "with tf.Session() as session:\n"
        "    session.run(tf.global_variables_initializer())\n"
        "    for step in range(100):\n"
        "        session.run(train, {x: batch()})\n"
    )
    project, config = Project("."), Config()
    first = analyse(text.encode(), "edited.py", project, config)
    changed = analyse(text.replace("[3]", "[4]").encode(), "edited.py", project, config, first)

    before, after = first.programs[0], changed.programs[0]
    assert before is not after
    assert next(before.of_kind("train")) is next(after.of_kind("train"))
    assert list(map(id, before.all_events)) == list(map(id, after.all_events))


def test_an_edit_inside_of_a_short_function_runs_one_line():
    """A text that is edited is split down to its lines."""
    text = "import tensorflow as tf\ndef build(x):\n" + "".join(f"    x = tf.exp(x + {n})\n" for n in range(20))
    text += "    return x\nbuild(tf.placeholder(tf.float32, [3]))\n"
    project, config = Project("."), Config()
    first = analyse(text.encode(), "edited.py", project, config)
    analysis = analyse(text.replace("x + 19)", "x)").encode(), "edited.py", project, config, first)

    kept = {id(operation) for operation in first.programs[0].operations}
    assert 38 == len(
        [each for each in analysis.programs[0].operations if id(each) in kept and each.kind != "placeholder"]
    )


def test_a_module_is_no_part_of_the_graph_that_first_asks_for_it(tmp_path):
    """The body of a module is run where one of its names is used first, which may be inside of a graph."""
    (tmp_path / "parts.py").write_text("import tensorflow as tf\nbase = tf.exp(tf.ones([3]))\n")
    text = "import tensorflow as tf\nimport parts\n@tf.function\ndef step():\n    return tf.sqrt(parts.base)\nstep()\n"
    analysis = analyse(text.encode(), str(tmp_path / "main.py"), Project(tmp_path), Config())

    in_graph = {each.name: each.context.graph is not None for each in analysis.programs[0].operations}
    assert (False, True) == (in_graph["tf.exp"], in_graph["tf.sqrt"])


def test_a_function_that_becomes_a_graph_is_run_again():
    """What is computed in it is as before, but in a graph Keras finds the scores behind a softmax."""
    text = (
        "import tensorflow as tf\n"
        "dense = tf.keras.layers.Dense(10, activation=tf.nn.softmax)\n"
        "loss_of = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        "optimizer = tf.keras.optimizers.Adam()\n"
        "def step(x, y):\n"
        "    with tf.GradientTape() as tape:\n"
        "        loss = loss_of(y, dense(x))\n"
        "    weights = dense.trainable_variables\n"
        "    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))\n"
        "step = step\n"
        "for x, y in dataset:\n"
        "    step(x, y)\n"
    )
    project, config = Project("."), Config()
    eager = analyse(text.encode(), "edited.py", project, config)
    graph = analyse(text.replace("= step\n", "= tf.function(step)\n").encode(), "edited.py", project, config, eager)
    back = analyse(text.encode(), "edited.py", project, config, graph)

    assert [["error"], ["warning"], ["error"]] == [
        [f.severity for f in each.findings if f.rule == "probabilities-into-logits-loss"]
        for each in (eager, graph, back)
    ]
