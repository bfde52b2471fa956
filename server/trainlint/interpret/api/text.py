"""Words as numbers: the Tokenizer of Keras, whose numbers run from 1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from trainlint.interpret.api.registry import attribute, handles, method
from trainlint.program.values import NONE, Ref, Tensor, Unknown, Value

if TYPE_CHECKING:
    from trainlint.interpret.api.call import ApiCall
    from trainlint.interpret.machine import Machine
    from trainlint.program.values import ApiObject


@handles("keras.preprocessing.text.Tokenizer")
def tokenizer(call: ApiCall) -> Value:
    call.bind_as("num_words", num_words=None)
    return call.object("tokenizer")


@method("tokenizer", "fit_on_texts", "fit_on_sequences")
def fit_on_texts(call: ApiCall) -> Value:
    return NONE


@method("tokenizer", "texts_to_sequences")
def texts_to_sequences(call: ApiCall) -> Value:
    """Rows of word numbers; 0 is nobody's, so that it can fill up short rows."""
    output = Tensor(shape=(None, None), dtype="int64", low=1.0, high=math.inf, library="np")
    return call.emit("data", output=output, tokenizer=call.receiver)


@attribute("tokenizer", "word_index", "index_word")
def word_index(machine: Machine, reference: Ref, record: ApiObject, place: Any) -> Value:
    """The words by number, which only a run knows; its length has a name."""
    return Unknown(origin=("words", reference.id), reason="the words are those of the texts", place=place)
