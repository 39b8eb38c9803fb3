import doctest
import importlib
import re
import runpy
from pathlib import Path

import pytest
from conftest import ROOT

import trackclf
from trackclf import load_taxonomy

PAGES = [ROOT / "README.md", ROOT / "README.zh-CN.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_the_page_runs(page):
    runpy.run_path(str(ROOT / "docs" / "run_blocks.py"))["run_page"](page)


def modules_with_examples():
    source = ROOT / "src" / "trackclf"
    return [path.stem for path in sorted(source.glob("*.py")) if ">>> " in path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(f"trackclf.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_labels_page_is_the_taxonomy():
    render = runpy.run_path(str(ROOT / "docs" / "render_labels.py"))["render"]
    assert (ROOT / "docs" / "labels.md").read_text(encoding="utf-8") == render(load_taxonomy(tracks="all"))


def test_model_card_is_the_manifest():
    page = runpy.run_path(str(ROOT / "docs" / "render_model_card.py"))
    assert (ROOT / "docs" / "model-card.md").read_text(encoding="utf-8") == page["render"](
        page["manifest_of"](page["SHIPPED"])
    )


def test_benchmarks_page_is_its_measurements():
    page = runpy.run_path(str(ROOT / "docs" / "render_benchmarks.py"))
    assert page["PAGE"].read_text(encoding="utf-8") == page["render"](page["rows_of"](page["FOLDER"]))
    assert page["PLOT"].exists()


def test_links_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_versions_agree():
    assert trackclf.__version__ in Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
