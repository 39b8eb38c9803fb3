import copy
import os
import pickle
import random
import subprocess
import sys
import threading
from itertools import count, islice

import numpy as np
import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

import trackclf
from trackclf import Tagger, _batching, normalise, tag, tag_many

DEMO = (ROOT / "fixtures" / "demo.txt").read_text(encoding="utf-8")
SENTENCES = [
    "本市前瞻布局脑机接口和量子计算，已有三家初创公司落地。",
    "老牌纺织厂向碳纤维转型，产线完成智能化改造。",
    "臺灣晶片業者擴建先進封裝產能，帶動積體電路設備需求。",
    "公司暂无脑机接口业务。",
    "旗下有大量子公司。",
    "Large language models and GPT-4o are reshaping software.",
    "今天下了一场小雨。",
    "园区开放低空场景，eVTOL试飞常态化，产业规模提质增效。",
]
texts = st.lists(st.sampled_from([*SENTENCES, "\n\n", "量子", "😀", "6G", " "]), max_size=6).map("".join)


def public_names():
    return {name for name in dir(trackclf) if not name.startswith("_")} | {"__version__"}


def test_all_is_exact():
    assert sorted(trackclf.__all__) == sorted(public_names())
    for name in trackclf.__all__:
        assert getattr(trackclf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = trackclf.nothing


def test_demo_text():
    result = tag(DEMO)
    assert {t.id for t in result.tracks} == {"bci", "quantum", "low-altitude"}  # 6G is only denied
    assert {t.id for t in result.modes} == {"create", "renew", "improve"}
    assert ("bci", "create") in {(pair.track, pair.mode) for pair in result.pairs}
    assert any(e.text == "脑机\n接口" for t in result.tracks for e in t.evidence)
    matrix = np.array(result.pair_matrix())
    assert matrix.shape == (15, 3)
    assert matrix.sum() == pytest.approx(sum(pair.score for pair in result.pairs))


def proves(result):
    """Everything that a result says about its own text holds."""
    for item in result.tags:
        assert item.evidence
        for e in item.evidence:
            assert result.text[e.start : e.end] == e.text
            assert normalise(e.text) == normalise(e.term)
    for pair in result.pairs:
        assert 0 <= pair.start < pair.end <= len(result.text)
    assert (result.abstained is None) == bool(result.tags)
    assert "".join(result.text[a:b] for a, b, _ in result.marks()) == result.text


def spell(text, seed, *, traditional=None, wide=False, lines=False, spaced=False, zero=False):
    chance = random.Random(seed)  # noqa: S311  # which places are broken is no secret
    out = []
    for n, char in enumerate(text):
        inner = n and not char.isascii() and not text[n - 1].isascii() and char.isalpha() and text[n - 1].isalpha()
        if inner and chance.random() < 0.3:
            out.append("\n" if lines else " " if spaced else "\u200b" if zero else "")
        out.append(chr(ord(char) + 0xFEE0) if wide and "!" <= char <= "~" else char)
    text = "".join(out)
    return traditional(text) if traditional else text


@pytest.fixture(scope="module")
def traditional():
    import opencc

    return [opencc.OpenCC(name).convert for name in ("s2t", "s2tw", "s2hk")]


def shape(result):
    return [(t.id, t.score, [(normalise(e.text), e.kind, e.contribution) for e in t.evidence]) for t in result.tags]


@given(
    st.lists(st.sampled_from([*SENTENCES, *DEMO.split("\n\n")]), min_size=1, max_size=4).map("".join),
    st.integers(0, 1000),
)
def test_variants_of_a_text_have_the_same_tags(tagger, traditional, text, seed):
    plain = shape(tagger.tag(text))
    for how in ({"wide": True}, {"lines": True}, {"spaced": True}, {"zero": True}):
        result = tagger.tag(spell(text, seed, **how))
        proves(result)
        assert shape(result) == plain, how
    for convert in traditional:
        result = tagger.tag(convert(text))
        proves(result)
        assert shape(result) == plain
    assert shape(tagger.tag(text.upper())) == shape(tagger.tag(text.lower())) == plain
    assert shape(tagger.tag(normalise(text))) == plain


def test_long_text_is_the_sum_of_its_sentences(tagger):
    text = "".join(SENTENCES) * 6000
    assert len(text) > 1_000_000
    once = tagger.scores(["".join(SENTENCES)])[0]
    bias = tagger._model.bias
    assert tagger.scores([text])[0] == pytest.approx(bias + (once - bias) * 6000, abs=1e-2)
    result = tagger.tag(text)
    proves(result)
    assert {t.id for t in result.tags} == {t.id for t in tagger.tag("".join(SENTENCES)).tags}


def test_long_text_without_any_sentence(tagger):
    assert {t.id for t in tagger.tag("甲" * 1_000_000 + "脑机接口").tracks} == {"bci"}


def test_the_first_denial_reaches_into_a_term(tagger):
    # 目前无 denies, but here it is half of a name; what stands before it has no denial at all
    ids = [t.id for t in tagger.tag("我市布局脑机接口，目前无界AI平台已上线。").tracks]
    assert sorted(ids) == ["bci", "large-model"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "too_short"),
        ("好", "too_short"),
        ("The weather is fine.", "not_chinese"),
        ("今天下了一场小雨。", "no_evidence"),
        ("公司暂无脑机接口业务。", "denied_only"),
        ("公司脑机接口业务尚未开展。", "denied_only"),
        ("机器人", "below_threshold"),
    ],
)
def test_no_tag_has_a_reason(tagger, text, reason):
    result = tagger.tag(text)
    assert result.tags == ()
    assert result.abstained == reason
    assert (result.nearest is not None) == (reason == "below_threshold")
    assert ("nearest" in result.to_dict()) == (reason == "below_threshold")


@pytest.mark.parametrize(
    ("text", "track"),
    [
        ("國產資料庫與作業系統加速替換。", "core-software"),
        ("業者投入積體電路封裝,晶片產能吃緊。", "ic"),
        ("量子電腦首度對外開放,量子運算服務上線。", "quantum"),
        ("侵入式腦機介面展開臨床試驗。", "bci"),
        ("推出企業級AI智慧體開發平台。", "large-model"),
        ("第六代行動通訊標準啟動研議。", "6g"),
        ("雙足人形機械人走進工廠。", "embodied-ai"),
    ],
)
def test_taiwan_and_hong_kong_words(tagger, text, track):
    assert track in {t.id for t in tagger.tag(text).tracks}


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("旗下有大量子公司。", "quantum"),
        ("这台手机有16GB内存、512GB存储。", "6g"),
        ("主频2.6G，网速一般。", "6g"),
        ("更换铝电解槽内衬。", "clean-hydrogen"),
        ("战机从海面低空飞过。", "low-altitude"),
        ("此事在网上持续发酵。", "biomanufacturing"),
        ("用PSCAD搭建仿真模型。", "core-software"),
        ("接受造血干细胞移植。", "biomanufacturing"),
        ("以中国知网数据库为来源检索文献。", "core-software"),
        ("商场降低空置率。", "low-altitude"),
        ("提升水库的存储能力。", "energy-storage"),
        ("带来智能体验。", "large-model"),
        ("图为货轮驶离港区（无人机照片）。", "low-altitude"),
    ],
)
def test_strings_that_fool_word_lists(tagger, text, absent):
    assert absent not in {t.id for t in tagger.tag(text).tracks}


def test_probabilities(tagger):
    probabilities = tagger.probabilities(SENTENCES)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(SENTENCES), len(tagger.labels))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    for n, result in enumerate(tagger.tag_many(SENTENCES)):
        ids = [label.id for label in tagger.labels]
        assert all(t.probability == probabilities[n, ids.index(t.id)] for t in result.tags)


def test_nothing_in_nothing_out(tagger):
    assert tagger.scores([]).shape == (0, len(tagger.labels))
    assert list(tagger.tag_many([])) == []


def test_tag_many_is_lazy_and_in_order(tagger):
    source = (f"第{n}条：脑机接口。" if n % 2 else f"第{n}条。" for n in count())
    results = list(islice(tagger.tag_many(source), 50))
    assert [bool(r.tracks) for r in results] == [bool(n % 2) for n in range(50)]
    assert [r.text.startswith(f"第{n}条") for n, r in enumerate(results)] == [True] * 50


def test_wrong_arguments_say_what_to_do(tagger):
    for method, name in ((tagger.scores, "scores"), (tagger.tag_many, "tag_many"), (tag_many, "tag_many")):
        with pytest.raises(TypeError, match=rf"one str; wrap it: {name}\(\[text\]\)"):
            method("文本")
    with pytest.raises(TypeError, match="got int at index 1"):
        list(tagger.tag_many(["文本", 3]))
    with pytest.raises(TypeError, match="tag_many"):
        tagger.tag(["文本"])
    with pytest.raises(ValueError, match="'sentence' or 'paragraph'"):
        tagger.tag_many(["文本"], segments="word")


def test_immutable_picklable_copyable(tagger):
    with pytest.raises(AttributeError, match="does not change"):
        tagger.labels = ()
    for other in (pickle.loads(pickle.dumps(tagger)), copy.deepcopy(tagger)):  # noqa: S301
        assert np.array_equal(other.scores(SENTENCES), tagger.scores(SENTENCES))
        assert other.stamp == tagger.stamp


def test_threads_share_a_tagger(small):
    fresh = Tagger(small.taxonomy)
    items = ["公司有大量子公司。", "发展量子领域。", "量子计算与芯片产业升级。"] * 50
    expected = small.scores(items)
    wrong = []

    def work():
        for _ in range(5):
            if not np.array_equal(fresh.scores(items), expected):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_segments(tagger):
    text = "本市布局脑机接口。天气不错。\n\n量子计算落地，脑机接口也有进展。"
    sentences = tagger.tag(text, segments="sentence").segments
    assert [text[s.start : s.end] for s in sentences] == ["本市布局脑机接口。", "量子计算落地，脑机接口也有进展。"]
    paragraphs = tagger.tag(text, segments="paragraph").segments
    assert [text[s.start : s.end].strip() for s in paragraphs] == text.split("\n\n")
    for parts in (sentences, paragraphs):
        total = sum(s.scores.get("bci", 0) for s in parts)
        tagged = next(t for t in tagger.tag(text).tracks if t.id == "bci")
        assert total == sum(e.contribution for e in tagged.evidence)


def test_records_are_plain(tagger):
    record = tagger.tag(DEMO).to_dict(7)
    assert list(record) == ["id", "tracks", "modes", "pairs", "abstained", "stamp", "denied"]
    first = record["tracks"][0]
    assert list(first) == ["id", "name", "status", "score", "probability", "level", "evidence"]
    assert list(first["evidence"][0]) == ["start", "end", "text", "term", "kind", "contribution", "voice"]
    assert list(record["stamp"]) == ["trackclf", "taxonomy", "model"]
    assert "bci" in repr(tagger.tag(DEMO))
    assert "too_short" in repr(tagger.tag(""))


def test_html_is_escaped(tagger):
    result = tagger.tag("<script>alert(1)</script>脑机接口&量子计算\ud800")
    html = result._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<mark") == 2
    assert 'title="2 脑机接口 · 脑机接口 · 核心词 +4.00"' in html
    assert html == result.to_html()
    page = result.to_html(full=True, lang="en")
    assert page.startswith("<!doctype html>")
    assert "script-src 'none'" in page
    assert "Brain–computer interface" in page
    assert page.encode().decode() == page
    assert "没有发现依据" in tagger.tag("今天下了一场小雨。").to_html()


def test_light_imports():
    heavy = {
        "sklearn",
        "scipy",
        "jieba",
        "joblib",
        "rdflib",
        "pyarrow",
        "openpyxl",
        "csv",
        "hashlib",
        "tomllib",
        "zipfile",
        "trackclf._taxonomy",
    }
    code = (
        f"import sys, trackclf.cli; heavy = {heavy!r}; found = lambda names: names & set(sys.modules)\n"
        "assert not found(heavy | {'numpy'}), found(heavy | {'numpy'})\n"
        "try: trackclf.cli.main(['--help'])\n"
        "except SystemExit: assert not found(heavy | {'numpy'}), found(heavy | {'numpy'})\n"
        "import numpy; heavy -= set(sys.modules)\n"  # numpy 1.26 brings hashlib itself
        "assert trackclf.cli.main(['tag', '--text', '脑机接口']) == 0\n"
        "assert not found(heavy), found(heavy)\n"
    )
    trackclf.Tagger()  # its compiled form is in the cache now
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    env = os.environ | {"TRACKCLF_CACHE": "off"}
    code = code.replace("not found(heavy), ", "not found({'sklearn', 'scipy', 'jieba', 'joblib'}), ")
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, env=env)


def test_modules_stand_in_one_order():
    import ast

    order = [
        "_version",
        "errors",
        "_parallel",
        "_words",
        "_html",
        "_types",
        "_resources",
        "_files",
        "_store",
        "_characters",
        "_text",
        "_taxonomy_files",
        "_setting_faults",
        "_taxonomy_faults",
        "_layers",
    ]
    order += [
        "_taxonomy",
        "_matching",
        "_lexicon",
        "_candidates",
        "_finds",
        "_voices",
        "_resolving",
        "_model",
        "_weights",
        "_saving",
        "_scoring",
        "_results",
        "_short_matching",
        "_short_voices",
        "_short_resolving",
        "_short",
        "_compiled",
        "_segmenting",
        "_batching",
        "_tagger",
        "_authoring",
        "_corpus",
        "_ranking",
        "_suggesting",
        "_labelled",
        "_evaluation",
    ]
    order += [
        "_review",
        "_review_page",
        "_context",
        "_fitting",
        "_training",
        "_features",
        "_targets",
        "_classifier_store",
        "_estimator",
        "_encodings",
        "_records",
        "_choosing",
        "_lines",
        "_documents",
        "_pdf",
        "_tables",
        "_streams",
        "_readers",
        "_exchange",
    ]
    order += ["_spreadsheet", "_skos", "_skos_reading"]
    order += [
        "_rows",
        "_terminal",
        "_arrow",
        "_workbook",
        "_report_page",
        "_writers",
        "_spool",
        "_resuming",
        "_progress",
    ]
    order += ["_authoring_tables", "_evaluation_page", "_stress"]
    order += ["_standard", "_options", "_commands", "_model_commands", "_taxonomy_commands", "cli"]
    source = ROOT / "src" / "trackclf"
    assert {path.stem for path in source.glob("*.py")} == {*order, "__init__", "__main__"}
    for name in order:
        for node in ast.walk(ast.parse((source / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("trackclf"):
                inner = [node.module.removeprefix("trackclf").removeprefix(".")]
                inner = inner if inner != [""] else [alias.name for alias in node.names]
                assert all(order.index(other) < order.index(name) for other in inner), (name, inner)


def test_small_batches_change_nothing(monkeypatch, small):
    text = "量子计算。芯片产业链升级，由旧向新转型。" * 40
    expected = small.tag(text, segments="sentence").to_dict()
    monkeypatch.setattr(_batching, "BATCH", 50)
    monkeypatch.setattr(_batching, "PIECE", 50)
    assert small.tag(text, segments="sentence").to_dict() == expected
    short = small.tag("芯片", segments="sentence").to_dict()
    many = small.tag_many([text, "芯片", text], segments="sentence")
    assert [result.to_dict() for result in many] == [expected, short, expected]
