"""A real server process and a client that remembers what it was told."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pytest_lsp import LanguageClient

ROOT = Path(__file__).parents[2]


def capabilities(pull: bool = False, encodings: list[str] | None = None, lazy: bool = True) -> types.ClientCapabilities:
    """A client that can do what the tests need; `pull` asks for diagnostics instead of being sent them."""
    resolve = types.ClientCodeActionResolveOptions(["edit"]) if lazy else None
    return types.ClientCapabilities(
        general=types.GeneralClientCapabilities(position_encodings=encodings) if encodings else None,
        text_document=types.TextDocumentClientCapabilities(
            diagnostic=types.DiagnosticClientCapabilities() if pull else None,
            code_action=types.CodeActionClientCapabilities(data_support=lazy, resolve_support=resolve),
        ),
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True,
            diagnostics=types.DiagnosticWorkspaceClientCapabilities(refresh_support=True) if pull else None,
        ),
    )


class Editor:
    """An editor's side of the protocol, as far as tests need it."""

    def __init__(self, client, folder: Path) -> None:
        self.client = client
        self.folder = folder
        self.versions: dict[str, int] = {}
        self.texts: dict[str, str] = {}

    def uri(self, name: str) -> str:
        return (self.folder / name).as_uri()

    async def open(self, name: str, text: str, wait: bool = True) -> str:
        """Opens a document, and waits for its findings."""
        uri = self.uri(name)
        self.versions[uri], self.texts[uri] = 1, text
        self.client.text_document_did_open(
            types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "python", 1, text))
        )
        if wait:
            await self.published(uri, 1)
        return uri

    async def change(self, uri: str, *changes, wait: bool = True) -> None:
        """Sends changes: a text for the whole, or (line, column, end line, end column, text)."""
        self.versions[uri] += 1
        events = [
            types.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else types.TextDocumentContentChangePartial(
                range=types.Range(types.Position(*change[:2]), types.Position(*change[2:4])), text=change[4]
            )
            for change in changes
        ]
        identifier = types.VersionedTextDocumentIdentifier(version=self.versions[uri], uri=uri)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, events))
        if wait:
            await self.published(uri, self.versions[uri])

    async def published(self, uri: str, version: int | None = None, seconds: float = 30.0):
        """The findings of a version of a document, once they are there."""
        for _ in range(int(seconds / 0.01)):
            told = self.client.published.get(uri)
            if told is not None and (version is None or told.version == version):
                return told.diagnostics
            await asyncio.sleep(0.01)
        raise AssertionError(f"no findings for version {version} of {uri}")

    def codes(self, uri: str) -> list[tuple[int, str]]:
        """Line, from 1, and rule of what was last published."""
        return [(each.range.start.line + 1, each.code) for each in self.client.published[uri].diagnostics]

    async def actions(self, uri: str, line: int, column: int = 0, only: list[str] | None = None):
        """The code actions at a position, counted from 0."""
        at = types.Position(line, column)
        found = await self.client.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri), types.Range(at, at), types.CodeActionContext([], only=only)
            )
        )
        return list(found or ())

    async def resolved(self, uri: str, line: int, column: int, title: str):
        """The edit of the action with a title."""
        found = await self.actions(uri, line, column)
        chosen = next(each for each in found if each.title == title)
        return (await self.client.code_action_resolve_async(chosen)).edit


def listen(client: LanguageClient) -> None:
    """Keeps what a server tells its client, and answers what it asks."""
    client.published, client.shown, client.applied, client.watched = {}, [], [], []
    client.opened, client.settings, client.refreshed = [], None, 0

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def publish(params: types.PublishDiagnosticsParams) -> None:
        client.published[params.uri] = params

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def show(params: types.ShowMessageParams) -> None:
        client.shown.append(params.message)

    @client.feature(types.WINDOW_SHOW_DOCUMENT)
    def show_document(params: types.ShowDocumentParams) -> types.ShowDocumentResult:
        client.opened.append(params.uri)
        return types.ShowDocumentResult(success=True)

    @client.feature(types.WORKSPACE_CONFIGURATION)
    def configuration(params: types.ConfigurationParams) -> list:
        return [client.settings for _ in params.items]

    @client.feature(types.WORKSPACE_APPLY_EDIT)
    def apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        client.applied.append(params.edit)
        return types.ApplyWorkspaceEditResult(applied=True)

    @client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def register(params: types.RegistrationParams) -> None:
        client.watched += [each.method for each in params.registrations]

    @client.feature(types.WORKSPACE_DIAGNOSTIC_REFRESH)
    def refresh(params: None) -> None:
        client.refreshed += 1


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Starts servers; those that are still there at the end of a test are told to leave."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "project"
    folder.mkdir()
    clients = []

    async def begin(capable: types.ClientCapabilities | None = None, options=None, folders: list[Path] | None = None):
        client = LanguageClient()
        listen(client)
        await client.start_io(sys.executable, "-m", "trainlint", "server")
        clients.append(client)
        given = [types.WorkspaceFolder(each.as_uri(), each.name) for each in folders or [folder]]
        client.initialized_with = await client.initialize_session(
            types.InitializeParams(
                capabilities=capable or capabilities(),
                workspace_folders=given,
                initialization_options={"debounce": 0, **(options or {})},
            )
        )
        return Editor(client, folder)

    return begin, clients


@pytest.fixture
async def editor(start):
    """A client that is sent diagnostics, in UTF-16."""
    begin, clients = start
    yield await begin()
    for client in clients:
        await client.shutdown_session()
        await client.stop()


@pytest.fixture
async def begin(start):
    """A function that starts a server for a client with other capabilities or settings."""
    function, clients = start
    yield function
    for client in clients:
        if not getattr(client, "gone", False):
            await client.shutdown_session()
        await client.stop()
