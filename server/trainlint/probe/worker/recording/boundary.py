"""What a recorded program can't do: ask a person, and reach the network unless that was allowed."""

from __future__ import annotations

import builtins
import sys
from typing import Any, NoReturn


class NoInput(EOFError):
    """Nobody sits in front of a recorded program."""


class NoNetwork(ConnectionRefusedError):
    """The network is off in a recorded program."""


def refuse_input() -> None:
    """Makes `input()` fail with a sentence that says why; its standard input is empty as well."""

    def refused(prompt: object = "", /) -> NoReturn:  # type: ignore[unused-ignore]
        asked = " ({!r})".format(str(prompt)[:80]) if prompt else ""
        raise NoInput("the program asks for input{}, and nobody can answer while it is probed".format(asked))

    builtins.input = refused


def refuse_network() -> None:
    """Makes connections and look-ups of names fail with a sentence that says why.

    An audit hook needs no import of `socket` and sees its C parts as well; programs that are started are not seen.
    """

    def hook(event: str, arguments: Any) -> None:
        if event == "socket.connect":
            _refuse(_host(arguments[1]))
        elif event == "socket.getaddrinfo":
            _refuse(arguments[0])
        elif event == "urllib.Request":
            address = str(arguments[0])
            if not address.startswith(("file:", "data:")) and not _local(address.partition("//")[2].split("/")[0]):
                _refuse(address)

    sys.addaudithook(hook)


def _host(address: Any) -> Any:
    """The host of an address; None for sockets that never leave this machine."""
    return address[0] if isinstance(address, tuple) and address else None


def _local(host: str) -> bool:
    name = host.rpartition("@")[2]
    name = name[1 : name.find("]")] if name.startswith("[") else name.partition(":")[0] if name.count(":") < 2 else name
    return name in ("", "localhost", "::1", "0.0.0.0", "::") or name.startswith("127.")


def _refuse(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or _local(str(host)):
        return
    raise NoNetwork(
        "the program wants to reach {}, and downloads are not allowed while it is probed".format(str(host)[:200])
    )
