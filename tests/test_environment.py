"""What a run finds around it: home, temporary folder, pipes, locale, line ends, clock, closed streams."""

import json
import os
import subprocess
import sys
import tempfile
import time

import pytest
from test_failures import names, posix, run, said
from test_long_runs import PROGRAM, SENTENCE, table

from trackclf import Tagger, _compiled
from trackclf._segmenting import Segmenter
from trackclf.cli import main

CLOSED = {"stdin": 0, "stdout": 1, "stderr": 2}


# Cache, home and temporary folder


@posix
@pytest.mark.parametrize("home", ["file/below", None])
def test_a_home_that_cannot_be_written_to(tmp_path, home):
    (tmp_path / "file").touch()
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME", "TRACKCLF_CACHE")}
    env |= {"HOME": str(tmp_path / home)} if home else {"XDG_CACHE_HOME": "/dev/null/no"}
    command = [sys.executable, "-m", "trackclf", "tag", "--text", SENTENCE]
    done = subprocess.run(command, env=env, capture_output=True)
    said(done, 0, lines=0)
    assert "脑机接口" in done.stdout.decode()


def test_no_temporary_folder_is_needed(source, folder, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", "off")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: pytest.fail("it was asked for"))
    assert main(["tag", "--to", "parquet", str(source), "-o", str(folder / "out")]) == 1
    assert names(folder) == ["out"]
    assert list(Segmenter().words("量子计算机"))  # jieba's dictionary is read


def test_a_workbook_without_a_temporary_folder(source, folder, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    assert main(["tag", str(source), "-o", str(folder / "out.xlsx")]) == 2
    assert "set TMPDIR" in capsys.readouterr().err
    assert names(folder) == ["out.xlsx.journal", "out.xlsx.part"]


@posix
def test_workers_without_the_temporary_folder_that_is_named(source, folder, tmp_path):
    env = {"TMPDIR": str(tmp_path / "nowhere")}
    assert run("tag", "--to", "csv", source, "--jobs", "2", program=PROGRAM, env=env).returncode == 1
    assert not (tmp_path / "nowhere").exists()


# Broken pipes


@posix
@pytest.mark.parametrize("command", [["tag", "--to", "csv"], ["tag", "--jobs", "2", "--to", "csv"], ["explain"]])
def test_a_reader_that_has_seen_enough(tmp_path, command):
    source = table(tmp_path / "rows.csv", 3000)
    shown = " ".join([sys.executable, "-c", f"'{PROGRAM}'", *command, str(source), "2>&1 | head -n 1"])
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {shown}"], capture_output=True)  # noqa: S607
    said(done, 0, lines=0)
    assert done.stdout.count(b"\n") == 1


# Locale, line ends, code pages


C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@posix
def test_the_locale_c(source, folder):
    expected = json.dumps(Tagger().tag(SENTENCE).to_dict("text"), ensure_ascii=False) + "\n"
    done = run("tag", "--to", "jsonl", "--text", SENTENCE, "--text-field", "正文", env=C_LOCALE)
    said(done, 0, lines=0)
    assert done.stdout.decode() == expected
    done = run("tag", "--to", "csv", source, "--text-field", "正文", "-o", folder / "表.csv", env=C_LOCALE)
    said(done, 1, "3 条未能处理（共 150 条）", lines=4)
    assert names(folder) == ["表.csv"]
    assert "脑机接口" in (folder / "表.csv").read_text(encoding="utf-8")
    done = run("--help", env=C_LOCALE)
    said(done, 0, lines=0)
    assert "标注" in done.stdout.decode()


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "lines"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp936", "utf-16"])
def test_line_ends_and_code_pages_of_windows(tmp_path, name, encoding):
    rows = {
        "a.txt": f"{SENTENCE}\n今天下了一场小雨。\n",
        "a.csv": f'编号,正文\n1,{SENTENCE}\n2,"今天,\n下雨"\n',
        "a.tsv": f"编号\t正文\n1\t{SENTENCE}\n",
        "a.jsonl": json.dumps({"id": 1, "text": SENTENCE}, ensure_ascii=False) + "\n",
        "lines": f"{SENTENCE}\n今天下了一场小雨。\n",
    }[name]
    command = ["tag", "--to", "jsonl", "--encoding", encoding, *(["--from", "lines"] if name == "lines" else [])]
    found = []
    for ends in ("\n", "\r\n"):
        path, out = tmp_path / name, tmp_path / "out"
        path.write_bytes(rows.replace("\n", ends).encode(encoding))
        assert main([*command, str(path), "-o", str(out), "--force"]) == 0
        found.append([json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()])
    for one, other in zip(*found, strict=True):
        places = [[(e["text"], e["start"]) for t in row["tracks"] for e in t["evidence"]] for row in (one, other)]
        assert places[0] == places[1]
    assert [t["id"] for t in found[1][0]["tracks"]] == ["bci"]


def test_a_taxonomy_with_line_ends_of_windows(make_taxonomy):
    own = make_taxonomy()
    digest = Tagger(own).stamp["taxonomy"]
    for path in own.rglob("*.toml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert Tagger(own).stamp["taxonomy"] == digest
    assert main(["taxonomy", "check", "--taxonomy", str(own)]) == 0


@posix
def test_a_code_page_on_standard_output_does_not_change_it():
    command = ["tag", "--to", "jsonl", "--text", f"{SENTENCE}😀"]
    assert run(*command, env={"PYTHONIOENCODING": "cp936"}).stdout == run(*command).stdout


# Clocks


def test_a_clock_that_jumps(source, folder, tmp_path, monkeypatch):
    whole = folder / "whole"
    command = ["tag", "--to", "jsonl", str(source), "-o"]
    assert main([*command, str(whole)]) == 1
    years = iter(range(10_000))
    monkeypatch.setattr(time, "time", lambda: 4e9 * (next(years) % 2))  # 1970, 2096, and again
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path / "cache"))
    assert main([*command, str(folder / "out")]) == 1
    assert (folder / "out").read_bytes() == whole.read_bytes()


def test_a_cache_written_when_the_clock_was_ahead_gives_way(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path))
    for n in range(9):
        _compiled.write(str(n), (n,))
        os.utime(_compiled._path(str(n)), (4e9, 4e9))
    _compiled.write("now", (1,))
    assert _compiled.read("now") == (1,)
    assert len(names(tmp_path)) == _compiled._KEPT


def test_a_clock_before_1980_and_a_workbook(source, folder, monkeypatch, capsys):
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(0))
    assert main(["tag", str(source), "-o", str(folder / "out.xlsx")]) == 2
    assert "set it, or choose --to csv" in capsys.readouterr().err
    assert names(folder) == ["out.xlsx.journal", "out.xlsx.part"]


# Closed standard streams


@posix
@pytest.mark.parametrize("closed", [["stdin"], ["stdout"], ["stderr"], list(CLOSED)])
def test_closed_streams_do_not_matter_to_a_file(source, folder, closed):
    expected = folder / "expected"
    assert main(["tag", "--to", "csv", str(source), "-o", str(expected)]) == 1
    close = "import os; [os.close(n) for n in {}]; os.execv({!r}, {!r})"
    command = [sys.executable, "-c", PROGRAM, "tag", "--to", "csv", str(source), "-o", str(folder / "o"), "--jobs", "2"]
    code = close.format([CLOSED[name] for name in closed], sys.executable, command)
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 1
    assert (folder / "o").read_bytes() == expected.read_bytes()
    assert names(folder) == ["expected", "o"]


@posix
def test_closed_streams_that_are_needed_say_so(source):
    def shell(command):
        return subprocess.run(f"{sys.executable} -m trackclf {command}", shell=True, capture_output=True)  # noqa: S602

    said(shell("tag - <&-"), 2, "standard input is closed", "name a file")
    for command in (f"explain {source}", "taxonomy show"):
        said(shell(f"{command} >&-"), 2, "standard output closed", "-o FILE")
    done = shell("tag /nowhere 2>&-")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")  # an error does not go where results go
