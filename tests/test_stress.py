import json
from random import Random

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from strategies import share
from test_oracle import shape

from trackclf import _short, _stress, normalise
from trackclf._stress import CHANGES, NAMES, changed, stress, typos
from trackclf.cli import main

TEXT = "本市前瞻布局脑机接口产业，引进GPT-4。增长3.5%！"
# Ways of writing that matching does not see.
EXACT = ("traditional", "full_width", "upper_case", "line_breaks", "spaces", "gb18030", "zero_width", "pinyin")


def rng(seed=0):
    return Random(seed)  # noqa: S311


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("full_width", "本市前瞻布局脑机接口产业，引进ＧＰＴ－４。增长３．５％！"),
        ("upper_case", TEXT.upper()),
        ("spaces", " ".join("本市前瞻布局脑机接口产业，引进") + " GPT-4 。 增 长 3.5%！"),
        ("gb18030", TEXT),
        ("without_inner_punctuation", "本市前瞻布局脑机接口产业引进GPT-4。增长3.5！"),
        ("without_punctuation", "本市前瞻布局脑机接口产业引进GPT-4增长3.5"),
    ],
)
def test_what_is_not_drawn(name, expected):
    assert CHANGES[name](TEXT, rng()) == expected


def test_what_is_drawn():
    text = TEXT.lower() * 9
    once = {name: CHANGES[name](text, rng()) for name in CHANGES}
    assert "腦機接口產業" in once["traditional"]
    assert "产(chǎn)" in once["pinyin"]
    lines = once["line_breaks"].split("\n")
    assert len(lines) > 5
    assert not any(line.endswith(("g", "gp", "gpt", "gpt-", "3", "3.")) for line in lines)
    before, after = once["surrounded"].split(text)
    assert {before, after.strip()} < set(_stress._UNRELATED)
    for name in EXACT:
        assert once[name] != text or name == "gb18030"
        assert normalise(once[name]).replace("\n", "") == normalise(text)


def test_one_rendering_a_text_for_each_character():
    assert set(CHANGES["traditional"]("发后" * 30, rng(3))) in (
        {"發", "后"},
        {"發", "後"},
        {"髮", "后"},
        {"髮", "後"},
    )


def test_typos_spare_the_places_taken():
    text = "加快脑机接口产业化，" * 25
    taken = set(range(2, 6))
    wrong = typos(text, rng(1), taken)
    differ = [at for at, (a, b) in enumerate(zip(text, wrong, strict=True)) if a != b]
    assert 3 <= len(differ) <= 6  # 250 characters: three places, each one character or two
    assert not taken & set(differ)
    assert all(text[at] != "，" for at in differ)
    assert typos("脑机", rng(1), {0, 1}) == "脑机"


@given(st.text(max_size=40))
def test_any_text_can_be_changed_and_the_seed_decides(small, text):
    result = small.tag(text)
    ways = list(changed(result, "7 0"))
    assert ways == list(changed(result, "7 0"))
    assert len(ways) == len(NAMES)


def fixtures():
    rows = (ROOT / "fixtures" / "candidates.jsonl").read_text("utf-8").splitlines()
    return [(row["text"], row["id"]) for row in map(json.loads, rows)]


@share(8)
@given(st.sampled_from(fixtures()), st.integers(0, 9))
def test_writing_changes_no_number(tagger, row, seed):
    was = tagger.tag(row[0])
    for name, text in zip(NAMES, changed(was, str(seed)), strict=True):
        if name in EXACT:
            assert shape(tagger.tag(text)) == shape(was), name


def test_unrelated_sentences_are(tagger):
    assert {result.abstained for result in tagger.tag_many(_stress._UNRELATED)} == {"no_evidence"}


def test_the_level_goes_by_what_matching_sees(tagger, monkeypatch):
    """However a text is laid out, its level changes at the same length, in both ways of the tagger."""
    monkeypatch.setattr(_short, "_FIRST", 0)

    def level(change, n):
        text = change("脑机接口", rng()) + change("他去散步", rng()) * n
        levels = {result.tags[0].level for result in (tagger.tag(text), *tagger.tag_many([text, "的" * 3000]))[:2]}
        assert len(levels) == 1
        return levels.pop()

    plain = [level(lambda text, random: text, n) for n in range(40)]
    assert set(plain) == {1, 2}
    for name in ("spaces", "zero_width", "pinyin", "full_width"):
        assert [level(CHANGES[name], n) for n in range(40)] == plain


def test_what_changed_is_counted_and_listed(small):
    rows = [("暂无。6G" + "的" * 20, "x"), ("培育。6G", "y"), ("今天下雨。", "z")]
    report = stress(rows, small)
    assert report["texts"] == 3
    inner, every = (report["changes"][name] for name in ("without_inner_punctuation", "without_punctuation"))
    assert inner["track"] == {"tags": 2, "lost": 0, "gained": 0, "other_level": 0, "unchanged": 1.0}
    assert every["track"] == {"tags": 2, "lost": 1, "gained": 0, "other_level": 0, "unchanged": 0.5}
    assert every["mode"] == {"tags": 0, "lost": 0, "gained": 1, "other_level": 0, "unchanged": 0.0}
    shared = {"change": "without_punctuation"}
    assert [row for row in report["changed"] if row["change"] == "without_punctuation"] == [
        shared | {"id": "x", "kind": "track", "label": "a", "what": "lost", "words": "暂无。[6G]" + "的" * 12},
        shared | {"id": "y", "kind": "mode", "label": "m", "what": "gained", "words": "[培育]6G"},
    ]
    assert stress([], small)["changes"]["typos"]["mode"]["unchanged"] == 1.0


def test_command(tmp_path, capsys):
    path = tmp_path / "a.jsonl"
    rows = [{"id": 7, "text": "公司暂无相关计划。脑机接口产业提速。"}, {"id": 8, "text": 5}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert main(["stress", str(path), "--to", "json", "--seed", "3"]) == 1
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert (report["texts"], report["seed"]) == (1, 3)
    assert set(report["changes"]) == set(NAMES)
    assert "1 条未能处理" in shown.err
    for lang, words in (("zh", ["繁体字", "赛道", "100.00%"]), ("en", ["unchanged", "Traditional", "100.00%"])):
        assert main(["stress", "--text", "脑机接口产业提速。", "--lang", lang]) == 0
        out = capsys.readouterr().out
        assert all(word in out for word in words)
    assert main(["stress", "nowhere.txt"]) == 2


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("推动生物制造商业化。", ["biomanufacturing"]),
        ("打造生物制造 商业航天等产业。", ["biomanufacturing", "commercial-space"]),
        ("它是一家微生物制造商。", []),
        ("飞行汽车 人工智能双双亮相。", ["low-altitude"]),
    ],
)
def test_names_side_by_side_do_not_cancel_each_other(tagger, text, ids):
    assert sorted(tag.id for tag in tagger.tag(text).tracks) == ids
