import itertools
import random

import numpy as np
import pytest

from trackclf import InputError, rank_for_review
from trackclf import _review as module

CLAUSES = [
    "清晨的码头已经很热闹",
    "渔民把网晒在岸边",
    "学校门口排起了长队",
    "老师带着孩子去看展览",
    "医院新添了两位大夫",
    "村口那棵老槐树开了花",
    "邻居送来一篮鸡蛋",
    "超市里的蔬菜便宜了些",
    "雨从半夜一直下到中午",
    "公交车晚点了十分钟",
    "图书馆周末照常开放",
    "球队客场输了一个球",
    "剧院门前灯火通明",
    "有人在桥上拍照",
    "山里的温度还不到十度",
    "面馆的老板换了招牌",
    "火车穿过长长的隧道",
    "小猫躲在沙发底下",
    "河水比去年浅了许多",
    "奶奶织了一条红围巾",
    "信寄出去半个月没有回音",
    "菜园里种满了豆角",
    "操场上有人放风筝",
    "大家围坐在火炉旁",
]


def sentence(n, term):
    """Some everyday sentences about nothing in particular, and the term."""
    first, *rest = random.Random(n).sample(CLAUSES, 4)  # noqa: S311
    return f"{first}，{'，'.join(rest)}，这与{term}有些关系。"


def some(term, count, start=0):
    return [sentence(n, term) for n in range(start, start + count)]


def reasons(items):
    return [item.reason for item in items]


@pytest.fixture(scope="module")
def mixed():
    """Twenty sure texts, twenty uncertain ones of `b`, twenty near misses of `m`, twenty of nothing."""
    return some("芯片片子芯片", 12) + some("片子", 20, 5) + some("转型", 20, 12) + some("天气", 20, 25)


def test_near_misses_first_then_labels_take_turns(small, mixed):
    items = rank_for_review(mixed, 10, small)
    assert (items[0].reason, items[0].label) in {("near_miss", "m"), ("uncertain", "b")}
    kinds = {(item.label, item.reason) for item in items[:9]}
    assert kinds == {("m", "near_miss"), ("b", "uncertain")}
    assert abs(sum(item.label == "m" for item in items[:9]) - sum(item.label == "b" for item in items[:9])) <= 1
    assert items[9].reason == "diverse"
    for item in items:
        assert mixed[item.index] == item.text
        assert 0 <= item.probability <= 1
    both = some("片子", 6) + some("产业、产业、产业、产业、产业，片子", 1, 20)
    below = ["产业的产业，产业里的产业，产业外的产业。" + text for text in some("天气", 6, 30)]
    first = rank_for_review(both + below, 1, small, labels=["a"])
    assert reasons(first) == ["near_miss"]


def test_probability_and_reason_are_the_taggers(small, mixed):
    for item in rank_for_review(mixed, 30, small):
        result = small.tag(item.text)
        if item.reason == "near_miss":
            assert not result.tags
        if item.reason == "uncertain":
            assert result.tags
        if item.label:
            column = [label.id for label in small.labels].index(item.label)
            assert item.probability == pytest.approx(small.probabilities([item.text])[0, column], abs=1e-5)


def test_the_same_question_is_asked_once(small):
    text = sentence(0, "片子")
    copies = [text, text + " ", text.replace("。", "！"), text.replace("这与", "這與"), text.replace("有些", "有点")]
    numbered = [f"2024年{text}，共{n}件。" for n in range(5)]
    assert len(rank_for_review(copies, 5, small)) == 1
    assert len(rank_for_review(numbered, 5, small)) == 1
    assert len(rank_for_review(some("片子", 5), 5, small)) == 5


def test_the_same_input_gives_the_same_choice_whatever_the_batches(small, mixed, monkeypatch):
    once = rank_for_review(mixed, 25, small)
    assert rank_for_review(iter(mixed), 25, small) == once
    monkeypatch.setattr("trackclf._batching.BATCH", 100)
    assert rank_for_review(mixed, 25, small) == once


def test_only_the_labels_asked_for(small, mixed):
    items = rank_for_review(mixed, 10, small, labels=["m"])
    assert {item.label for item in items} <= {"m", None}
    assert reasons(items[:9]) == ["near_miss"] * 9


def test_what_is_kept_is_bounded_and_the_closest_stay(small, monkeypatch):
    monkeypatch.setattr("trackclf._batching.BATCH", 2000)
    held = []
    add = module._Pool.add

    def counted(self, *args):
        add(self, *args)
        held.append(len(self.candidates))

    monkeypatch.setattr(module._Pool, "add", counted)
    texts = (sentence(n, "产业、产业和产业") for n in range(3000))
    found = rank_for_review(itertools.chain(texts, [sentence(3001, "片子")]), 5, small)
    assert max(held) <= 4 * 5 * 4  # three labels and the sample, each with four for each text asked for
    assert len(held) > 10
    assert 3000 in [item.index for item in found]


def test_few_and_empty_texts(small):
    assert rank_for_review([], 5, small) == []
    assert rank_for_review(["", " ", "\n"], 5, small) == []
    assert [item.index for item in rank_for_review(["", "今天\ud800下雨", ""], 5, small)] == [1]


def test_jobs_change_nothing(small, mixed):
    assert rank_for_review(mixed, 10, small, jobs=2) == rank_for_review(mixed, 10, small)


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "wrap it", lambda t: rank_for_review("芯片", 1, t)),
        (TypeError, "got int at index 1", lambda t: rank_for_review(["芯片", 5], 1, t)),
        (TypeError, "whole number", lambda t: rank_for_review([], 1.5, t)),
        (InputError, "at least 1", lambda t: rank_for_review([], 0, t)),
        (InputError, "no label 'x' in this taxonomy; it has: a, b, m", lambda t: rank_for_review([], 1, t, ["x"])),
        (InputError, "leave `labels` out", lambda t: rank_for_review([], 1, t, [])),
    ],
)
def test_wrong_arguments(small, error, message, call):
    with pytest.raises(error, match=message):
        call(small)


def test_choosing_finds_the_errors_sooner_than_chance(tagger):
    """Among texts chosen from the fixtures, more carry a mistake of the tagger than among all of them."""
    from test_training import fixture_rows

    from trackclf._evaluation import judge

    rows = [row for row in fixture_rows() if row["split"] == "test"]
    judged = judge(tagger, rows)
    wrong = ((judged.truth >= 0) & (judged.got != (judged.truth == 1))).any(1)
    chosen = [item.index for item in rank_for_review([row["text"] for row in rows], 50, tagger)]
    assert np.mean(wrong[chosen]) > 1.5 * wrong.mean()
