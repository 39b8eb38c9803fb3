import doctest
import runpy
from pathlib import Path

import pytest
from conftest import ROOT

import trackclf
from trackclf import _characters, _estimator, _features, _matching, _tagger, _taxonomy_files, load_taxonomy


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "docs/estimator.md", "docs/saving.md"])
def test_code_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(ROOT / name), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS)
    assert result.attempted > 2
    assert result.failed == 0


@pytest.mark.parametrize("module", [_characters, _estimator, _features, _matching, _tagger, _taxonomy_files])
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_labels_page_is_the_taxonomy():
    render = runpy.run_path(str(ROOT / "docs" / "render_labels.py"))["render"]
    assert (ROOT / "docs" / "labels.md").read_text(encoding="utf-8") == render(load_taxonomy())


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
    import re

    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), (page.name, target)


def test_versions_agree():
    assert trackclf.__version__ in Path(ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
