"""The pieces of the core, each against the plain way to say what it does."""

import math
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import oracle
import pytest
from conftest import TOP
from fuzz_store import some_weights
from hypothesis import given
from hypothesis import strategies as st

from trackclf import ModelError, Tagger, _batching, _scoring
from trackclf._characters import SENTENCE
from trackclf._matching import Alphabet, Edges, Fan, Table, ascending, numbered, spread
from trackclf._model import Model
from trackclf._short_matching import Source, Strings
from trackclf._text import FIRST_SYMBOL, Passages
from trackclf._weights import promised

small_ints = st.integers(0, 9)


@pytest.mark.parametrize("bound", [50, 2**31 - 1, 2**31, 2**62])
@given(st.data())
def test_edges_are_a_dictionary(bound, data):
    keys = st.integers(0, min(bound, 60) - 1) | st.integers(0, bound - 1)
    targets = data.draw(st.dictionaries(keys, st.integers(0, 2**31 - 1), max_size=40))
    wanted = data.draw(st.lists(keys, max_size=20)) + list(targets)
    edges = Edges(targets, bound)
    found, which = edges.follow(np.array(wanted, edges.dtype))
    assert which.tolist() == [n for n, key in enumerate(wanted) if key in targets]
    assert found.tolist() == [targets[key] for key in wanted if key in targets]


def test_many_edges_find_their_places():
    targets = {key * key: key for key in range(30_000)}
    edges = Edges(targets, 30_000**2)
    found, which = edges.follow(np.arange(1_000_000, dtype=edges.dtype))
    assert which.tolist() == [n * n for n in range(1000)]
    assert found.tolist() == list(range(1000))


@given(st.lists(st.tuples(small_ints, st.integers(-5, 5)), max_size=20), st.lists(small_ints, max_size=8))
def test_a_fan_is_a_dictionary_of_lists(pairs, keys):
    fan = Fan(10, pairs)
    index, values = fan(np.array(keys, np.int64))
    plain = [(n, value) for n, key in enumerate(keys) for value in sorted(v for k, v in pairs if k == key)]
    assert list(zip(index.tolist(), values.tolist(), strict=True)) == plain
    assert len(fan) == 10
    assert fan.counts.tolist() == [sum(k == key for k, _ in pairs) for key in range(10)]
    fan.map_values(np.arange(11) * 3)
    assert fan(np.array(keys, np.int64))[1].tolist() == [value % 11 * 3 for _, value in plain]


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 4)), max_size=8))
def test_spread_lays_ranges_end_to_end(ranges):
    low, count = np.array(ranges, np.int64).reshape(-1, 2).T
    plain = [(n, at) for n, (first, size) in enumerate(ranges) for at in range(first, first + size)]
    assert list(zip(*(part.tolist() for part in spread(low, count)), strict=True)) == plain


@pytest.mark.parametrize("bits", [1, 15, 16, 17, 32, 33, 50])
@pytest.mark.parametrize("count", [0, 1, 499, 500, 2000])
def test_sorting(bits, count):
    keys = np.random.default_rng(bits).integers(0, 1 << bits, count)
    keys[: count // 3] = keys[count // 3 : count // 3 * 2]  # some are equal
    assert ascending(keys).tolist() == sorted(range(count), key=keys.tolist().__getitem__)
    plain, index = np.unique(keys, return_inverse=True)
    assert [part.tolist() for part in numbered(keys)] == [plain.tolist(), index.tolist()]


def test_an_alphabet_numbers_what_it_can():
    chars = [chr(code) for code in range(0x20000, 0x20000 + 65_536)]
    most = 65_535 - FIRST_SYMBOL
    alphabet = Alphabet(chars[: most - 2], first="乙甲。")
    assert alphabet.size == 65_535
    first = [int(alphabet.symbols[ord(char)]) for char in "乙甲" + chars[0]]
    assert first == [FIRST_SYMBOL, FIRST_SYMBOL + 1, FIRST_SYMBOL + 2]
    assert [alphabet.symbols[ord(char)] for char in "。丙ａ"] == [SENTENCE, 0, 0]
    with pytest.raises(ValueError, match=f"{most + 1} characters"):
        Alphabet(chars[: most - 1], first="乙甲。")


def model(**changes):
    none = np.zeros(1)
    values = dict.fromkeys(("bias", "threshold", "intercept"), none) | {"slope": np.ones(1), "about": np.zeros((1, 3))}
    gates = dict.fromkeys(("gate", "gate_alone"), np.zeros(1, np.int64))
    return Model(**values | gates | {"weight": np.zeros(0, np.int32), "digest": ""} | changes)


def test_the_probability_of_a_score():
    two = model(slope=np.array([1.0, 0.5]), intercept=np.array([0.0, -1.0]))
    scores = np.array([[0.0, 0.0], [2.0, 2.0], [-3.0, 4.0]], np.float32)
    plain = [[1 / (1 + math.exp(-a)), 1 / (1 + math.exp(1 - b / 2))] for a, b in scores.tolist()]
    assert two.probability(scores).tolist() == pytest.approx(np.array(plain), rel=1e-6)
    which = np.array([1, 0, 1])
    assert two.probability(scores[:, 0], which).tolist() == pytest.approx(
        [1 / (1 + math.exp(1)), 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2.5))], rel=1e-6
    )
    far = two.probability(np.array([[-1e30, 1e30]], np.float32))  # without a warning, which would be an error here
    assert far.dtype == np.float32
    assert 0 < far[0, 0] < 1e-20
    assert far[0, 1] == 1


@pytest.fixture
def tiny(monkeypatch):
    """Batches of ten code points or three texts, pieces of eight."""
    for name, value in {"BATCH": 10, "_MOST": 3, "PIECE": 8, "_LONGEST_SENTENCE": 14}.items():
        monkeypatch.setattr(_batching, name, value)


def test_batches_are_as_full_as_they_may_be(tiny):
    texts = ["甲" * 4, "乙" * 4, "丙" * 3, "", "", "", "丁" * 30, "戊", "己" * 9]
    assert list(_batching.batches(texts, "tag_many")) == [
        ["甲" * 4, "乙" * 4],
        ["丙" * 3, "", ""],
        [""],
        ["丁" * 30],
        ["戊"],
        ["己" * 9],
    ]
    assert list(_batching.batches(["甲" * 4, "乙" * 5, "丙"], "tag_many")) == [["甲" * 4, "乙" * 5], ["丙"]]


def test_what_is_no_text_comes_after_the_results_before_it(tiny):
    batches = _batching.batches(["甲" * 9, "乙", "丙", 7], "tag_many")
    assert [next(batches), next(batches)] == [["甲" * 9], ["乙", "丙"]]
    with pytest.raises(TypeError, match="got int at index 3"):
        next(batches)
    with pytest.raises(TypeError, match=r"wrap it: tag_many\(\[text\]\)"):
        _batching.batches("甲", "tag_many")


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("甲" * 10, [10]),
        ("甲" * 7 + "。" + "乙" * 3 + "。" + "丙" * 4, [12, 4]),
        ("甲" * 9 + "。" + "乙" * 7, [10, 7]),
        ("甲" * 8 + "。" + "乙" * 5 + "！丙", [9, 7]),
        ("甲" * 40, [14, 14, 12]),  # no sentence ends: cut anyway
        ("甲" * 20 + "。" + "乙" * 5, [14, 12]),
    ],
)
def test_pieces_end_with_sentences(tiny, text, lengths):
    pieces = list(_batching.pieces_of([text]))
    assert "".join(piece for _, (piece,) in pieces) == text
    assert [len(piece) for _, (piece,) in pieces] == lengths
    assert [at for at, _ in pieces] == [sum(lengths[:n]) for n in range(len(lengths))]
    assert list(_batching.pieces_of([text, text])) == [(0, [text, text])]


def learned(ids, **changes):
    return replace(some_weights(ids), **{name: np.array(value) for name, value in changes.items()})


def test_promises_take_the_threshold_that_costs_least():
    unknown = -1
    weights = learned(
        "ab",
        bias=[-2.0, -2.0],
        curve_score=np.array([[3, 1], [2, 2], [1, -2], [-1, -2], [9, -2]], np.float32),
        curve_truth=np.array([[1, 0], [1, 0], [0, 1], [1, unknown], [unknown, 0]], np.int8),
    )

    def row(promise, id="a"):
        return tuple(round(value, 3) for value in promised(weights, promise, ["b", "a"])[id].values())

    assert list(promised(weights, "recall>=0.5", ["b"])["b"]) == ["threshold", "precision", "recall", "coverage"]
    assert row("precision>=0.95") == (2, 1, 0.667, 0.5)  # the lowest threshold that keeps it
    assert row("precision>=0.75") == (-1, 0.75, 1, 1)
    assert row("recall>=0.6") == (2, 1, 0.667, 0.5)  # the highest
    assert row(" recall >= .9 ") == (-1, 0.75, 1, 1)
    assert row("recall>=1.0") == (-1, 0.75, 1, 1)
    assert row("recall>=0", "b") == (2, 0, 0, 0.25)  # the score of a text without evidence is no tag
    assert row("precision>=0.5", "b")[1:3] == (0, 0)  # as near as it comes
    scores, truth = np.array([[4, 3, 2, 1, 0]], np.float32).T, np.array([[0, 1, 0, 0, 1]], np.int8).T
    never = learned("a", bias=[-2.0], curve_score=scores, curve_truth=truth)
    assert promised(never, "precision>=0.9", ["a"])["a"]["threshold"] == 3  # where it comes nearest
    for wrong in ("recall>=1.5", "recall>0.5", "recall>=0.5x", "f1>=0.5"):
        with pytest.raises(ValueError, match="a promise is"):
            row(wrong)
    with pytest.raises(ModelError, match="has not learned 'c'"):
        promised(weights, "recall>=0.5", ["a", "c"])


def test_learned_weights_lie_over_the_prior(small):
    """What the model knows of a label, a kind and a term; the prior for what it does not know."""
    weights = learned(["zz", "a"], kind_weight=[[9.0] * 4, [2.0, 1.5, 1.25, 1.5]], term_weight=[0.5, 100.0],
                      term=["6G", "芯片"], term_label=[1, 0], bias=[7.0, -1.0], gate=[0.25, 1.0],
                      learned=["公司", "公司"], learned_label=[0, 1], learned_weight=[50.0, 0.25])  # fmt: skip
    tagger = Tagger(small.taxonomy, weights=weights)
    texts = ["6G", "量子计算", "芯。量子领域与芯", "天算", "产业", "量子计算公司", "公司", "芯片", "产业升级", "转型"]
    scores = tagger.scores(texts).tolist()
    assert [row[0] for row in scores] == [1.5, 1, 1, 0.25, -1 / 256, 1.25, -1, -1, -1 / 256, -1]
    assert [row[1] for row in scores[-3:]] == [1, -3, -3]
    assert scores[-2][2] == 1
    assert tagger.probabilities(texts)[0, 0] == pytest.approx(1 / (1 + math.exp(-1.5)))
    with pytest.raises(ModelError, match="not a number within a million"):
        Tagger(small.taxonomy, weights=learned("abm", term_weight=[math.nan, 0.0]))


@pytest.mark.parametrize("around", ["", "的" * 2500])  # the short way, and arrays
def test_numbers_that_a_result_holds(small, around):
    """Worked out by hand from the weights of the small taxonomy."""

    def result(text):
        (one,) = small.tag_many([text + "。" + around] if around else [text])
        return one

    def tags(text):
        return {tag.id: (tag.score, tag.level) for tag in result(text).tags}

    assert tags("6G。6G") == {"a": (5, 1)}  # -3 + 4 + 4
    assert tags("6G产业。6G产业")["a"] == (6, 2)  # the score from which a text is about its track
    assert tags("升级6G") == {"a": (1, 1), "m": (0.5, 1)}
    assert tags("升级6G。" * 9)["m"] == (20.5, 1)  # no text is about a mode
    for text, nearest in {
        "产业": ("a", 2.5),
        "产业。产业": ("a", 2.5),
        "转型。": ("m", 1.75),
        "转型产业": ("m", 1.75),
    }.items():
        assert result(text).abstained == "below_threshold"
        assert result(text).nearest == nearest
    assert result("暂无6G").abstained == "denied_only"
    assert result("暂无6G").nearest is None

    def pairs(text):
        return [(pair.track, pair.start, pair.end, pair.score) for pair in result(text).pairs]

    assert pairs("6G。升级") == []
    assert pairs("行业升级，芯片") == [("b", 2, 7, 1.5)]  # in another clause: half of the smaller weight
    assert pairs("行业升级芯片") == [("b", 2, 6, 3)]
    assert pairs("片子行业升级。行业升级，片子") == [("b", 0, 2, 2.5), ("b", 9, 14, 1.5)]  # a pair by sentence


stops = st.sampled_from(["。", "。", "！", "，", "\n\n", "。\n\n", "\t", "\0", ""])
pieces = st.sampled_from(["6G", "芯片", "产业升级", "天气", "片子", "转型", "暂无6G"])


@pytest.mark.parametrize("by", ["sentence", "paragraph"])
@given(parts=st.lists(st.tuples(pieces, stops), max_size=8))
def test_segments_hold_what_stands_in_them(small, by, parts):
    text = "".join(piece + stop for piece, stop in parts)
    result = small.tag(text, segments=by)
    spans = [(one.start, one.end) for one in result.segments]
    assert spans == sorted(set(spans))
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    ends = r"[^。！\n\0]*(?:[。！]|\n\n|\0|$)" if by == "sentence" else r"(?s:.)*?(?:\n\n|\0|$)"
    whole = [found.span() for found in re.finditer(ends, text) if found.group()]
    for start, end in spans:
        assert any(low <= start and end <= high and not text[low:start].strip("\n\0")
                   and not text[end:high].strip("\n\0") for low, high in whole), (text, start, end)  # fmt: skip
    for tag in result.tags:
        for one, (start, end) in zip(result.segments, spans, strict=True):
            assert one.scores.get(tag.id, 0) == sum(e.contribution for e in tag.evidence if start <= e.start < end)
        assert sum(one.scores.get(tag.id, 0) for one in result.segments) == sum(e.contribution for e in tag.evidence)


few = st.text("ab1.,量子。", min_size=1, max_size=5)


@given(st.lists(few.filter(lambda text: not set(text) & set(",。.")) | st.sampled_from(["1.1", "1b", "b1", "1量", "量1"]),
                min_size=1, max_size=12, unique=True), st.lists(few, max_size=8).map("".join))  # fmt: skip
def test_strings_are_found_in_both_ways(strings, text):
    alphabet = Alphabet(strings)
    table = Table(strings, alphabet)
    plain = sorted(
        (start, end, n) for n, string in enumerate(strings) for start, end in oracle.occurrences(text, string)
    )
    passages = Passages([text, "1量"], alphabet.symbols)
    hits = table.find(passages)
    found = sorted(zip(hits.start.tolist(), hits.end.tolist(), hits.string.tolist(), strict=True))
    assert [hit for hit in found if hit[0] < len(text)] == plain
    short = Strings(table, {string: n for n, string in enumerate(strings)})
    source = Source(text, alphabet.symbols)
    assert sorted(short.find(source, 0, len(text))) == plain
    half = len(text) // 2
    assert sorted(short.find(source, half, len(text))) == [hit for hit in plain if hit[0] >= half]
    assert short.find(source, 0, len(text)) == sorted(short.find(source, 0, len(text)), key=lambda hit: hit[0])
    some = Table(strings, alphabet, range(0, len(strings), 2)).find(passages)
    assert sorted(some.string.tolist()) == sorted(hit[2] for hit in found if hit[2] % 2 == 0)


def test_a_taxonomy_without_denials(make_taxonomy):
    folder = make_taxonomy({"taxonomy.toml": TOP[: TOP.index("[denial]")]})
    assert [tag.id for tag in Tagger.from_taxonomy(folder).tag("暂无6G").tracks] == ["a"]


def test_the_nearest_has_evidence_that_is_not_denied(small):
    tagger = Tagger(small.taxonomy, weights=learned("abm", bias=[-5.0, -1.0, -1.0], kind_weight=[[2.0] * 4] * 3))
    assert tagger.tag("暂无芯片。6G").nearest == ("a", 3)
    assert tagger.tag("产业。转型").nearest == ("m", 1 / 256)  # enough, but a weak term does not count alone
    assert tagger.tag("暂无芯片。").nearest is None


@pytest.mark.parametrize("around", [["的" * 2500], []])
def test_a_longer_text_is_about_less(small, around):
    tagger = Tagger(small.taxonomy, weights=learned("abm", about=[1.0, 0.0, -0.5], kind_weight=[[9.0] * 4] * 3))

    def level(text):
        return next(tagger.tag_many([text, *around])).tracks[0].level

    assert level("6G" + "的" * 5) == 2  # 1 - log(7) / 2 is above 0
    assert level("6G  a" + "的" * 3 + "  ") == 2  # of white space only what stays
    assert level("6G  a" + "的" * 4 + "  ") == 1
    assert level("6G" + "的" * 6) == 1


@pytest.mark.parametrize("bound", [100, _scoring._DENSE + 1])  # by noting, and by sorting
@given(st.lists(st.integers(0, 99), unique=True).map(sorted), st.lists(st.integers(0, 99)))
def test_keys_have_an_index(bound, keys, wanted):
    index = _scoring.index_of(np.array(wanted, np.int64), np.array(keys, np.int64), bound)
    assert index.tolist() == [keys.index(key) if key in keys else -1 for key in wanted]
    distinct, number = _scoring.distinct(np.array(wanted, np.int64), bound)
    assert distinct.tolist() == sorted(set(wanted))
    assert distinct[number].tolist() == wanted
