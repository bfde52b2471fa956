"""CPU or GPU, with a list of cards that are not there."""

from __future__ import annotations

import sys
import types

import pytest
from tests.probe.process.helpers import Environment, experiment

from trainlint.probe.client import Worker
from trainlint.probe.worker import devices
from trainlint.probe.worker.devices import AUTO, CPU, GPU, GPU_FROM, Card, Choice, choose, confine, prepare, visible

GB = 1 << 30
IDLE = Card(0, "GPU-aaaa", "NVIDIA T4", 16 * GB, 15 * GB, 0)
FULL = Card(1, "GPU-bbbb", "NVIDIA T4", 16 * GB, GB, 3)
WORKING = Card(2, "GPU-cccc", "NVIDIA T4", 16 * GB, 12 * GB, 97)
FREEST = Card(3, "GPU-dddd", "NVIDIA A100", 80 * GB, 79 * GB, 1)


def chosen(wanted=AUTO, work=10 * GPU_FROM, cards=(IDLE,), environment=None, why="no driver", build=None) -> Choice:
    """The choice with some cards."""
    return choose(wanted, work, environment or {}, lambda: (list(cards), why), lambda: build)


def unasked():
    """Stands where the cards must not be asked for."""
    raise AssertionError("the cards were asked for")


def test_the_cpu_was_asked_for():
    """Whoever asks for the CPU gets it, without a look at the cards."""
    assert Choice(CPU, "asked for") == choose(CPU, 10 * GPU_FROM, {}, unasked, unasked)


def test_small_networks_stay_on_the_cpu():
    """A small network is not worth the start of a GPU."""
    choice = choose(AUTO, 17_000_000, {}, unasked, unasked)

    assert (CPU, "a step takes 17 million multiply-adds; a GPU pays from 64 million") == choice[:2]


def test_large_networks_go_to_the_gpu():
    """A large network takes the card that has most of its memory free, and half of that at most."""
    choice = chosen(cards=[IDLE, FULL, WORKING, FREEST])

    assert (GPU, FREEST, 79 * GB // 2) == (choice.kind, choice.card, choice.limit)
    assert "NVIDIA A100, a step takes 640 million multiply-adds" == choice.reason
    assert {"name": "gpu", "reason": choice.reason, "card": "NVIDIA A100"} == choice.described()


def test_asked_for():
    """Whoever asks for the GPU gets it for a small network too, and beside another program."""
    assert GPU == chosen(GPU, 1).kind
    assert GPU == chosen(GPU, 1, [WORKING]).kind


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ([FULL], "GPU 1 (NVIDIA T4) is busy: 1.0 GB of memory free, 2.0 GB needed"),
        ([WORKING], "GPU 2 (NVIDIA T4) is busy: at 97 % utilisation"),
        ([FULL, WORKING], "GPU 1 (NVIDIA T4) is busy: 1.0 GB of memory free, 2.0 GB needed; GPU 2 (NVIDIA T4) is busy: "
         "at 97 % utilisation"),
    ],
)  # fmt: skip
def test_busy_cards_are_left_alone(cards, reason):
    """A busy card means the CPU, and says so."""
    assert Choice(CPU, reason) == chosen(cards=cards)


def test_a_full_card_is_not_used_on_demand_either():
    """What does not fit is not tried."""
    assert CPU == chosen(GPU, cards=[FULL]).kind


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"cards": [], "why": "no NVIDIA driver was found"}, "no GPU seen: no NVIDIA driver was found"),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": ""}},
            "no GPU seen: CUDA_VISIBLE_DEVICES='' hides every card",
        ),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": "-1"}},
            "no GPU seen: CUDA_VISIBLE_DEVICES='-1' hides every card",
        ),
        (
            {"environment": {"CUDA_VISIBLE_DEVICES": "7"}, "why": ""},
            "no GPU seen: CUDA_VISIBLE_DEVICES='7' names no card that there is",
        ),
        ({"build": "tensorflow-cpu is a build for the CPU"}, "no GPU seen: tensorflow-cpu is a build for the CPU"),
    ],
)
def test_no_gpu_has_a_reason(more, reason):
    """That no GPU is seen comes with what is in the way."""
    assert Choice(CPU, reason) == chosen(**more)


def test_visible_cards():
    """CUDA_VISIBLE_DEVICES is read as CUDA reads it: a name of no card ends the list."""
    cards = [IDLE, FULL, WORKING, FREEST]

    assert cards == visible(cards, None)
    assert [FULL] == visible(cards, "1")
    assert [FREEST, IDLE] == visible(cards, "3, 0")
    assert [WORKING] == visible(cards, "GPU-cc")
    assert [IDLE] == visible(cards, "0,9,1")
    assert ["MIG-1"] == [card.uuid for card in visible(cards, "MIG-1")]


def test_cards_that_tell_little():
    """A card that does not tell its memory is used without a cap."""
    choice = chosen(cards=[Card(0, "GPU-a", "slice of a GPU")])

    assert (GPU, None) == (choice.kind, choice.limit)


def test_the_cpu_hides_the_cards():
    """A framework that computes on the CPU does not take hold of a card."""
    environment = {"CUDA_VISIBLE_DEVICES": "0"}

    prepare(Choice(CPU, ""), environment)

    assert {"CUDA_VISIBLE_DEVICES": "-1", "JAX_PLATFORMS": "cpu"} == environment


def test_the_gpu_is_one_card_that_grows():
    """A framework sees the chosen card alone, takes memory as it needs it, and not more than its share."""
    environment = {"JAX_PLATFORMS": "tpu"}

    prepare(Choice(GPU, "", FREEST, 20 * GB), environment)

    assert {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-dddd",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": "0.250",
    } == environment


class FakeTensorFlow:
    """The part of TensorFlow that is asked about cards."""

    def __init__(self, cards: list) -> None:
        self.limits: list = []
        self.config = types.SimpleNamespace(
            list_physical_devices=lambda kind: cards,
            LogicalDeviceConfiguration=lambda memory_limit: memory_limit,
            set_logical_device_configuration=lambda card, limits: self.limits.append((card, limits)),
        )


def test_tensorflow_gets_a_cap():
    """The cap is in megabytes, on the first card that TensorFlow sees."""
    tensorflow = FakeTensorFlow(["card"])
    choice = Choice(GPU, "asked for", IDLE, 4 * GB)

    assert choice == confine("tensorflow", tensorflow, choice)
    assert [("card", [4096])] == tensorflow.limits


def test_a_framework_that_sees_no_card():
    """A driver has a card and the framework does not see it: its libraries are in the way."""
    choice = confine("tensorflow", FakeTensorFlow([]), Choice(GPU, "asked for", IDLE, 4 * GB))

    assert CPU == choice.kind
    assert "no GPU seen: tensorflow finds no card, although the driver has one" in choice.reason


def test_a_framework_that_fails_on_its_card():
    """Whatever a framework raises about its card, the CPU is there."""
    choice = confine("jax", object(), Choice(GPU, "asked for", IDLE, 4 * GB))

    assert CPU == choice.kind
    assert "no GPU seen: jax says" in choice.reason


def test_torch_gets_a_share():
    """PyTorch takes its cap as a share of the card."""
    shares = []
    cuda = types.SimpleNamespace(is_available=lambda: True, set_per_process_memory_fraction=lambda *a: shares.append(a))

    confine("torch", types.SimpleNamespace(cuda=cuda), Choice(GPU, "", IDLE, 4 * GB))

    assert [(0.25, 0)] == shares


@pytest.mark.parametrize(
    ("backend", "package", "words"),
    [
        (
            "tensorflow",
            {"distribution": "tensorflow-cpu", "version": "2.15.0"},
            "tensorflow-cpu is a build for the CPU",
        ),
        ("torch", {"distribution": "torch", "version": "2.4.0+cpu"}, "torch 2.4.0+cpu is a build for the CPU"),
        ("jax", {"distribution": "jax", "version": "0.4.30"}, "no CUDA plugin"),
    ],
)
def test_builds_for_the_cpu(backend, package, words):
    """Some builds cannot use a card; that is known before they are imported."""
    assert words in devices.cpu_only(backend, package)


@pytest.mark.skipif(sys.platform == "darwin", reason="has no CUDA")
def test_builds_that_may_use_a_card():
    """Nothing tells that the usual builds cannot."""
    assert devices.cpu_only("tensorflow", {"distribution": "tensorflow", "version": "2.21.0"}) is None
    assert devices.cpu_only("torch", {"distribution": None, "version": None}) is None


def test_what_nvidia_smi_prints():
    """The table of nvidia-smi, with figures that a card does not tell."""
    text = "0, GPU-aa, NVIDIA H200, 143771, 143000, 0\n1, GPU-bb, Slice, [N/A], [N/A], [N/A]\nwarning: something\n"

    assert (
        [Card(0, "GPU-aa", "NVIDIA H200", 143771 << 20, 143000 << 20, 0), Card(1, "GPU-bb", "Slice")],
        "",
    ) == devices.read_table(text)
    assert ([], "nvidia-smi lists no card") == devices.read_table("")


# In a worker whose driver is a stand-in -------------------------------------------------------------------------------

TENSORFLOW = """
import numpy, random, json, types
__version__ = "2.99.0"
config = types.SimpleNamespace(
    list_physical_devices=lambda kind: ["card"],
    LogicalDeviceConfiguration=lambda memory_limit: memory_limit,
    set_logical_device_configuration=lambda card, limits: None,
)
"""


@pytest.fixture
def worker_with_cards(stub_folder, temporary, tmp_path):
    """A worker that sees one idle card; it reads the free memory from a file."""
    import shutil

    folder = tmp_path / "worker"
    shutil.copytree(stub_folder, folder)
    free = tmp_path / "free"
    free.write_text(str(15 * GB))
    with (folder / "devices.py").open("a") as file:
        file.write(f"\n\ndef cards():\n    free = int(open({str(free)!r}).read())\n")
        file.write("    return [Card(0, 'GPU-aaaa', 'NVIDIA T4', 16 << 30, free, 0)], ''\n")
    environment = Environment(tmp_path / "environment")
    environment.install("tensorflow", "2.99.0", TENSORFLOW)
    environment.install("numpy", "1.99.0")
    with Worker(environment.python, folder=folder) as worker:
        yield worker, free


def test_a_worker_changes_to_the_gpu(worker_with_cards):
    """A worker that was started for the CPU is started anew where the GPU is needed, and keeps the card."""
    worker, free = worker_with_cards
    seen = []

    on_cpu = worker.run(experiment())
    on_gpu = worker.run({**experiment(), "device": "gpu"}, seen.append)
    free.write_text("0")
    again = worker.run({**experiment(), "device": "gpu"})
    small = worker.run(experiment())

    assert ["cpu", "gpu", "gpu", "cpu"] == [each["device"]["name"] for each in (on_cpu, on_gpu, again, small)]
    assert on_cpu["pid"] != on_gpu["pid"] == again["pid"] == small["pid"]
    assert "starting the backend anew for another device" in [said.get("message") for said in seen]
    assert {"name": "gpu", "reason": "NVIDIA T4, asked for", "card": "NVIDIA T4"} == on_gpu["device"]
    assert "GPU-aaaa" == on_gpu["environment"]["CUDA_VISIBLE_DEVICES"]


def test_a_busy_card_in_a_worker(worker_with_cards):
    """A card without free memory is not used, and the measurements say so."""
    worker, free = worker_with_cards
    free.write_text(str(GB))

    measurements = worker.run({**experiment(), "device": "gpu"})

    assert "cpu" == measurements["device"]["name"]
    assert "GPU 0 (NVIDIA T4) is busy: 1.0 GB of memory free, 2.0 GB needed" == measurements["device"]["reason"]


def test_out_of_memory_on_the_card(worker_with_cards):
    """What does not fit on the card is trained on the CPU, once, and the measurements say so."""
    worker, _ = worker_with_cards
    seen = []

    measurements = worker.run({**experiment("device"), "device": "gpu"}, seen.append)

    assert "cpu" == measurements["computed"]
    assert {"name": "cpu", "reason": "the GPU ran out of memory"} == measurements["device"]
    assert "the GPU ran out of memory; training again on the CPU" in [said.get("message") for said in seen]
