"""The settings of an editor, and what they make of a configuration."""

from __future__ import annotations

import pytest

from trainlint.config import Config
from trainlint.lsp.settings import read_settings


@pytest.mark.parametrize("given", [{}, {"peek": False}, {"trainlint": {"peek": None}}])
def test_configuration_file_does_not_open_data_files(given):
    """A folder that is only opened to be looked at cannot have its data read by what stands in it."""
    settings, problems = read_settings(given, [])

    assert [] == problems
    assert not settings.applied_to(Config(peek=True)).peek


def test_editor_opens_data_files():
    """The user's own setting does, also where the configuration says nothing."""
    settings, problems = read_settings({"trainlint.peek": True}, [])

    assert [] == problems
    assert settings.applied_to(Config()).peek
    assert ["the setting trainlint.peek must be true or false"] == read_settings({"peek": "yes"}, [])[1]
