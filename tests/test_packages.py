"""Which files concern TensorFlow or Keras, and are run."""

from __future__ import annotations

import pytest

from trainlint.analysis import analyse
from trainlint.config import Config
from trainlint.packages import asserted, concerns, exact_version, generations
from trainlint.project import Project
from trainlint.source.document import read
from trainlint.tfapi import GENERATIONS, choose


def nothing(module, level, importer):
    """A project without modules."""
    return None


@pytest.mark.parametrize(
    "text",
    [
        "import tensorflow as T\n",
        "from tensorflow.keras import layers\n",
        "def late():\n    from keras.models import load_model\n",
        "try:\n    import tf_keras\nexcept ImportError:\n    pass\n",
        "match backend:\n    case 'tf':\n        import tensorflow\n",
        "model = Sequential()\n",
        "model.add(Dropout(0.5))\n",
        "x = tf.constant(1)\n",
    ],
)
def test_code_of_tensorflow_concerns(text):
    """Imports anywhere, and the names that pasted code uses without them."""
    assert concerns(read(text, "a.py"), nothing)


@pytest.mark.parametrize(
    "text",
    [
        "# no tensorflow here\nimport numpy as np\nx = np.zeros(3)\n",
        "parser = Parser('keras.layers')\nparser.Dense(3)\n",
        "import tensors\n",
    ],
)
def test_speaking_of_tensorflow_does_not_concern(text):
    """A comment, a string, a method or another package is no code of TensorFlow."""
    assert not concerns(read(text, "a.py"), nothing)


def test_a_module_of_the_project_may_bring_it():
    """The program that calls `build()` concerns, although only the module it imports names Keras; circles end."""
    modules = {
        "model": "import main\nimport keras\n",
        "main": "import model\n",
        "plain": "import other\n",
        "other": "import plain\n",
    }
    documents = {name: read(text, f"{name}.py") for name, text in modules.items()}

    def load(module, level, importer):
        return documents.get(module)

    assert concerns(documents["main"], load)
    assert not concerns(documents["plain"], load)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('assert tf.__version__ == "1.8.0"', "==1.8.0"),
        ("assert tensorflow.__version__ >= '2.0'", ">=2.0"),
        ('assert version.parse(tf.__version__) >= version.parse("2.8.0")', ">=2.8.0"),
        ('assert tf.__version__.startswith("1."), "too new"', "==1.*"),
        ('assert tf.__version__.startswith("1.4")', "==1.4.*"),
        ('assert tf.__version__[:len("0.12.")] == "0.12."', "==0.12.*"),
        ("assert tf.__version__[:4] == '1.15'", "==1.15.*"),
        ("assert tf.__version__[:1] == '2'", "==2.*"),
        ('print("assert tf.__version__ == 1.8")', None),
        ("assert np.__version__ == '1.8.0'", None),
    ],
)
def test_asserted_version_is_a_pin(line, expected):
    """A program that stops for another version of TensorFlow says which one it is made for."""
    assert expected == asserted(read(f"import tensorflow as tf\n{line}\n", "a.py")).get("tensorflow")


@pytest.mark.parametrize(
    ("main", "expected"),
    [
        ("import tensorflow as tf\nfrom model import build\nbuild()\n", "1.x"),
        ("import tensorflow as tf\nfrom nets import old\nold.build()\n", "1.x"),
        ("import keras\nfrom legacy import report\nreport(keras.layers.Dense(3))\n", "1.x"),
        ("import tensorflow as tf\nfrom model import build\nprint(tf.constant(1))\n", "2.16"),
        ("import tensorflow as tf\nimport modern, model\nmodel.build()\nmodern.build()\n", "2.16"),
        ("import tensorflow as tf\nfrom model import build\nbuild()\ntf.summary.create_file_writer('a')\n", "2.16"),
    ],
)
def test_what_is_used_in_modules_decides_where_the_program_itself_is_open(main, expected, tmp_path):
    """A main program that says nothing of its own is of TensorFlow 1 if all that it runs can be; also after an edit."""
    old = "import tensorflow as tf\ndef build():\n    return tf.placeholder(tf.float32)\n"
    modern = "import tensorflow as tf\ndef build():\n    return tf.summary.create_file_writer('logs')\n"
    (tmp_path / "nets").mkdir()
    legacy = "def report(layer):\n    print layer\n"
    texts = {"model.py": old, "nets/old.py": old, "nets/__init__.py": "", "modern.py": modern, "legacy.py": legacy}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    analysis = analyse(main.encode(), str(tmp_path / "main.py"), Project(tmp_path), Config())
    again = analysis.again(f"{main}print(1)\n".encode(), Project(tmp_path), Config())

    assert [expected, expected] == [each.interpretation.machine.generation for each in (analysis, again)]


def test_exact_version(tmp_path):
    """One version is exact, a range or two that differ are not; an asserted one decides the generation."""
    document = read("import tensorflow as tf\nassert tf.__version__ == '1.8.0'\n", "a.py")

    assert (1, 8, 0) == exact_version(document, Project(tmp_path))
    assert "1.x" == choose(generations(document, Project(tmp_path)))
    line = "import tensorflow as tf\nassert tf.__version__.startswith('{}')\n"
    assert (0, 12) == exact_version(read(line.format("0.12."), "a.py"), Project(tmp_path))
    assert exact_version(read(line.format("1.1"), "a.py"), Project(tmp_path)) is None
    (tmp_path / "requirements.txt").write_text("tensorflow==1.15.2\n")
    assert exact_version(document, Project(tmp_path)) is None
    assert (1, 15, 2) == exact_version(read("import tensorflow as tf\n", "a.py"), Project(tmp_path))
    (tmp_path / "requirements.txt").write_text("tensorflow>=1.15\n")
    assert exact_version(read("import tensorflow as tf\n", "a.py"), Project(tmp_path)) is None


@pytest.mark.parametrize(
    ("code", "is_old"),
    [
        ("from keras.layers import Dense\ndef net():\n    return Dense(output_dim=3, init='he_normal')\n", True),
        ("import keras\nmodel.fit(x, y, nb_epoch=3)\n", True),
        ("import keras as k\nk.layers.Convolution2D(\n    nb_filter=8)\n", True),
        ("from keras.layers import Convolution2D\nConvolution2D(64, 3, 3)\n", True),
        ("from keras.layers import Convolution2D\nConvolution2D(64, (3, 3), padding='same')\n", False),
        ("import keras\nif on:\n    f([model.fit(x, nb_epoch=3) for x in y])\n", True),
        ("import tensorflow as tf\nmodel.fit(x, y, nb_epoch=3)\n", False),
        ("import keras\nfrom tensorflow.keras import Model\nmodel.fit(x, y, nb_epoch=3)\n", False),
        ("import keras\nnb_epoch = 3\nmodel.fit(x, y, epochs=nb_epoch)\n", False),
        ("import keras\ndef conv(x, nb_filter=3):\n    return x\nconv(x, nb_filter=4)\n", False),
        ("from keras.layers import Embedding\nEmbedding(10, output_dim=3)\n", False),
        ("import keras\n# Dense(output_dim=3)\n", False),
    ],
)
def test_words_of_keras_1(code, is_old, tmp_path):
    """What Keras after 2.3 refuses tells the age of a program, wherever it stands."""
    assert (("1.x", "2.0") if is_old else GENERATIONS) == generations(read(code, "a.py"), Project(tmp_path))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import keras\n", ("1.x", "2.0")),
        ("import tensorflow as tf\ntf.random.set_seed(1)\n", ("2.0",)),
        ("import tensorflow as tf\nsession = tf.Session()\n", ("1.x",)),
        ("import keras\nx = keras.ops.ones(3)\n", ("2.16",)),
        ('"""Needs TensorFlow 1.4."""\nimport keras\n', ("1.x",)),
        ("# TensorFlow 2.3\nimport keras\n", ("2.0",)),
        ("import keras\n# not for TensorFlow 2.3, but TensorFlow 1.4\n", ("1.x", "2.0")),
        ("assert tf.__version__ == '2.13.0'\nimport tensorflow as tf\n", ("2.11",)),
    ],
)
def test_what_prose_says(code, expected, tmp_path):
    """Names and pins tell more than the first lines of a script, and these more than the README."""
    (tmp_path / "README.md").write_text("Tested with TensorFlow 1.15 and 2.3, Keras 2.2 and Keras 2.3.1\n")

    assert expected == generations(read(code, "a.py"), Project(tmp_path))


def test_prose_asks_for_no_version(tmp_path):
    """A README may be older than the code beside it: what it mentions is none that an error can follow from."""
    (tmp_path / "README.md").write_text("Tested with TensorFlow 0.12.\n")
    document = read("import tensorflow as tf\n", "a.py")

    assert exact_version(document, Project(tmp_path)) is None
    assert ("1.x",) == generations(document, Project(tmp_path))


def test_a_name_that_is_imported_counts_also_where_nothing_uses_it(tmp_path):
    """The import alone stops where the name is gone."""
    line = "from tensorflow.keras.mixed_precision import experimental as precision\n"

    assert "2.0" == choose(generations(read(line, "a.py"), Project(tmp_path)))
    assert "2.16" == choose(
        generations(read("from tensorflow.keras import mixed_precision\n", "a.py"), Project(tmp_path))
    )
    other = f"try:\n    {line}except ImportError:\n    from tensorflow.keras import mixed_precision as precision\n"
    assert "2.16" == choose(generations(read(other, "a.py"), Project(tmp_path)))
