"""What fails around a run: each failure says what to do in one line, leaves nothing half-written, and loses nothing uncounted."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from conftest import ROOT
from test_long_runs import PROGRAM, SENTENCE, beside, table

from trackclf import Tagger, TaxonomyError, _compiled, _resources, _resuming, _taxonomy
from trackclf._authoring import new_taxonomy
from trackclf._segmenting import Segmenter
from trackclf.cli import main

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")
CLOSED = {"stdin": 0, "stdout": 1, "stderr": 2}


def run(*args, program=None, env=None, limits=(), **options):
    """The command line as a process of its own; `limits` are pairs as `setrlimit` takes them."""

    def prepare():
        import resource

        for name, value in limits:
            resource.setrlimit(getattr(resource, name), (value, value))

    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8")}
    command = [sys.executable, *(["-c", program] if program else ["-m", "trackclf"]), *map(str, args)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, env=clean | (env or {}), preexec_fn=prepare if limits else None, **options)


def said(done, code, *words, lines=1):
    """The one line on standard error."""
    error = done.stderr.decode()
    assert done.returncode == code, error
    assert error.count("\n") == lines, error
    assert all(word in error for word in words), error


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


@pytest.fixture
def source(tmp_path):
    (tmp_path / "in").mkdir()
    return table(tmp_path / "in" / "rows.csv")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


# Killed workers


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_a_run_whose_worker_is_killed_says_so_and_resumes(tmp_path, folder):
    source, whole, out = table(tmp_path / "rows.csv", 6000), tmp_path / "whole", folder / "out"
    command = ["tag", "--to", "csv", "--lang", "en", source, "-o"]
    assert run(*command, whole, program=PROGRAM).returncode == 1
    arguments = map(str, [*command, out, "--jobs", "2"])
    running = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.PIPE)
    workers = []
    while running.poll() is None and not (workers and _resuming._read(folder / "out.journal")[1].records):
        time.sleep(0.01)
        children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
        workers = [n for n in children if b"popen_loky" in Path(f"/proc/{n}/cmdline").read_bytes()]
    os.kill(int(workers[0]), signal.SIGKILL)
    error = running.communicate()[1].decode()
    assert running.returncode == 2, error
    assert all(words in error for words in ("a worker process died", "Try fewer jobs", "with --resume"))
    assert "Traceback" not in error
    assert run(*command, out, "--resume", program=PROGRAM).returncode == 1
    assert out.read_bytes() == whole.read_bytes()
    assert beside(out) == []


# Full disks


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", [["tag", "--text", SENTENCE], ["taxonomy", "show"], ["tag", "--jobs", "2"]])
def test_standard_output_on_a_full_disk(source, command):
    command = [*command, "--to", "csv", source] if "--jobs" in command else command
    with open("/dev/full", "wb") as full:
        said(run(*command, stdout=full), 2, "No space left", "free some space")


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_standard_error_on_a_full_disk_or_without_a_reader_does_not_stop_the_work(source, folder):
    (source.parent / "gb.txt").write_bytes(SENTENCE.encode("gb18030"))  # a note on standard error
    read, write = os.pipe()
    os.close(read)
    for n, stderr in enumerate((open("/dev/full", "wb"), os.fdopen(write, "wb"))):  # noqa: SIM115
        with stderr:
            assert run("tag", "--to", "csv", source.parent, "-o", folder / f"{n}", stderr=stderr).returncode == 1
    assert (folder / "0").read_bytes() == (folder / "1").read_bytes()
    assert len((folder / "0").read_text(encoding="utf-8").splitlines()) > 151


def in_a_small_place(folder, room, *args, env=None):
    """The command line with a disk of `room` mounted on `folder`, and what lies there afterwards."""
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && { "$@"; code=$?; ls -A "$FOLDER" >&3; exit $code; }'
    command = [sys.executable, "-m", "trackclf", *map(str, args)]
    with tempfile.TemporaryFile() as listing:
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", script + " 3>&1 1>/dev/null", "-", room, folder, *command],  # noqa: S607
            stdout=listing,
            stderr=subprocess.PIPE,
            env=os.environ | {"FOLDER": str(folder)} | (env or {}),
        )
        listing.seek(0)
        return done, listing.read().decode().split()


def can_mount():
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(  # noqa: S602
                f"unshare -m mount -t tmpfs tmpfs {folder}", shell=True, stderr=subprocess.DEVNULL
            )
        except OSError:
            return False
        return done.returncode == 0


mounts = pytest.mark.skipif(not can_mount(), reason="mounting a small disk is not allowed here")


@mounts
@pytest.mark.parametrize("to", ["jsonl", "parquet", "html", "xlsx"])
def test_a_small_disk(source, folder, to):
    done, left = in_a_small_place(folder, "size=12k", "tag", "--to", to, source, "-o", folder / "out")
    said(done, 2, "No space left", "free some space")
    assert left == []


@mounts
def test_a_small_temporary_folder(source, folder):
    place = folder.with_name("tmp")
    place.mkdir()
    done, left = in_a_small_place(
        place, "size=8k", "tag", source, "-o", folder / "o.xlsx", env={"TMPDIR": str(place), "FOLDER": str(place)}
    )
    said(done, 2, str(place), "set TMPDIR", lines=2 if "--resume" in done.stderr.decode() else 1)
    assert left == []
    assert names(folder) in ([], ["o.xlsx.journal", "o.xlsx.part"])


@mounts
def test_a_read_only_disk(folder):
    done, left = in_a_small_place(folder, "ro", "tag", "--text", SENTENCE, "-o", folder / "out.csv")
    said(done, 2, "Read-only", "choose another place")
    place = {"HOME": str(folder), "XDG_CACHE_HOME": "", "TRACKCLF_CACHE": ""}
    done, left = in_a_small_place(folder, "ro", "tag", "--text", SENTENCE, env=place)
    said(done, 0, lines=0)
    assert left == []


@posix
def test_a_cache_that_finds_no_room_is_not_there(tmp_path):
    cache = tmp_path / "cache"
    done = run("tag", "--text", SENTENCE, env={"TRACKCLF_CACHE": str(cache)}, limits=[("RLIMIT_FSIZE", 10_000)])
    said(done, 0, lines=0)
    assert "脑机接口" in done.stdout.decode()
    assert names(cache) == []


def test_a_taxonomy_that_finds_no_room_stays_as_it_was(make_taxonomy, tmp_path, monkeypatch, capsys):
    from conftest import label_file

    unsorted = label_file("b", "track", 2, ['{ t = "乙片", k = "weak" }', '{ t = "芯片", k = "core" }'])
    own = make_taxonomy({"tracks/b.toml": unsorted})
    before = names(own)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main(["taxonomy", "check", "--fix", "--taxonomy", str(own)]) == 2
    assert "free some space" in capsys.readouterr().err
    assert (own / "tracks" / "b.toml").read_text(encoding="utf-8") == unsorted
    assert names(own) == before
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", lambda *args, **_: full(0))
        with pytest.raises(TaxonomyError, match=r"No space left.*choose another folder"):
            new_taxonomy(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_not_there(source, tmp_path, capsys):
    assert main(["tag", str(source), "-o", str(tmp_path / "no" / "out.csv")]) == 2
    assert "make it first" in capsys.readouterr().err


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


@pytest.mark.parametrize("to", ["csv", "parquet"])
def test_no_temporary_folder_is_needed(source, folder, monkeypatch, to):
    monkeypatch.setenv("TRACKCLF_CACHE", "off")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: pytest.fail("it was asked for"))
    assert main(["tag", "--to", to, str(source), "-o", str(folder / "out")]) == 1
    assert names(folder) == ["out"]
    tagger = Tagger()
    assert tagger.tag("从0到1打造6G产业创新高地,数据中台部署大模型。").tags  # jieba's dictionary is read
    assert list(Segmenter().words("量子计算机"))


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


# Broken copies


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package as a wheel installs it."""
    package = tmp_path_factory.mktemp("installed") / "trackclf"
    shutil.copytree(ROOT / "src" / "trackclf", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "taxonomy", package / "taxonomy")
    return package


def half(blob):
    return blob[: len(blob) // 2]


BROKEN = [
    ("model/manifest.json", None),
    ("model/*.npz", None),
    ("model/*.npz", half),
    ("taxonomy/taxonomy.toml", None),
    ("taxonomy/taxonomy.toml", half),
    ("taxonomy/classes.toml", None),
    ("taxonomy/regional.toml", bytes),
    ("taxonomy/tracks/*.toml", None),
    ("taxonomy/tracks/*.toml", half),
    ("taxonomy/modes/*.toml", None),
    ("taxonomy/modes/*.toml", bytes),
    ("data/characters.json", None),
    ("data/characters.json", half),
]


@pytest.mark.parametrize(("name", "harm"), BROKEN, ids=lambda value: getattr(value, "__name__", str(value)))
def test_a_broken_installation_says_that_it_is(copy, folder, monkeypatch, capsys, name, harm):
    path = next(copy.glob(name))
    whole = path.read_bytes()
    try:
        if harm:
            path.write_bytes(harm(whole) if harm is half else b"")
        else:
            path.unlink()
        command = ["tag", "--text", SENTENCE, "-o", str(folder / "o")]
        if name.startswith("data"):  # read once a process, or where the package is
            command[0] = "report" if "report" in name else "tag"
            said(run(*command, env={"PYTHONPATH": str(copy.parent), "TRACKCLF_CACHE": "off"}), 2, "reinstall trackclf")
        else:
            monkeypatch.setattr(_resources, "_PACKAGE", copy)
            monkeypatch.setenv("TRACKCLF_CACHE", str(folder))
            _taxonomy._shipped.cache_clear()
            assert main(command) == 2
            error = capsys.readouterr().err
            assert "reinstall trackclf" in error
            assert error.count("\n") == 1
        assert names(folder) == []
    finally:
        path.write_bytes(whole)
        _taxonomy._shipped.cache_clear()


# Memory


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs limits of memory")
def test_a_limit_of_memory_is_said_and_the_run_resumes(tmp_path, folder):
    source, whole, out = table(tmp_path / "rows.csv", 1500), tmp_path / "whole", folder / "out"
    # At a row memory is limited to what there is at that moment, and much is asked for.
    limited = """import mmap, resource
from trackclf import _commands
tagged = _commands._tagged
def few(*args):
    for n, row in enumerate(tagged(*args)):
        if n == 1000:
            now = int(open("/proc/self/statm").read().split()[0]) * mmap.PAGESIZE
            resource.setrlimit(resource.RLIMIT_AS, (now, now))
            bytearray(1 << 28)
        yield row
_commands._tagged = few
"""
    command = ["tag", "--to", "jsonl", source, "-o"]
    assert run(*command, whole, program=PROGRAM).returncode == 1
    said(run(*command, out, program=limited + PROGRAM), 2, "memory ran out", "--resume", lines=2)
    assert beside(out) == [".journal", ".part"]
    assert run(*command, out, "--resume", program=PROGRAM).returncode == 1
    assert out.read_bytes() == whole.read_bytes()


# Locale, line ends, code pages


C_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@posix
def test_the_locale_c(source, folder):
    expected = json.dumps(Tagger().tag(SENTENCE).to_dict("text"), ensure_ascii=False) + "\n"
    done = run("tag", "--to", "jsonl", "--text", SENTENCE, "--text-field", "正文", env=C_LOCALE)
    said(done, 0, lines=0)
    assert done.stdout.decode() == expected
    done = run("tag", "--to", "csv", source, "--text-field", "正文", "-o", folder / "表.csv", env=C_LOCALE)
    said(done, 1, "3 条未能处理（共 150 条）")
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
