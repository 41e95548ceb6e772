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


@pytest.mark.parametrize("name", ["console", "err_console"])
@pytest.mark.parametrize("text", ["C[n+]1ccccc1", "gap [ev]", "[/l]", ":x:"])
def test_brackets_and_colons_are_printed_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
) -> None:
    monkeypatch.setattr(output, "console", getattr(output, name))
    output.print_table(text, [text], [[text]])
    told = capsys.readouterr()
    assert (told.out + told.err).count(text) == 3
