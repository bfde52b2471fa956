"""After any sequence of edits a server shows what a server that has just been started would show."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types
from tests.lsp.test_lines import CODECS

from trainlint import analysis as analysis_module
from trainlint.lsp.features import make_server
from trainlint.lsp.lines import Lines
from trainlint.lsp.setaside import SetAside
from trainlint.lsp.workspace import Workspace

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SINGLE = [*sorted((FIXTURES / "seeds").glob("*.py")), *sorted((FIXTURES / "variations").rglob("*.py"))]
PROJECTS = [
    ("projects/été bleu", ("train.py", "network.py", "réglages.py")),
    ("projects/clean", ("train.py", "layers.py", "settings.py")),
    ("variations/oversized-initial-weights/through module", ("train.py", "blocks.py")),
]
ROUNDS = int(os.environ.get("TRAINLINT_FUZZ", "1"))
"""How often each program is edited anew."""
EDITS = 6 if ROUNDS == 1 else 25
ENCODINGS = ("utf-16", "utf-8", "utf-32")


class Session:
    """A server in this process and what it told its client; edits arrive as messages of the protocol."""

    def __init__(self, encoding: str) -> None:
        self.server = make_server(keeps_notes=False)
        self.server.protocol.client_capabilities = types.ClientCapabilities()
        self.server.state.documents.encoding = encoding
        self.server.take_settings({"debounce": 0, "inlayHints": True})
        self.encoding = encoding
        self.published: dict[str, list[types.Diagnostic]] = {}
        self.shown: list[str] = []
        self.server.text_document_publish_diagnostics = self._publish
        self.server.window_show_message = lambda params: self.shown.append(params.message)
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}

    def _publish(self, params: types.PublishDiagnosticsParams) -> None:
        self.published[params.uri] = params.diagnostics

    async def say(self, method: str, params: Any) -> None:
        await self.server.protocol.fm.features[method](params)

    async def open(self, uri: str, text: str) -> None:
        self.texts[uri], self.versions[uri] = text, 1
        item = types.TextDocumentItem(uri, "python", 1, text)
        await self.say(types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(item))

    async def close(self, uri: str) -> None:
        del self.texts[uri]
        identifier = types.TextDocumentIdentifier(uri)
        await self.say(types.TEXT_DOCUMENT_DID_CLOSE, types.DidCloseTextDocumentParams(identifier))

    async def replace(self, uri: str, start: int, end: int, new: str) -> None:
        """Sends one edit of a client that counts in the encoding that was agreed on."""
        text = self.texts[uri]
        area = types.Range(self._position(text, start), self._position(text, end))
        self.texts[uri] = text[:start] + new + text[end:]
        self.versions[uri] += 1
        await self.say(
            types.TEXT_DOCUMENT_DID_CHANGE,
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version=self.versions[uri], uri=uri),
                [types.TextDocumentContentChangePartial(range=area, text=new)],
            ),
        )

    def _position(self, text: str, offset: int) -> types.Position:
        lines = Lines(text)
        line, _ = lines.position(offset, "utf-32")
        codec, width = CODECS[self.encoding]
        return types.Position(line, len(text[lines.starts[line] : offset].encode(codec)) // width)

    async def settle(self) -> None:
        """Waits until nothing is under way."""
        while self.server._running or self.server._timers or self.server._checks:
            await asyncio.sleep(0.002)


def fresh(texts: dict[str, str], encoding: str) -> dict[str, list[types.Diagnostic]]:
    """What a server shows that knows nothing from before."""
    kept, analysis_module._SIBLINGS = analysis_module._SIBLINGS, {}
    try:
        found: dict[str, Any] = {}
        state = Workspace(SetAside(None))
        state.documents.encoding = encoding
        for uri, text in texts.items():
            state.documents.put(types.TextDocumentItem(uri, "python", 1, text), "/")
        for uri in texts:
            document = state.documents.get(uri)
            found[uri] = state.check(document, 1, document.data)
        return {uri: state.diagnostics(checked, uri) for uri, checked in found.items()}
    finally:
        analysis_module._SIBLINGS = kept


def random_edit(dice: random.Random, text: str, clipboard: list[str]) -> tuple[int, int, str]:
    """Start, end and new text of an edit as people make them: a stroke, a word, whole lines."""
    lines = text.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    line = dice.randrange(len(lines)) if lines else 0
    start = starts[line]
    end = starts[line + 1] if lines else 0
    newline = "\r\n" if "\r\n" in text else "\n"
    # A client never puts an edit between the two characters of a CRLF.
    at = dice.randint(start, max(start, end - len(newline)))
    match dice.choice(("type", "type", "delete", "cut", "paste", "indent", "dedent", "join", "split", "number")):
        case "type":
            return (
                at,
                at,
                dice.choice(("(", ")", '"', "#", "x", " ", ":", "=", ".", "é", "😀", newline, "'''", "[", ",")),
            )
        case "delete":
            stop = min(len(text), at + dice.choice((1, 1, 4)))
            return at, stop if text[stop - 1 : stop + 1] != "\r\n" else stop - 1 if stop > at else stop, ""
        case "cut":
            last = min(len(lines), line + dice.choice((1, 1, 2, 5)))
            clipboard.append(text[start : starts[last]])
            return start, starts[last], ""
        case "paste" if clipboard:
            return start, start, dice.choice(clipboard)
        case "indent":
            return start, start, "    "
        case "dedent":
            return start, start + (4 if text[start : start + 4] == "    " else 0), ""
        case "join":
            return max(start, end - len(newline)), end, " "
        case "split":
            return at, at, newline
    digit = next((at for at in range(start, end) if text[at].isdigit()), None)
    return (at, at, "") if digit is None else (digit, digit + 1, str(dice.randrange(10)))


async def ask(session: Session, uri: str) -> None:
    """Asks for everything that is made of a check: none of it may leave traces in what the next edit rests on."""
    whole = types.Range(types.Position(0, 0), types.Position(10_000, 0))
    identifier = types.TextDocumentIdentifier(uri)
    wanted = types.CodeActionParams(identifier, whole, types.CodeActionContext([]))
    await session.say(types.TEXT_DOCUMENT_CODE_ACTION, wanted)
    wanted.context.only = ["source.fixAll"]
    await session.say(types.TEXT_DOCUMENT_CODE_ACTION, wanted)
    await session.say(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, types.DocumentSymbolParams(identifier))
    await session.say(types.TEXT_DOCUMENT_INLAY_HINT, types.InlayHintParams(identifier, whole))
    for line in range(0, session.texts[uri].count("\n"), 7):
        await session.say(types.TEXT_DOCUMENT_HOVER, types.HoverParams(identifier, types.Position(line, 3)))


async def edit_at_random(files: dict[str, str], seed: str, count: int) -> None:
    """Edits open files, and after each edit compares what is shown with what a new server shows."""
    dice = random.Random(seed)
    session = Session(dice.choice(ENCODINGS))
    try:
        undo: list[tuple[str, int, int, str]] = []
        clipboard: list[str] = []
        for uri, text in files.items():
            await session.open(uri, text)
        for number in range(count):
            for _ in range(dice.choice((1, 1, 3))):
                uri = dice.choice(list(session.texts))
                mine = [each for each in undo if each[0] == uri]
                if mine and mine[-1] is undo[-1] and dice.random() < 0.3:
                    _, start, end, new = undo.pop()
                else:
                    start, end, new = random_edit(dice, session.texts[uri], clipboard)
                    undo.append((uri, start, start + len(new), session.texts[uri][start:end]))
                await session.replace(uri, start, end, new)
                if dice.random() < 0.3:
                    # Sometimes the next edit comes while the last one is looked at.
                    await asyncio.sleep(dice.random() * 0.02)
            if len(files) > 1 and dice.random() < 0.1:
                uri = dice.choice(list(files)[1:])
                if uri in session.texts:
                    await session.close(uri)
                else:
                    await session.open(uri, files[uri])
                undo.clear()
            await session.settle()
            expected = await asyncio.to_thread(fresh, session.texts, session.encoding)
            shown = {uri: session.published[uri] for uri in session.texts}
            for uri, text in session.texts.items():
                assert text == session.server.state.documents.get(uri).text
            assert expected == shown, (seed, number)
            if dice.random() < 0.3:
                await ask(session, dice.choice(list(session.texts)))
        assert [] == session.shown
    finally:
        session.server.analyst.close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Pages are written into a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("file", SINGLE[:: 1 if ROUNDS > 1 else 24], ids=lambda file: file.stem)
async def test_one_file(file, ends):
    """One program, edited at random."""
    text = file.read_text("utf-8").replace("\n", ends)
    for turn in range(ROUNDS):
        await edit_at_random({file.as_uri(): text}, f"{file.stem}{turn}{ends}", EDITS)


@pytest.mark.parametrize(("folder", "names"), PROJECTS, ids=[folder for folder, _ in PROJECTS])
async def test_siblings(folder, names):
    """A program with its modules open beside it, all of them edited, closed and opened again."""
    files = {(FIXTURES / folder / name).as_uri(): (FIXTURES / folder / name).read_text("utf-8") for name in names}
    for turn in range(2 * ROUNDS):
        await edit_at_random(files, f"{folder}{turn}", 2 * EDITS)


class NotebookSession(Session):
    """A client with one notebook open."""

    URI = "file:///project/train.ipynb"

    def __init__(self, encoding: str, cells: list[str]) -> None:
        super().__init__(encoding)
        self.made = 0
        self.cells: list[str] = []
        self.order = cells
        self.version = 1

    def _item(self, text: str) -> types.TextDocumentItem:
        self.made += 1
        uri = f"vscode-notebook-cell:/train.ipynb#C{self.made}"
        self.texts[uri], self.versions[uri] = text, 1
        return types.TextDocumentItem(uri, "python", 1, text)

    def _cell(self, uri: str) -> types.NotebookCell:
        return types.NotebookCell(types.NotebookCellKind.Code, uri)

    async def open_cells(self) -> None:
        items = [self._item(text) for text in self.order]
        self.cells = [item.uri for item in items]
        document = types.NotebookDocument(self.URI, "jupyter-notebook", 1, [self._cell(uri) for uri in self.cells])
        await self.say(types.NOTEBOOK_DOCUMENT_DID_OPEN, types.DidOpenNotebookDocumentParams(document, items))

    async def _change(self, changes: types.NotebookDocumentCellChanges) -> None:
        self.version += 1
        identifier = types.VersionedNotebookDocumentIdentifier(self.version, self.URI)
        event = types.NotebookDocumentChangeEvent(cells=changes)
        await self.say(types.NOTEBOOK_DOCUMENT_DID_CHANGE, types.DidChangeNotebookDocumentParams(identifier, event))

    async def splice(self, start: int, count: int, new: list[str] | None, back: list[str] | None = None) -> None:
        """Deletes cells and inserts new texts, or cells that were there before."""
        items = [self._item(text) for text in new or ()]
        uris = [item.uri for item in items] + (back or [])
        gone = [uri for uri in self.cells[start : start + count] if uri not in uris]
        self.cells[start : start + count] = uris
        for uri in gone:
            del self.texts[uri]
        array = types.NotebookCellArrayChange(start, count, [self._cell(uri) for uri in uris])
        closed = [types.TextDocumentIdentifier(uri) for uri in gone]
        structure = types.NotebookDocumentCellChangeStructure(array, items, closed)
        await self._change(types.NotebookDocumentCellChanges(structure))

    async def type(self, uri: str, start: int, end: int, new: str) -> None:
        """Edits the text of a cell."""
        text = self.texts[uri]
        area = types.Range(self._position(text, start), self._position(text, end))
        self.texts[uri] = text[:start] + new + text[end:]
        self.versions[uri] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[uri], uri)
        edit = types.TextDocumentContentChangePartial(range=area, text=new)
        content = types.NotebookDocumentCellContentChanges(document, [edit])
        await self._change(types.NotebookDocumentCellChanges(text_content=[content]))

    def fresh(self) -> dict[str, list[types.Diagnostic]]:
        """What a server that knows nothing from before shows in each cell."""
        state = Workspace(SetAside(None))
        state.documents.encoding = self.encoding
        items = [types.TextDocumentItem(uri, "python", 1, self.texts[uri]) for uri in self.cells]
        document = types.NotebookDocument(self.URI, "jupyter-notebook", 1, [self._cell(uri) for uri in self.cells])
        notebook = state.documents.open_notebook(types.DidOpenNotebookDocumentParams(document, items), "/")
        checked = state.check(notebook, 1, notebook.data)
        return {uri: checked.diagnostics(uri) for uri in self.cells}


def cells_of(text: str) -> list[str]:
    """A program cut into cells at its blank lines outside of blocks."""
    cells: list[str] = [""]
    for line in text.splitlines(keepends=True):
        if cells[-1].endswith("\n\n") and line[:1] not in (" ", "\t", "\n", ")", "]", "}", ""):
            cells.append("")
        cells[-1] += line
    return cells


async def edit_cells_at_random(text: str, seed: str, count: int) -> None:
    """Adds, deletes, moves and edits cells, and after each change compares with what a new server shows."""
    dice = random.Random(seed)
    session = NotebookSession(dice.choice(ENCODINGS), cells_of(text))
    clipboard: list[str] = []
    try:
        await session.open_cells()
        for number in range(count):
            for _ in range(dice.choice((1, 1, 2))):
                at = dice.randrange(len(session.cells) + 1)
                match dice.choice(("add", "delete", "move", "edit", "edit", "edit", "replace")):
                    case "delete" if session.cells:
                        clipboard += [session.texts[uri] for uri in session.cells[at : at + 1]]
                        await session.splice(min(at, len(session.cells) - 1), 1, [])
                    case "move" if len(session.cells) > 1:
                        first = dice.randrange(len(session.cells) - 1)
                        await session.splice(first, 2, None, [session.cells[first + 1], session.cells[first]])
                    case "edit" if session.cells:
                        uri = dice.choice(session.cells)
                        await session.type(uri, *random_edit(dice, session.texts[uri], clipboard))
                    case "replace" if session.cells:
                        await session.splice(at - 1 if at else 0, 1, [dice.choice(("%%time\nx = 1\n", "!ls\n"))])
                    case _:
                        await session.splice(at, 0, [dice.choice(clipboard)] if clipboard else ["value = 1\n"])
            await session.settle()
            expected = await asyncio.to_thread(session.fresh)
            assert expected == {uri: session.published.get(uri, []) for uri in session.cells}, (seed, number)
        assert [] == session.shown
    finally:
        session.server.analyst.close()


@pytest.mark.parametrize("file", SINGLE[:: 1 if ROUNDS > 1 else 24], ids=lambda file: file.stem)
async def test_cells(file):
    """One program as a notebook, whose cells are added, moved, deleted and edited at random."""
    for turn in range(ROUNDS):
        await edit_cells_at_random(file.read_text("utf-8"), f"{file.stem}{turn}", EDITS)
