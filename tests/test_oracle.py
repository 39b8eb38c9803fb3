"""The vectorised pass equals a slow, obvious one, on any text."""

import json

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import Oracle, is_ideograph

from trackclf import _short, normalise

PIECES = [
    *(
        "量子",
        "量子计算",
        "计算机",
        "6G",
        "6g",
        "16G",
        "2.6G",
        "6G内存",
        "large model",
        "LARGE\nmodel",
        "量子AI",
        "芯",
        "芯片",
    ),
    *(
        "算芯片",
        "片子",
        "大量子公司",
        "质量子系统",
        "玩具",
        "电脑",
        "晶",
        "晶片",
        "業鏈",
        "業",
        "天算",
        "产业",
        "产业链",
        "行业",
        "tech",
        "升级",
        "转型",
        "培育",
        "由",
        "向",
    ),
    *(
        "暂无",
        "没有",
        "也无",
        "业务",
        "产品",
        "有",
        "不涉及",
        "尚未开展",
        "不涉及上述",
        "拟",
        "计划",
        "行动计划",
        "有望",
        "《",
        "》",
        "〈",
        "〉",
        "记者问",
        "答记者问",
        "您",
        "？",
        "吗?",
        "。",
        "，",
        ",",
        "；",
        "!",
        ". ",
        ".",
        "\n",
        "\n\n",
        " ",
        "\t",
        "\u200b",
        "的",
        "加快",
        "a",
        "1",
        "、",
    ),
    *("(dī)", "（Yè）", "(lǜ", ")", "(ceo)", "(é)"),
    *("腦機", "產業鏈", "Ｇ", "【", "】", "\0", "😀", "\ud800"),
]
texts = st.lists(st.sampled_from(PIECES), max_size=24).map("".join)


@pytest.fixture(autouse=True)
def short_at_once(monkeypatch):
    """Few characters take their own way from the first time on."""
    monkeypatch.setattr(_short, "_FIRST", 0)


def agrees(tagger, text):
    """Both ways, alone and in a batch that is too long for the short one, give what the oracle says."""
    oracle = Oracle(tagger)
    scores, evidence, denied = oracle.tag(text)
    long = "的" * (_short._SHORT + 1)
    for row in (tagger.scores([text])[0], tagger.scores([text, long])[0]):
        got = dict(zip([label.id for label in tagger.labels], row.tolist(), strict=True))
        assert got == {id: np.float32(score) for id, score in scores.items()}
    result = tagger.tag(text)
    assert result == next(tagger.tag_many([text, long]))
    for tag in result.tags:
        assert said(tag) == [item for item in evidence if item[0] == tag.id]
    assert sorted(item for label in result.denied for item in said(label)) == denied
    return result


def said(tag):
    items = [(e, normalise(e.trigger.text) if e.trigger else "") for e in tag.evidence]
    return sorted((tag.id, normalise(e.term), e.kind, e.contribution, e.voice, trigger) for e, trigger in items)


@given(texts)
def test_small_taxonomy(small, text):
    agrees(small, text)


@given(st.text(max_size=60))
def test_any_text(small, text):
    agrees(small, text)


@given(st.data())
def test_shipped_taxonomy(tagger, data):
    strings = tagger._resolver.lexicon.strings
    joints = st.sampled_from(["", "", "的", "，", "。", "\n", " ", "、", "与"])
    pieces = data.draw(st.lists(st.tuples(st.sampled_from(strings), joints), max_size=8))
    agrees(tagger, "".join(a + b for a, b in pieces))


@settings(max_examples=25)
@given(st.data())
def test_notes_of_pinyin_change_nothing(tagger, data):
    """Same tags, same terms; what a term stands in holds the notes inside it, and nothing around it."""
    rows = [json.loads(line) for line in (ROOT / "fixtures" / "candidates.jsonl").read_text("utf-8").splitlines()]
    plain = data.draw(
        st.sampled_from([row["text"] for row in rows] + [(ROOT / "fixtures" / "demo.txt").read_text("utf-8")])
    )
    notes = data.draw(st.lists(st.sampled_from(["", "", "(yè)", "（Chǎn）", "(lǜ)(é)"]), min_size=1, max_size=30))
    chars = enumerate(plain)
    text = "".join(char + (notes[n % len(notes)] if is_ideograph(char) else "") for n, char in chars)
    for texts, noted in (([plain], [text]), ([plain, "的" * 3000], [text, "的" * 3000])):
        was, now = next(tagger.tag_many(texts)), next(tagger.tag_many(noted))
        assert shape(now) == shape(was)
        for tag in now.tags:
            for item in tag.evidence:
                assert item.text == text[item.start : item.end]
                assert normalise(item.text) == normalise(item.term)
                assert item.text[-1] not in ")）"


def shape(result):
    return [
        (tag.id, tag.level, tag.score, [(e.term, e.kind, e.contribution) for e in tag.evidence]) for tag in result.tags
    ]


def test_two_terms_with_one_regional_spelling(tagger):
    agrees(tagger, "智慧机械人")
