"""Probes from the editor: offered on a finding, measured in another process, remembered for the hover."""

from __future__ import annotations

import asyncio
import os
import sys
from ast import literal_eval

import pytest
from lsprotocol import types
from tests.lsp.test_actions import BROADCAST, LOSS

BACKEND = os.environ.get("TRAINLINT_PROBE_PYTHON")
needs_backend = pytest.mark.skipif(not BACKEND, reason="TRAINLINT_PROBE_PYTHON names no interpreter with a backend")


async def run(editor, command, *arguments):
    """What a command of the server answers."""
    return await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(f"trainlint.server.{command}", list(arguments))
    )


def use(editor, **settings):
    """Sends settings of the editor."""
    given = {"trainlint": {"probe": settings}}
    editor.client.workspace_did_change_configuration(types.DidChangeConfigurationParams(given))


async def test_probe_is_offered_on_a_finding(editor):
    """The finding alone, and the whole model."""
    uri = await editor.open("train.py", BROADCAST)

    titles = [each.title for each in await editor.actions(uri, LOSS, 30)]

    assert [title for title in titles if "Probe" in title] == ["Probe silent-loss-broadcast", "Probe the whole model"]


async def test_environment_without_a_backend(editor):
    """The answer says which command installs one, and nothing else happens."""
    uri = await editor.open("train.py", BROADCAST)
    use(editor, interpreter=sys.executable)

    answer = await run(editor, "probe", uri, None)

    assert answer["error"] == "no-backend"
    assert f"{sys.executable} -m pip install tensorflow" in answer["message"]
    assert [answer["message"] in each for each in editor.client.shown] == [True]


async def test_interpreter_that_does_not_exist(editor):
    """One clear line, and the server lives."""
    uri = await editor.open("train.py", BROADCAST)
    use(editor, interpreter="/nowhere/bin/python")

    answer = await run(editor, "probe", uri, None)

    assert answer["error"] == "no-interpreter"
    assert "/nowhere/bin/python" in answer["message"]
    assert await editor.actions(uri, LOSS, 30)


async def test_interpreter_for_one_document(editor):
    """Of several folders each may have its own setting: what the client says of a document wins."""
    uri = await editor.open("train.py", BROADCAST)
    use(editor, interpreter="/nowhere/bin/python")

    answer = await run(editor, "probe", uri, None, {"interpreter": sys.executable, "python": "/nowhere/else"})

    assert answer["error"] == "no-backend"
    assert sys.executable in answer["message"]


async def test_finding_that_is_gone(editor):
    """A fingerprint of an older text has nothing to probe."""
    uri = await editor.open("train.py", BROADCAST)

    answer = await run(editor, "probe", uri, "0123456789abcdef")

    assert (answer["findings"], answer["message"]) == ([], "there is no finding to probe")


async def test_nothing_to_cancel(editor):
    """Cancelling without a probe says that there was none."""
    assert await run(editor, "cancel") is False


@needs_backend
async def test_probe_of_a_finding(editor):
    """The verdict comes back, is shown, and stands in the hover of the finding."""
    uri = await editor.open("train.py", BROADCAST)
    use(editor, interpreter=BACKEND, device="cpu")
    actions = await editor.actions(uri, LOSS, 30)
    action = next(each for each in actions if each.title == "Probe silent-loss-broadcast")
    # The client's union of commands and actions takes an action without an edit for a command, and spells it out.
    command = literal_eval(action.command)

    answer = await editor.client.workspace_execute_command_async(
        types.ExecuteCommandParams(command["command"], command["arguments"])
    )

    (finding,) = answer["findings"]
    assert finding["rule"] == "silent-loss-broadcast"
    assert finding["evidence"]["result"]["verdict"] == "confirmed"
    shown = await editor.client.text_document_hover_async(
        types.HoverParams(types.TextDocumentIdentifier(uri), types.Position(LOSS, 30))
    )
    assert "**Probed: confirmed" in shown.contents.value


@needs_backend
async def test_cancelled_probe(editor):
    """A probe that nobody wants any more ends within seconds, and the next one works."""
    uri = await editor.open("train.py", BROADCAST)
    use(editor, interpreter=BACKEND, device="cpu")
    running = asyncio.ensure_future(run(editor, "probe", uri, None))
    await asyncio.sleep(0.3)

    assert await run(editor, "cancel") is True
    answer = await asyncio.wait_for(running, 10)

    assert answer.get("cancelled") is True
