"""Tables that people read."""

import pytest
from rich.console import Console

from hp_lab.cli import output


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(width=26, record=True)
    monkeypatch.setattr(output, "console", console)
    return console


def test_a_table_that_is_too_wide_breaks_between_words(narrow: Console) -> None:
    output.print_table("films", ["film", "fa_fraction", "phase_purity"], [["s1", 0, 1]])
    text = narrow.export_text()
    assert "fraction" in text
    assert "purity" in text
    assert "fa fraction" not in text


def test_a_long_word_is_folded_and_never_cut_off(narrow: Console) -> None:
    word = "abcdefghijklmnopqrstuvwxyz"
    output.print_table("words", ["word"], [[word]])
    assert word in "".join(narrow.export_text().split())


def test_a_title_is_not_broken_by_a_narrow_table(narrow: Console) -> None:
    output.print_table("a title of words", ["n"], [[1]])
    assert "a title of words\n" in narrow.export_text()
