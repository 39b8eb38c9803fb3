"""Each benchmark runs on tiny input, answers right and writes what the page is made from. No time is asserted."""

import json
import os
import runpy
import subprocess
import sys

import pytest
from conftest import ROOT

FIGURES = {
    "speed": ("million_characters_a_second", "microseconds"),
    "rivals": ("million_characters_a_second",),
    "scaling": ("nanoseconds_a_character",),
    "memory": ("peak_mb",),
    "startup": ("milliseconds",),
    "jobs": ("texts_a_second",),
    "taxonomy_size": ("value",),
    "long_run": ("peak_mb",),
}


def run(name, *options):
    command = [sys.executable, str(ROOT / "benchmarks" / f"{name}.py"), "--quick", *map(str, options)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", env=os.environ | {"PYTHONUTF8": "1"}
    )


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Rows of each program, made once."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for name in FIGURES:
        done = run(name, "--json", folder / f"{name}.jsonl")
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("name", FIGURES)
def test_rows_are_right_and_whole(measured, name):
    rows = rows_of(measured / f"{name}.jsonl")
    assert rows
    for row in rows:
        assert row["program"] == name
        assert {"Python", "trackclf", "numpy"} == set(row["versions"])
        assert {"processor", "architecture", "cores", "system"} == set(row["machine"])
        if "skipped" in row:
            assert "pip install" in row["skipped"] or "no jobs" in row["skipped"]
        else:
            assert row["right"] is True
            assert any(row.get(figure, 0) > 0 for figure in FIGURES[name])


def test_page_is_made_from_the_rows(measured):
    page = runpy.run_path(str(ROOT / "docs" / "render_benchmarks.py"))
    text = page["render"](page["rows_of"](measured))
    for head in (
        "Speed",
        "Beside other tools",
        "How it grows",
        "Memory",
        "Starting",
        "More processes",
        "A large taxonomy",
        "Long runs",
        "Weaknesses",
    ):
        assert f"## {head}\n" in text
    assert "wrong answer" not in text


def test_own_text(tmp_path):
    path = tmp_path / "own.jsonl"
    texts = ["园区前瞻布局脑机接口，首台量子计算机下线。", "今天下了一场小雨。"] * 20
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    done = run("speed", "--corpus", path, "--json", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = rows_of(tmp_path / "out.jsonl")
    assert {row["count"] for row in rows if row["texts"] == "own"} == {len(texts)}
    assert all(row["evidence"] > 0 for row in rows)


def test_a_wrong_answer_has_no_figures(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import _common

    options = _common.parser("A test.").parse_args(["--json", str(tmp_path / "rows.jsonl")])
    report = _common.Report(options, {"what": "<8", "seconds": ".1f"})
    report.add(True, {"seconds": 1.5}, what="good")
    report.add(False, {"seconds": 98765.4}, rival=True, what="bad")
    assert not report.wrong
    report.add(False, {"seconds": 98765.4}, what="bad")
    with pytest.raises(SystemExit) as error:
        report.close()
    assert error.value.code == 1
    good, rival, bad = rows_of(tmp_path / "rows.jsonl")
    assert good["seconds"] == 1.5
    for row in (rival, bad):
        assert row["right"] is False
        assert "seconds" not in row
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "98765" not in out


def test_load_counts_what_is_wrong():
    from load import BLOCK, Load

    load = Load(300, 1)
    blocks = iter([False] * 12 + [True])
    load.work(lambda: next(blocks))
    assert set(load.done) == {"tag", "tag_many", "segments", "scores", "explain", "predict"}
    assert not load.wrong.total() + load.failed.total()
    load.expected["record"][BLOCK] ^= 1
    load._check("tag_many", BLOCK, load.texts(BLOCK, BLOCK + 9))
    load._check("tag", 0, [None])
    assert (load.wrong.total(), load.failed.total()) == (1, 1)
    assert "another answer" in load.first[0]


def test_load_runs_to_its_end(monkeypatch, capsys):
    import load

    monkeypatch.setattr(sys, "argv", ["load.py", "--minutes", "0.01", "--strings", "300"])
    with pytest.raises(SystemExit):  # 1 where memory grew, which so short a run cannot help
        load.main()
    assert "by 8 threads" in (said := capsys.readouterr().out)
    assert "0 wrong, 0 errors or warnings" in said
