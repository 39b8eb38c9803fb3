"""What reading decides by itself and says: columns, files of several tables, guesses, what is passed over, what failed."""

import csv
import io
import json

import openpyxl
import pytest
from conftest import ROOT
from test_formats import SENTENCE, one, read, workbook

import trackclf
from trackclf import InputError
from trackclf._records import missing_extra
from trackclf.cli import main


@pytest.mark.parametrize("name", ["新闻内容", "全文", "摘要", "简介", "内容摘要", "正文内容"])
def test_a_text_goes_before_its_title(tmp_path, name):
    for record in (
        one(tmp_path / "csv", "a.csv", f"标题,{name}\n快讯,{SENTENCE}\n"),
        one(tmp_path / "xlsx", "a.xlsx", workbook(["标题", name], ["快讯", SENTENCE])),
        one(tmp_path / "jsonl", "a.jsonl", json.dumps({"标题": "快讯", name: SENTENCE})),
    ):
        assert record.text == SENTENCE


def test_a_title_alone_is_said_once_a_file(tmp_path):
    rows = f"标题,要闻\n甲,{SENTENCE}\n乙,{SENTENCE}\n"
    records, notes = read(tmp_path, {"a.csv": rows})
    assert [record.text for record in records] == ["甲", "乙"]
    assert notes == ["a.csv: text taken from 标题; --text-field names another"]
    lines = '{"title": "甲"}\n{"title": "乙"}\n'
    files = {"b.csv": rows, "c.jsonl": lines, "d.jsonl": lines, "e.xlsx": workbook(["标题"], ["甲"]), "f.csv": rows}
    _, notes = read(tmp_path, files)
    assert notes == [
        "a.csv: text taken from 标题; --text-field names another",
        "c.jsonl: text taken from title; --text-field names another",
        "3 more (b.csv, e.xlsx, f.csv): text taken from 标题; --text-field names another",
        "1 more (d.jsonl): text taken from title; --text-field names another",
    ]
    assert read(tmp_path, {}, text_field="要闻", exclude=["*.jsonl", "*.xlsx"])[1] == []
    assert read(tmp_path, {}, text_field=["title", "标题"])[1] == []  # it was asked for


def test_fields_are_tried_in_order_and_then_the_usual_ones(tmp_path, capsys):
    files = {
        "a.csv": f"网址,稿件\nu1,{SENTENCE}\n",
        "b.csv": f"链接,稿子,正文\nu2,{SENTENCE},别的\n",
        "c.csv": f"编号,正文\n3,{SENTENCE}\n",
    }
    records, notes = read(tmp_path, files, text_field=("稿件", "稿子"), id_field=("网址", "链接"))
    assert [(record.id, record.text) for record in records] == [("u1", SENTENCE), ("u2", SENTENCE), ("3", SENTENCE)]
    assert notes == ["c.csv: no column 稿件 or 稿子; text taken from 正文"]
    options = ["--text-field", "稿件", "--text-field", "稿子", "--id-field", "网址", "--id-field", "链接"]
    assert main(["tag", "--to", "jsonl", str(tmp_path), *options]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["u1", "u2", "3"]
    with pytest.raises(InputError, match="no field '稿件'"):  # a slip in the only file is not passed over
        list(trackclf.read(tmp_path / "c.csv", text_field="稿件"))


def test_rows_of_several_files_say_which(tmp_path, capsys):
    table = f"编号,正文\n1,{SENTENCE}\n2,今天下雨。\n"
    records, _ = read(tmp_path, {"a.csv": table, "b.csv": table, "c.txt": SENTENCE, "d.docx": b"PK\x03\x04"})
    assert [record.id for record in records] == ["1", "2", "1", "2", "c.txt", "d.docx"]
    files = ["a.csv", "a.csv", "b.csv", "b.csv", "c.txt", "d.docx"]
    assert [record.source_file for record in records] == files
    assert main(["tag", "--to", "jsonl", str(tmp_path)]) == 1
    assert [json.loads(line)["source_file"] for line in capsys.readouterr().out.splitlines()] == files
    for order in (["a.csv", "b.csv", "c.txt"], ["c.txt", "b.csv"]):
        assert main(["tag", "--to", "csv", *(str(tmp_path / name) for name in order)]) == 0
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        assert list(dict.fromkeys(row["source_file"].rpartition("/")[2] for row in rows)) == order
        assert all(row["id"] for row in rows)
    for name in ("out.xlsx", "out.html", "out.parquet"):
        assert main(["tag", str(tmp_path), "-o", str(tmp_path.parent / name)]) == 1
    texts, evidence = ([*sheet.values] for sheet in openpyxl.load_workbook(tmp_path.parent / "out.xlsx").worksheets[:2])
    assert [row[texts[0].index("source_file")] for row in texts[1:]] == files
    assert {row[-1] for row in evidence} == {"source_file", "a.csv", "b.csv", "c.txt"}
    assert '"facts":[["source_file","b.csv"]' in (tmp_path.parent / "out.html").read_text(encoding="utf-8")
    from pyarrow import parquet

    assert parquet.read_table(tmp_path.parent / "out.parquet")["source_file"].to_pylist() == files
    capsys.readouterr()
    assert main(["explain", str(tmp_path)]) == 1
    heads = [line.strip("─ ") for line in capsys.readouterr().out.splitlines() if line.startswith("──")]
    assert heads == ["1 · a.csv", "2 · a.csv", "1 · b.csv", "2 · b.csv", "c.txt", "d.docx"]
    assert main(["tag", "--to", "jsonl", str(tmp_path / "a.csv")]) == 0  # one file needs no such column
    assert "source_file" not in capsys.readouterr().out


def test_guesses_are_said_once_and_counted(tmp_path, capsys):
    for n in range(6):
        (tmp_path / f"{n}.txt").write_bytes(SENTENCE.encode("gbk"))
    assert main(["tag", str(tmp_path)]) == 0
    said = "read as gb18030, by how Chinese it looks; --encoding says otherwise"
    shown = [f"trackclf: 0.txt: {said}", f"trackclf: 5 more (1.txt, 2.txt, 3.txt …): {said}"]
    assert capsys.readouterr().err.splitlines() == shown
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    assert main(["tag", str(tmp_path), "--quiet", "-o", str(tmp_path.parent / "out.csv"), "--lang", "en"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "trackclf: 1 of 7 could not be processed",
        "  a.docx: the Word file is incomplete or damaged; fetch or save it again (File is not a zip file)",
    ]


def test_what_old_files_should_be_saved_as(tmp_path):
    old = {f"{name}.doc": b"\xd0\xcf\x11\xe0" for name in "abcd"} | {"e.XLS": b"", "f.wps": b"", "g.jpg": b""}
    with pytest.raises(
        InputError, match=r"holds no file .*; save a.doc, b.doc, c.doc … as .docx; save e.XLS as .xlsx$"
    ):
        read(tmp_path, old)
    _, notes = read(tmp_path, {"z.txt": SENTENCE}, exclude=["[b-d].doc"])
    passed = "4 files passed over (.XLS, .doc, .jpg, .wps)"
    assert notes == [f"{tmp_path}: {passed}; save a.doc, f.wps as .docx; save e.XLS as .xlsx"]


def test_a_pattern_in_quotes_is_pointed_to_include(tmp_path):
    with pytest.raises(InputError, match=r"mine --include '\*\.docx'$"):
        trackclf.read(str(tmp_path / "mine" / "*.docx"))
    with pytest.raises(InputError, match=r"no such file or folder$"):
        trackclf.read(tmp_path / "mine")


@pytest.mark.parametrize("command", ["tag", "report", "review", "stress"])
def test_the_first_that_failed_are_named(tmp_path, capsys, command):
    source = tmp_path / "a.jsonl"
    source.write_text(json.dumps({"text": SENTENCE}) + "\n{\n[]\n{\n1\n", encoding="utf-8")
    out = str(tmp_path / ("out.txt" if command == "stress" else "out.html"))
    assert main([command, str(source), "--lang", "en", "-o", out, *(["--to", "html"] if command == "tag" else [])]) == 1
    count, *named, rest = capsys.readouterr().err.splitlines()
    assert (count, rest) == ("trackclf: 4 of 5 could not be processed", "  …")
    assert [line.split(": ")[0] for line in named] == [f"  {source}#{n}" for n in (2, 3, 4)]
    assert all(": not JSON: " in line or "must be an object" in line for line in named)


def test_a_library_that_does_not_load_is_not_to_be_installed():
    by_hand = ImportError("lxml.html.clean module is now a separate project\nInstall it.")
    assert str(missing_extra("docs", by_hand)) == (
        "a library that reading it needs does not load: lxml.html.clean module is now a separate project Install it."
    )


def test_the_extra_brings_what_old_pips_leave_out():
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert any(item.startswith("lxml-html-clean>=") for item in extras["docs"])
