"""What the name of an argument says of its share."""

import pytest

from trainlint.program.shares import meaning


@pytest.mark.parametrize(
    "spelled",
    [
        "keep_prob",
        "args.keep_prob",
        "self.keep_rate",
        "config['keep_prob']",
        "dropout_keep_prob",
        "keepProb",
        "KEEP",
        "p_keep",
        "1 - drop_rate",
    ],
)
def test_names_of_a_share_to_keep(spelled):
    """A name with "keep" and a word for a probability is a share to keep; so is 1 minus a share to drop."""
    assert "keep" == meaning(spelled)


@pytest.mark.parametrize(
    "spelled", ["drop_rate", "dropout_rate", "args.drop_prob", "DROPOUT_RATE", "droprate", "1 - keep_prob"]
)
def test_names_of_a_share_to_drop(spelled):
    """A name with "drop" and a word for a probability is a share to drop; so is 1 minus a share to keep."""
    assert "drop" == meaning(spelled)


@pytest.mark.parametrize("spelled", [None, "dropout", "rate", "p", "keep_dims", "keep_best", "drop_last", "1 - rate"])
def test_names_that_say_neither(spelled):
    """`dropout` names both in published code, and other names with "keep" or "drop" are about something else."""
    assert meaning(spelled) is None
