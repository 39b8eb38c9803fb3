import numpy as np
import pytest

from trackclf import Tagger, _compiled

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
    "harm", [lambda b: b[:-9], lambda b: b[:60] + b"?" + b[61:], lambda b: b"", lambda b: b"x" + b[1:]]
)
def test_a_damaged_file_is_made_anew(cache, harm):
    first = Tagger(weights=None)
    (path,) = cache.iterdir()
    whole = path.read_bytes()
    path.write_bytes(harm(whole))
    same(first, Tagger(weights=None))
    assert path.read_bytes() == whole


def test_only_known_classes_are_made(cache):
    _compiled.write(cache / "x.bin", ({"a": 1, "b": np.arange(3), "c": [("d", frozenset("e"))]}, None))
    (item, none) = _compiled.read(cache / "x.bin")
    assert none is None
    assert item["b"].tolist() == [0, 1, 2]
    assert item["c"] == [("d", frozenset("e"))]
    with pytest.raises(TypeError, match="no compiled form"):
        _compiled.write(cache / "y.bin", (cache,))


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
        _compiled.write(cache / f"{n}.bin", (n,))
    assert len(list(cache.iterdir())) == 4
