"""`trainlint server`: the language server that editors start."""

from __future__ import annotations

import click


@click.command(name="server")
@click.option("--tcp", is_flag=True, help="Listen on a port for one client, for debugging; otherwise standard streams.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on, with --tcp.")
@click.option("--port", type=click.IntRange(1, 65535), default=8765, show_default=True, help="The port, with --tcp.")
@click.option("--log-file", metavar="FILE", help="Write a log of the server's own work there.")
@click.option("--stdio", is_flag=True, hidden=True)
@click.option("--clientProcessId", "client", type=int, hidden=True)
def command(tcp: bool, host: str, port: int, log_file: str | None, stdio: bool, client: int | None) -> int:
    """Serve an editor: findings while you type, repairs, and what is known of a program.

    It speaks the Language Server Protocol on standard input and output.
    """
    import logging
    import signal

    from trainlint.lsp.features import make_server
    from trainlint.lsp.probing import WorkerProbe

    # Below this level pygls logs whole messages, and with them the code of the user.
    logging.getLogger("pygls").setLevel(logging.WARNING)
    # It would write the whole message of every error answer, and that quotes the user; the server logs its own.
    logging.getLogger("pygls.protocol.json_rpc").setLevel(logging.CRITICAL)
    if log_file is not None:
        try:
            logging.basicConfig(filename=log_file, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        except OSError as error:
            raise click.ClickException(f"--log-file {log_file}: {error.strerror}") from None
    else:
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    server = make_server(WorkerProbe())
    server.process_id = client
    # Ended from outside it ends its workers, and what it was reading is no text that ends servers.
    signal.signal(signal.SIGTERM, lambda *_: server.leave(128 + signal.SIGTERM))
    if tcp:
        server.start_tcp(host, port)
    else:
        server.start_io()
    server.leave(0)
    return 0
