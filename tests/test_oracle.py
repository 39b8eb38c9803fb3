"""The vectorised pass equals a slow, obvious one, on any text."""

import json
from functools import lru_cache

import numpy as np
import pytest
from conftest import ROOT, label_file
from fuzz_store import some_weights
from hypothesis import given
from hypothesis import strategies as st
from oracle import Oracle, is_ideograph
from strategies import PIECES, share, strings, texts

from trackclf import Tagger, _short, load_taxonomy, normalise

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
        places = [(e.start, e.end) for e in tag.evidence]
        assert places == sorted(places)
    assert sorted(item for label in result.denied for item in said(label)) == denied
    return result


def said(tag):
    items = [(e, normalise(e.trigger.text) if e.trigger else "") for e in tag.evidence]
    return sorted((tag.id, normalise(e.term), e.kind, e.contribution, e.voice, trigger) for e, trigger in items)


@given(texts)
def test_small_taxonomy(small, text):
    agrees(small, text)


@pytest.fixture(scope="module")
def learned(small):
    return Tagger(small.taxonomy, weights=some_weights("abm"))


@given(st.lists(st.sampled_from([*PIECES, "公司", "旧向", "与计", "旧", "与"]), max_size=24).map("".join))
def test_learned_weights(learned, text):
    agrees(learned, text)


RULES = [
    "培育6G。培育，6G。6G的产业。产业链升级，行业升级。tech升级。",
    "由旧向新，产业转型。由向转型。由甲向乙。升级，芯片升级。产业链的转型。",
    "芯的量子。芯，量子。大量子公司。质量子系统。玩具的芯，芯片。算芯片子。",
    "计算机与量子，电脑的行业。计算机。天算。天算，玩具。天算的行业。量子AI。",
    "暂无6G业务。不涉及芯片，6G。没有芯片产品。没有芯片。也无6G业务。芯片业务尚未开展。有没有芯片？6G。",
    "有没有芯片？不涉及上述产品。",
    "16G与2.6G，1,6G。.6G。6G内存。6Ga。large model与largemodel。LARGE\nMODEL",
    "拟，6G。计划6G，量子计算有望。《6G》。〈6G，芯片》。记者问6G，芯片。您有6G吗？",
    "6G没有望。行动计划6G。您好，6G吗？答记者问6G。《6G。》6G。拟培育6G，升级。",
    "玩的芯片的片子。玩的芯片，片子。芯片的片子。",
    "公司的6G。公司，公司。与计的芯片，旧向。旧向升级，公司的量子计算。",
]


@pytest.mark.parametrize("text", RULES)
def test_every_rule(small, learned, text):
    for tagger in (small, learned):
        agrees(tagger, text)
        for sentence in text.split("。"):
            agrees(tagger, sentence)


def test_every_rule_by_a_tagger_made_anew(make_taxonomy):
    """`make mutants` knows by this which tests the making of a tagger meets."""
    own = Tagger(load_taxonomy(make_taxonomy()), weights=None)
    for text in RULES:
        result = agrees(own, text)
        assert all(tag.level == 1 for tag in result.modes)


def test_text_as_it_is_written(tagger):
    for text in (ROOT / "fixtures" / "demo.txt").read_text("utf-8").split("\n\n"):
        agrees(tagger, text)


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


def test_pairs_that_are_as_near(small):
    """A piece inside the cue and one that touches it: the shorter pair stands, whichever way found it."""
    pairs = agrees(small, "不涉及述「公司培育《\x9d]拟天算芯⒠(\udcea1,000算晶片量子").pairs
    assert [(pair.track, pair.start, pair.end) for pair in pairs] == [("a", 24, 27), ("b", 24, 27)]


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
