import unicodedata

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackclf import _segmenting, normalise
from trackclf._characters import HARD, NEWLINE, SPACE, TAB, folds
from trackclf._segmenting import Segmenter
from trackclf._text import Passages, class_table, fold_table

ALPHABET = "(（)）īüǜÉ脑机接口Ａ6gG .,，。!”)\n\n\n \t\u200b\u3000\r\0😀é腦\ud800"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("腦機介面", "脑机介面"),
        ("ＡＩ晶片", "ai晶片"),
        ("脑机\n接口", "脑机接口"),
        ("脑 机\u200b接\u3000口", "脑机接口"),
        ("5G 工业互联网", "5g工业互联网"),
        ("Large  Language\nModel", "large language model"),
        ("第一段。\n第二段", "第一段。\n\n第二段"),
        ("第一段\n\n第二段", "第一段\n\n第二段"),
        ("他说：“好。”\n第二段", "他说:“好。”\n\n第二段"),
        ("甲\t乙", "甲\t乙"),
        ("⼈⼯智能", "人工智能"),
        ("IMT–2030", "imt-2030"),
        ("产(chǎn)业（ＹÈ）", "产业"),
        ("旅 (lǚ)\n(lǚ)\n游", "旅游"),
        ("产(ch\u200bǎn)业", "产业"),
        ("产(chan)业(zhuāngs)园(1ā)区(ā é)(ō", "产(chan)业(zhuāngs)园(1ā)区(ā é)(ō"),
        ("产\n\n(yè)业\t(yè)a(yè)。(yè)", "产\n\n(yè)业\t(yè)a(yè)。(yè)"),
        ("a b\nc\r\nd", "a b c d"),
        ("a\u200bb \u200b\n \nc", "ab\n\nc"),
        ("a b c d\u200b e", "a b c d e"),
        ("甲 \0 乙\n", "甲\0乙"),
        (" \t 甲 \t\n\n乙\t", "\t甲\t乙\t"),
        ('a!"\nb."\nc', 'a!"\n\nb." c'),
        ('"\nb!"甲"\n乙', '" b!"甲"乙'),
        ("  ", ""),
        ("", ""),
    ],
)
def test_normalise(text, expected):
    assert normalise(text) == expected
    assert as_arrays(text) == expected


def as_arrays(text):
    """What Passages keeps, and the places it gives, spelt out."""
    passages = Passages([text], class_table().astype(np.uint16))
    places = passages.place(np.arange(len(passages.symbols)))[:-1]
    assert (np.diff(places) > 0).all()
    kept = fold_table()[passages.codes[places]].tolist()
    layout = {SPACE: " ", NEWLINE: "\n\n", TAB: "\t", HARD: "\0"}
    spelt = [layout.get(kind, chr(code)) for kind, code in zip(passages.symbols[:-1].tolist(), kept, strict=True)]
    return "".join(spelt)


@given(st.text())
def test_normalise_twice_changes_nothing(text):
    assert normalise(normalise(text)) == normalise(text)


@given(
    st.lists(st.sampled_from(["产", "业", "(", "yè", "(yè)", "（lǜ）", "\n", " ", "\u200b", "a", "\t", "⼈"])).map(
        "".join
    )
)
def test_notes_go_and_nothing_else(text):
    once = normalise(text)
    assert once == normalise(once) == oracle.normalise(text)


@given(st.text(st.sampled_from(ALPHABET), max_size=30) | st.text(max_size=60))
def test_arrays_agree_with_strings(text):
    assert as_arrays(text) == normalise(text)


def test_folding_is_one_to_one_and_final():
    assert all(len(target) == 1 and ord(target) not in folds() for target in folds().values())
    assert normalise("".join(map(chr, range(0xFF21, 0xFF3B)))) == "abcdefghijklmnopqrstuvwxyz"
    kept = [chr(c) for c in range(0x4E00, 0xA000) if unicodedata.category(chr(c)) == "Lo" and c not in folds()]
    assert len(kept) > 15_000  # Simplified characters and those that both scripts share stay as they are


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter()


@pytest.mark.parametrize(
    ("sentence", "term", "straddles"),
    [
        ("公司旗下有大量子公司", "量子", True),
        ("质量子系统", "量子", True),
        ("加快量子领域布局", "量子", False),
        ("提升存储能力", "储能", True),
        ("大力发展储能产业", "储能", False),
        ("带来智能体验", "智能体", True),
    ],
)
def test_segmenter(segmenter, sentence, term, straddles):
    start = sentence.index(term)
    assert segmenter.straddles(sentence, start, start + len(term)) is straddles


@given(
    st.lists(
        st.sampled_from(
            ["量子", "子公司", "公司", "大量", "存储", "能力", "智能体", "体验", "a", "5g", "。", *"质子能的"]
        ),
        max_size=9,
    ),
    st.data(),
)
def test_a_term_straddles_where_a_word_crosses_its_end(segmenter, words, data):
    text = "".join(words)
    start = data.draw(st.integers(0, max(len(text) - 1, 0)))
    end = data.draw(st.integers(start, len(text)))
    places, at = [], 0
    for word in (word for run in segmenter.words(text) for word in run):
        at = text.index(word, at)
        places.append((at, at + len(word)))
        at += len(word)
    crossing = [(low, high) for low, high in places if low < start < high or low < end < high]
    if start < end:
        assert segmenter.straddles(text, start, end) is any(low > start or high < end for low, high in crossing)


def test_segmenter_leaves_the_callers_jieba_alone(tmp_path, monkeypatch):
    import tempfile
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = jieba.dt.initialized
    Segmenter().straddles("大量子公司", 1, 3)
    assert jieba.dt.initialized == before
    assert not list(tmp_path.iterdir())


def test_words_are_those_of_jieba(tmp_path, monkeypatch):
    monkeypatch.setenv("TRACKCLF_CACHE", str(tmp_path))
    tokenizer = _segmenting._jieba().Tokenizer()
    expected, total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    for _ in range(2):  # compiled, then read
        segmenter = Segmenter()
        words = segmenter._read()
        assert len(list(tmp_path.iterdir())) == 1
        assert segmenter._total == total
        assert all(words.get(word) == count for word, count in expected.items())
        assert "量子" in words
        assert "量机" not in words
        with pytest.raises(KeyError):
            words["量机"]
