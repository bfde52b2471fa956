"""CPU or GPU: decided before a framework is imported, because a framework takes hold of every card that it sees.

What is asked of a card (its free memory, whether it works) goes through NVML, which makes no CUDA context.
A process that was started for the CPU hides the cards from its framework and cannot use them later; one that has a
card can still compute on the CPU.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Any, Callable, Dict, List, MutableMapping, NamedTuple, Optional, Tuple

CPU, GPU, AUTO = "cpu", "gpu", "auto"

GPU_FROM = 64_000_000
"""Multiply-adds of a forward pass from which a GPU is worth its start of some seconds.

Three layers of 256 units have 17 million with a batch of 128, and the CPU is expected to win; 1024 units have 270
million, a small convolutional network on 28x28 pixels 500 million. The geometric mean of the first two, not measured.
"""

NEEDED = 2 << 30
"""Bytes that have to be free: a CUDA context and the workspaces of cuBLAS and cuDNN take a good half of that."""

SHARE = 0.5
"""Of the free memory: the most that a probe takes."""

BUSY = 50
"""Percent of utilisation from which a card is left to whoever uses it."""

_HIDING = ("", "-1", "none", "nodevfiles")


class Card(NamedTuple):
    """A GPU as its driver describes it; a figure that it does not tell is None."""

    number: int
    uuid: str
    name: str
    total: Optional[int] = None
    free: Optional[int] = None
    busy: Optional[int] = None


class Choice(NamedTuple):
    """Where to compute, why, and on which card with how much of its memory."""

    kind: str
    reason: str
    card: Optional[Card] = None
    limit: Optional[int] = None

    def described(self) -> Dict[str, Any]:
        """The entry `device` of the measurements."""
        said: Dict[str, Any] = {"name": self.kind, "reason": self.reason}
        if self.card is not None and self.kind == GPU:
            said["card"] = self.card.name
        return said


Cards = Tuple[List[Card], str]
"""The cards that there are, and if there are none, why."""


def choose(
    wanted: str,
    work: int,
    environment: MutableMapping[str, str],
    cards: Callable[[], Cards],
    cpu_only: Callable[[], Optional[str]],
) -> Choice:
    """CPU or GPU for an experiment of so much work; the cards are asked for only where they matter."""
    if wanted == CPU:
        return Choice(CPU, "asked for")
    if wanted == AUTO and work < GPU_FROM:
        return Choice(CPU, "a step takes {} multiply-adds; a GPU pays from {}".format(_count(work), _count(GPU_FROM)))
    hidden = environment.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip().lower() in _HIDING:
        return Choice(CPU, "no GPU seen: CUDA_VISIBLE_DEVICES={!r} hides every card".format(hidden))
    found, why_none = cards()
    found = visible(found, hidden)
    if not found:
        why_none = why_none or "CUDA_VISIBLE_DEVICES={!r} names no card that there is".format(hidden)
        return Choice(CPU, "no GPU seen: " + why_none)
    build = cpu_only()
    if build is not None:
        return Choice(CPU, "no GPU seen: " + build)
    free = [card for card in found if _complaint(card, wanted) is None]
    if not free:
        return Choice(CPU, "; ".join(str(_complaint(card, wanted)) for card in found))
    card = max(free, key=lambda each: (each.free or 0, -each.number))
    limit = None if card.free is None else int(card.free * SHARE)
    reason = "asked for" if wanted == GPU else "a step takes {} multiply-adds".format(_count(work))
    return Choice(GPU, "{}, {}".format(card.name, reason), card, limit)


def visible(cards: List[Card], named: Optional[str]) -> List[Card]:
    """The cards that `CUDA_VISIBLE_DEVICES` leaves; as in CUDA, the first name of no card ends the list."""
    if named is None:
        return cards
    left: List[Card] = []
    for name in named.split(","):
        name = name.strip()
        if name.isdigit():
            match = [card for card in cards if card.number == int(name)]
        elif name.startswith("MIG-"):
            # A slice of a card: what the driver tells of the whole card is not about it.
            match = [Card(len(left), name, "slice of a GPU")]
        else:
            match = [card for card in cards if name and card.uuid.startswith(name)]
        if not match:
            break
        left += match[:1]
    return left


def _complaint(card: Card, wanted: str) -> Optional[str]:
    """Why a card is not used, None if it can be."""
    if card.free is not None and card.free < NEEDED:
        return "GPU {} ({}) is busy: {} of memory free, {} needed".format(
            card.number, card.name, _size(card.free), _size(NEEDED)
        )
    if wanted == AUTO and card.busy is not None and card.busy >= BUSY:
        return "GPU {} ({}) is busy: at {} % utilisation".format(card.number, card.name, card.busy)
    return None


def prepare(choice: Choice, environment: MutableMapping[str, str]) -> None:
    """Sets what a framework reads of the environment when it is imported."""
    if choice.kind == CPU:
        # An empty text hides the cards as well, but some versions of TensorFlow take it for "not set".
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
        environment["JAX_PLATFORMS"] = "cpu"
        return
    environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    environment["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    environment["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    environment.pop("JAX_PLATFORMS", None)
    if choice.card is not None:
        environment["CUDA_VISIBLE_DEVICES"] = choice.card.uuid
        if choice.limit is not None and choice.card.total:
            environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] = "{:.3f}".format(choice.limit / choice.card.total)


def confine(backend: str, module: Any, choice: Choice) -> Choice:
    """The choice after the framework was imported: with the cap on memory set, or the CPU if it sees no card."""
    if choice.kind == CPU:
        return choice
    try:
        seen = _CONFINES[backend](module, choice)
    except Exception as error:  # whatever a driver or an old version raises, the CPU is there
        return Choice(CPU, "no GPU seen: {} says {}".format(backend, _line(error)))
    if not seen:
        return Choice(CPU, "no GPU seen: {} finds no card, although the driver has one; are its CUDA libraries "
                      "installed?".format(backend))  # fmt: skip
    return choice


def _confine_tensorflow(tf: Any, choice: Choice) -> bool:
    cards = tf.config.list_physical_devices("GPU")
    if cards and choice.limit is not None:
        # Growth comes from the environment: its setter refuses a card that has a limit.
        limit = tf.config.LogicalDeviceConfiguration(memory_limit=choice.limit >> 20)
        tf.config.set_logical_device_configuration(cards[0], [limit])
    return bool(cards)


def _confine_jax(jax: Any, choice: Choice) -> bool:
    return any(device.platform in ("gpu", "cuda") for device in jax.devices())


def _confine_torch(torch: Any, choice: Choice) -> bool:
    if not torch.cuda.is_available():
        return False
    if choice.limit is not None and choice.card is not None and choice.card.total:
        torch.cuda.set_per_process_memory_fraction(min(1.0, choice.limit / choice.card.total), 0)
    return True


_CONFINES: Dict[str, Callable[[Any, Choice], bool]] = {
    "tensorflow": _confine_tensorflow,
    "jax": _confine_jax,
    "torch": _confine_torch,
}


def cpu_only(backend: str, package: Dict[str, Any]) -> Optional[str]:
    """Why the installed build of a framework cannot use a card, None if nothing tells."""
    name, version = package.get("distribution") or backend, package.get("version") or ""
    if backend == "tensorflow" and name in ("tensorflow-cpu", "tf-nightly-cpu", "tensorflow-intel", "tensorflow-macos"):
        return "{} is a build for the CPU".format(name)
    if backend == "tensorflow" and sys.platform == "darwin":
        return "TensorFlow has no CUDA on macOS"
    if backend == "torch" and "+cpu" in version:
        return "torch {} is a build for the CPU".format(version)
    if backend == "jax" and "+cuda" not in version and not _has_jax_plugin():
        return "jax has no CUDA plugin here (jax[cuda12] installs one)"
    return None


def _has_jax_plugin() -> bool:
    from importlib.util import find_spec

    return any(find_spec("jax_cuda{}_plugin".format(version)) is not None for version in range(11, 16))


# What the driver says -----------------------------------------------------------------------------------------------


def cards() -> Cards:
    """The NVIDIA cards of this machine, asked of NVML, or of nvidia-smi where NVML cannot be loaded."""
    try:
        return _ask_nvml()
    except OSError:
        pass
    tool = shutil.which("nvidia-smi")
    return _ask_tool(tool) if tool is not None else ([], "no NVIDIA driver was found")


def _ask_nvml() -> Cards:
    import ctypes

    nvml = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    status = nvml.nvmlInit_v2()
    if status != 0:
        nvml.nvmlErrorString.restype = ctypes.c_char_p
        return [], "the NVIDIA driver says: {}".format(nvml.nvmlErrorString(status).decode("ascii", "replace"))

    class Memory(ctypes.Structure):
        _fields_ = [(name, ctypes.c_ulonglong) for name in ("total", "free", "used")]

    class Utilisation(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint) for name in ("gpu", "memory")]

    try:
        count = ctypes.c_uint()
        nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
        found = []
        for index in range(count.value):
            handle, memory, utilisation = ctypes.c_void_p(), Memory(), Utilisation()
            if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != 0:
                continue
            uuid, name = ctypes.create_string_buffer(96), ctypes.create_string_buffer(96)
            nvml.nvmlDeviceGetUUID(handle, uuid, len(uuid))
            nvml.nvmlDeviceGetName(handle, name, len(name))
            has_memory = nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) == 0
            has_load = nvml.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(utilisation)) == 0
            found.append(
                Card(
                    index,
                    uuid.value.decode("ascii", "replace"),
                    name.value.decode("utf-8", "replace"),
                    memory.total if has_memory else None,
                    memory.free if has_memory else None,
                    utilisation.gpu if has_load else None,
                )
            )
        return found, "" if found else "the NVIDIA driver lists no card"
    finally:
        nvml.nvmlShutdown()


_FIELDS = "index,uuid,name,memory.total,memory.free,utilization.gpu"


def _ask_tool(tool: str) -> Cards:
    try:
        asked = subprocess.run(
            [tool, "--query-gpu=" + _FIELDS, "--format=csv,noheader,nounits"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], "nvidia-smi failed: {}".format(_line(error))
    said = asked.stdout.decode("utf-8", "replace")
    if asked.returncode != 0:
        return [], "nvidia-smi says: {}".format(said.strip().split("\n")[0])
    return read_table(said)


def read_table(text: str) -> Cards:
    """The cards in what nvidia-smi prints."""
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == len(_FIELDS.split(",")) and parts[0].isdigit():
            total, free, busy = (int(part) if part.isdigit() else None for part in parts[3:])
            found.append(
                Card(
                    int(parts[0]),
                    parts[1],
                    parts[2],
                    None if total is None else total << 20,
                    None if free is None else free << 20,
                    busy,
                )
            )
    return found, "" if found else "nvidia-smi lists no card"


def _count(number: int) -> str:
    if number >= 1e6:
        return "{:.{}f} million".format(number / 1e6, 0 if number >= 1e7 else 1)
    return "{:.0f} thousand".format(number / 1e3) if number >= 1e4 else str(number)


def _size(size: int) -> str:
    return "{:.1f} GB".format(size / (1 << 30))


def _line(error: BaseException) -> str:
    return (str(error).strip().split("\n") or [""])[0][:200] or type(error).__name__
