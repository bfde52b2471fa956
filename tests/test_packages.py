"""Which files concern TensorFlow or Keras, and are run."""

from __future__ import annotations

import pytest

from trainlint.packages import concerns
from trainlint.source.document import read


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
