"""What fails around a run: each failure says what to do in one line, leaves nothing half-written, and loses nothing uncounted."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import ROOT
from test_long_runs import PROGRAM, SENTENCE, beside, table
from test_parallel import alive, within

from trackclf import TaxonomyError, _resources, _resuming, _taxonomy
from trackclf._authoring import new_taxonomy
from trackclf.cli import main

posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX system")


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


# Killed workers


children = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")


def workers(running):
    found = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    return [int(n) for n in found if b"popen_loky" in Path(f"/proc/{n}/cmdline").read_bytes()]


@children
def test_a_run_whose_worker_is_killed_says_so_and_resumes(tmp_path, folder):
    source, whole, out = table(tmp_path / "rows.csv", 6000), tmp_path / "whole", folder / "out"
    command = ["tag", "--to", "csv", "--lang", "en", source, "-o"]
    assert run(*command, whole, program=PROGRAM).returncode == 1
    arguments = map(str, [*command, out, "--jobs", "2"])
    running = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stderr=subprocess.PIPE)
    assert within(60, lambda: workers(running) and _resuming._read(folder / "out.journal")[1].records)
    os.kill(workers(running)[0], signal.SIGKILL)
    error = running.communicate()[1].decode()
    assert running.returncode == 2, error
    assert all(words in error for words in ("a worker process died", "Try fewer jobs", "with --resume"))
    assert "Traceback" not in error
    assert run(*command, out, "--resume", program=PROGRAM).returncode == 1
    assert out.read_bytes() == whole.read_bytes()
    assert beside(out) == []


@children
def test_workers_end_with_a_run_that_is_killed(tmp_path):
    source = table(tmp_path / "rows.csv", 6000)
    command = [sys.executable, "-c", PROGRAM, "tag", str(source), "-o", str(tmp_path / "out"), "--jobs", "2"]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert within(60, lambda: len(workers(running)) == 2)
        time.sleep(0.5)  # they have work
        running.kill()
        running.wait()
        assert within(20, lambda: not alive(running.pid)), "a worker is left"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


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
