"""What keeps a program away from everything else: bubblewrap, where it is installed and works."""

from __future__ import annotations

import glob
import os
import shutil

from trainlint.probe.script.records import Isolation

DISCARDED = Isolation(
    kind="bubblewrap",
    writes="discarded",
    sentence="The program runs in a sandbox (bubblewrap): it can read your files, what it writes is thrown away,"
    " and it reaches no other process.",
)
REFUSED = Isolation(
    kind="bubblewrap",
    writes="refused",
    sentence="The program runs in a sandbox (bubblewrap): it can read your files, it can write none of them"
    " (where it tries to, it fails), and it reaches no other process.",
)


def without(reason: str) -> Isolation:
    return Isolation(
        kind="none",
        writes="kept",
        sentence=f"The program is NOT isolated ({reason}): it can change and delete your files like any program that"
        " you start yourself, and other programs that it starts can reach the network.",
    )


NOT_WANTED = without("it was asked to run without a sandbox")


def bubblewrap(command: list[str], kind: Isolation, folders: list[str], network: bool) -> list[str]:
    """The command, in a sandbox that sees the file system read-only.

    The program's own side lays the writable layers (`recording/mounts.py`): older versions of bubblewrap can't.
    """
    program = shutil.which("bwrap") or "bwrap"
    # fmt: off
    arguments = [
        program, "--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent",
        "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
    ]
    # fmt: on
    for device in sorted(glob.glob("/dev/nvidia*") + glob.glob("/dev/dri") + glob.glob("/dev/kfd")):
        arguments += ["--dev-bind-try", device, device]
    # Sockets of the system and of the desktop lie there.
    arguments += ["--tmpfs", "/run"]
    for path in _needed_below_run(folders, network):
        arguments += ["--ro-bind-try", path, path]
    if not network:
        arguments.append("--unshare-net")
    if kind.writes == "discarded":
        # For the layers, whose work folder has a mode that keeps everybody out; given up before the program begins.
        for capability in ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_DAC_OVERRIDE", "CAP_FOWNER"):
            arguments += ["--cap-add", capability]
    else:
        arguments += ["--tmpfs", "/dev/shm"]
    return [*arguments, "--", *command]


def _needed_below_run(folders: list[str], network: bool) -> list[str]:
    needed = [os.path.realpath(folder) for folder in folders]
    if network:
        needed.append(os.path.dirname(os.path.realpath("/etc/resolv.conf")))
    return sorted({path for path in needed if path.startswith("/run/")}, key=len)


def writable(folders: list[str]) -> list[str]:
    """The folders that programs write to: their own, the home folder, and those for temporary files."""
    found = [*folders, os.path.expanduser("~"), "/tmp", "/var/tmp", os.environ.get("TMPDIR", "")]
    real = {os.path.realpath(path) for path in found if path.startswith("/")}
    return sorted((path for path in real if path != "/" and os.path.isdir(path)), key=len)
