"""The vectorised pass equals a slow, obvious one, on any text."""

import json
from functools import lru_cache

import numpy as np
import pytest
from conftest import ROOT, label_file
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle, is_ideograph
from strategies import share, strings, texts

from trackclf import Tagger, _short, normalise

pytestmark = pytest.mark.usefixtures("short_at_once")


@lru_cache(maxsize=1)
def oracle_of(tagger):
    return Oracle(tagger)


def agrees(tagger, text):
    """Both ways, alone and in a batch that is too long for the short one, give what the oracle says."""
    scores, evidence, denied = oracle_of(tagger).tag(text)
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


@given(st.data())
def test_any_text(small, data):
    agrees(small, data.draw(strings(small)))


@share(3)
@given(st.data())
def test_shipped_taxonomy(tagger, data):
    agrees(tagger, data.draw(strings(tagger)))


@share(6)
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
    for bare, noted in (([plain], [text]), ([plain, "的" * 3000], [text, "的" * 3000])):
        was, now = next(tagger.tag_many(bare)), next(tagger.tag_many(noted))
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


def test_a_condition_may_end_in_the_end_of_a_sentence(tagger):
    assert any(
        slot.text.endswith("。") for entry in tagger.taxonomy.entries for term in entry.terms for slot in term.far
    )
    agrees(tagger, "暂无拓展。")


def test_no_text_holds_a_condition_of_no_strings(small):
    agrees(small, "升级\U0010ffff\U0010ffff")
    agrees(small, "升级\u200b\u200b")


def test_a_condition_may_reach_over_the_end_of_a_sentence(make_taxonomy):
    other = [
        '{ t = "芯片", k = "core", near = ["st. louis", "好!坏。!甲"] }',
        '{ t = "片子", k = "core", far = ["u. s. a"] }',
    ]
    made = Tagger.from_taxonomy(make_taxonomy({"tracks/b.toml": label_file("b", "track", 2, other)}), weights=None)
    assert agrees(made, "芯片 in st. louis").tags
    assert agrees(made, "片子很好。芯片好！坏。！甲").tags
    assert agrees(made, "芯片好!今天。芯片坏。!甲").abstained == "no_evidence"
    assert not agrees(made, "片子 u. s. a").tags
