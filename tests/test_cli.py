import csv
import io
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT, label_file

from trackclf import tag
from trackclf.cli import main

SENTENCE = "本市前瞻布局脑机接口产业。"
DEMO = ROOT / "fixtures" / "demo.txt"


def run(*args, input=None, check=True, cwd=None):
    env = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "trackclf", *map(str, args)], input=input, capture_output=True, cwd=cwd, env=env
    )
    if check:
        assert done.returncode == 0, done.stderr.decode()
    return done


def records(capsys, *args, code=0):
    assert main(["tag", "--to", "jsonl", *map(str, args)]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def ids(record):
    return [item["id"] for item in record["tracks"]]


def test_text_option(capsys):
    (record,) = records(capsys, "--text", SENTENCE)
    assert record == tag(SENTENCE).to_dict("text")
    first, second = records(capsys, "--text", SENTENCE, "--text", "今天下雨。")
    assert (first["id"], ids(first)) == ("text1", ["bci"])
    assert (second["id"], second["abstained"]) == ("text2", "no_evidence")


def test_every_output_format_and_language(capsys):
    for lang, name in (("zh", "脑机接口"), ("en", "Brain–computer interface")):
        assert main(["tag", "--lang", lang, "--text", SENTENCE]) == 0
        assert name[:10] in capsys.readouterr().out
        assert main(["explain", "--lang", lang, "--text", SENTENCE]) == 0
        out = capsys.readouterr().out
        assert "[脑机接口]" in out
        assert "[6:10]" in out
        assert "\x1b[" not in out
    assert main(["explain", "--colour", "always", "--text", SENTENCE]) == 0
    assert "\x1b[1;" in capsys.readouterr().out


def test_files_folders_and_standard_input(tmp_path, capsys):
    (tmp_path / "b.txt").write_text(SENTENCE, encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("量子计算", encoding="utf-8")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    found = records(capsys, tmp_path)
    assert [(r["id"], ids(r)) for r in found] == [("b.txt", ["bci"]), ("sub/a.md", ["quantum"])]
    assert main(["tag", str(tmp_path)]) == 0
    assert "1 files passed over (.jpg)" in capsys.readouterr().err
    done = run("tag", "-", "--to", "jsonl", input=SENTENCE.encode())
    assert json.loads(done.stdout)["id"] == "-"
    rows = "\n".join(json.dumps({"id": n, "text": SENTENCE, "date": "2026"}) for n in (5, 3)).encode()
    found = [json.loads(line) for line in run("tag", "-", "--to", "jsonl", input=rows).stdout.splitlines()]
    assert [(r["id"], r["date"]) for r in found] == [(5, "2026"), (3, "2026")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_encodings_are_found(tmp_path, capsys, encoding):
    path = tmp_path / "news.txt"
    path.write_bytes((DEMO.read_text(encoding="utf-8")).encode(encoding))
    (record,) = records(capsys, path)
    assert ids(record) == ["quantum", "bci", "low-altitude"]


def test_big5_is_found_and_never_silently(tmp_path, capsys):
    text = "臺灣業者擴建先進封裝產能,帶動積體電路設備與半導體材料的需求成長。"
    path = tmp_path / "news.txt"
    path.write_bytes(text.encode("big5"))
    assert main(["tag", "--to", "jsonl", str(path)]) == 0
    shown = capsys.readouterr()
    assert ids(json.loads(shown.out)) == ["ic"]
    assert "news.txt: read as big5" in shown.err
    assert "--encoding" in shown.err
    path.write_bytes(text.encode("utf-8"))
    assert main(["tag", str(path)]) == 0
    assert capsys.readouterr().err == ""


def test_csv_keeps_everything_in_order(tmp_path, capsys):
    path = tmp_path / "rows.csv"
    rows = [["编号", "标题", "正文", "tracks"], ["7", "甲", SENTENCE, "旧"], ["2", "乙,丙", "两行\n文字", ""]]
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows(rows)
    assert main(["tag", "--to", "csv", str(path)]) == 0
    back = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(r["编号"], r["标题"], r["正文"], r["tracks"]) for r in back] == [tuple(r) for r in rows[1:]]
    assert [r["trackclf_tracks"] for r in back] == ["bci", ""]
    assert "id" not in back[0]  # 编号 is the id
    found = records(capsys, path)
    assert [(r["id"], r["标题"], r["input_tracks"]) for r in found] == [("7", "甲", "旧"), ("2", "乙,丙", "")]


def test_lines_and_tsv(tmp_path, capsys):
    path = tmp_path / "a.txt"
    path.write_text(f"{SENTENCE}\n\n今天下雨。\n", encoding="utf-8")
    assert [r["id"].rpartition("#")[2] for r in records(capsys, path, "--from", "lines")] == ["1", "3"]
    path = tmp_path / "a.tsv"
    path.write_text(f"id\tcontent\nx\t{SENTENCE}\n", encoding="utf-8")
    assert [(r["id"], ids(r)) for r in records(capsys, path)] == [("x", ["bci"])]


def test_a_bad_row_is_a_record_and_the_rest_goes_on(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    good = json.dumps({"id": "g", "text": SENTENCE}, ensure_ascii=False).encode()
    path.write_bytes(
        b"\n".join([b"{oops", good, b'{"id": 1}', b'{"id": 2, "text": 5}', b"[1]", b'{"text": "\xb2\xe2"}', good])
    )
    assert main(["tag", "--to", "jsonl", str(path)]) == 1
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert [bool(r.get("error")) for r in found] == [True, False, True, True, True, True, False]
    assert "5 条未能处理（共 7 条）" in shown.err
    assert "--text-field" in found[2]["error"]
    assert found[3]["id"] == 2
    assert main(["tag", "--to", "jsonl", "--strict", str(path)]) == 2
    assert main(["tag", str(path)]) == 1
    assert "出错" in capsys.readouterr().out


def test_ragged_csv_rows(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n1,{SENTENCE}\n2,a,b,c\n3\n", encoding="utf-8")
    assert main(["tag", "--to", "jsonl", str(path)]) == 1
    first, second, third = map(json.loads, capsys.readouterr().out.splitlines())
    assert (ids(first), second["more"], third["abstained"]) == (["bci"], ["b", "c"], "too_short")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "--text TEXT"),
        (["x", "--text", "y"], "one of them"),
        (["missing.txt"], "missing.txt: no such file"),
        (["{demo}", "--encoding", "klingon"], "no encoding is called 'klingon'"),
        (["{demo}", "-o", "{demo}"], "both input and output"),
        (["{demo}", "-o", "{demo}/x"], "is no folder"),
        (["{demo}", "-o", "{empty}/no/x.csv"], "no does not exist; make it first"),
        (["{demo}", "-o", "{empty}"], "empty is a folder; name a file in it"),
        (
            ["{demo}", "-o", "{empty}/a.xls"],
            "by .xls; let -o end in .txt, .jsonl, .csv, .parquet, .xlsx, .html, .htm or",
        ),
        (["{csv}"], "Try --text-field"),
        (["{csv}", "--text-field", "c"], "no field 'c'; it has: a, b"),
        (["{empty}"], "holds no file"),
    ],
)
def test_usage_errors(tmp_path, capsys, args, message):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    (tmp_path / "demo.txt").write_text(SENTENCE, encoding="utf-8")
    places = {"demo": tmp_path / "demo.txt", "csv": tmp_path / "t.csv", "empty": tmp_path / "empty"}
    assert main(["tag", *(arg.format(**places) for arg in args)]) == 2
    assert message in capsys.readouterr().err
    assert (tmp_path / "demo.txt").read_text(encoding="utf-8") == SENTENCE


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["report", "{demo}", "-o", "page.csv"], "page.csv: no format is known by .csv; let -o end in .html, .htm"),
        (["review", "{demo}", "-o", "page.csv"], "page.csv: no format is known by .csv"),
        (["eval", "{demo}", "-o", "page.csv"], "let -o end in .html, .htm, .txt, .json or in nothing, or say --to"),
        (["report", "{demo}", "-o", "no/page.html"], "the folder no does not exist; make it first"),
        (["explain", "{demo}", "-o", "no/a.txt"], "the folder no does not exist; make it first"),
        (["review", "{demo}", "-o", "no/page.html"], "the folder no does not exist; make it first"),
        (["eval", "{demo}", "-o", "no/page.html"], "the folder no does not exist; make it first"),
        (["taxonomy", "export", "--to", "csv", "-o", "no/a.csv"], "the folder no does not exist; make it first"),
        (["eval", "{demo}"], "labelled text is JSON Lines"),
    ],
)
def test_usage_errors_of_other_commands(tmp_path, monkeypatch, capsys, args, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.txt").write_bytes(SENTENCE.encode("gb18030"))
    assert main([arg.format(demo="demo.txt") for arg in args]) == 2
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["demo.txt"]


@pytest.mark.parametrize(
    ("args", "usage", "message"),
    [
        (["reprot"], "trackclf ", "did you mean report?"),
        (["taxonomy", "shwo"], "trackclf taxonomy ", "did you mean show?"),
        (["tag", "a.txt", "--txet-field=x"], "trackclf tag ", "did you mean --text-field?"),
        (["taxonomy", "show", "--lnag", "en"], "trackclf taxonomy show ", "did you mean --lang?"),
        (["tag", "a.txt", "--to", "jsnol"], "trackclf tag ", "did you mean jsonl?"),
        (["review", "a.txt"], "trackclf review ", "required: -o/--output"),
    ],
)
def test_misspelt_words(capsys, args, usage, message):
    with pytest.raises(SystemExit) as end:
        main(args)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith(f"usage: {usage}")
    assert message in error.splitlines()[-1]


def test_unknown_option_is_a_usage_error():
    assert run("tag", "--nothing", check=False).returncode == 2
    assert run(check=False).returncode == 2


def test_output_file(tmp_path, capsys):
    path = tmp_path / "out.jsonl"
    assert records(capsys, "--text", SENTENCE, "-o", path) == []
    assert ids(json.loads(path.read_text(encoding="utf-8"))) == ["bci"]


def test_lone_surrogates_survive_as_escapes():
    row = b'{"id": 1, "text": "\\ud800 \xe8\x84\x91\xe6\x9c\xba\xe6\x8e\xa5\xe5\x8f\xa3"}'
    record = json.loads(run("tag", "-", "--to", "jsonl", input=row).stdout)
    assert record["text"].startswith("\ud800")
    assert ids(record) == ["bci"]


def test_head_ends_quietly(tmp_path):
    path = tmp_path / "many.txt"
    path.write_text(f"{SENTENCE}\n" * 20_000, encoding="utf-8")
    command = f"{sys.executable} -m trackclf tag --from lines {path} | head -n 2"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True)  # noqa: S607
    assert done.returncode == 0
    assert done.stderr == b""
    assert len(done.stdout.splitlines()) == 2


def test_taxonomy_show(capsys):
    assert main(["taxonomy", "show"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) == 18 + 2
    assert shown.count("暂拟") == 5
    assert main(["taxonomy", "show", "quantum", "--lang", "en"]) == 0
    assert "Quantum" in capsys.readouterr().out
    assert main(["taxonomy", "show", "--to", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 18
    assert main(["taxonomy", "show", "nothing"]) == 2
    assert "it has: quantum" in capsys.readouterr().err


def test_taxonomy_check(make_taxonomy, capsys):
    assert main(["taxonomy", "check"]) == 0
    assert "18" in capsys.readouterr().out
    folder = make_taxonomy(
        {"tracks/b.toml": label_file("b", "track", 2, ['{ t = "乙片", k = "weak" }', '{ t = "芯片", k = "core" }'])}
    )
    assert main(["taxonomy", "check", "--taxonomy", str(folder), "--lang", "en"]) == 2
    shown = capsys.readouterr()
    assert "tracks/b.toml:15" in shown.out
    assert "1 faults" in shown.err
    assert main(["taxonomy", "check", "--fix", "--taxonomy", str(folder)]) == 0
    assert main(["taxonomy", "check", "--taxonomy", "/nowhere"]) == 2


def test_help_and_show_stay_light():
    for args in (["--help"], ["taxonomy", "show"]):
        code = (
            "import sys; from trackclf.cli import main\n"
            f"try: main({args!r})\nexcept SystemExit: pass\n"
            "heavy = {'numpy', 'jieba', 'sklearn', 'joblib', 'scipy'} & set(sys.modules); assert not heavy, heavy"
        )
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
