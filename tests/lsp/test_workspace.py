"""Settings, configuration, sibling modules and files that change on the disk."""

from __future__ import annotations

import asyncio

from lsprotocol import types
from tests.lsp.conftest import capabilities
from tests.lsp.test_diagnostics import BROADCAST

WRONG = "import tensorflow as tf\nv = tf.Variable(tf.zeros([3]), tf.float32)\n"
RULE = "dtype-passed-as-trainable"


async def until(editor, uri, wanted: set[str]) -> None:
    """Waits until exactly these rules speak in a document."""
    for _ in range(1500):
        told = editor.client.published.get(uri)
        if told is not None and wanted == {each.code for each in told.diagnostics}:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"expected {wanted}, found {editor.codes(uri)}")


def watched(editor, *changes) -> None:
    """Tells the server of files that were made (1), changed (2) or deleted (3)."""
    events = [types.FileEvent(editor.uri(name), types.FileChangeType(kind)) for name, kind in changes]
    editor.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(events))


async def test_ignored_by_a_setting(begin):
    """A rule that the editor's settings ignore is silent."""
    editor = await begin(options={"lint": {"ignore": [RULE]}})

    uri = await editor.open("train.py", WRONG)

    assert [] == editor.codes(uri)


async def test_selected_by_a_setting(begin):
    """What the editor selects by hand wins over the configuration file."""
    editor = await begin(options={"lint": {"select": [RULE]}})
    (editor.folder / "pyproject.toml").write_text(f"[tool.trainlint]\nignore = ['{RULE}']\n", encoding="utf-8")

    uri = await editor.open("train.py", WRONG)

    assert [(2, RULE)] == editor.codes(uri)


async def test_severity_by_a_setting(begin):
    """A severity of the editor maps rules or whole severities to how they are shown."""
    editor = await begin(options={"severity": {"warning": "hint", "silent-loss-broadcast": "off"}})

    uri = await editor.open("train.py", BROADCAST + WRONG)

    shown = {each.code: each.severity for each in editor.client.published[uri].diagnostics}
    assert types.DiagnosticSeverity.Hint == shown[RULE]
    assert "silent-loss-broadcast" not in shown


async def test_wrong_setting_is_told_once(begin):
    """A setting that cannot be used is named in one sentence, and the rest counts."""
    editor = await begin(options={"lint": {"run": "sometimes", "ignore": ["random-biass", RULE]}})

    uri = await editor.open("train.py", WRONG)

    assert [] == editor.codes(uri)
    assert ["sometimes" in each or "random-biass" in each for each in editor.client.shown] == [True, True]


async def test_settings_change(editor):
    """New settings count at once, without a restart."""
    uri = await editor.open("train.py", WRONG)

    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"trainlint": {"lint": {"ignore": [RULE]}, "debounce": 0}})
    )
    await until(editor, uri, set())
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams({"trainlint": {"debounce": 0}}))

    await until(editor, uri, {RULE})


async def test_settings_are_asked_for(begin):
    """A client that has settings is asked for them."""
    capable = capabilities()
    capable.workspace.configuration = True
    editor = await begin(capable)
    uri = await editor.open("train.py", WRONG)

    editor.client.settings = {"lint": {"enable": False}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(None))

    await until(editor, uri, set())


async def test_only_on_save(begin):
    """With `lint.run` set to onSave nothing happens until the document is saved."""
    editor = await begin(options={"lint": {"run": "onSave"}})
    uri = await editor.open("train.py", "import tensorflow as tf\n")

    await editor.change(uri, WRONG, wait=False)
    await asyncio.sleep(0.3)
    before = editor.codes(uri)
    editor.client.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    assert [] == before
    await until(editor, uri, {RULE})


async def test_configuration_is_watched(begin):
    """A configuration file that changes counts at once."""
    capable = capabilities()
    capable.workspace.did_change_watched_files = types.DidChangeWatchedFilesClientCapabilities(
        dynamic_registration=True
    )
    editor = await begin(capable)
    uri = await editor.open("train.py", WRONG)

    (editor.folder / "pyproject.toml").write_text(f"[tool.trainlint]\nignore = ['{RULE}']\n", encoding="utf-8")
    watched(editor, ("pyproject.toml", 1))

    await until(editor, uri, set())
    assert [types.WORKSPACE_DID_CHANGE_WATCHED_FILES] == editor.client.watched


async def test_wrong_configuration_is_told(editor):
    """A configuration that cannot be read is told once, and the default counts."""
    (editor.folder / "pyproject.toml").write_text("[tool.trainlint]\nignor = []\n", encoding="utf-8")

    uri = await editor.open("train.py", WRONG)

    assert [(2, RULE)] == editor.codes(uri)
    assert 1 == len(editor.client.shown)
    assert "ignor" in editor.client.shown[0]


MODEL = "import tensorflow as tf\n\ndef weight(n):\n    return tf.Variable(tf.random_normal([n, 10], stddev=STDDEV))\n"
MAIN = """\
import tensorflow as tf
from layers import weight

x = tf.placeholder(tf.float32, [None, 784])
y = tf.placeholder(tf.float32, [None, 10])
loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, weight(784))))
train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
"""


async def test_open_sibling_counts(editor):
    """A module of the user counts as it stands in its editor, and an edit there refreshes who imports it."""
    (editor.folder / "layers.py").write_text(MODEL.replace("STDDEV", "0.01"), encoding="utf-8")
    main = await editor.open("main.py", MAIN + WRONG)
    layers = await editor.open("layers.py", MODEL.replace("STDDEV", "0.01"))
    before = editor.client.published[main]

    await editor.change(layers, "import tensorflow as tf\n\nweight = None\n")
    for _ in range(500):
        if editor.client.published[main] is not before:
            break
        await asyncio.sleep(0.01)

    assert editor.client.published[main] is not before


async def test_sibling_that_comes_and_goes(editor):
    """A module that is made on the disk counts, and one that is deleted does not any more."""
    main = await editor.open(
        "main.py", "from layers import Layer\nimport tensorflow as tf\nv = Layer(tf.zeros([3]), tf.float32)\n"
    )
    before = editor.codes(main)

    (editor.folder / "layers.py").write_text("import tensorflow as tf\nLayer = tf.Variable\n", encoding="utf-8")
    watched(editor, ("layers.py", 1))
    await until(editor, main, {RULE})
    (editor.folder / "layers.py").unlink()
    watched(editor, ("layers.py", 3))

    await until(editor, main, set())
    assert [] == before


async def test_two_folders(begin, tmp_path):
    """Each folder has its own configuration."""
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
    (two / "pyproject.toml").write_text(f"[tool.trainlint]\nignore = ['{RULE}']\n", encoding="utf-8")
    editor = await begin(folders=[one, two])

    editor.folder = one
    first = await editor.open("train.py", WRONG)
    editor.folder = two
    second = await editor.open("train.py", WRONG)

    assert [(2, RULE)] == editor.codes(first)
    assert [] == editor.codes(second)


async def test_refresh_for_a_client_that_pulls(begin):
    """A client that asks is told when it should ask again."""
    editor = await begin(capabilities(pull=True))
    (editor.folder / "layers.py").write_text("x = 1\n", encoding="utf-8")
    uri = await editor.open("main.py", "import layers\nimport tensorflow as tf\nlayers.x\n", wait=False)
    await editor.client.text_document_diagnostic_async(
        types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
    )

    watched(editor, ("layers.py", 2))
    for _ in range(500):
        if editor.client.refreshed:
            break
        await asyncio.sleep(0.01)

    assert editor.client.refreshed


async def test_whole_workspace(begin):
    """With `diagnosticMode` set to workspace the files that are not open are checked, too."""
    editor = await begin()
    (editor.folder / "old.py").write_text(f"# 😀\n{WRONG}", encoding="utf-8")
    (editor.folder / "plain.py").write_text("print()\n", encoding="utf-8")
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"trainlint": {"diagnosticMode": "workspace", "debounce": 0}})
    )

    await until(editor, editor.uri("old.py"), {RULE})
    assert editor.uri("plain.py") not in editor.client.published


async def test_workspace_follows_the_disk(begin):
    """A file that changes or goes is checked again, or forgotten; one that is open is checked as it stands there."""
    editor = await begin(options={"diagnosticMode": "workspace"})
    old, new = editor.uri("old.py"), editor.folder / "old.py"

    new.write_text(WRONG, encoding="utf-8")
    watched(editor, ("old.py", 1))
    await until(editor, old, {RULE})
    await editor.open("old.py", "import tensorflow as tf\n")
    await until(editor, old, set())
    editor.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(old)))
    await until(editor, old, {RULE})
    new.unlink()
    watched(editor, ("old.py", 3))

    await until(editor, old, set())


async def test_workspace_is_pulled(begin):
    """A client that asks for the whole workspace gets the files that were scanned, and later what is new."""
    capable = capabilities(pull=True)
    editor = await begin(capable)
    (editor.folder / "old.py").write_text(WRONG, encoding="utf-8")
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"trainlint": {"diagnosticMode": "workspace", "debounce": 0}})
    )
    items = ()
    for _ in range(1000):
        report = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(previous_result_ids=[]))
        if items := report.items:
            break
        await asyncio.sleep(0.02)
    known = [types.PreviousResultId(each.uri, each.result_id) for each in items]
    again = await editor.client.workspace_diagnostic_async(types.WorkspaceDiagnosticParams(previous_result_ids=known))

    assert [RULE] == [each.code for each in items[0].items]
    assert ["unchanged"] == [each.kind for each in again.items]


async def test_file_that_has_nothing_to_find_any_more(begin):
    """A file that stops to name TensorFlow loses its findings; one that the configuration leaves out never has any."""
    editor = await begin(options={"diagnosticMode": "workspace"})
    (editor.folder / "pyproject.toml").write_text('[tool.trainlint]\nexclude = ["vendor"]\n', encoding="utf-8")
    (editor.folder / "vendor").mkdir()
    for name in ("old.py", "vendor/other.py"):
        (editor.folder / name).write_text(WRONG, encoding="utf-8")
    watched(editor, ("old.py", 1), ("vendor/other.py", 1))
    await until(editor, editor.uri("old.py"), {RULE})

    (editor.folder / "old.py").write_text("print()\n", encoding="utf-8")
    watched(editor, ("old.py", 2))

    await until(editor, editor.uri("old.py"), set())
    assert editor.uri("vendor/other.py") not in editor.client.published


async def test_modules_of_the_user_are_not_run(begin):
    """A scan imports nothing from the folder that it checks, whatever the files there are called."""
    editor = await begin()
    for name in ("random", "json", "click", "types", "tokenize", "trainlint"):
        (editor.folder / f"{name}.py").write_text("open('it_ran', 'w')\n", encoding="utf-8")
    (editor.folder / "old.py").write_text(WRONG, encoding="utf-8")
    editor.client.workspace_did_change_configuration(
        types.DidChangeConfigurationParams({"trainlint": {"diagnosticMode": "workspace", "debounce": 0}})
    )

    await until(editor, editor.uri("old.py"), {RULE})
    assert not (editor.folder / "it_ran").exists()


async def test_open_file_with_another_spelling_of_its_address(begin):
    """A client may escape more than we do: what it has open is not shown twice by a scan."""
    editor = await begin(options={"diagnosticMode": "workspace"})
    (editor.folder / "a(b)+c.py").write_text(WRONG, encoding="utf-8")
    (editor.folder / "other.py").write_text(WRONG, encoding="utf-8")
    uri = editor.uri("").rstrip("/") + "/a%28b%29%2Bc.py"
    editor.client.text_document_did_open(
        types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, "import tensorflow as tf\n"))
    )
    await editor.published(uri, 1)

    watched(editor, ("a(b)+c.py", 2), ("other.py", 2))

    await until(editor, editor.uri("other.py"), {RULE})
    assert [uri, editor.uri("other.py")] == [each for each, told in editor.client.published.items()]
