"""No network is ever used, and nothing is written but the outputs and the cache."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from test_long_runs import table

# Runs commands and the classifier in one process, in which it is an error to look up a name, to connect or to send. (Importing
# urllib3, which trafilatura brings, binds a socket to ::1, to see whether there is IPv6.)
PROGRAM = """import json, sys
REFUSED = ("connect", "getaddrinfo", "gethostby", "getnameinfo", "sendto", "sendmsg")
def refuse(event, args):
    module, _, what = event.partition(".")
    if module in ("http", "urllib", "ftplib", "smtplib") or (module == "socket" and what.startswith(REFUSED)):
        raise SystemExit(f"the network is used: {event} {args}")
sys.addaudithook(refuse)
from trackclf import _batching, _parallel
from trackclf.cli import main
_batching.BATCH, _parallel._WORTH = 5000, 0
for command, code in json.loads(sys.argv[1]):
    assert main(command) == code, command
if len(sys.argv) > 2:
    sys.exit()
from trackclf import Tagger, TrackClassifier
texts = ["园区建设养老服务中心。", "今天下雨。", "本市布局脑机接口。", "社区养老驿站开放。"] * 5
fitted = TrackClassifier().fit(texts, [["elderly"], [], ["bci"], ["elderly"]] * 5)
fitted.predict(texts)
fitted.save("classifier")
Tagger().save("tagger")
"""
OUTPUTS = ["t.jsonl", "t.csv", "t.parquet", "t.xlsx", "t.html", "e.txt", "r.html", "c.html", "v.json", "s.ttl"]


def commands(source):
    labelled = str(ROOT / "fixtures" / "labelled" / "none.jsonl")
    page = str(source.with_name("page.html"))
    return [
        *((["tag", source, "-o", name], 1) for name in OUTPUTS[:5]),
        (["tag", source, "--jobs", "2", "--to", "csv", "-o", "t.csv", "--force"], 1),
        (["tag", page, str(source.with_name("notes.docx")), "--to", "jsonl", "-o", "t.jsonl", "--force"], 0),
        (["explain", source, "-o", "e.txt"], 1),
        (["report", source, "-o", "r.html"], 1),
        (["review", source, "-n", "5", "-o", "c.html"], 1),
        (["eval", labelled, "--to", "json", "-o", "v.json"], 0),
        (["taxonomy", "export", "--to", "turtle", "-o", "s.ttl"], 0),
    ]


def without_network():
    """`unshare -n`, where it is allowed: workers are under it too."""
    command = ["unshare", "-n"]
    try:
        return command if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode == 0 else []
    except OSError:
        return []


@pytest.mark.skipif(os.name != "posix", reason="HOME and TMPDIR are POSIX's")
@pytest.mark.parametrize("cache", ["", "off"])
def test_no_network_and_no_file_but_what_was_asked_for(tmp_path, cache):
    import docx

    for name in ("home", "tmp", "work", "in"):
        (tmp_path / name).mkdir()
    source = table(tmp_path / "in" / "rows.csv", 300)
    page = "<html><link rel=stylesheet href=https://example.org/a.css><img src=http://example.org/b.png><p>本市布局脑机接口。"
    (tmp_path / "in" / "page.html").write_text(page, encoding="utf-8")
    document = docx.Document()
    document.add_paragraph("首台量子计算机下线。")
    document.save(tmp_path / "in" / "notes.docx")
    given = files(tmp_path / "in")
    env = {k: v for k, v in os.environ.items() if k not in ("XDG_CACHE_HOME", "JOBLIB_TEMP_FOLDER")}
    env |= {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "TRACKCLF_CACHE": cache}
    some = commands(source)[: 1 if cache else None]
    todo = json.dumps([([str(word) for word in words], code) for words, code in some])
    more = ["no more"] if cache else []
    done = subprocess.run(
        [*without_network(), sys.executable, "-c", PROGRAM, todo, *more],
        cwd=tmp_path / "work",
        env=env,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr.decode()
    made = {name.partition("/")[0] for name in files(tmp_path / "work")}
    assert made == ({OUTPUTS[0]} if cache else {*OUTPUTS, "classifier", "tagger"})
    assert files(tmp_path / "tmp") == []
    assert files(tmp_path / "in") == given
    kept = files(tmp_path / "home")
    assert all(name.startswith(".cache/trackclf/") and name.endswith(".bin") for name in kept)
    assert bool(kept) == (cache != "off")


def files(folder: Path):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
