"""Output that is whole or not there, runs that are interrupted and resumed, progress."""

import csv
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from strategies import share

from trackclf import Tagger, _batching, _commands, _progress, _readers, _resuming, _spool, _writers
from trackclf._records import Record
from trackclf.cli import main

SENTENCE = "本市前瞻布局脑机接口产业。"
DEMO = (ROOT / "fixtures" / "demo.txt").read_text(encoding="utf-8")
# The command line with many marks, small batches, and workers for any input.
PROGRAM = """import sys; from trackclf import _batching, _parallel, _resuming, cli
_resuming._EVERY, _batching.BATCH, _parallel._WORTH = 0.02, 10_000, 20_000
sys.exit(cli.main())"""
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


def table(path, rows=150):
    """A table with a damaged row now and then."""
    texts = (SENTENCE, "今天下了一场小雨。", "园区推动量子计算与传统产业融合,\n首台样机下线。", "")
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["编号", "栏目", "正文"])
        for n in range(rows):
            writer.writerow([n, f"第{n % 7}版", texts[n % 4] * (1 + n % 5), *(["多"] if n % 50 == 9 else [])])
    return path


@pytest.fixture
def source(tmp_path):
    return table(tmp_path / "rows.csv")


@pytest.fixture
def marks(monkeypatch):
    """A mark after each row, without a wait for the disk, and batches of few."""
    monkeypatch.setattr(_resuming, "_EVERY", 0.0)
    monkeypatch.setattr(_resuming, "to_disk", lambda out: out.flush())
    monkeypatch.setattr(_batching, "BATCH", 500)


def beside(path):
    return sorted(other.name.removeprefix(path.name) for other in path.parent.glob(f"*{path.name}?*"))


class StopError(Exception):
    pass


def stop(*_):
    raise StopError


def stopped(monkeypatch, row, *command):
    """A run in which the tagger fails at a row, counted from where it begins."""
    tagged = _commands._tagged

    def failing(records, *args):
        for n, found in enumerate(tagged(records, *args)):
            if n == row:
                stop()
            yield found

    with monkeypatch.context() as patch:
        patch.setattr(_commands, "_tagged", failing)
        with pytest.raises(StopError):
            main([*map(str, command)])


@pytest.mark.parametrize("command", [["tag", "--to", "jsonl"], ["tag", "--to", "csv"], ["tag"], ["explain"]])
def test_stopped_again_and_again_and_resumed(source, tmp_path, capsys, monkeypatch, marks, command):
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert main([*command, str(source), "-o", str(whole)]) == 1
    for turn, row in enumerate((1, 40, 7, 60)):
        stopped(monkeypatch, row, *command, source, "-o", out, *(["--resume"] if turn else []))
        assert beside(out) == [".journal", ".part"]
        assert not out.exists()
    assert "已有 108 条结果" in capsys.readouterr().err
    assert main([*command, str(source), "-o", str(out), "--resume"]) == 1
    assert out.read_bytes() == whole.read_bytes()
    assert beside(out) == []
    assert "3 条未能处理（共 150 条）" in capsys.readouterr().err


def write_counts(rows, out, lang, stamp, kinds):
    """A format that knows only at the end what comes first, in bytes."""
    kept = [(record.id, result and result.to_dict(), record.error) for record, result in rows]
    out.write(f"{len(kept)}\n".encode() + json.dumps(kept, ensure_ascii=False).encode())


def test_a_format_that_is_written_whole_gets_all_rows_at_the_end(source, tmp_path, monkeypatch, marks):
    monkeypatch.setattr(_writers, "write_jsonl", write_counts)
    monkeypatch.setattr(_writers, "APPENDED", ())
    monkeypatch.setattr(_writers, "BINARY", ("jsonl",))
    whole, out = tmp_path / "whole", tmp_path / "out"
    command = ["tag", str(source), "--to", "jsonl", "--segments", "sentence", "-o"]
    assert main([*command, str(whole)]) == 1
    tagger = Tagger()
    records = list(_readers.read(source))
    expected = [(r.id, None if r.error else tagger.tag(r.text, "sentence").to_dict(), r.error) for r in records]
    assert whole.read_bytes() == f"150\n{json.dumps(expected, ensure_ascii=False)}".encode()
    stopped(monkeypatch, 100, *command, out)
    with monkeypatch.context() as patch:  # all is tagged, but not yet written
        patch.setattr(_writers, "write_jsonl", stop)
        with pytest.raises(StopError):
            main([*command, str(out), "--resume"])
    assert beside(out) == [".journal", ".part"]
    assert main([*command, str(out), "--resume"]) == 1
    assert out.read_bytes() == whole.read_bytes()
    assert beside(out) == []


@pytest.mark.parametrize("line", ["{", "[]", '{"record": {"id": 1, "pages": []}, "result": null}', "[" * 9999])
def test_a_damaged_spool_says_so(tagger, line):
    with pytest.raises(_resuming.InputError, match="damaged; --force begins anew"):
        list(_spool.read_rows([line], tagger.labels, tagger.kinds))


def test_results_come_back_from_the_spool(tagger):
    lines = (ROOT / "fixtures" / "labelled" / "modes.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines[:40]] + [DEMO, "", "公司暂无脑机接口业务。", "\ud800 脑机接口"]
    for segments in (None, "sentence"):
        found = list(tagger.tag_many(texts, segments))
        records = [Record(n, text, {"列": [n, None]}, None, "gb18030", (0, 3)) for n, text in enumerate(texts)]
        failed = (Record("坏", "", error="原因"), None)
        out = io.StringIO()
        _spool.write_rows([*zip(records, found, strict=True), failed], out)
        lines = out.getvalue().splitlines(keepends=True)
        assert list(_spool.read_rows(lines, tagger.labels, tagger.kinds)) == [
            *zip(records, found, strict=True),
            failed,
        ]


@posix
@pytest.mark.parametrize(("jobs", "kills"), [(1, 3), (2, 1)])
def test_killed_at_random_and_resumed(tmp_path, jobs, kills):
    source = table(tmp_path / "rows.csv", 6000)
    command = [sys.executable, "-c", PROGRAM, "tag", "--to", "csv", "--jobs", str(jobs), str(source), "-o"]
    start = time.monotonic()
    assert subprocess.run([*command, str(tmp_path / "whole")], stderr=subprocess.DEVNULL).returncode == 1
    seconds = time.monotonic() - start
    out, kept = tmp_path / "out", 0
    for _ in range(kills):
        again = ["--resume"] if kept else []
        running = subprocess.Popen([*command, str(out), *again], stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.3, 0.8) * seconds)  # noqa: S311
        running.kill()
        running.wait()
        if out.exists():
            break
        _, mark = _resuming._read(tmp_path / "out.journal")
        assert mark.records >= kept
        kept = mark.records
    if not out.exists():
        done = subprocess.run([*command, str(out), "--resume"], capture_output=True)
        assert done.returncode == 1, done.stderr.decode()
        assert "120 条未能处理（共 6000 条）" in done.stderr.decode()
    assert out.read_bytes() == (tmp_path / "whole").read_bytes()


@posix
@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_signal_leaves_a_run_to_resume_and_says_so(tmp_path, name, code):
    out, journal = tmp_path / "out", tmp_path / "out.journal"
    # A shell may have told its background jobs to ignore interrupts.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);" + PROGRAM
    command = [sys.executable, "-c", program, "tag", "--from", "lines", "--lang", "en", "-", "-o", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        while running.poll() is None and (not journal.exists() or journal.read_bytes().count(b"\n") < 2):
            running.stdin.write(f"{SENTENCE}\n".encode() * 500)
            running.stdin.flush()
        running.send_signal(getattr(signal, name))
        error = running.stderr.read().decode()
    assert running.returncode == code
    assert error.count("\n") == 1
    assert "with --resume" in error
    assert beside(out) == [".journal", ".part"]


@posix
@pytest.mark.parametrize("to", ["jsonl", "table", "xlsx"])
def test_nothing_whole_is_lost_by_a_signal(source, tmp_path, capsys, monkeypatch, to):
    """No mark is due; the signal comes while a row is tagged, then right behind a row on its way to the file."""
    monkeypatch.setattr(_batching, "BATCH", 500)
    whole, out, part = tmp_path / f"whole.{to}", tmp_path / "out", tmp_path / "out.part"
    command = ["tag", str(source), "--to", to, "-o"]
    assert main([*command, str(whole)]) == 1
    tagged, content = _commands._tagged, _resuming._content

    def signalled(records, *args):
        for n, found in enumerate(tagged(records, *args)):
            if n == 57:
                signal.raise_signal(signal.SIGTERM)
            yield found

    monkeypatch.setattr(_commands, "_tagged", signalled)
    assert main([*command, str(out)]) == 143
    assert "已有 57 条结果" in capsys.readouterr().err
    monkeypatch.setattr(_commands, "_tagged", tagged)

    def behind(record):
        if record.id == "80" and part.exists():
            signal.raise_signal(signal.SIGINT)
        return content(record)

    with monkeypatch.context() as patch:
        patch.setattr(_resuming, "_content", behind)
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have told its jobs to ignore it
        assert main([*command, str(out), "--resume"]) == 130
        signal.signal(signal.SIGINT, before)
    assert "已有 81 条结果" in capsys.readouterr().err
    assert main([*command, str(out), "--resume"]) == 1
    if to != "xlsx":  # which says when it was written
        assert out.read_bytes() == whole.read_bytes()
    assert beside(out) == []


@posix
def test_a_signal_before_anything_is_kept_is_said(source, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_commands, "_tagged", lambda *_: signal.raise_signal(signal.SIGTERM))
    assert main(["tag", str(source), "-o", str(tmp_path / "out")]) == 143
    assert capsys.readouterr().err == "trackclf: 运行中断，没有保存新的结果\n"
    assert beside(tmp_path / "out") == []


@posix
def test_a_full_disk_leaves_a_run_to_resume(tmp_path):
    import resource

    source = table(tmp_path / "rows.csv", 3000)
    whole, out = tmp_path / "whole", tmp_path / "out"
    command = [sys.executable, "-c", PROGRAM, "tag", "--to", "jsonl", str(source), "-o"]
    assert subprocess.run([*command, str(whole)], stderr=subprocess.DEVNULL).returncode == 1
    half = whole.stat().st_size // 2
    done = subprocess.run(
        [*command, str(out)],
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (half, half)),
    )
    assert done.returncode == 2
    assert "--resume" in done.stderr.decode()
    assert beside(out) == [".journal", ".part"]
    assert subprocess.run([*command, str(out), "--resume"], stderr=subprocess.DEVNULL).returncode == 1
    assert out.read_bytes() == whole.read_bytes()


def interrupted(source, out, monkeypatch, *options):
    stopped(monkeypatch, 100, "tag", "--to", "jsonl", source, "-o", out, *options)


def test_what_lies_there_is_never_lost_unasked(source, tmp_path, capsys, monkeypatch, marks):
    out, part, journal = (tmp_path / f"out{end}" for end in ("", ".part", ".journal"))
    command = ["tag", "--to", "jsonl", str(source), "-o", str(out)]

    def refused(*options, message):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        capsys.readouterr()
        assert main([*command, *options]) == 2
        assert message in capsys.readouterr().err
        if "changed" not in message:  # the journal may get an empty line
            assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before

    out.write_text("mine", encoding="utf-8")
    refused(message="--force")
    refused("--resume", message="nothing to resume")
    assert main([*command, "--force"]) == 1
    whole = out.read_bytes()
    out.unlink()

    part.write_text("mine", encoding="utf-8")
    refused(message="something else")
    refused("--resume", message="something else")
    part.unlink()

    interrupted(source, out, monkeypatch)
    refused(message="--resume continues it")
    refused("--resume", "--lang", "en", message="--lang was zh, now en")
    refused("--resume", "--model", "none", message="--model was not given, now none; the model in use was ")
    refused("--resume", "--id-field", "栏目", message="--id-field was not given, now 栏目")
    out.write_text("mine", encoding="utf-8")
    refused("--resume", message="has come since")
    out.unlink()
    rows = source.read_text(encoding="utf-8")
    source.write_text(rows.replace("第3版", "第三版"), encoding="utf-8")
    refused("--resume", message="the input has changed")
    source.write_text("编号,栏目,正文\n", encoding="utf-8")
    refused("--resume", message="the input has changed")
    source.write_text(rows, encoding="utf-8")
    sound = part.read_bytes()
    part.write_bytes(sound[:-1000])
    refused("--resume", message="damaged")
    part.write_bytes(sound + b"torn")
    with journal.open("a", encoding="utf-8") as lines:
        lines.write('{"records": 10')
        for wrong in (
            '{"records": "1", "bytes": 0, "digest": ""}',
            '{"records": 0, "bytes": -1, "digest": ""}',
            "[" * 9999,
        ):
            lines.write(f"\n{wrong}\n")
    assert main([*command, "--resume"]) == 1
    assert out.read_bytes() == whole

    out.write_text("mine", encoding="utf-8")
    interrupted(source, out, monkeypatch, "--force")
    assert out.read_text(encoding="utf-8") == "mine"
    assert main([*command, "--resume"]) == 1
    assert out.read_bytes() == whole
    interrupted(source, out, monkeypatch, "--force")
    assert main([*command, "--force"]) == 1
    assert out.read_bytes() == whole
    assert beside(out) == []


def test_resume_without_anything_there_begins(source, tmp_path):
    assert main(["tag", str(source), "-o", str(tmp_path / "out"), "--resume"]) == 1
    assert (tmp_path / "out").exists()
    assert main(["tag", str(source), "--resume"]) == 2


def test_a_run_that_fails_before_a_mark_leaves_nothing(tmp_path, capsys):
    source, out = tmp_path / "a.csv", tmp_path / "out"
    source.write_text("a,b\n1,2\n", encoding="utf-8")
    assert main(["tag", str(source), "-o", str(out)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    assert "--resume" not in capsys.readouterr().err


@posix
def test_one_process_at_a_time(source, tmp_path, capsys, monkeypatch, marks):
    import fcntl

    out = tmp_path / "out"
    interrupted(source, out, monkeypatch)
    with (tmp_path / "out.journal").open("a") as journal:
        fcntl.flock(journal, fcntl.LOCK_EX)
        for option in ("--resume", "--force"):
            capsys.readouterr()
            assert main(["tag", "--to", "jsonl", str(source), "-o", str(out), option]) == 2
            error = capsys.readouterr().err
            assert "another process" in error
            assert "--resume" not in error
    assert main(["tag", "--to", "jsonl", str(source), "-o", str(out), "--resume"]) == 1


@posix
def test_outputs_that_are_no_files_and_links(source, tmp_path):
    assert main(["tag", str(source), "-o", "/dev/null"]) == 1
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "real").touch()
    (tmp_path / "real").chmod(0o600)
    assert main(["tag", str(source), "-o", str(tmp_path / "link")]) == 2
    assert main(["tag", str(source), "-o", str(tmp_path / "link"), "--force"]) == 1
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_size
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("command", ["review", "eval", "export"])
def test_other_commands_write_whole_files_and_not_over_others(tmp_path, capsys, monkeypatch, command):
    labelled = tmp_path / "rows.jsonl"
    labelled.write_text(json.dumps({"text": SENTENCE, "tracks": {"bci": 2}, "modes": {}}), encoding="utf-8")
    words = {"export": ["taxonomy", "export", "--to", "csv"]}.get(command, [command, str(labelled)])
    out = tmp_path / "out"
    out.write_text("mine", encoding="utf-8")
    assert main([*words, "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert main([*words, "-o", str(out), "--force"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "rows.jsonl"]
    monkeypatch.undo()
    assert main([*words, "-o", str(out), "--force"]) == 0
    assert out.read_text(encoding="utf-8") != "mine"


def test_error_rows_do_not_pile_up(tagger, monkeypatch):
    monkeypatch.setattr(_batching, "_MOST", 50)
    made = 0

    def records():
        nonlocal made
        for made in range(1, 1001):
            yield Record(made, "", {"列": "x"}, "坏")

    for n, (record, result) in enumerate(_commands._tagged(records(), tagger, None, 1), 1):
        assert (record.id, result) == (n, None)
        assert made <= n + 51
    assert n == 1000


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(_progress, "_BAR", (0.0, 0.0))
    monkeypatch.setattr(_progress, "_LINES", (0.0, 0.0))


def unnamed(stream):
    """The lines on standard error but for the failures that it names."""
    return [line for line in stream.getvalue().splitlines() if not line.startswith("  ")]


def test_short_runs_show_nothing(source, tmp_path, monkeypatch):
    for stream in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["tag", str(source), "-o", str(tmp_path / "out"), "--force"]) == 1
        assert len(unnamed(stream)) == 1  # the count of failures


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("zh", ["1/1 个文件", "字，每秒", "用时 00:0", "条未能处理"]),
        ("en", ["1 of 1 files", " a second, ", "00:00 taken"]),
    ],
)
def test_plain_lines(source, tmp_path, monkeypatch, at_once, lang, words):
    command = ["tag", str(source), "--lang", lang, "-o", str(tmp_path / "out"), "--force"]
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main(command) == 1
    shown = unnamed(sys.stderr)
    assert len(shown) > 150
    assert all(word in "".join(shown[-2:]) for word in words)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert main([*command, "--quiet"]) == 1
    assert len(unnamed(sys.stderr)) == 1


def test_bar(source, tmp_path, monkeypatch, at_once):
    folder = tmp_path / "texts"
    folder.mkdir()
    for n in range(20):
        (folder / f"{n:02}.txt").write_text(SENTENCE * 30, encoding="utf-8" if n else "gb18030")
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["tag", str(folder), "-o", str(tmp_path / "out")]) == 0
    shown = sys.stderr.getvalue()
    assert "100%|" in shown
    assert "20/20 个文件，7,800字" in shown
    assert "\rtrackclf: 00.txt: read as gb18030" in shown.replace(" \r", "\r")
    assert shown.endswith("\n")
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setattr(sys.stdout, "reconfigure", lambda **_: None, raising=False)
    assert main(["tag", str(folder)]) == 0  # the terminal shows the rows themselves
    assert "%" not in sys.stderr.getvalue()


def test_bar_of_a_run_that_fails_is_not_drawn_below_what_is_said(source, tmp_path, monkeypatch, at_once, marks):
    monkeypatch.setattr(sys, "stderr", Terminal())
    stopped(monkeypatch, 40, "tag", source, "-o", tmp_path / "out")
    shown = sys.stderr.getvalue()
    assert "%|" in shown
    assert shown.splitlines()[-1].startswith("trackclf: 运行中断，已有 40 条结果")


def test_time_left(monkeypatch, tmp_path):
    now = 100.0
    monkeypatch.setattr(_progress, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    path = tmp_path / "a"
    path.write_bytes(bytes(1000))
    with path.open("rb") as stream, _progress.Meter("en", lambda: [path], bar=False) as meter:
        meter.opened(path, stream)
        stream.read(400)  # of the run before
        now = 105.0
        meter.start()
        stream.read(100)
        now = 129.9
        meter.add("字" * 50)
        assert sys.stderr.getvalue() == ""
        now = 130.0
        meter.add("字" * 50)
        assert sys.stderr.getvalue() == "trackclf: 0 of 1 files, 100 characters, 4 a second, 02:05 left\n"
        stream.read()
    assert sys.stderr.getvalue().endswith("trackclf: 1 of 1 files, 100 characters, 4 a second, 00:30 taken\n")
    meter = _progress.Meter("zh", lambda: None)
    meter.add("字" * 12_345)
    now = 170.0
    meter.look()
    assert sys.stderr.getvalue().endswith("trackclf: 1 万字，每秒 309字，用时 00:40\n")


def test_tqdm_comes_late():
    code = (
        "import sys, numpy; first = set(sys.modules)\n"  # older numpy imports hashlib itself
        "from trackclf.cli import main\n"
        f"assert main(['tag', '--text', {SENTENCE!r}]) == 0\n"
        "late = {'tqdm', 'hashlib', 'trackclf._resuming', 'trackclf._spool'} & (set(sys.modules) - first)\n"
        "assert not late, late"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@share(6)
@given(st.data())
def test_any_cut_of_the_files_resumes_or_is_refused(tmp_path_factory, data):
    """A power cut leaves of both files what was flushed, and anything behind it; less is seen, too."""
    folder = tmp_path_factory.mktemp("cut")
    part, journal = folder / "out.part", folder / "out.journal"
    records = [Record(n, SENTENCE, {"n": n}) for n in range(8)]

    def write(rows, out):
        out.write("head\n")
        for record, _ in rows:
            out.write(f"{record.id}\n")

    def run(last=None, resume=False):
        def tag(some):
            for n, record in enumerate(some):
                if n == last:
                    raise StopError
                yield record, None

        file = _resuming.LongFile(folder / "out", {"a": 1}, resume, False)
        file.write(records, tag, write, lambda record: None)

    def cut(path, behind):
        blob = path.read_bytes()
        at = data.draw(st.integers(0, len(blob)))
        path.write_bytes(blob[:at] + (data.draw(st.binary(max_size=3)) if at >= behind else b""))
        return at

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_resuming, "_EVERY", 0.0)
        patch.setattr(os, "fsync", lambda handle: None)
        with pytest.raises(StopError):
            run(data.draw(st.integers(1, 7)))
        cut(journal, 0)
        head, mark = _resuming._read(journal)
        if head is None or cut(part, mark.bytes) < mark.bytes:
            with pytest.raises(_resuming.InputError, match="damaged"):
                run(resume=True)
        else:
            run(resume=True)
            assert (folder / "out").read_text(encoding="utf-8") == "head\n" + "".join(f"{n}\n" for n in range(8))
