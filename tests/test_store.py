import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import tracemalloc
import zipfile
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from fuzz_store import TEXTS, fuzz, make, members_of, npy, pack, read, sign, some_weights

import trackclf
from trackclf import ModelError, Tagger, _resources, _store
from trackclf._saving import _plain, taxonomy_array, taxonomy_of
from trackclf._weights import SPEC, load_weights
from trackclf.cli import main


def same(one, other, texts=TEXTS):
    assert one.stamp == other.stamp
    assert one.taxonomy == other.taxonomy
    assert np.array_equal(one.scores(texts), other.scores(texts))
    assert [r.to_dict() for r in one.tag_many(texts, "sentence")] == [
        r.to_dict() for r in other.tag_many(texts, "sentence")
    ]


@pytest.fixture(scope="module")
def made(small, tmp_path_factory):
    return make(tmp_path_factory.mktemp("whole"), small.taxonomy)


@pytest.fixture
def saved(small, tmp_path):
    Tagger(small.taxonomy, weights=some_weights("abm")).save(tmp_path / "saved")
    return tmp_path / "saved"


@pytest.mark.parametrize(("weights", "threshold"), [("shipped", "precision>=0.95"), (None, None)])
def test_a_loaded_tagger_is_the_saved_one(tmp_path, weights, threshold, monkeypatch):
    tagger = Tagger(threshold=threshold, weights=weights)
    tagger.save(tmp_path / "t")
    texts = ["本市前瞻布局脑机接口,首台量子计算机下线。", "公司暂无低空经济业务", "推动传统产业转型升级,培育未来产业。"]
    tagger.tag(texts[0])
    taxonomy = tagger.taxonomy
    monkeypatch.setattr(
        _resources, "taxonomy_dir", lambda: tmp_path / "none"
    )  # another machine, without the shipped one
    monkeypatch.setattr(_resources, "model_dir", lambda: tmp_path / "none")
    loaded = Tagger.load(tmp_path / "t")
    assert loaded.taxonomy == taxonomy
    assert loaded.taxonomy.digest == taxonomy.digest
    assert loaded.stamp == tagger.stamp
    assert [r.to_dict() for r in loaded.tag_many(texts)] == [r.to_dict() for r in tagger.tag_many(texts)]
    if threshold:
        assert loaded.thresholds(threshold)["create"]["precision"] > 0.9


def test_own_taxonomies_and_weights(small, saved):
    tagger = Tagger(small.taxonomy, weights=some_weights("abm"))
    loaded = Tagger.load(str(saved))
    same(tagger, loaded)
    same(tagger, pickle.loads(pickle.dumps(loaded)))  # noqa: S301
    (saved / "manifest.json").write_text("{")  # damage is repaired
    loaded.save(saved)
    same(tagger, Tagger.load(saved))
    promised = Tagger(small.taxonomy, "recall>=0.5", some_weights("abm"))
    same(promised, Tagger.load(saved, "recall>=0.5"))
    with pytest.raises(ValueError, match="a promise is"):
        Tagger.load(saved, "f1>=0.5")
    assert sorted(path.name for path in saved.iterdir()) == sorted([*read(saved)[0]["files"], "manifest.json"])


def test_what_could_not_be_loaded_is_not_saved(small, tmp_path):
    entries = small.taxonomy.entries
    term = replace(entries[0].terms[0], text="别的词")  # its pieces are those of another
    wrong = [replace(entries[0], terms=(term,)), *entries[1:]]
    above = dict(zip([entry.label.id for entry in entries], ("b", "a", ""), strict=True))
    circle = [replace(entry, label=replace(entry.label, parent=above[entry.label.id])) for entry in entries]
    for name in ("a", "m"):  # itself; a label of another kind
        wrong_parent = replace(entries[0], label=replace(entries[0].label, parent=name))
        with pytest.raises(ModelError, match="leads back to it or is of another kind"):
            taxonomy_array(replace(small.taxonomy, entries=(wrong_parent, *entries[1:])))
    hostile = json.dumps(_plain(replace(small.taxonomy, entries=tuple(circle)))).encode()
    with pytest.raises(ValueError, match="leads back to it"):
        taxonomy_of(np.frombuffer(hostile, np.uint8))
    for taxonomy in (replace(small.taxonomy, entries=tuple(wrong)), replace(small.taxonomy, regional={"": "好"})):
        with pytest.raises(ModelError, match="cannot be saved"):
            Tagger(taxonomy, weights=None).save(tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_the_command_line_takes_what_was_saved(saved, tmp_path, capsys):
    assert main(["tag", "--model", str(saved), "--text", "天算发布6G", "--to", "jsonl"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert [tag["id"] for tag in row["tracks"]] == ["a"]
    assert row["stamp"] == Tagger.load(saved).stamp
    assert main(["tag", "--model", str(saved), "--threshold", "recall>=0.5", "--text", "天算"]) == 0
    assert main(["tag", "--model", str(saved), "--threshold", "x", "--text", "天算"]) == 2
    load_weights(_resources.model_dir()).save(tmp_path / "weights")
    assert main(["tag", "--model", str(tmp_path / "weights"), "--text", "脑机接口"]) == 0
    (saved / "manifest.json").write_text("{}")
    capsys.readouterr()
    assert main(["tag", "--model", str(saved), "--text", "天算"]) == 2
    assert "model format unknown" in capsys.readouterr().err


def test_the_shipped_model_is_as_it_would_be_saved(tmp_path):
    """The bytes repeat wherever zlib packs alike; the arrays do everywhere."""
    weights = load_weights(_resources.model_dir())
    weights.save(tmp_path / "m")
    again = load_weights(tmp_path / "m")
    assert again.manifest == weights.manifest
    for name in SPEC:
        assert np.array_equal(getattr(weights, name), getattr(again, name))
        assert getattr(again, name).flags.writeable


def edit(**changes):
    def harm(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return harm


def resign(**changes):
    def harm(folder):
        manifest, name, blob = read(folder)
        (folder / name).unlink()
        sign(folder, manifest | changes, blob)

    return harm


def on_archive(change):
    def harm(folder):
        path = next(folder.glob("*.npz"))
        change(path)

    return harm


def link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def pipe(path):
    path.unlink()
    os.mkfifo(path)


HARMS = {
    "older": (edit(format=2), "model format 2, this version reads 3. Save or train again with this version"),
    "newer": (edit(format=4, kind=7), "model format 4, this version reads 3. Upgrade"),
    "no format": (edit(format=True), "format unknown"),
    "kind": (resign(kind="classifier"), r"read it with TrackClassifier.load\(folder\)"),
    "edited": (edit(threshold="recall>=0.9"), "damaged or was edited"),
    "other file": (edit(files={"../x.npz": "0" * 64}), "names other files"),
    "two files": (edit(files={"a": "0" * 64, "b": "0" * 64}), "names other files"),
    "no digest": (edit(files={"weights-xyz.npz": "xyz"}), "names"),
    "promise": (resign(threshold="as you like"), "a promise is"),
    "facts": (resign(weights=[]), "weights must be facts"),
    "labels": (resign(weights={"labels": ["a", "a", "m"]}), "list of ids"),
    "fewer labels": (resign(weights={"labels": ["a", "m"]}), "2 labels, but numbers for 3"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "it has no manifest.json"),
    "no archive": (on_archive(lambda path: path.unlink()), "cannot be read: No such file"),
    "cut": (on_archive(lambda path: path.write_bytes(path.read_bytes()[:-9])), "is not the file that"),
    "link": (on_archive(link), "is a link"),
    "pipe": (on_archive(pipe), "is no file"),
    "folder": (on_archive(lambda path: (path.unlink(), path.mkdir())), r"is no file|cannot be read"),
    "list": (lambda folder: (folder / "manifest.json").write_text("[]"), "format unknown"),
    "twice": (lambda folder: (folder / "manifest.json").write_text('{"format": 3, "format": 3}'), "stands twice"),
    "deep": (lambda folder: (folder / "manifest.json").write_text("[" * 100_000), "cannot be read"),
    "long": (lambda folder: (folder / "manifest.json").write_text(" " * (5 << 20)), "at most 4 MB"),
}


@pytest.mark.parametrize("name", HARMS)
def test_what_is_not_whole_is_refused_with_what_to_do(saved, name):
    harm, match = HARMS[name]
    if name == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("no pipes")
    harm(saved)
    with pytest.raises(ModelError, match=match) as caught:
        Tagger.load(saved)
    assert any(word in str(caught.value) for word in ("again", "Upgrade", "copy", "read it with"))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda m: [*m, ("../evil.npy", b"")], "does not hold exactly"),
        (lambda m: [*m, m[0]], "does not hold exactly"),
        (lambda m: m[1:], "does not hold exactly"),
        (lambda m: [*m, *[("x", b"")] * 80], "too many members"),
        (lambda m: [(n, npy(np.array([None]), allow_pickle=True)) for n, _ in m], "dtype object"),
        (lambda m: [(n, npy(np.zeros((3, 1)))) for n, _ in m], "dtype|shape"),
        (lambda m: [(n, raw if n != "bias.npy" else npy(np.zeros(4))) for n, raw in m], "labels is"),
        (lambda m: [(n, raw if n != "bias.npy" else npy(np.full(3, np.nan))) for n, raw in m], "not finite"),
        (lambda m: [(n, raw if n != "bias.npy" else raw[:-1]) for n, raw in m], "not as long"),
        (
            lambda m: [
                (n, raw if n != "term.npy" else npy(np.full(2, 0x110000, np.uint32).view("U1"))) for n, raw in m
            ],
            "no character",
        ),
        (lambda m: [(n, raw if n != "kind_weight.npy" else npy(np.full((3, 4), 1e9))) for n, raw in m], "million"),
    ],
)
def test_hostile_archives_are_refused(saved, change, match):
    manifest, name, blob = read(saved)
    (saved / name).unlink()
    sign(saved, manifest, pack(change(members_of(blob))))
    with pytest.raises(ModelError, match=match):
        Tagger.load(saved)


def test_bombs_are_not_unpacked(saved):
    manifest, name, blob = read(saved)
    (saved / name).unlink()
    members = dict(members_of(blob))
    honest = pack([*(members | {"bias.npy": members["bias.npy"] + bytes(64 << 20)}).items()])
    size, said = (len(members["bias.npy"]) + more for more in (64 << 20, 0))
    lying = honest.replace(size.to_bytes(4, "little"), said.to_bytes(4, "little"))
    other = pack(members_of(honest), zipfile.ZIP_BZIP2)
    vast = pack([*(members | {"bias.npy": npy(np.zeros(3)).replace(b"(3,)", b"(%d,)" % 10**9)}).items()])
    assert len(honest) < 200_000
    assert lying != honest
    for bomb in (honest, lying, other, vast):
        sign(saved, manifest, bomb)
        tracemalloc.start()
        with pytest.raises(ModelError):
            Tagger.load(saved)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 16 << 20
        next(saved.glob("*.npz")).unlink()


def test_nothing_else_is_overwritten(small, tmp_path, monkeypatch, capsys):
    page = tmp_path / "app" / "manifest.json"
    page.parent.mkdir()
    for text in ('{"name": "an app", "icons": []}', "// an app\n{}"):
        page.write_text(text)
        with pytest.raises(ModelError, match="choose another folder"):
            small.save(page.parent)
        assert [path.name for path in page.parent.iterdir()] == ["manifest.json"]
        assert page.read_text() == text
    with pytest.raises(ModelError, match="is a file"):
        small.save(page)
    assert main(["train", "--corpora", "x", "--labelled", "y", "-o", str(page)]) == 2  # before it learns anything
    assert "is a file" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    small.save(tmp_path / "full")
    assert (tmp_path / "full" / "notes.txt").read_text() == "mine"
    same(small, Tagger.load(tmp_path / "full"))
    monkeypatch.setattr(_store, "_LARGEST", 1000)
    with pytest.raises(ModelError, match="more than a folder may hold"):
        Tagger(small.taxonomy, weights=None).save(tmp_path / "big")
    with pytest.raises(ValueError, match="must not use kind"):
        _store.save(tmp_path / "x", "k", {}, {"kind": 1})
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(sys.byteorder == "big", reason="writes big-endian arrays itself")
def test_arrays_of_another_byte_order(tmp_path):
    _store.save(tmp_path, "k", {"a": np.arange(3, dtype=">i8"), "b": np.array(["字"]).astype(">U1")}, {"é": "字\ud800"})
    arrays, facts = _store.load(tmp_path, "k", {"a": ("i8", ("n",)), "b": ("U", ("m",))})
    assert arrays["a"].tolist() == [0, 1, 2]
    assert arrays["a"].dtype.isnative
    assert arrays["b"].tolist() == ["字"]
    assert facts == {"é": "字\ud800"}


@pytest.mark.parametrize("kind", ["tagger", "classifier"])
def test_fuzz(made, tmp_path, kind):
    seen = Counter()
    fuzz(*made[kind == "classifier"], tmp_path / "hostile", 300, 0, seen)
    sorts = {sort for _, sort, _ in seen}
    assert sorts >= {"damage", "swap", "archive", "member", "names", "bomb", "json", "taxonomy"}
    assert seen[kind, "damage", "refused"] > seen[kind, "damage", "read"]


CRASH = """
import os, random, signal, sys, time
from pathlib import Path
import numpy as np
from trackclf import ModelError, _store

spec, place = {"a": ("f8", ("n",))}, Path(sys.argv[1])
one, two = {"a": np.arange(4_000.0)}, {"a": np.arange(5_000.0)}
ending = {"open", "os.mkdir", "os.rename", "os.remove"}

def number(folder):
    arrays, facts = _store.load(folder, "k", spec)
    assert len(arrays["a"]) == 4_000 + 1_000 * (facts["n"] - 1)
    return facts["n"]

def child(run):
    pid = os.fork()
    if pid == 0:
        run()
        os._exit(0)
    return pid

def stop_at(step, folder):
    left = [step]
    def hook(event, args):
        if event in ending:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
    def run():
        sys.addaudithook(hook)
        _store.save(folder, "k", two, {"n": 2})
    return os.waitstatus_to_exitcode(os.waitpid(child(run), 0)[1])

found = []
for step in range(99):
    old, new = place / f"old{step}", place / f"new{step}"
    _store.save(old, "k", one, {"n": 1})
    code = stop_at(step, old)
    found.append(number(old))
    stop_at(step, new)
    try:
        assert number(new) == 2
    except ModelError as error:
        assert "no model" in str(error), error
    for folder in old, new:
        _store.save(folder, "k", two, {"n": 2})
        assert number(folder) == 2 and len(list(folder.iterdir())) == 2
    if code == 0:
        break
assert found[0] == 1 and found[-1] == 2 and found == sorted(found) and len(found) > 6, found

def forever():
    n = killed[-1]
    while True:
        n = 3 - n
        _store.save(old, "k", one if n == 1 else two, {"n": n})

killed = [2]
for _ in range(30):
    pid = child(forever)
    time.sleep(random.uniform(0.005, 0.06))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    killed.append(number(old))
print(len(found), len(killed), set(killed))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of itself")
def test_a_crash_leaves_the_old_one_whole_or_the_new(tmp_path):
    """The process ends before each step of a save that touches the disk, and is killed at random moments."""
    done = subprocess.run([sys.executable, "-c", CRASH, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["replace", "fsync", "open", "mkdir"])
def test_a_failed_save_says_so_and_leaves_the_old_one(small, saved, monkeypatch, name):
    before = Tagger.load(saved).stamp

    def full(*args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, name, full)
    with pytest.raises(ModelError, match="No space left"):
        small.save(saved / "below" if name == "mkdir" else saved)
    monkeypatch.undo()
    assert Tagger.load(saved).stamp == before
    assert not [path for path in saved.iterdir() if path.name.startswith(".")]


def test_readers_during_saves(tmp_path):
    objects = [({"a": np.full(9_000 + n, n)}, {"n": n}) for n in range(2)]
    stop = threading.Event()

    def write():
        while not stop.is_set():
            for arrays, facts in objects:
                _store.save(tmp_path / "m", "k", arrays, facts)

    _store.save(tmp_path / "m", "k", *objects[0])
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(200):
            arrays, facts = _store.load(tmp_path / "m", "k", {"a": ("i8", ("n",))})
            assert len(arrays["a"]) == 9_000 + facts["n"]
    finally:
        stop.set()
        writer.join()


def test_loading_imports_nothing_that_a_file_names(saved):
    code = (
        "import sys, trackclf; from trackclf import _saving, _tagger\n"
        "before = set(sys.modules); trackclf.Tagger.load(sys.argv[1])\n"
        "print([name for name in set(sys.modules) - before if not name.startswith(('trackclf', 'encodings', 'jieba', 'numpy'))])"
    )
    done = subprocess.run([sys.executable, "-c", code, saved], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
    assert trackclf.__version__ == read(saved)[0]["versions"]["trackclf"]
    shutil.rmtree(saved)
    with pytest.raises(ModelError, match="is no model"):
        Tagger.load(saved)
