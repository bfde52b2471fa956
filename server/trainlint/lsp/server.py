"""The server: what the client says goes in here, and findings, repairs and knowledge go out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import re
import sys
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams, JsonRpcMethodNotFound, JsonRpcRequestCancelled
from pygls.lsp.server import LanguageServer

from trainlint import __version__
from trainlint.caches import cache_folder
from trainlint.interpret.machine import Cancelled
from trainlint.lsp import diagnostics, panel
from trainlint.lsp.analyst import Analyst
from trainlint.lsp.checked import Checked
from trainlint.lsp.documents import Buffer, Document, NotebookBuffer, path_of, uri_of
from trainlint.lsp.memory import give_back
from trainlint.lsp.probing import Measured, NoProbe, ProbeRequest, ProbeService
from trainlint.lsp.protocol import Protocol
from trainlint.lsp.scanning import Scanner, diagnostics_of
from trainlint.lsp.setaside import SetAside, is_running
from trainlint.lsp.settings import ON_SAVE, WORKSPACE, Settings, read_settings
from trainlint.lsp.workspace import Workspace
from trainlint.rules.registry import all_rules

T = TypeVar("T")

NOTEBOOKS = types.NotebookDocumentSyncOptions(
    notebook_selector=[
        # With all cells, those of other languages too: people count them, and so do we.
        types.NotebookDocumentFilterWithNotebook(
            notebook=types.NotebookDocumentFilterNotebookType(notebook_type="jupyter-notebook")
        )
    ],
    save=True,
)

WATCHED = (
    "**/*.py", "**/pyproject.toml", "**/requirements*.txt", "**/setup.cfg", "**/setup.py", "**/environment.y*ml",
    "**/README*",
)  # fmt: skip
"""Files that findings depend on; others are read when they are asked for."""

CONFIGURATION = "pyproject.toml"
PROGRESS, STATUS = "trainlint/progress", "trainlint/status"
"""Notifications of our own: what a probe does, and what is known of a document; for clients that ask for them."""

NOT_TRUSTED = "nothing is run in a workspace that is not trusted"

_CANCEL_CHECK = 0.1
_PARENT_CHECK = 5.0
"""Seconds between two looks at whether the client is still there."""

_MAX_NAMED = 500
"""Files that one scan is told by name; a change of more is a change of the workspace."""

_GARBAGE = 500_000
"""As on the command line: an analysis makes many objects that stay, and looking through them finds nothing."""

_FRAME = re.compile(r'/trainlint/([^"]*)", line (\d+)')
_log = logging.getLogger("trainlint")


class Expected(JsonRpcException):
    """An answer to a request that cannot be answered otherwise, and no failure of the server."""


class ContentModified(Expected):
    """A request about a text that has changed since."""

    CODE = types.LSPErrorCodes.ContentModified
    MESSAGE = "the text has changed since"


def _known(checked: asyncio.Future[Checked] | None) -> dict[str, Any]:
    """What a check says of a document, for a status."""
    if checked is None:
        return {"failed": True}
    analysis, findings = checked.result().analysis, checked.result().findings
    if analysis is None:
        return {"concerns": False}
    return {
        "concerns": True, "models": len(analysis.models),
        "understood": sum(each.understood for each in analysis.models),
        "findings": sum(each.diagnostic is not None for each in findings),
    }  # fmt: skip


def _where(error: BaseException) -> str:
    """The innermost places in this package that an error came through."""
    given = (getattr(error, "data", None) or {}) if isinstance(error, JsonRpcException) else {}
    told = given.get("traceback") if isinstance(given, dict) else None
    lines = told if told is not None else traceback.format_tb(error.__traceback__)
    found = [_FRAME.search(line.replace(os.sep, "/")) for line in lines]
    frames = [f"{match[1]}:{match[2]}" for match in found if match is not None]
    return " < ".join(reversed(frames[-5:])) or "an unknown place"


class Server(LanguageServer):
    """Keeps the documents of one client checked."""

    def __init__(self, probe: ProbeService | None = None, keeps_notes: bool = True) -> None:
        super().__init__(
            "trainlint",
            __version__,
            text_document_sync_kind=types.TextDocumentSyncKind.Incremental,
            notebook_document_sync=NOTEBOOKS,
            protocol_cls=Protocol,
            converter_factory=get_converter,
        )
        self.state = Workspace(SetAside(cache_folder() / "server" if keeps_notes else None))
        self.analyst = Analyst()
        self.probe: ProbeService = probe or NoProbe()
        self.scanner = Scanner()
        self._scanning = asyncio.Lock()
        self._scans = 0
        self._to_scan: set[str] = set()
        self.pulls = False
        """Whether the client asks for diagnostics; then it is not sent any."""
        self.shows_status = False
        """Whether the client shows what is being done, and what is known of a document."""
        self._checking: set[str] = set()
        self.published: dict[str, str] = {}
        self.answered: dict[str, str] = {}
        """What a client that pulls was last told, by URI."""
        self._placed: dict[str, frozenset[str]] = {}
        """Where the checks of documents found something outside of them."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._checks: dict[str, tuple[Document, int, int, asyncio.Future[Checked]]] = {}
        self._running: set[asyncio.Task[Any]] = set()
        self._failures: set[str] = set()

    # The client -------------------------------------------------------------------------------------------------------

    def meet(self, params: types.InitializeParams) -> None:
        """Takes note of who the client is and what it wants."""
        self.state.is_met = True
        encoding = self.workspace.position_encoding
        self.state.documents.encoding = str(getattr(encoding, "value", encoding))
        folders = [folder.uri for folder in params.workspace_folders or ()]
        if not folders and params.root_uri:
            folders = [params.root_uri]
        self.state.folders = [path_of(uri, os.sep) for uri in folders]
        capabilities = params.capabilities.text_document
        self.pulls = capabilities is not None and capabilities.diagnostic is not None
        self.take_settings(params.initialization_options)
        told: Any = params.capabilities.experimental
        told = told._asdict() if hasattr(told, "_asdict") else told
        self.shows_status = isinstance(told, dict) and bool(told.get("trainlintStatus"))
        # What is loaded by now stays for good.
        gc.set_threshold(_GARBAGE)
        gc.collect()
        gc.freeze()
        give_back()

    def take_settings(self, given: Any) -> None:
        """Uses the settings that a client sent, and tells it about those that cannot be used."""
        given = getattr(given, "settings", given)
        given = given.get("trainlint", given) if isinstance(given, dict) else getattr(given, "trainlint", given)
        settings, problems = read_settings(given, list(all_rules()))
        for problem in problems:
            self.state.say(problem)
        self.state.settings = settings
        logging.getLogger("trainlint").setLevel(settings.log_level.upper())

    @property
    def settings(self) -> Settings:
        return self.state.settings

    def tell(self) -> None:
        """Shows what the user should know and has not been told."""
        while self.state.problems:
            message = self.state.problems.pop(0)
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, f"trainlint: {message}"))

    def note(self, message: str) -> None:
        """A line in the client's log; it never holds text of the user."""
        self.window_log_message(types.LogMessageParams(types.MessageType.Info, message))

    async def watch_client(self) -> None:
        """Ends the process when the client is gone without a word."""
        while self.process_id is not None:
            await asyncio.sleep(_PARENT_CHECK)
            if not is_running(self.process_id):
                self.leave(1)

    def leave(self, status: int) -> None:
        """Ends the process, whatever its threads are doing."""
        self.probe.close()
        self.scanner.stop()
        self.analyst.close()
        self.state.set_aside.close()
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os._exit(status)

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Says once that something went wrong in the server itself."""
        if isinstance(error, (Expected, JsonRpcMethodNotFound, JsonRpcInvalidParams, JsonRpcRequestCancelled)):
            return
        described = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        # A message may quote what the user wrote, and the log holds none of that.
        _log.error("%s at %s", type(error).__name__, _where(error))
        if described in self._failures:
            return
        self._failures.add(described)
        message = f"trainlint: an error in the server itself ({described}); please report it"
        self.window_show_message(types.ShowMessageParams(types.MessageType.Error, message))

    # Checking ---------------------------------------------------------------------------------------------------------

    def later(self, work: Any) -> None:
        """Does something without anybody waiting for it."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.report_server_error(error, JsonRpcException)  # type: ignore[arg-type]

    def changed(self, document: Document, rest: float = 0.0) -> None:
        """Checks a document when nothing has happened to it for a while."""
        self.forget_timer(document.uri)
        if self.pulls:
            return
        if rest <= 0:
            self.later(self.publish(document))
            return

        def wake() -> None:
            self._timers.pop(document.uri, None)
            self.later(self.publish(document))

        self._timers[document.uri] = asyncio.get_running_loop().call_later(rest, wake)

    def forget_timer(self, uri: str) -> None:
        """Gives up a check that waits for the user to rest."""
        timer = self._timers.pop(uri, None)
        if timer is not None:
            timer.cancel()

    async def check(self, document: Document) -> Checked:
        """The check of a document as it is now; of several that wait for one document, only the last is done."""
        while True:
            version, shared = document.version, self._shared(document)
            try:
                # Several may wait for it: who is cancelled leaves it to the others.
                checked = await asyncio.shield(shared)
            except asyncio.CancelledError:
                if not shared.cancelled():
                    raise
                if document.version != version:
                    raise ContentModified from None
                continue
            except Cancelled:
                if document.version != version:
                    raise ContentModified from None
                continue
            self.tell()
            # What it rests on may have changed while it ran.
            if document.version != version or self.state.is_current(checked):
                return checked

    def _shared(self, document: Document) -> asyncio.Future[Checked]:
        """The check of a document's present version that is under way, or a new one."""
        version, state = document.version, self.state.revision
        known = self._checks.get(document.uri)
        if known is not None and known[:3] == (document, version, state) and not known[3].done():
            return known[3]
        data = document.data
        if self.shows_status and document.uri not in self._checking:
            self._checking.add(document.uri)
            self.protocol.notify(STATUS, {"uri": document.uri, "checking": True})
        cancelled = partial(self.analyst.waits, document.uri)
        future = self.analyst.submit(document.uri, lambda: self.state.check(document, version, data, cancelled))
        shared = asyncio.wrap_future(future)
        self._checks[document.uri] = document, version, state, shared
        shared.add_done_callback(partial(self._finished, document.uri))
        return shared

    def _finished(self, uri: str, shared: asyncio.Future[Checked]) -> None:
        if uri in self._checks and self._checks[uri][3] is shared:
            del self._checks[uri]
        if shared.cancelled():
            return
        # Whoever waited is gone by now: the failure is nobody's.
        failed = shared.exception()
        if self.shows_status and (failed is None or not isinstance(failed, Cancelled)):
            self._checking.discard(uri)
            known = _known(shared if failed is None else None) if self.settings.enable else {"enabled": False}
            self.protocol.notify(STATUS, {"uri": uri, "checking": False, **known})

    async def publish(self, document: Document) -> None:
        """Checks a document and sends what was found."""
        try:
            checked = await self.check(document)
        except ContentModified:
            return
        if checked.version != document.version or self.state.documents.get(document.uri) is not document:
            return
        self.send(document, checked)
        self.send_elsewhere(document, checked)

    def send(self, document: Document, checked: Checked, again: bool = False) -> None:
        """Sends the findings in each of a document's texts that are not there yet.

        `again` tells that the client has those of this version, and what other documents' checks found is new.
        """
        for uri in document.uris:
            found = self.state.diagnostics(checked, uri)
            name = diagnostics.result_id(found)
            if self.published.get(uri, "") == name and (again or isinstance(document, NotebookBuffer)):
                continue
            self.published[uri] = name
            version = document.version if isinstance(document, Buffer) else None
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def send_elsewhere(self, document: Document, checked: Checked | None) -> None:
        """Shows in other open documents what a document's check found there, and takes back what it had found."""
        now = frozenset() if checked is None else checked.elsewhere
        before = self._placed.pop(document.uri, frozenset())
        if now:
            self._placed[document.uri] = now
        stale = False
        for uri in sorted(now | before):
            other = self.state.documents.get(uri)
            known = self.state.checked.get(other.uri) if other is not None else None
            # One that is being checked shows everything when that is done.
            if other is None or other is document or known is None or known.version != other.version:
                continue
            if not self.pulls:
                self.send(other, known, again=True)
            elif uri in self.answered and self.answered[uri] != diagnostics.result_id(
                self.state.diagnostics(known, uri)
            ):
                stale = True
        if stale:
            self.refresh([])

    def clear(self, uris: Iterable[str]) -> None:
        """Takes back what was found in documents that are closed."""
        for uri in uris:
            if self.published.pop(uri, None) is not None:
                self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def forget(self, document: Document) -> None:
        """Takes back what was found in a document that is closed."""
        self.forget_timer(document.uri)
        self._checking.discard(document.uri)
        self.state.checked.pop(document.uri, None)
        self.clear(document.uris)
        for uri in document.uris:
            self.answered.pop(uri, None)
        self.send_elsewhere(document, None)

    def refresh(self, documents: Iterable[Document] | None = None) -> None:
        """Checks documents again, all open ones if none are named; a client that pulls is asked to."""
        for document in list(self.state.documents) if documents is None else documents:
            self.changed(document)
        workspace = self.client_capabilities.workspace
        if self.pulls and workspace is not None and getattr(workspace.diagnostics, "refresh_support", False):
            self.workspace_diagnostic_refresh(None)

    def files_changed(self, paths: Iterable[str]) -> None:
        """Looks at files again, and at what rests on them."""
        paths = list(paths)
        configured = any(os.path.basename(path) == CONFIGURATION for path in paths)

        def forget() -> list[Document]:
            if configured:
                self.state.forget_configuration()
            self.state.forget_files()
            self.state.touch(paths)
            return self.state.touched_by(paths)

        async def again() -> None:
            touched = await asyncio.wrap_future(self.analyst.ask(forget))
            if configured or touched:
                self.refresh(None if configured else touched)

        self.later(again())

    # The rest of the workspace ----------------------------------------------------------------------------------------

    async def scan(self, paths: Iterable[str] | None = None) -> None:
        """Checks the files that are not open: those named, or all of the workspace; one scan after the other."""
        if self.settings.mode != WORKSPACE or not self.settings.enable or not self.state.folders:
            self.scanner.stop()
            self.forget_scanned(list(self.scanner.found))
            return
        if paths is None:
            self._scans += 1
            self.scanner.stop()
        else:
            self._to_scan.update(paths)
        number = self._scans
        async with self._scanning:
            if paths is None and number == self._scans:
                self._to_scan.clear()
                await self._scan_folders(None)
            elif paths is not None and self._to_scan:
                # All that came while another scan was running.
                named, self._to_scan = sorted(self._to_scan), set()
                await self._scan_folders(named if len(named) <= _MAX_NAMED else None)
        if self.pulls:
            self.refresh([])

    async def _scan_folders(self, paths: list[str] | None) -> None:
        """Runs one scan; what was found in files that it does not tell of any more is taken back."""
        token = str(uuid.uuid4()) if paths is None and self._shows_progress else None
        if token is not None:
            await self.work_done_progress.create_async(token)
            begin = types.WorkDoneProgressBegin("trainlint: checking the workspace", cancellable=True)
            self.work_done_progress.begin(token, begin)
        seen: set[str] = set()
        try:
            for folder in list(self.state.folders):
                inside = folder.rstrip(os.sep) + os.sep
                named = None if paths is None else [path for path in paths if path.startswith(inside)]
                if named == []:
                    continue
                told = partial(self._scanned, folder=folder, token=token, seen=seen)
                if not await self.scanner.scan(folder, named, self.settings, told):
                    return
            every = self.scanner.found if paths is None else [uri_of(path) for path in paths]
            self.forget_scanned([uri for uri in every if uri not in seen])
        finally:
            if token is not None:
                done = f"{len(self.scanner.found)} files name TensorFlow or Keras"
                self.work_done_progress.end(token, types.WorkDoneProgressEnd(done))

    async def probe_document(
        self, uri: str, fingerprint: str | None, wishes: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Probes a document as it stands, with progress that the user can cancel; what was measured is remembered.

        `wishes` may name a `device`, the `interpreter` of a setting that holds for this document alone, or else the
        `python` and who chose it (`chosenBy`), and a `progress`: then the client shows that itself, and the results in
        a panel. `script` runs the program, where `agreed` says that one may.
        """
        wishes = wishes or {}
        if not self.settings.trusted:
            return {"available": False, "message": NOT_TRUSTED, "error": "not-trusted"}
        document = self.state.documents.get(uri)
        assert document is not None
        request = await self._probe_request(document, fingerprint, wishes)
        own = wishes.get("progress")
        token = str(uuid.uuid4()) if own is None and self._shows_progress and self.probe.available else None
        if token is not None:
            await self.work_done_progress.create_async(token)
            self.work_done_progress.begin(token, types.WorkDoneProgressBegin("trainlint: probing", cancellable=True))
        loop = asyncio.get_running_loop()

        def tell(text: str) -> None:
            if token is not None:
                loop.call_soon_threadsafe(self._tell_progress, token, text)
            elif own is not None:
                loop.call_soon_threadsafe(self.protocol.notify, PROGRESS, {"id": own, "message": text})

        watching = asyncio.ensure_future(self._watch_cancel(token)) if token is not None else None
        try:
            if wishes.get("script"):
                if not wishes.get("agreed"):
                    return {"available": True, "message": "nobody agreed to run the program", "error": "not-agreed"}
                result = await self.probe.script(request, tell)
            else:
                result = await self.probe.probe(request, tell)
        finally:
            if watching is not None:
                watching.cancel()
            if token is not None:
                self.work_done_progress.end(token, types.WorkDoneProgressEnd())
        for finding in result.get("findings", ()):
            if finding["evidence"]["result"] is not None:
                measured = Measured(finding["evidence"]["result"], request.data)
                self.state.measured[finding["fingerprint"]] = measured
        if own is None:
            return result
        checked = await self.check(document)
        show = partial(panel.of_probe, result, checked, self.state.documents, self.state.measured)
        return await asyncio.wrap_future(self.analyst.ask(show))

    async def ask_about_script(self, uri: str, fingerprint: str | None, wishes: Mapping[str, Any]) -> dict[str, Any]:
        """What the user has to agree to before the program of a document is run."""
        if not self.settings.trusted:
            return {"available": False, "message": NOT_TRUSTED, "error": "not-trusted"}
        document = self.state.documents.get(uri)
        assert document is not None
        return await self.probe.question(await self._probe_request(document, fingerprint, wishes))

    async def _probe_request(
        self, document: Document, fingerprint: str | None, wishes: Mapping[str, Any]
    ) -> ProbeRequest:
        checked = await self.check(document)
        settings = self.settings

        def text(name: str) -> str:
            return value if isinstance(value := wishes.get(name), str) else ""

        named = text("interpreter") or settings.probe_python
        return ProbeRequest(
            path=document.path, data=document.data, project=checked.project, config=checked.config,
            fingerprint=fingerprint, python=named or text("python"), chosen_by="" if named else text("chosenBy"),
            device=text("device") or settings.probe_device, seconds=settings.probe_seconds, trusted=settings.trusted,
            folders=self.state.folders,
        )  # fmt: skip

    async def _watch_cancel(self, token: str) -> None:
        """Ends the probe soon after the client says so: the worker may have nothing to tell for seconds."""
        while not self.work_done_progress.tokens[token].cancelled():
            await asyncio.sleep(_CANCEL_CHECK)
        self.probe.cancel()

    def _tell_progress(self, token: str, text: str) -> None:
        self.work_done_progress.report(token, types.WorkDoneProgressReport(message=text))

    def is_open(self, uri: str) -> bool:
        """Whether the client has a document open, however it writes its URI."""
        return self.state.documents.get(uri) is not None or self.state.documents.at(path_of(uri, os.sep)) is not None

    @property
    def _shows_progress(self) -> bool:
        window = self.client_capabilities.window
        return bool(window is not None and window.work_done_progress)

    def _scanned(self, entry: dict[str, Any], folder: str, token: str | None, seen: set[str]) -> None:
        found = diagnostics_of(entry, folder, self.state.documents.encoding, self.settings, self.state.pages)
        seen.update(found)
        for uri in self.scanner.take(next(iter(found)), found):
            self._show_scanned(uri)
        if token is None:
            return
        if self.work_done_progress.tokens[token].cancelled():
            self.scanner.stop()
        report = types.WorkDoneProgressReport(message=f"{entry['files_checked']} files")
        self.work_done_progress.report(token, report)

    def _show_scanned(self, uri: str) -> None:
        # What is open is checked as it stands in the editor.
        if self.pulls or self.is_open(uri):
            return
        found = self.scanner.found.get(uri)
        if found is None:
            self.clear([uri])
            return
        self.published[uri] = diagnostics.result_id(found)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found))

    def forget_scanned(self, uris: Iterable[str]) -> None:
        """Takes back what a scan found in files that are gone, or that are no more to be shown."""
        for uri in uris:
            for changed in self.scanner.forget(uri):
                self._show_scanned(changed)

    async def with_check(self, uri: str, use: Callable[[Checked], T], otherwise: T) -> T:
        """What is made of the check of a document's present version; `otherwise` if there is none."""
        document = self.state.documents.get(uri)
        if document is None or not self.settings.enable:
            return otherwise
        checked = await self.check(document)
        made = await asyncio.wrap_future(self.analyst.ask(lambda: use(checked)))
        if document.version != checked.version or self.state.documents.get(uri) is not document:
            # Its places are those of a text that is gone.
            raise ContentModified
        return made

    def rest(self) -> float | None:
        """Seconds to wait after a key; None if only saved files are checked."""
        return None if self.settings.run == ON_SAVE else self.settings.debounce
