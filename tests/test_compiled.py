import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackclf import Tagger, _compiled, _resources

TEXTS = ["本市前瞻布局脑机接口，首台量子计算机下线。", "公司暂无低空经济业务", "", "推动传统产业转型升级"]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def same(one, other):
    assert one.stamp == other.stamp
    assert np.array_equal(one.scores(TEXTS), other.scores(TEXTS))
    assert [r.to_dict() for r in one.tag_many(TEXTS)] == [r.to_dict() for r in other.tag_many(TEXTS)]


def test_a_compiled_tagger_is_the_same_tagger(cache, monkeypatch):
    first = Tagger()
    assert [path.suffix for path in cache.iterdir()] == [".bin"]
    monkeypatch.setattr("trackclf._tagger.Lexicon", None)  # the second is not compiled again
    same(first, Tagger())


@pytest.mark.parametrize(
    "harm",
    [
        lambda b: b[:-9],
        lambda b: b + b"?",
        lambda b: b[:60] + b"?" + b[61:],
        lambda b: b"",
        lambda b: b"x" + b[1:],
        lambda b: b"trackclf compiled 2\n",
        lambda b: b.replace(b"compiled 2", b"compiled 1", 1),
        lambda b: bytes(len(b)),
    ],
)
def test_a_damaged_file_is_made_anew(cache, harm):
    first = Tagger(weights=None)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    beside = path.with_name("beside")
    beside.write_bytes(harm(whole))
    beside.replace(path)  # `first` keeps the file that it has mapped
    same(first, Tagger(weights=None))
    assert path.read_bytes() == whole


def test_only_known_classes_are_made(cache):
    shared = np.arange(3)
    _compiled.write("x", ({"a": 1, "b": shared, "c": [("d", frozenset("e"))], "d": (shared, np.zeros((0, 2)))}, None))
    (item, none) = _compiled.read("x")
    assert none is None
    assert item["b"].tolist() == [0, 1, 2]
    assert not item["b"].flags.writeable
    assert item["c"] == [("d", frozenset("e"))]
    assert item["d"][0] is item["b"]
    assert item["d"][1].shape == (0, 2)
    with pytest.raises(TypeError, match="no compiled form"):
        _compiled.write("y", (cache,))


@given(st.lists(st.text(st.characters())))
def test_strings_are_made_when_asked_for(cache, strings):
    _compiled.write("x", (strings, 0))
    (found, _) = _compiled.read("x")
    assert list(found) == [found[n] for n in range(-len(strings), 0)] == found[:] == strings
    with pytest.raises(IndexError):
        found[len(strings)]


def test_a_file_of_another_key_is_no_file(cache):
    _compiled.write("x", (1,))
    (path,) = cache.iterdir()
    path.rename(_compiled._path("y"))
    assert _compiled.read("x") is None
    assert _compiled.read("y") is None


def test_what_decides_is_noticed(tmp_path, monkeypatch):
    package, taxonomy = tmp_path / "src" / "trackclf", tmp_path / "taxonomy"
    shutil.copytree(Path(_compiled.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(_resources.taxonomy_dir(), taxonomy)
    monkeypatch.setattr(_resources, "_PACKAGE", package)
    model = _resources.model_dir()
    seen = [_compiled.key_of(model)]
    assert [_compiled.key_of(model)] == seen
    assert _compiled.key_of(None) not in seen
    files = [taxonomy / "tracks" / "bci.toml", taxonomy / "classes.toml", package / "_lexicon.py"]
    for path in [*files, next(model.glob("*.npz")), package / "data" / "characters.json"]:
        path.write_bytes(path.read_bytes()[::-1])  # as long as before
        seen.append(_compiled.key_of(model))
    stat = files[0].stat()
    files[0].write_bytes(files[0].read_bytes() + b" ")
    os.utime(files[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    seen.append(_compiled.key_of(model))
    files[0].rename(files[0].with_name("other.toml"))
    seen.append(_compiled.key_of(model))
    assert len(set(seen)) == len(seen) == 8
    shutil.rmtree(model)
    assert _compiled.key_of(model) is None


def test_processes_that_start_at_once(cache):
    code = f"import json, trackclf; print(json.dumps([r.to_dict() for r in trackclf.tag_many({TEXTS!r})]))"
    started = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(6)]
    said = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0] * 6
    assert len(said) == 1
    assert len(list(cache.iterdir())) == 1


def test_the_cache_may_be_off_or_out_of_reach(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", "off")
    assert _compiled.cache_folder() is None
    Tagger(weights=None)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path / "file" / "below"))
    same(Tagger(weights=None), Tagger(weights=None))
    monkeypatch.delenv("TRACKCLF_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _compiled.cache_folder() == tmp_path / "trackclf"


def test_few_files_stay(cache):
    for n in range(9):
        _compiled.write(str(n), (n,))
    assert len(list(cache.iterdir())) == _compiled._KEPT
