"""What the README says can be typed, and what it lists is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")


def test_every_make_command_of_the_readme_is_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", README, re.MULTILINE))
    assert {"demo", "test", "check", "test-core", "clean"} <= named
    assert named <= targets


def test_make_help_names_every_target_that_a_person_calls():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert phony is not None
    told = set(re.findall(r"@echo 'make ([a-z-]+)", makefile))
    assert set(phony[1].split()) - told == {"help", "setup", "setup-core"}


PATHS = set(re.findall(r"`([\w/-]+(?:\.py|\.yaml|/))`", README)) - {"runs/"}


@pytest.mark.parametrize("path", sorted(PATHS))
def test_every_path_of_the_readme_is_there(path: str):
    assert (ROOT / path).exists() or (ROOT / "hp_lab" / path).exists()


def links() -> list[tuple[Path, str]]:
    """Every relative link of the README and the docs."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text("utf-8"))
    ]


def test_every_link_of_the_docs_leads_somewhere():
    found = links()
    assert found
    assert [link for link in found if not (link[0].parent / link[1]).exists()] == []


def test_ci_calls_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "\nmake test\n" in script
    assert "\nmake check\n" in script


def test_data_of_others_is_listed_with_its_licence():
    folders = {
        path.parent.relative_to(ROOT) for path in ROOT.glob("hp_lab/**/LICENSE*")
    }
    listed = set(re.findall(r"^\| `(hp_lab/[\w/]+)` \|", README, re.MULTILINE))
    assert {str(folder) for folder in folders} == listed
