import doctest
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import trackclf
from trackclf import (
    _authoring,
    _characters,
    _estimator,
    _exchange,
    _features,
    _matching,
    _review,
    _tagger,
    _taxonomy_files,
    load_taxonomy,
)


@pytest.mark.parametrize(
    "name", ["README.md", "README.zh-CN.md", "docs/estimator.md", "docs/saving.md", "docs/review.md"]
)
def test_code_blocks_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = doctest.testfile(str(ROOT / name), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS)
    assert result.attempted > 2
    assert result.failed == 0


@pytest.mark.parametrize("name", ["taxonomy.md", "long-runs.md"])
def test_consoles_run(name, tmp_path, monkeypatch):
    page = ROOT / "docs" / name
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    shown = "".join(blocks)
    commands = re.findall(r"^\$ (.*(?:\n> .*)*)", shown, re.MULTILINE)
    assert len(commands) > 4
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "PYTHONUTF8": "1"}
    again = ""
    for command in commands:
        script = ["bash", "-c", command.replace("\n> ", "\n")]
        done = subprocess.run(script, capture_output=True, encoding="utf-8", env=env)
        again += f"$ {command}\n{done.stdout}{done.stderr}"
    assert again == shown
    if name == "taxonomy.md":  # its code reads what the commands made
        result = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
        assert result.attempted > 4
        assert result.failed == 0


@pytest.mark.parametrize(
    "module", [_authoring, _characters, _estimator, _exchange, _features, _matching, _review, _tagger, _taxonomy_files]
)
def test_examples_in_docstrings_run(module):
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_exchange_of_taxonomies_runs_as_documented(tmp_path, monkeypatch):
    import re
    import shlex

    from trackclf.cli import main

    page = ROOT / "docs" / "exchange.md"
    blocks = dict(re.findall(r"```(\w+)\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
    monkeypatch.chdir(tmp_path)
    for kind, name in (("turtle", "names.ttl"), ("csv", "names.csv")):
        (tmp_path / name).write_text(blocks[kind], encoding="utf-8")
    for line in blocks["sh"].splitlines():
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    assert load_taxonomy("copy").digest == load_taxonomy().digest
    assert doctest.testfile(str(page), module_relative=False, encoding="utf-8") == (0, 3)


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
