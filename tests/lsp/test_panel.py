"""What an editor with panels of its own gets: status, the networks of a document, the page of a probe."""

from __future__ import annotations

import asyncio
import re

import pytest
from lsprotocol import types
from tests.lsp.conftest import capabilities
from tests.lsp.test_actions import BROADCAST, LOSS
from tests.lsp.test_probing import BACKEND, needs_backend, run, use

LAYERS = """\
import numpy as np
import tensorflow as tf

x = np.load("pixels.npy")
y = np.load("labels.npy")
model = tf.keras.Sequential([
    tf.keras.layers.Dense(32, kernel_initializer=tf.keras.initializers.RandomNormal(stddev=1.0)),
    tf.keras.layers.Dense(10),
])
model.compile("adam", loss=tf.keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
model.fit(x, y)
"""


FED = """\
import tensorflow as tf

x = tf.placeholder(tf.float32, [None, 3])
y = tf.placeholder(tf.float32, [None])
keep = tf.placeholder(tf.float32, [])
hidden = tf.nn.dropout(tf.layers.dense(x, 8, activation=tf.nn.relu), keep)
answer = tf.layers.dense(hidden, 1)
loss = tf.reduce_mean(tf.square(tf.reshape(y, [-1, 1]) - answer))
train = tf.train.AdamOptimizer().minimize(loss)
"""


def listen(client) -> tuple[list, list]:
    """What the server tells of its own accord: status and progress."""
    status, progress = [], []

    @client.feature("trainlint/status")
    def on_status(params) -> None:
        status.append(params)

    @client.feature("trainlint/progress")
    def on_progress(params) -> None:
        progress.append(params)

    return status, progress


@pytest.fixture
async def shown(begin):
    """An editor that shows status, and what it was told."""
    capable = capabilities()
    capable.experimental = {"trainlintStatus": True}
    editor = await begin(capable)
    return editor, *listen(editor.client)


async def test_status_of_a_document(shown):
    """While a document is read that is said, then how many of its models were understood."""
    editor, status, _ = shown

    uri = await editor.open("train.py", LAYERS)
    await asyncio.sleep(0.1)

    assert [(True, uri), (False, uri)] == [(each.checking, each.uri) for each in status]
    assert (True, 1, 1, len(editor.client.published[uri].diagnostics)) == (
        status[-1].concerns, status[-1].models, status[-1].understood, status[-1].findings,
    )  # fmt: skip


async def test_status_of_a_text_without_tensorflow(shown):
    """It is no concern of ours, and that is said."""
    editor, status, _ = shown

    await editor.open("other.py", "print(1)\n")
    await asyncio.sleep(0.1)

    assert status[-1].concerns is False


async def test_status_where_checking_is_switched_off(begin):
    """That is said, and not that there is nothing to check."""
    capable = capabilities()
    capable.experimental = {"trainlintStatus": True}
    editor = await begin(capable, options={"lint.enable": False})
    status, _ = listen(editor.client)

    await editor.open("train.py", LAYERS)
    await asyncio.sleep(0.1)

    assert (False, False) == (status[-1].enabled, hasattr(status[-1], "concerns"))


async def test_status_only_where_it_is_shown(editor):
    """A client that has not asked is told nothing that it does not know."""
    status, _ = listen(editor.client)

    await editor.open("train.py", LAYERS)
    await asyncio.sleep(0.1)

    assert [] == status


async def test_networks_carry_their_findings(editor):
    """A finding stands on the layer whose line it is on; what no layer has stands on the network."""
    uri = await editor.open("train.py", LAYERS)

    answer = await run(editor, "showModel", uri)

    (network,) = answer["networks"]
    found = {row["cells"][1]: [each["rule"] for each in row["findings"]] for row in network["rows"] if row["place"]}
    by_line = {
        row["place"]["line"]: [each["rule"] for each in row["findings"]] for row in network["rows"] if row["place"]
    }
    assert "Dense" in found
    assert "oversized-initial-weights" in by_line[6]
    everywhere = {each["rule"] for each in network["findings"]} | {rule for rules in by_line.values() for rule in rules}
    assert "logits-into-probability-loss" in everywhere
    assert [] == answer["elsewhere"]
    assert [True] == [each["understood"] for each in answer["models"]]


async def test_network_without_what_it_is_compared_with(editor):
    """Targets, and numbers that are fed beside the data, are no layers."""
    uri = await editor.open("train.py", FED)

    answer = await run(editor, "showModel", uri)

    (network,) = answer["networks"]
    assert ["placeholder", "dense", "dropout", "dense", "all"] == [row["cells"][1] for row in network["rows"]]


async def test_fact_that_would_help_is_stated(editor):
    """The networks come with what is unknown about their inputs, and the comment can be put in."""
    uri = await editor.open("train.py", LAYERS)
    answer = await run(editor, "showModel", uri)
    statement = next(each for each in answer["statements"] if each["name"] == "x")

    done = await run(editor, "state", uri, statement["comment"])

    assert done == {"applied": True, "message": ""}
    ((changed,),) = editor.client.applied[-1].changes.values()
    assert statement["comment"] in changed.new_text
    assert 3 == changed.range.start.line


async def test_fact_that_is_known(editor):
    """What is stated by now is not stated again."""
    uri = await editor.open("train.py", LAYERS)

    assert {"applied": False, "message": "this input is known by now"} == await run(editor, "state", uri, "# other")


async def test_repair_of_a_finding(editor):
    """A finding is repaired by its fingerprint; one that is gone says so."""
    uri = await editor.open("train.py", BROADCAST)
    found = next(each for each in editor.client.published[uri].diagnostics if each.code == "silent-loss-broadcast")

    done = await run(editor, "repair", uri, found.data["fingerprint"])
    gone = await run(editor, "repair", uri, "0123456789abcdef")

    assert (True, 1) == (done["applied"], len(editor.client.applied))
    assert {"applied": False, "message": "this finding is not there any more"} == gone


async def test_rules_are_listed(editor):
    """With what a list to choose from needs."""
    found = await run(editor, "rules")

    assert {"name", "code", "category", "summary"} == set(found[0])
    assert [each["code"] for each in found] == sorted(each["code"] for each in found)
    assert all(re.fullmatch(r"TL\d{3}", each["code"]) and each["summary"] for each in found)


async def test_page_of_a_rule_without_showing_it(editor):
    """An editor with a page of its own takes the text, and nothing is opened."""
    page = await run(editor, "explain", "silent-loss-broadcast", False)

    assert page.startswith("# silent-loss-broadcast")
    assert [] == editor.client.opened


async def test_nothing_is_run_where_nobody_trusts(editor):
    """Without trust no probe is offered, none is run, and no question is asked about the program."""
    uri = await editor.open("train.py", BROADCAST)
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"trainlint": {"trusted": False}})
    )

    titles = [each.title for each in await editor.actions(uri, LOSS, 30)]
    answers = [await run(editor, name, uri, None, {"progress": "1"}) for name in ("probe", "scriptQuestion")]

    assert titles
    assert [] == [title for title in titles if "Probe" in title]
    assert [("not-trusted", False)] * 2 == [(each["error"], each["available"]) for each in answers]


async def test_program_is_not_run_without_consent(editor):
    """Whoever forgets to ask gets an error and not a run."""
    uri = await editor.open("train.py", BROADCAST)

    assert "not-agreed" == (await run(editor, "probe", uri, None, {"script": True, "progress": "1"}))["error"]


async def test_question_about_a_program(editor):
    """It says how often what is run, with which interpreter, and what it may touch."""
    uri = await editor.open("train.py", BROADCAST)

    asked = await run(editor, "scriptQuestion", uri, None, {"python": "/usr/bin/env", "chosenBy": "a test"})

    assert re.search(r"Run train.py \d+ times .* with /usr/bin/env\?", asked["question"])
    assert asked["isolation"] in ("bubblewrap", "none")
    assert asked["detail"]


@needs_backend
async def test_page_of_a_probe(shown):
    """A client that shows the results itself gets them as a page, with the interpreter and the other findings."""
    editor, _, progress = shown
    uri = await editor.open("train.py", BROADCAST)
    found = next(each for each in editor.client.published[uri].diagnostics if each.code == "silent-loss-broadcast")
    use(editor, device="cpu")
    wishes = {"progress": "p1", "python": BACKEND, "chosenBy": "chosen in the Python extension"}

    answer = await run(editor, "probe", uri, found.data["fingerprint"], wishes)

    assert {"path": BACKEND, "reason": "chosen in the Python extension"} == answer["interpreter"]
    assert [(uri, LOSS)] == [(each["place"]["uri"], each["place"]["line"]) for each in answer["findings"]]
    assert "red" == answer["importance"]["colour"]
    assert "silent-loss-broadcast" in answer["report"]
    assert "<script" not in answer["report"]
    assert " style=" not in answer["report"]
    assert [] == editor.client.shown
    assert {"p1"} == {each.id for each in progress}
    assert all(each["rule"] != "silent-loss-broadcast" for each in answer["others"])


@needs_backend
async def test_program_is_run_where_the_user_agreed(shown, tmp_path):
    """Script mode runs the file on its own data and answers with what the repairs change."""
    editor, _, progress = shown
    program = (
        "import numpy as np\nimport tensorflow as tf\n\n"
        "x = np.random.default_rng(0).random((256, 8)).astype('float32')\ny = (x.sum(1) > 4).astype('float32')\n"
        "model = tf.keras.Sequential([tf.keras.layers.Dense(8, 'relu'), tf.keras.layers.Dense(1)])\n"
        "model.compile('sgd', loss=tf.keras.losses.BinaryCrossentropy())\nmodel.fit(x, y, epochs=1, verbose=0)\n"
    )
    (editor.folder / "train.py").write_text(program)
    uri = await editor.open("train.py", program)
    wishes = {"progress": "p1", "python": BACKEND, "script": True, "agreed": True}

    answer = await run(editor, "probe", uri, None, wishes)

    assert "train.py" == answer["script"]["entry"]
    assert {"finished"} <= {each["outcome"] for each in answer["script"]["runs"]} | {"finished"}
    assert all(each["steps"] for each in answer["script"]["runs"])
    assert "What the repairs change" in answer["report"]
    assert any(each.message.startswith("run 1 of ") for each in progress)
