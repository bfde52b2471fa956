"""What the installed framework is asked: the same question with the mistake and without it has two answers."""

from importlib.util import find_spec

from engine.certificates import _asked as asked_reading
from inside import Skip

WITH_TENSORFLOW = find_spec("tensorflow") is not None


def ask(check, **given):
    return asked_reading({"check": check, "id": "1", **given})


def ask_tensorflow(check, **given):
    found = ask(check, **given)
    if not WITH_TENSORFLOW:
        # Without it there is a reason, never an answer.
        assert found["available"] is False and "TensorFlow" in found["reason"].replace("tensorflow", "TensorFlow")
        raise Skip("TensorFlow is not installed here")
    assert found["available"], found
    return found


def check_names_and_arguments():
    """
    Names that are there or gone, arguments that are taken, refused or required.
    """
    assert ask("exists", name="keras.layers.Dense")["exists"] is True
    assert ask("exists", name="keras.layers.Dens")["exists"] is False
    assert ask("exists", name="nothing_of_this_name.at_all")["available"] is False
    assert ask("takes", function="keras.layers.Dense", argument="units")["takes"] is True
    made = ask("takes", function="keras.layers.Dense", argument="unit", arguments={"units": 2})
    assert made["takes"] is False and "unit" in made["error"]
    assert ["filters", "kernel_size"] == ask("takes", function="keras.layers.Conv2D")["required"]
    assert ask("same-library", names=["keras.layers.Layer", "keras.layers.Layer"])["same"] is True
    assert ask("same-library", names=["keras.layers.Layer", "keras.layers.Dense"])["same"] is False


def check_variables_and_calls():
    """
    A dtype in second place is no dtype, and a second size is none.
    """
    whole = ask_tensorflow("variable", initial="int32", second="float32")
    assert "int32" == whole["dtype"] and whole["gradient"] is False
    assert ask("variable", initial="float32", second="float32")["gradient"] is True
    assert [3] == ask("call", function="tensorflow.zeros", arguments=[3, 4])["shape"]
    assert [3, 4] == ask("call", function="tensorflow.zeros", arguments=[[3, 4]])["shape"]


def check_meaning_of_a_positional_share():
    """
    In second place stands the share to keep in version 1, the share to drop in version 2.
    """
    old = ask_tensorflow("dropped", v1=True, value=0.8)["zero_share"]
    assert abs(old - 0.2) < 0.03
    assert abs(ask("dropped", v1=False, value=0.8)["zero_share"] - 0.8) < 0.03


def check_sessions():
    """
    Each planted mistake stops, waits, or loses what was learned.
    """
    stopped = ("without-initializer", "initializer-too-early", "local-initializer", "slots-too-late", "other-session",
               "unfed", "queue", "constant-of-tensor", "tensor-is-fed", "assigned-tensor",
               "target-is-operation")  # fmt: skip
    for fact in stopped:
        assert ask_tensorflow("session", fact=fact)["error"], fact
    assert "DeadlineExceededError" == ask("session", fact="queue")["error"]
    for fact in ("initialized-again", "restored-then-initialized"):
        found = ask("session", fact=fact)
        assert found["same"] is True and "" == found["error"]
    assert ask("session", fact="operations-in-a-loop")["growth"] > 0


def check_operations():
    """
    What fits is built, what does not is refused.
    """
    fits = {"shape": [None, 4]}, {"shape": [4, 3]}
    assert "" == ask_tensorflow("operation", kind="matmul", operands=list(fits))["error"]
    assert ask("operation", kind="matmul", operands=[{"shape": [None, 5]}, {"shape": [4, 3]}])["error"]
    types = [{"shape": [2], "dtype": "int32"}, {"shape": [2]}]
    assert ask("operation", kind="add", operands=types)["error"]
    assert "" == ask("operation", kind="add", operands=[types[1], types[1]])["error"]
    assert ask("operation", kind="fed", operands=[], declared=[None, 4], fed=[2, 5])["error"]
    assert "" == ask("operation", kind="fed", operands=[], declared=[None, 4], fed=[2, 4])["error"]
    texts = [{"shape": [4, 3], "dtype": "string"}, {"shape": [4, 3]}]
    assert ask("operation", kind="loss", function="softmax-cross-entropy", operands=texts)["error"]


def check_layers_and_inputs():
    """
    A recurrent layer needs steps, a model rows of its own shape and a label for each.
    """
    assert ask("layer", layer="LSTM", arguments={"units": 4}, shape=[8])["error"]
    assert "" == ask("layer", layer="LSTM", arguments={"units": 4}, shape=[3, 8])["error"]
    assert "" == ask("entered", declared=[4], given=[4])["error"]
    assert ask("entered", declared=[4], given=[5])["error"]
    assert ask("entered", declared=[4], given=[4], rows=10, labels=9)["error"]


def check_heads():
    """
    A head that fits trains the loss of its answers; others stop, have nothing to learn, or learn something else.
    """
    fits = ask("head", units=4, activation="softmax", loss="sparse_categorical_crossentropy",
               labels={"kind": "class-ids", "width": 4}, by_hand="categorical")  # fmt: skip
    assert "" == fits["error"] and abs(fits["loss"] - fits["of_answers"]) < 1e-4 and fits["moved"] > 0
    rows = ask("head", units=4, activation="softmax", loss="sparse_categorical_crossentropy",
               labels={"kind": "one-hot", "width": 4}, by_hand="categorical")  # fmt: skip
    assert rows["error"]
    single = ask("head", units=1, activation="sigmoid", loss="categorical_crossentropy",
                 labels={"kind": "column", "width": 2}, by_hand="categorical")  # fmt: skip
    assert abs(single["loss"]) < 1e-6
    sigmoids = ask("head", units=4, activation="sigmoid", loss="sparse_categorical_crossentropy",
                   labels={"kind": "class-ids", "width": 4}, by_hand="categorical")  # fmt: skip
    assert abs(sigmoids["loss"] - sigmoids["of_answers"]) > 0.1


def check_training_of_a_frozen_layer():
    """
    Before the first training Keras 3 looks at ``trainable`` again; after it, it does not.
    """
    after, before = ask("toggled", value=False, fitted=True), ask("toggled", value=False, fitted=False)
    assert after["available"] and (after["error"] or after["honoured"] is False)
    assert before["honoured"] is True


def check_what_is_logged():
    """
    The names of metrics, and those of validation where there is some.
    """
    assert ["accuracy", "loss"] == ask("logged", metrics=["accuracy"])["names"]
    names = ask("logged", metrics=["accuracy"], validation=True)["names"]
    assert ["accuracy", "loss", "val_accuracy", "val_loss"] == names


def check_layers_made_in_a_call():
    """
    They have new weights each time, and the model keeps none.
    """
    found = ask("made-in-call", layer="Dense")
    assert 0 == found["kept"] and found["same"] is False
    assert ask("unflagged", layer="Dropout")["zero_share"] == 0.0
    assert ask("unflagged", layer="BatchNormalization")["moved"] is False


def check_pairs():
    """
    A variable in the place of its gradient is no step.
    """
    found = ask_tensorflow("pairs")
    assert found["error"] or not found["right"]


def check_metrics():
    """
    The metric that fits counts as a hand does, the others do not.
    """
    fits = ask("counted", metric="BinaryAccuracy", **{"class": "BinaryAccuracy"}, gives="probabilities")
    assert abs(fits["reported"] - fits["by_hand"]) < 1e-6
    wrong = (
        {"metric": "Accuracy", "class": "Accuracy", "gives": "probabilities"},
        {"metric": "BinaryAccuracy", "class": "BinaryAccuracy", "gives": "scores"},
        {"metric": "AUC", "class": "AUC", "gives": "scores"},
        {"metric": "MeanIoU", "class": "MeanIoU", "gives": "probabilities", "arguments": {"num_classes": 2}},
        {"metric": "CategoricalAccuracy", "class": "CategoricalAccuracy", "gives": "probabilities", "units": 5,
         "labels": "class-ids"},
    )  # fmt: skip
    for given in wrong:
        found = ask("counted", **given)
        assert found["error"] or abs(found["reported"] - found["by_hand"]) > 0.01, given
    assert ask("of-exact-numbers")["close"] < 0.5


def check_metric_of_version_1():
    """
    It compares as it is given; without TensorFlow there is no answer.
    """
    found = ask_tensorflow("counted", metric="accuracy", **{"class": "accuracy"}, gives="probabilities", form="v1")
    assert 0.0 == found["reported"]


def check_losses_both_ways():
    """
    A squared error is the same in both orders, a cross-entropy is not.
    """
    same, other = ask("swapped", function="squared-error"), ask("swapped", function="softmax-cross-entropy")
    assert abs(same["loss"] - same["swapped"]) < 1e-12 < abs(other["loss"] - other["swapped"])


def check_shuffles():
    """
    Rows and labels that are shuffled apart, and parts of a dataset that is shuffled anew.
    """
    assert ask("apart")["together"] < 20
    assert 160 < ask_tensorflow("overlap")["overlap"] + 20
    assert 0 == ask("overlap", reshuffle=False)["overlap"]
    assert ask("order")["same"] is False and ask("order", reshuffle=False)["same"] is True
    assert -1 == ask("cardinality")["elements"] and 6 == ask("cardinality", arguments=[2])["elements"]


def check_words():
    """
    Words are counted from 1, so the largest number is that of the words, unless there is a limit.
    """
    found = ask_tensorflow("words") if WITH_TENSORFLOW else ask("words")
    if not found["available"]:
        raise Skip(found["reason"])
    assert found["words"] == found["largest"]
    assert ask("words", num_words=4)["largest"] == 3


def check_numbers_without_a_row():
    """
    Looking one up is an error, or gives what stands for no row.
    """
    found = ask("looked-up")
    assert found["error"] or found["values"] in ("zeros", "not finite", "those of another row")


def check_preprocessing():
    """
    Normalization that has seen nothing changes nothing; each application has a range of its own.
    """
    assert ask("adapted")["same"] is True
    assert (0.0, 255.0) == tuple(ask("preprocessed", module="efficientnet")[key] for key in ("low", "high"))
    assert (-1.0, 1.0) == tuple(ask("preprocessed", module="mobilenet_v2")[key] for key in ("low", "high"))
    assert ask("preprocessed", module="mobilenet_v2", high=1.0)["high"] < -0.9
    assert ask("loader-shuffles", function="keras.utils.image_dataset_from_directory")["shuffle"] is True
