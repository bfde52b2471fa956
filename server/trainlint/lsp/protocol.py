"""The protocol of pygls with what it leaves open: documents of our own, answers to malformed messages, exit codes."""

from __future__ import annotations

import logging
from collections.abc import Generator
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams
from pygls.protocol import LanguageServerProtocol
from pygls.protocol.json_rpc import JsonRPCNotification
from pygls.protocol.language_server import lsp_method

_log = logging.getLogger(__name__)

Handled = Generator[Any, Any, None]


class Protocol(LanguageServerProtocol):
    """Messages go to the server's handlers alone: pygls keeps no second copy of the documents.

    Its copy splits lines where the protocol does not (form feeds, U+2028), and would cost each key twice.
    """

    def structure_message(self, data: dict[str, Any]) -> Any:
        """The message in some JSON; a malformed request gets an error, a malformed notification a line in the log."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            method = data.get("method")
            _log.error("malformed parameters of %s", method)
            if "id" in data and method is not None:
                error = JsonRpcInvalidParams(f"the parameters of {method} are malformed")
                self._send_response(data["id"], error=error.to_response_error())
            elif "id" in data and (waiting := self._request_futures.pop(data["id"], None)) is not None:
                # Whoever asked the client would wait for ever.
                waiting.set_exception(JsonRpcInvalidParams("the client's answer is malformed"))
            # Of another version of JSON-RPC: whoever handles messages passes it over.
            return JsonRPCNotification(method="", jsonrpc="", params=None)

    def handle_message(self, message: Any) -> None:
        """Hands a message on; a request before `initialize` or after `shutdown` gets an error instead of silence."""
        if not hasattr(message, "jsonrpc"):
            _log.error("a message that is not JSON-RPC 2.0")
            return
        request, method = getattr(message, "id", None), getattr(message, "method", None)
        if request is not None and method is not None:
            early = self._server.state.is_met is False and method != types.INITIALIZE  # type: ignore[attr-defined]
            if early or self._shutdown:
                code = types.ErrorCodes.ServerNotInitialized if early else types.ErrorCodes.InvalidRequest
                text = "the server is not initialized yet" if early else "the server is shutting down"
                self._send_response(request, error=JsonRpcException(text, code).to_response_error())
                return
        super().handle_message(message)

    def _forward(self, method: str, params: Any) -> Handled:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Handled:
        yield from self._forward(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Handled:
        yield from self._forward(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Handled:
        yield from self._forward(types.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: types.DidOpenNotebookDocumentParams) -> Handled:
        yield from self._forward(types.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: types.DidChangeNotebookDocumentParams) -> Handled:
        yield from self._forward(types.NOTEBOOK_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: types.DidCloseNotebookDocumentParams) -> Handled:
        yield from self._forward(types.NOTEBOOK_DOCUMENT_DID_CLOSE, params)

    @lsp_method(types.EXIT)
    def lsp_exit(self, *_: Any) -> None:  # type: ignore[override]
        """Ends the process: with 0 after `shutdown`, else with 1, as the specification has it."""
        self._server.leave(0 if self._shutdown else 1)  # type: ignore[attr-defined]
