"""Whether evidence is asserted, planned, denied or quoted, and by what."""

import json

import pytest
from conftest import TOP, label_file

from trackclf import Tagger, _short, load_taxonomy
from trackclf._spool import result_of
from trackclf.errors import TaxonomyError


def said(result):
    """Each term of a track with its voice and trigger, in the order of the text."""
    items = [item for tag in result.tracks for item in tag.terms]
    items += [item for label in result.denied for item in label.evidence]
    return [(e.text, e.voice, e.trigger and e.trigger.text) for e in sorted(items)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("园区已建成量子计算中心。", [("量子计算", "asserted", None)]),
        ("该县拟引进氢能企业。", [("氢能", "planned", "拟")]),
        ("我市力争三年内跻身低空经济第一方阵。", [("低空经济", "planned", "力争")]),
        ("鼓励社会资本投向脑机接口。", [("脑机接口", "planned", "鼓励")]),
        ("省里正在探索商业航天的保险机制。", [("商业航天", "planned", "探索")]),
        ("具身智能产业园有望明年投产。", [("具身智能", "planned", "有望")]),
        ("力争早日脱贫,已引进氢能企业。", [("氢能", "asserted", None)]),  # another clause
        ("课题组模拟了量子计算的噪声。", [("量子计算", "asserted", None)]),
        ("重点研发计划支持量子通信。", [("量子通信", "asserted", None)]),
        ("公司暂无脑机接口业务。", [("脑机接口", "denied", "暂无")]),
        ("本厂不涉及氢能,拟进入储能。", [("氢能", "denied", "不涉及"), ("储能", "planned", "拟")]),
        ("公司没有脑机接口业务。", [("脑机接口", "denied", "没有")]),
        ("脑机接口业务公司尚未开展。", [("脑机接口", "denied", "尚未开展")]),
        ("澄清:网传公司收购脑机接口企业不属实。", [("脑机接口", "denied", "不属实")]),
        ("《低空经济条例》施行。", [("低空经济", "quoted", "《")]),
        ("《条例》施行后低空经济提速。", [("低空经济", "asserted", None)]),
        ("论文《评〈脑机接口伦理指引〉》获奖。", [("脑机接口", "quoted", "〈")]),  # the inner title
        ("论文《评〈条例〉与低空经济》获奖。", [("低空经济", "quoted", "《")]),
        ("拟制定《低空经济条例》。", [("低空经济", "quoted", "《")]),
        ("不涉及《低空经济条例》所列事项。", [("低空经济", "denied", "不涉及")]),
        ("《低空经济条例没有写完。", [("低空经济", "asserted", None)]),
        ("记者问:氢能何时走进寻常百姓家。", [("氢能", "quoted", "记者问")]),
        ("请问贵公司在脑机接口方面有何布局?", [("脑机接口", "quoted", "请问")]),
        ("脑机接口离我们还有多远?", [("脑机接口", "asserted", None)]),
        ("請問貴公司是否佈局量子計算?", [("量子計算", "quoted", "請問")]),
        (
            "请问公司有脑机接口产品吗?公司不涉及上述业务。",
            [("脑机接口", "denied", "不涉及上述")],
        ),
        ("公司有脑机接口产品吗?公司暂无脑机接口产品。", [("脑机接口", "denied", "暂无")] * 2),
    ],
)
def test_voices(text, expected, tagger, monkeypatch):
    monkeypatch.setattr(_short, "_FIRST", 0)
    result = tagger.tag(text)
    assert said(result) == expected
    assert result == next(tagger.tag_many([text, "的" * (_short._SHORT + 1)]))  # the arrays' way
    for item in (item for tag in (*result.tags, *result.denied) for item in tag.evidence):
        assert (item.voice == "asserted") == (item.trigger is None)
        if item.trigger:
            assert text[item.trigger.start : item.trigger.end] == item.trigger.text


def test_only_a_denial_changes_what_is_tagged(tagger):
    plain = tagger.tag("园区建成量子计算中心。").tracks[0]
    for text in ("园区拟建量子计算中心。", "《量子计算中心》发布。", "请问园区有量子计算中心吗?"):
        assert tagger.tag(text).tracks[0].score == plain.score
    denied = tagger.tag("园区暂无量子计算中心。")
    assert (denied.tracks, denied.abstained) == ((), "denied_only")
    assert denied.denied[0].evidence[0].contribution == 0


def test_a_label_may_be_denied_here_and_asserted_there(tagger):
    result = tagger.tag("甲公司暂无氢能业务。乙公司的氢能重卡已经上路。")
    assert [tag.id for tag in result.tracks] == [label.id for label in result.denied] == ["clean-hydrogen"]
    assert all(item.voice == "asserted" for item in result.tracks[0].evidence)
    assert [item.start for item in result.denied[0].evidence] == [5]


def test_modes_are_planned_and_quoted_too(tagger):
    result = tagger.tag("力争填补国内空白。《关于传统产业转型升级的意见》印发。")
    found = {tag.id: {item.voice for item in tag.terms} for tag in result.modes}
    assert found == {"create": {"planned"}, "renew": {"quoted"}}


def test_a_plan_reaches_over_commas_to_a_mode(tagger):
    result = tagger.tag("力争建成产业学院,推动传统产业转型升级,引进氢能企业。")
    assert {item.voice for tag in result.modes for item in tag.terms} == {"planned"}
    assert {item.voice for tag in result.tracks for item in tag.terms} == {"asserted"}


def test_a_cue_with_gaps_has_one_voice(tagger):
    (tag,) = (tag for tag in tagger.tag("该市前瞻布局,拟引进脑机接口企业。").modes if tag.id == "create")
    cue = [item for item in tag.terms if item.cue]
    assert len({(item.voice, item.trigger) for item in cue}) <= 1


def test_long_texts_have_the_same_voices(tagger):
    text = "该县拟引进氢能企业。公司暂无脑机接口业务。《低空经济条例》施行。"
    short = said(tagger.tag(text))
    long = tagger.tag(text * 10_000)  # in pieces
    assert said(long) == short * 10_000
    last = max(item.trigger for tag in long.tracks for item in tag.terms if item.trigger)
    assert (last.text, last.start) == ("《", len(text) * 10_000 - text[::-1].index("《") - 1)


def test_records_and_spools_keep_voices(tagger):
    result = tagger.tag("拟建量子计算中心,暂无氢能业务。")
    record = json.loads(json.dumps(result.to_dict()))
    assert record["tracks"][0]["evidence"][0]["trigger"] == {"start": 0, "end": 1, "text": "拟"}
    assert [label["id"] for label in record["denied"]] == ["clean-hydrogen"]
    assert result_of(record, result.text, result.labels, result.kinds) == result


def test_a_denial_speaks_of_its_own_text_and_label_alone(small):
    """Whatever stands between in a batch: the question is denied by no other text."""
    for denied, asked in (("量子计算", "芯片"), ("芯片", "量子计算"), ("芯片", "芯片")):
        question = small.tag(f"有{asked}吗?")
        for gap in range(8):
            texts = [f"暂无{denied}。", *["今天下雨。"] * gap, f"有{asked}吗?", "的" * 3000]
            assert list(small.tag_many(texts))[-2] == question
        assert small.tag(f"暂无{denied}。有{asked}吗?").abstained == ("denied_only" if denied == asked else None)


@pytest.mark.parametrize(
    ("text", "voice"),
    [
        ("量子计算有望成功。", "planned"),
        ("量子计算没有望远镜。", "asserted"),
        ("行动计划写到量子计算。", "asserted"),
        ("您有量子计算吗?", "quoted"),
        ("您好,有量子计算吗?", "asserted"),
        ("记者问量子计算。", "quoted"),
        ("答记者问量子计算。", "asserted"),
    ],
)
def test_exceptions_hold_for_every_list(small, text, voice):
    for result in (small.tag(text), next(small.tag_many([text, "的" * 3000]))):
        assert [found for _, found, _ in said(result)] == [voice]


def test_lists_of_ones_own(make_taxonomy):
    own = Tagger(load_taxonomy(make_taxonomy()), weights=None)
    assert said(own.tag("计划研究量子计算。")) == [("量子计算", "planned", "计划")]
    assert said(own.tag("行动计划提出量子计算。")) == [("量子计算", "asserted", None)]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('marks = ["《》", "〈〉"]', 'marks = ["《"]', "quotation.marks: '《' must be two marks"),
        ('marks = ["《》", "〈〉"]', 'marks = ["\\"\\""]', "must be two marks, one that opens and one that closes"),
        ('asked = ["您", "记者"]', "asked = 3", "quotation.asked must be a list of strings"),
        ('across = ["mode"]', 'across = ["modes"]', "[plan] across names 'modes'; the kinds are: track, mode"),
        ('after = ["有望"]', 'afterwards = ["有望"]', "plan.afterwards is not known"),
    ],
)
def test_faults_are_said(make_taxonomy, old, new, fault):
    assert old in TOP
    with pytest.raises(TaxonomyError) as raised:
        load_taxonomy(make_taxonomy({"taxonomy.toml": TOP.replace(old, new)}))
    assert any(fault in text for text in raised.value.faults)


def test_a_taxonomy_of_one_term_and_nothing_else(make_taxonomy):
    files = {"tracks/b.toml": label_file("b", "track", 2, ['{ t = "片子", k = "core" }'])}
    files |= {"taxonomy.toml": TOP[: TOP.index("[denial]")], "modes/m.toml": label_file("m", "mode", 1, [])}
    files |= {"tracks/a.toml": label_file("a", "track", 1, [])}
    own = Tagger(load_taxonomy(make_taxonomy(files)), weights=None)
    assert said(own.tag("暂无片子。")) == [("片子", "asserted", None)]


def test_a_taxonomy_without_lists_has_only_asserted_evidence(make_taxonomy):
    top = TOP[: TOP.index("[denial]")]
    own = Tagger(load_taxonomy(make_taxonomy({"taxonomy.toml": top})), weights=None)
    assert said(own.tag("暂无量子计算,计划研究《量子计算》。")) == [("量子计算", "asserted", None)] * 2
