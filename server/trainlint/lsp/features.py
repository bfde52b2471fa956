"""What the server answers: one function for each message of the protocol that it knows."""

from __future__ import annotations

import os
import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from trainlint import __version__
from trainlint.lsp import actions, diagnostics, hover, panel
from trainlint.lsp.checked import Checked, Shown
from trainlint.lsp.documents import NotebookBuffer, path_of, uri_of
from trainlint.lsp.probing import ProbeService
from trainlint.lsp.server import CONFIGURATION, WATCHED, ContentModified, Expected, Server
from trainlint.lsp.settings import WORKSPACE
from trainlint.rules.registry import all_rules

PREFIX = "trainlint.server."
"""Of the server's commands; those of an editor's extension begin with `trainlint.`."""


if TYPE_CHECKING:
    Argument = Any
else:

    class Argument:
        """An argument of a command.

        pygls asks whether the first annotation is a class of servers, and `Any` is no class before Python 3.11.
        """


class RequestFailed(Expected):
    """A request that is right and cannot be answered; the message says why."""

    CODE = types.LSPErrorCodes.RequestFailed
    MESSAGE = "the request failed"


class ServerCancelled(Expected):
    """Diagnostics that were overtaken by a change; the client may ask again."""

    CODE = types.LSPErrorCodes.ServerCancelled
    MESSAGE = "the text has changed since"


def make_server(probe: ProbeService | None = None, keeps_notes: bool = True) -> Server:
    """A server with all its features."""
    server = Server(probe, keeps_notes)
    _life(server)
    _texts(server)
    _notebooks(server)
    _files(server)
    _diagnostics(server)
    _actions(server)
    _knowledge(server)
    _commands(server)
    return server


# Life -----------------------------------------------------------------------------------------------------------------


def _life(server: Server) -> None:
    @server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        server.meet(params)

    @server.feature(types.INITIALIZED)
    async def initialized(params: types.InitializedParams) -> None:
        server.tell()
        if server.process_id is not None:
            server.later(server.watch_client())
        workspace = server.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is not None and watching.dynamic_registration:
            watchers = [types.FileSystemWatcher(pattern) for pattern in WATCHED]
            options = types.DidChangeWatchedFilesRegistrationOptions(watchers)
            registration = types.Registration("watch", types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            server.later(server.client_register_capability_async(types.RegistrationParams([registration])))
        if workspace is not None and workspace.configuration:
            await _ask_settings(server)
        server.later(server.scan())

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def configuration(params: types.DidChangeConfigurationParams) -> None:
        workspace = server.client_capabilities.workspace
        if workspace is not None and workspace.configuration:
            await _ask_settings(server)
        else:
            await _use_settings(server, params.settings)


async def _ask_settings(server: Server) -> None:
    item = types.ConfigurationItem(section="trainlint")
    try:
        found = await server.workspace_configuration_async(types.ConfigurationParams([item]))
    except JsonRpcException:
        # It has the settings of `initialize`, or the usual ones.
        server.note("trainlint: the client did not tell its settings")
        return
    if found and found[0] is not None:
        await _use_settings(server, found[0])


async def _use_settings(server: Server, given: Any) -> None:
    """Uses new settings, and checks everything again where they make a difference."""
    before = server.settings
    server.take_settings(given)
    server.tell()
    if server.settings != before:
        server.state.forget_checks()
        server.refresh()
        server.later(server.scan())


# Documents ------------------------------------------------------------------------------------------------------------


def _texts(server: Server) -> None:
    documents = server.state.documents

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenTextDocumentParams) -> None:
        item = params.text_document
        if item.language_id not in ("python", "") and not item.uri.endswith(".py"):
            return
        document = documents.put(item, server.state.folder)
        if uri_of(document.path) != document.uri:
            # A scan may have told of it under the address that we write.
            server.clear([uri_of(document.path)])
        server.changed(document)
        server.files_changed([document.path])

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeTextDocumentParams) -> None:
        document = documents.change(params.text_document.uri, params.text_document.version, params.content_changes)
        if document is None:
            return
        rest = server.rest()
        if rest is not None:
            server.changed(document, rest)
            _touch(server, document.path, rest)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveTextDocumentParams) -> None:
        document = documents.get(params.text_document.uri)
        if document is not None:
            server.changed(document)
            server.files_changed([document.path])

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseTextDocumentParams) -> None:
        document = documents.close(params.text_document.uri)
        if document is not None:
            server.forget(document)
            server.files_changed([document.path])
            if server.settings.mode == WORKSPACE:
                server.later(server.scan([document.path]))


def _touch(server: Server, path: str, rest: float) -> None:
    """Checks again what reads an open buffer, when nothing happens to it for a while."""
    server.state.touch([path])
    touched = server.state.touched_by([path])
    for document in touched:
        server.changed(document, rest)
    if touched and server.pulls:
        server.refresh(touched)


def _notebooks(server: Server) -> None:
    documents = server.state.documents

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    async def did_open(params: types.DidOpenNotebookDocumentParams) -> None:
        server.changed(documents.open_notebook(params, server.state.folder))

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    async def did_change(params: types.DidChangeNotebookDocumentParams) -> None:
        found = documents.change_notebook(params)
        if found is None:
            return
        notebook, lost = found
        server.clear(lost)
        rest = server.rest()
        if rest is not None:
            server.changed(notebook, rest)

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_SAVE)
    async def did_save(params: types.DidSaveNotebookDocumentParams) -> None:
        document = documents.get(params.notebook_document.uri)
        if isinstance(document, NotebookBuffer):
            before = document.version
            document.saved()
            server.changed(document)
            if server.pulls and document.version != before:
                server.refresh([document])

    @server.feature(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    async def did_close(params: types.DidCloseNotebookDocumentParams) -> None:
        document = documents.close_notebook(params.notebook_document.uri)
        if document is not None:
            server.forget(document)


def _files(server: Server) -> None:
    @server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    async def watched(params: types.DidChangeWatchedFilesParams) -> None:
        paths = [path_of(change.uri, os.sep) for change in params.changes]
        server.files_changed(paths)
        if server.settings.mode != WORKSPACE:
            return
        server.forget_scanned(
            uri_of(path_of(change.uri, os.sep)) for change in params.changes
            if change.type == types.FileChangeType.Deleted
        )  # fmt: skip
        changed = [
            path_of(change.uri, os.sep) for change in params.changes
            if change.type != types.FileChangeType.Deleted and not server.is_open(change.uri)
        ]  # fmt: skip
        if any(os.path.basename(path) == CONFIGURATION for path in paths):
            server.later(server.scan())
        elif changed := [path for path in changed if path.endswith(".py")]:
            server.later(server.scan(changed))

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(params: types.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_of(folder.uri, os.sep) for folder in params.event.removed}
        kept = [folder for folder in server.state.folders if folder not in gone]
        server.state.folders = kept + [path_of(folder.uri, os.sep) for folder in params.event.added]
        # What was found in a folder that is gone is taken back, and what is new is checked.
        server.later(server.scan())


# Diagnostics ----------------------------------------------------------------------------------------------------------


def _diagnostics(server: Server) -> None:
    options = types.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier=diagnostics.SOURCE
    )

    @server.feature(types.TEXT_DOCUMENT_DIAGNOSTIC, options)
    async def pull(params: types.DocumentDiagnosticParams) -> types.DocumentDiagnosticReport:
        uri = params.text_document.uri
        try:
            checked = await server.with_check(uri, lambda checked: checked, None)
        except ContentModified:
            # Any other error would make some clients take back what they show.
            raise ServerCancelled(data={"retriggerRequest": True}) from None
        found = [] if checked is None else server.state.diagnostics(checked, uri)
        name = server.answered[uri] = diagnostics.result_id(found)
        if checked is not None:
            server.send_elsewhere(checked.document, checked)
        if params.previous_result_id == name:
            return types.RelatedUnchangedDocumentDiagnosticReport(result_id=name)
        return types.RelatedFullDocumentDiagnosticReport(items=found, result_id=name)

    @server.feature(types.WORKSPACE_DIAGNOSTIC)
    async def pull_workspace(params: types.WorkspaceDiagnosticParams) -> types.WorkspaceDiagnosticReport:
        known = {each.uri: each.value for each in params.previous_result_ids}
        items: list[types.WorkspaceDocumentDiagnosticReport] = []
        for uri, found in server.scanner.found.items():
            # What is open is asked for by itself.
            if server.is_open(uri):
                continue
            name = diagnostics.result_id(found)
            items.append(
                types.WorkspaceUnchangedDocumentDiagnosticReport(uri=uri, result_id=name)
                if known.get(uri) == name
                else types.WorkspaceFullDocumentDiagnosticReport(uri=uri, items=found, result_id=name)
            )
        items += [
            # What is gone has to be said, or the client shows it for ever.
            types.WorkspaceFullDocumentDiagnosticReport(uri=uri, items=[], result_id=diagnostics.result_id([]))
            for uri, name in known.items()
            if uri not in server.scanner.found and not server.is_open(uri) and name != diagnostics.result_id([])
        ]
        return types.WorkspaceDiagnosticReport(items=items)


# Actions --------------------------------------------------------------------------------------------------------------


def _actions(server: Server) -> None:
    documents = server.state.documents
    options = types.CodeActionOptions(code_action_kinds=actions.KINDS, resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_actions(params: types.CodeActionParams) -> list[types.CodeAction]:
        lazy = _resolves_edits(server)

        can_probe = server.probe.available and server.settings.trusted

        def find(checked: Checked) -> list[types.CodeAction]:
            found = actions.actions(checked, documents, params, can_probe)
            return found if lazy else [done for each in found if (done := _resolved(each, checked)) is not None]

        def find_elsewhere(checked: Checked, shown: list[Shown]) -> list[types.CodeAction]:
            found = actions.of_findings(checked, shown, params, can_probe)
            return found if lazy else [done for each in found if (done := _resolved(each, checked)) is not None]

        uri = params.text_document.uri
        made: list[types.CodeAction] = await server.with_check(uri, find, [])
        own = server.state.checked.get(getattr(documents.get(uri), "uri", ""))
        others = server.state.elsewhere(own) if own is not None else []
        for each in dict.fromkeys(checked.document.uri for checked, _ in others):
            # Places of a check that is out of date are right to look at and not to edit.
            known = server.state.checked.get(each)
            if known is not None and server.state.is_current(known) and known.version == known.document.version:
                shown = [shown for checked, shown in others if checked is known]
                more = partial(find_elsewhere, shown=shown)
                nothing: list[types.CodeAction] = []
                made += await server.with_check(each, more, nothing)
        return made

    def _resolved(action: types.CodeAction, checked: Checked) -> types.CodeAction | None:
        if action.command is not None:
            return action
        try:
            found = actions.resolve(action, checked, documents)
        except actions.Stale:
            return None
        found.edit = _versioned(server, found.edit)
        return found

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        data = _plain(action.data)
        if not isinstance(data, dict) or "uri" not in data:
            return action
        action.data = data

        def make(checked: Checked) -> types.CodeAction:
            return actions.resolve(action, checked, documents)

        try:
            found = await server.with_check(data["uri"], make, action)
        except actions.Stale as error:
            raise ContentModified(str(error)) from None
        found.edit = _versioned(server, found.edit)
        return found


def _versioned(server: Server, edit: types.WorkspaceEdit | None) -> types.WorkspaceEdit | None:
    """An edit with the versions that it is for, if the client knows them: it refuses one that comes too late."""
    workspace = server.client_capabilities.workspace
    able = workspace.workspace_edit if workspace is not None else None
    if edit is None or not edit.changes or able is None or not able.document_changes:
        return edit
    changes = []
    for uri, edits in edit.changes.items():
        document = server.state.documents.get(uri)
        try:
            version = document.buffer_of(uri).version if document is not None else None
        except KeyError:
            version = None
        identifier = types.OptionalVersionedTextDocumentIdentifier(uri=uri, version=version)
        changes.append(types.TextDocumentEdit(identifier, edits))
    return types.WorkspaceEdit(document_changes=changes)


def _resolves_edits(server: Server) -> bool:
    """Whether the client asks for the edit of an action when it is chosen."""
    capabilities = server.client_capabilities.text_document
    action = capabilities.code_action if capabilities is not None else None
    support = action.resolve_support if action is not None else None
    return support is not None and "edit" in support.properties and bool(action and action.data_support)


def _plain(value: Any) -> Any:
    """Data that came back from a client, as it was sent."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    return dict(value) if isinstance(value, dict) else value


# Knowledge ------------------------------------------------------------------------------------------------------------


def _knowledge(server: Server) -> None:
    documents = server.state.documents

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hovered(params: types.HoverParams) -> types.Hover | None:
        uri, position = params.text_document.uri, params.position
        measured = server.state.measured
        # A client of ours shows the diagnostics in the same window.
        brief = server.shows_status

        def show(checked: Checked) -> types.Hover | None:
            others = server.state.elsewhere(checked)
            return hover.hover(checked, documents, uri, position, measured, others, brief)

        return await server.with_check(uri, show, None)

    @server.feature(types.TEXT_DOCUMENT_INLAY_HINT)
    async def hints(params: types.InlayHintParams) -> list[types.InlayHint]:
        if not server.settings.inlay_hints:
            return []
        uri = params.text_document.uri
        return await server.with_check(uri, lambda checked: hover.hints(checked, documents, uri, params.range), [])

    @server.feature(types.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    async def symbols(params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        uri = params.text_document.uri
        return await server.with_check(uri, lambda checked: hover.symbols(checked, documents, uri), [])

    @server.feature(types.TEXT_DOCUMENT_CODE_LENS)
    async def lenses(params: types.CodeLensParams) -> list[types.CodeLens]:
        if not server.settings.code_lens:
            return []
        uri = params.text_document.uri

        def find(checked: Checked) -> list[types.CodeLens]:
            found = []
            for symbol in hover.symbols(checked, documents, uri):
                command = types.Command(symbol.name, f"{PREFIX}showModel", arguments=[uri])
                found.append(types.CodeLens(symbol.selection_range, command))
            return found

        return await server.with_check(uri, find, [])


# Commands -------------------------------------------------------------------------------------------------------------


def _commands(server: Server) -> None:
    documents = server.state.documents

    @server.command(actions.PROBE)
    async def probe(*arguments: Argument) -> dict[str, Any]:
        uri, fingerprint, wishes = _probed(arguments, actions.PROBE)
        result = await server.probe_document(uri, fingerprint, wishes)
        kind = types.MessageType.Warning if "error" in result else types.MessageType.Info
        if not result.get("cancelled") and "progress" not in wishes:
            server.window_show_message(types.ShowMessageParams(kind, f"trainlint: {result['message']}"))
        return result

    @server.command(f"{PREFIX}scriptQuestion")
    async def script_question(*arguments: Argument) -> dict[str, Any]:
        return await server.ask_about_script(*_probed(arguments, f"{PREFIX}scriptQuestion"))

    def _probed(arguments: tuple[Any, ...], name: str) -> tuple[str, str | None, dict[str, Any]]:
        """A document, the fingerprint of a finding or None for all, and wishes."""
        uri, fingerprint, wishes = (*arguments, None, None, None)[:3]
        if not isinstance(uri, str):
            raise RequestFailed(f"{name} needs the URI of a document")
        if documents.get(uri) is None:
            raise RequestFailed(f"{name} needs the URI of an open document")
        wishes = _plain(wishes)
        return uri, fingerprint if isinstance(fingerprint, str) else None, wishes if isinstance(wishes, dict) else {}

    @server.command(f"{PREFIX}cancel")
    async def cancel(*_: Argument) -> bool:
        return server.probe.cancel()

    @server.command(f"{PREFIX}repair")
    async def repair(*arguments: Argument) -> dict[str, Any]:
        uri = _uri(arguments, "repair")
        fingerprint = arguments[1] if len(arguments) > 1 else None

        def make(checked: Checked) -> types.WorkspaceEdit | str | None:
            try:
                return actions.repair_of(checked, documents, fingerprint)
            except actions.Stale as error:
                return str(error)

        return await _apply(await server.with_check(uri, make, None), "trainlint: repair")

    @server.command(f"{PREFIX}state")
    async def state_fact(*arguments: Argument) -> dict[str, Any]:
        uri = _uri(arguments, "state")
        comment = arguments[1] if len(arguments) > 1 else None

        def make(checked: Checked) -> types.WorkspaceEdit | str | None:
            try:
                return actions.stating(checked, documents, comment)
            except actions.Stale as error:
                return str(error)

        return await _apply(await server.with_check(uri, make, None), "trainlint: state a fact")

    async def _apply(edit: types.WorkspaceEdit | str | None, label: str) -> dict[str, Any]:
        """Asks the client to make an edit; a text says why there is none."""
        if not isinstance(edit, types.WorkspaceEdit):
            return {"applied": False, "message": edit or "there is nothing to change"}
        edit = _versioned(server, edit)
        assert edit is not None
        done = await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, label))
        return {"applied": done.applied, "message": "" if done.applied else "the editor refused the change"}

    @server.command(f"{PREFIX}rules")
    async def rules(*_: Argument) -> list[dict[str, str]]:
        return [
            {"name": rule.name, "code": rule.code, "category": rule.category, "summary": rule.summary}
            for rule in sorted(all_rules(), key=lambda rule: rule.code)
        ]

    @server.command(f"{PREFIX}showModel")
    async def show_model(*arguments: Argument) -> dict[str, Any]:
        uri = _uri(arguments, "showModel")
        nothing: dict[str, Any] = {"models": [], "networks": [], "statements": [], "elsewhere": []}
        return await server.with_check(uri, lambda checked: panel.of_networks(checked, documents), nothing)

    @server.command(f"{PREFIX}fixAll")
    async def fix_all(*arguments: Argument) -> bool:
        uri = _uri(arguments, "fixAll")
        edit = await server.with_check(uri, lambda checked: actions.fix_all(checked, documents), None)
        edit = _versioned(server, edit)
        if edit is None:
            return False
        done = await server.workspace_apply_edit_async(types.ApplyWorkspaceEditParams(edit, "trainlint: safe repairs"))
        return done.applied

    @server.command(actions.EXPLAIN)
    async def explain(*arguments: Argument) -> str:
        from trainlint.report.rule_page import page

        name = arguments[0] if arguments else None
        rule = next((rule for rule in all_rules() if name in (rule.name, rule.code)), None)
        if rule is None:
            raise RequestFailed(f"there is no rule {name!r}")
        address = server.state.pages(rule.name)
        window = server.client_capabilities.window
        # A client with a page of its own for it says so.
        if arguments[1:] == (False,):
            return page(rule)
        if address is not None and window is not None and window.show_document is not None:
            await server.window_show_document_async(types.ShowDocumentParams(address, take_focus=True))
        return page(rule)

    @server.command(f"{PREFIX}debugInformation")
    async def debug_information(*_: Argument) -> str:
        state = server.state
        lines = [
            f"trainlint {__version__}, Python {platform.python_version()} ({sys.executable})",
            f"{platform.platform()}, positions in {documents.encoding}",
            f"diagnostics are {'pulled' if server.pulls else 'pushed'}, folders: {len(state.folders)}",
            f"settings: {server.settings!r}",
        ]
        for checked in state.checked.values():
            models = checked.analysis.models if checked.analysis is not None else ()
            understood = sum(model.understood for model in models)
            concerns = (
                "no TensorFlow" if checked.analysis is None else f"{understood} of {len(models)} models understood"
            )
            lines.append(f"{os.path.basename(checked.document.path)}: {concerns}, {len(checked.findings)} findings")
        return "\n".join(lines)

    def _uri(arguments: tuple[Any, ...], name: str) -> str:
        uri = arguments[0] if arguments else None
        if not isinstance(uri, str) or documents.get(uri) is None:
            raise RequestFailed(f"{PREFIX}{name} needs the URI of an open document")
        return uri
