import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from conftest import REGIONAL, ROOT, label_file
from scipy.stats import binomtest, chi2_contingency

from trackclf import (
    InputError,
    Tagger,
    TaxonomyError,
    _batching,
    _corpus,
    load_taxonomy,
    new_taxonomy,
    suggest_terms,
    tag_changes,
    taxonomy_changes,
)
from trackclf._authoring_tables import write_changes
from trackclf._ranking import least_share, log_likelihood_ratio
from trackclf._suggesting import Doubt
from trackclf._taxonomy import check
from trackclf._types import Kind
from trackclf.cli import main

CARE, LEASING = "tracks/elderly-care.toml", "modes/leasing.toml"
LINES = [
    "街道为独居老人做适老化改造,浴室装上扶手,门口铺了坡道。社区食堂的午饭又便宜了两块钱。",
    "养老院新到一批康复辅具,扶手和坡道也修好了。院里的桂花开了。",
    "护理机器人会把老人扶到扶手旁边。孩子们放学后去图书馆写作业。",
    "区里给两百户家庭做了適老化改造,主要是加扶手、换门槛。周末有雨。",
    "车间里的机器人昼夜不停。这条产线每小时出六十台电机。",
    "居民楼的扶手该刷漆了。物业说下周动工。",
    "公交站挪到了路口东边。早高峰少等五分钟。养老保险今年又调高了。",
]


@pytest.fixture
def edited(tmp_path):
    """Makes a skeleton with some strings of its files replaced."""

    def make(name="new", **edits):
        folder = new_taxonomy(tmp_path / name)
        for short, (old, new) in edits.items():
            path = folder / {"care": CARE, "leasing": LEASING}.get(short, f"{short}.toml")
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new), encoding="utf-8")
        return load_taxonomy(folder)

    return make


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "texts.jsonl"
    rows = (json.dumps({"id": n, "text": text}, ensure_ascii=False) for n, text in enumerate(LINES))
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


# new


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_skeleton_is_sound_and_tags_its_example(tmp_path, capsys, lang):
    folder = tmp_path / "deep" / "mine"
    assert main(["taxonomy", "new", str(folder), "--lang", lang]) == 0
    assert str(folder) in capsys.readouterr().out
    assert check(folder) == []
    result = Tagger(load_taxonomy(folder)).tag((folder / "example.txt").read_text(encoding="utf-8"))
    assert ([tag.id for tag in result.tracks], [tag.id for tag in result.modes]) == (["elderly-care"], ["leasing"])
    assert result.pairs
    top = (folder / "taxonomy.toml").read_text(encoding="utf-8")
    priors = [line for line in top.partition("[prior.track]")[2].partition("\n\n")[0].splitlines() if "=" in line]
    assert len(priors) == 8
    assert all("#" in line for line in priors)


def test_skeletons_differ_in_words_alone(tmp_path):
    zh, en = (load_taxonomy(new_taxonomy(tmp_path / lang, lang)) for lang in ("zh", "en"))
    assert zh.digest == en.digest
    names = [sorted(p.relative_to(tmp_path / n) for p in (tmp_path / n).rglob("*")) for n in ("zh", "en")]
    assert names[0] == names[1]
    keys = [tomllib.loads((tmp_path / lang / CARE).read_text(encoding="utf-8")) for lang in ("zh", "en")]
    assert keys[0] | {"source": ""} == keys[1] | {"source": ""}


def test_new_never_writes_over_anything(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    new_taxonomy(tmp_path / "empty")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x", encoding="utf-8")
    for name in ("file", "full", "empty"):
        with pytest.raises(TaxonomyError, match="name a new one"):
            new_taxonomy(tmp_path / name)
        assert main(["taxonomy", "new", str(tmp_path / name)]) == 2
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["x"]
    assert "not an empty folder" in capsys.readouterr().err


# diff


def test_every_part_that_differs_is_a_change(edited, tmp_path):
    old = edited("old")
    new = edited(
        care=('{ t = "护理机器人", k = "strong" }', '{ t = "护理机器人", k = "core" }'),
        leasing=('name = "以租代购"', 'name = "租赁"'),
        taxonomy=("bias = -4.0", "bias = -5.0"),
        classes=('"护理床", ', ""),
    )
    assert taxonomy_changes(old, old) == []
    found = [(change.part, change.name, change.item, change.old, change.new) for change in taxonomy_changes(old, new)]
    terms = {"t": "护理机器人", "k": "strong"}, {"t": "护理机器人", "k": "core"}
    assert found == [
        ("term", "elderly-care", "护理机器人", *terms),
        ("label", "leasing", "name", "以租代购", "租赁"),
        ("class", "equipment", "护理床", "护理床", None),
        ("prior", "mode", "bias", -4.0, -5.0),
    ]
    back = taxonomy_changes(new, old)
    assert [(change.old, change.new) for change in back] == [(row[4], row[3]) for row in found]
    near = edited("near", care=('"老年", ', ""), taxonomy=('before = ["暂无", ', 'before = ["暂无", "暂缺", '))
    (tmp_path / "regional").mkdir()
    changes = taxonomy_changes(old, near)
    assert [change.part for change in changes] == ["term", "denial"]
    assert changes[0].old["near"] == ["老人", "老年", "养老", "{care-place}"]
    folder = tmp_path / "near"
    (folder / "regional.toml").write_text(REGIONAL, encoding="utf-8")
    (folder / LEASING).unlink()
    gone = taxonomy_changes(near, load_taxonomy(folder))
    assert gone[0].to_dict() == {"change": "label", "name": "leasing", "item": "", "old": "以租代购", "new": None}
    assert {change.part for change in gone[1:]} == {"term", "regional"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"pairs": ()}, [("pair", "pairs", "track + mode")]),
        ({"kinds": (Kind("track", "tracks", "赛道", "Theme"), Kind("mode", "modes", "模式", "Mode"))},
         [("kind", "track", "name_en")]),
        ({"entries": slice(None, None, -1)}, [("order", "labels", "")]),
        ({"version": "t2"}, []),
    ],
)  # fmt: skip
def test_settings_that_differ_are_changes_too(small, change, expected):
    old = small.taxonomy
    change = {name: old.entries[::-1] if name == "entries" else value for name, value in change.items()}
    new = dataclasses.replace(old, **change)
    changes = taxonomy_changes(old, new)
    assert [(change.part, change.name, change.item) for change in changes] == expected
    for lang in ("zh", "en"):
        write_changes(changes, out := io.StringIO(), lang)
        assert out.getvalue()
    assert old.digest == new.digest or changes


@pytest.mark.parametrize(
    ("edits", "text", "expected"),
    [
        # A term taken away, and put in another spelling; a `not` that is added; what no term explains.
        ({"care": ('  { t = "护理机器人", k = "strong" },\n', "")}, "护理机器人到了。", [(False, "elderly-care", ["护理机器人"])]),
        ({"care": ('"智慧养老", k', '"智慧康养", k')}, "智慧康養落地。", [(True, "elderly-care", ["智慧康养"])]),
        ({"care": ('"养老保险", k', '"护理机器人概念", k')}, "护理机器人概念股涨了。", [(False, "elderly-care", ["护理机器人概念"])]),
        ({"taxonomy": ("strong = 4.0", "strong = 2.0")}, "护理机器人到了。", [(False, "elderly-care", [])]),
        # Cues, by their whole text; a piece that another label found.
        ({"leasing": ('"租赁…{equipment}", k', '"出借…{equipment}", k')}, "出借给各村的轮椅。", [(True, "leasing", ["出借…{equipment}"])]),
        (
            {"leasing": ('"租赁…{equipment}", k = "core"', '"{track}…租赁", k = "core"'),
             "care": ('{ t = "护理机器人"', '{ t = "护理器"')},
            "护理器也可租赁。",
            [(True, "elderly-care", ["护理器"]), (True, "leasing", ["{track}…租赁", "护理器"])],
        ),
        # A condition that no longer holds: the term is not in the new evidence, but it stands in the text.
        ({"care": (', near = ["老人", "老年", "养老", "{care-place}"]', ', near = ["老年"]')},
         "老人领到康复辅具。", [(False, "elderly-care", ["康复辅具"])]),
        ({"care": ('"护理机器人"', '"机器人"')}, "护理机器人到了。", []),
    ],
)  # fmt: skip
def test_changed_tags_name_the_terms_responsible(edited, edits, text, expected):
    old, new = Tagger(edited("old")), Tagger(edited("new", **edits))
    (changes,) = tag_changes(old, new, [text])
    found = [(change.gained, change.tag.id, sorted(term.item for term in change.responsible)) for change in changes]
    assert found == [(gained, id, sorted(terms)) for gained, id, terms in expected]
    for change in changes:
        assert change.tag in (new if change.gained else old).tag(text).tags
    (back,) = tag_changes(new, old, [text])
    assert [(change.gained, change.tag.id) for change in back] == [(not gained, id) for gained, id, _ in expected]


def test_regional_spelling_leads_to_its_term(make_taxonomy):
    folder = make_taxonomy()
    old = load_taxonomy(folder)
    terms = ['{ t = "6G", k = "core" }', '{ t = "计算机", k = "core" }', '{ t = "量子AI", k = "strong" }']
    (folder / "tracks/a.toml").write_text(label_file("a", "track", 1, terms), encoding="utf-8")
    (changes,) = tag_changes(Tagger(old), Tagger(load_taxonomy(folder)), ["电脑降价。"])
    assert [(change.tag.terms[0].text, change.responsible[0].item) for change in changes] == [("电脑", "计算机")]


def test_tag_changes_stream(edited, monkeypatch):
    monkeypatch.setattr(_batching, "BATCH", 200)
    pulled = 0

    def texts():
        nonlocal pulled
        for text in LINES * 200:
            pulled += 1
            yield text

    old, new = Tagger(edited("old")), Tagger(edited(care=('"护理机器人"', '"机器人"')))
    for n, changes in enumerate(tag_changes(old, new, texts())):
        assert pulled <= n + 20
        assert [change.index for change in changes] == ([n] if n % len(LINES) == 4 else [])
    assert n + 1 == pulled == len(LINES) * 200


# suggest


def test_log_likelihood_ratio_is_the_g_statistic():
    rng = np.random.default_rng(1)
    n_inside, n_outside = 120, 5000
    inside, outside = rng.integers(0, 100, 50).astype(float), rng.integers(0, 3000, 50).astype(float)
    ours = log_likelihood_ratio(inside, outside, n_inside, n_outside)
    for value, a, b in zip(ours, inside, outside, strict=True):
        g = chi2_contingency([[a, n_inside - a], [b, n_outside - b]], correction=False, lambda_="log-likelihood")[0]
        assert value == pytest.approx(g if a / n_inside > b / n_outside else 0)
    assert log_likelihood_ratio(np.array([5.0]), np.array([0.0]), 5, 0).tolist() == [0]


def test_candidates_go_with_the_label_and_are_new(edited):
    taxonomy = edited()
    care, leasing = suggest_terms(taxonomy, LINES)
    assert (care.sentences, care.total, leasing.sentences) == (4, 15, 0)
    (candidate,) = care.candidates
    assert (candidate.text, candidate.count, candidate.others) == ("扶手", 4, 1)
    expected = chi2_contingency([[4, 0], [1, 10]], correction=False, lambda_="log-likelihood")[0]
    assert candidate.association == pytest.approx(expected, abs=0.01)
    assert candidate.examples == (
        "街道为独居老人做适老化改造,浴室装上扶手,门口铺了坡道。",
        "养老院新到一批康复辅具,扶手和坡道也修好了。",
    )
    assert leasing.candidates == ()
    # What is reprinted counts once; what the lists have, in any spelling, is left out.
    assert suggest_terms(taxonomy, LINES * 3)[0].candidates == care.candidates
    listed = edited(
        "listed", care=('{ t = "养老", k = "weak" }', '{ t = "養老", k = "weak" },\n  { t = "扶 手", k = "weak" }')
    )
    assert suggest_terms(listed, LINES)[0].candidates == ()
    assert suggest_terms(taxonomy, LINES, min_count=5)[0].candidates == ()
    assert [some.label for some in suggest_terms(taxonomy, LINES, ["leasing"])] == ["leasing"]


def test_runs_of_words_join_and_parts_of_them_are_left_out(edited):
    subjects = ["张家", "李家", "王家", "赵家", "陈家", "刘家"]
    texts = [f"{name}添了护理机器人和防走失手环。{name}今年种了玉米。{name}的房子朝南。" for name in subjects]
    (care, _) = suggest_terms(edited(), texts)
    assert care.candidates[0].text == "防走失手环"
    assert not {"手环", "走失", "防走失", "护理", "机器人"} & {candidate.text for candidate in care.candidates}
    assert care.candidates[0].count == 6


def test_fragments_common_words_and_what_goes_with_other_labels_are_left_out(edited):
    """What touches a term, a part of a name, words of any subject, a word beside another label's terms as well."""
    names = ["张家", "李家", "王家", "赵家", "陈家", "刘家", "孙家"]
    texts = [f"{name}的护理机器人套件到了,需要电池,押金三百,放着星遥手环。{name}的玉米熟了。" for name in names]
    others = [f"{name}先试用半年,轮椅可以租赁,押金三百。菜价跌了。楼下修路。" for name in names]
    taxonomy = edited()
    care, leasing = suggest_terms(taxonomy, texts + others)
    assert (care.sentences, leasing.sentences) == (7, 7)
    assert [candidate.text for candidate in care.candidates] == ["星遥手环"]
    # One text that says it seven times is not seven texts.
    again = "".join(f"护理机器人旁放着{n}只云朵风铃。" for n in range(7))
    care, _ = suggest_terms(taxonomy, [again, *texts, *others])
    assert [candidate.text for candidate in care.candidates] == ["星遥手环"]


def test_least_share_is_wilsons():
    for part, whole in ((0, 5), (3, 3), (7, 40), (900, 1000)):
        expected = binomtest(part, whole).proportion_ci(method="wilson").low
        assert least_share(np.array([float(part)]), np.array([float(whole)]))[0] == pytest.approx(expected, abs=1e-4)


def test_few_runs_are_held(edited, monkeypatch):
    taxonomy = edited()
    whole = suggest_terms(taxonomy, LINES)
    monkeypatch.setattr(_corpus, "_HELD", 3)
    monkeypatch.setattr(_batching, "BATCH", 50)
    few = suggest_terms(taxonomy, LINES)
    assert few[0].candidates[0].text == whole[0].candidates[0].text
    assert few[0].candidates[0].count == whole[0].candidates[0].count
    assert few[0].doubts == whole[0].doubts


DOUBTED = [
    '{ t = "大数据", k = "core" }',
    '{ t = "数据湖", k = "core" }',
    '{ t = "计算机", k = "core" }',
    '{ t = "云…平台", k = "strong" }',
    '{ t = "湖仓", k = "strong", near = ["数据"] }',
    '{ t = "算力", k = "strong" }',
    '{ t = "边缘", k = "weak" }',
    '{ t = "算力税", k = "not" }',
    '{ t = "铁算盘", k = "not" }',
]
OTHERS = ['{ t = "电脑", k = "core" }', '{ t = "芯片", k = "strong" }']
TEXTS = [
    "算力税的传闻不实。",
    "大数据湖建成了。湖仓二期竣工。",
    "计算机房搬家。云上平台上线。",
    "芯片涨价。今天晴。",
    "芯片降价。明天阴。",
    "芯片缺货。芯片又涨价。",
    "芯片停产。后天雨。",
    "芯片到货,电脑开卖。",
]


def test_doubts(make_taxonomy):
    files = {
        f"tracks/{id}.toml": label_file(id, "track", n, terms) for id, n, terms in (("a", 1, DOUBTED), ("b", 2, OTHERS))
    }
    first, second, mode = suggest_terms(load_taxonomy(make_taxonomy(files)), TEXTS)
    assert first.doubts == (
        Doubt("边缘", "dead", "unseen", 0, 14),
        Doubt("铁算盘", "dead", "unseen", 0, 14),
        Doubt("湖仓", "dead", "unmet", 1, 1, (), ("湖仓二期竣工。",)),
        Doubt("计算机", "clashing", "shared", 0, 0, ("b",)),
        Doubt("算力", "clashing", "cancelled", 1, 1, ("算力税",), ("算力税的传闻不实。",)),
    )
    assert second.doubts == (
        Doubt("电脑", "clashing", "shared", 0, 0, ("a",)),
        Doubt("芯片", "over-firing", "everywhere", 6, 14, (), ("芯片涨价。", "芯片降价。")),
        Doubt("芯片", "over-firing", "alone", 4, 5, (), ("芯片涨价。", "芯片降价。")),
    )
    assert second.found == {"shared": 1, "everywhere": 1, "alone": 1}
    assert {doubt.reason for doubt in mode.doubts} == {"unseen"}
    # Too few to say anything of.
    _, second, _ = suggest_terms(load_taxonomy(make_taxonomy(files)), TEXTS, min_count=7)
    assert second.found == {"shared": 1}


def test_denied_terms_never_count(make_taxonomy):
    terms = ['{ t = "量子", k = "core" }']
    files = {"tracks/a.toml": label_file("a", "track", 1, terms), "tracks/b.toml": label_file("b", "track", 2, OTHERS)}
    (first,) = suggest_terms(load_taxonomy(make_taxonomy(files)), ["公司暂无量子业务。"], ["a"])
    assert (first.sentences, [doubt.reason for doubt in first.doubts]) == (0, ["unmet"])


def test_a_term_that_only_longer_ones_hold_is_covered(make_taxonomy):
    terms = ['{ t = "量子", k = "core" }', '{ t = "量子计算", k = "core" }']
    other = label_file("b", "track", 2, [*OTHERS[1:]])
    taxonomy = load_taxonomy(
        make_taxonomy({"tracks/a.toml": label_file("a", "track", 1, terms), "tracks/b.toml": other})
    )
    (first,) = suggest_terms(taxonomy, ["量子计算。", "量子计算云。量 子计算机。"], ["a"])
    (covered,) = (doubt for doubt in first.doubts if doubt.reason != "everywhere")
    assert (covered.text, covered.reason, covered.count, covered.total) == ("量子", "covered", 3, 3)
    assert covered.by == ("量子计算",)
    (first,) = suggest_terms(taxonomy, ["量子计算。", "量子。"], ["a"])
    assert first.doubts == ()


def test_top_limits_what_is_named_but_not_the_counts(edited):
    _, leasing = suggest_terms(edited(), LINES, top=1)
    assert leasing.found == {"unseen": 4}
    assert len(leasing.doubts) == 1


def test_suggest_refuses_what_it_cannot_do(edited):
    taxonomy = edited()
    for arguments, error, message in (
        ({"top": 0}, InputError, "top must be 1 or more"),
        ({"min_count": 0}, InputError, "min_count must be 1 or more"),
        ({"labels": ["nothing"]}, TaxonomyError, "it has: elderly-care, leasing"),
        ({"texts": []}, InputError, "holds no sentence"),
        ({"texts": "一句话"}, TypeError, "iterable of str"),
    ):
        with pytest.raises(error, match=message):
            suggest_terms(taxonomy, **{"texts": LINES} | arguments)


# The command line


def test_diff_in_both_languages_and_formats(edited, corpus, tmp_path, capsys):
    edited("old")
    edited("new", care=('"护理机器人"', '"机器人"'))
    command = ["taxonomy", "diff", str(tmp_path / "old"), str(tmp_path / "new")]
    for lang, words in (
        ("zh", ("词条 elderly-care  +1 -1", "7 条文本中有 1 条")),
        ("en", ("terms of elderly-care", "1 of 7 texts")),
    ):
        assert main([*command, "--corpus", str(corpus), "--lang", lang]) == 0
        shown = capsys.readouterr().out
        assert all(word in shown for word in words)
        assert "← + 机器人" in shown
    assert main([*command, "--to", "jsonl", "--corpus", str(corpus)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["change"] for row in rows] == ["term", "term", "tag"]
    assert (rows[2]["id"], rows[2]["gained"], rows[2]["tag"]["id"]) == (4, True, "elderly-care")
    assert rows[2]["responsible"] == [rows[1]]
    assert main(["taxonomy", "diff", "shipped", "shipped"]) == 0
    assert "没有差别" in capsys.readouterr().out


def test_suggest_in_both_languages_and_formats(edited, corpus, tmp_path, capsys):
    edited()
    command = ["taxonomy", "suggest", "--taxonomy", str(tmp_path / "new"), "--corpus", str(corpus)]
    for lang, words in (("zh", ("候选词", "无用 · 从未出现 (1)")), ("en", ("candidate", "dead · never occurs (1)"))):
        assert main([*command, "--lang", lang]) == 0
        shown = capsys.readouterr().out
        assert all(word in shown for word in (*words, "扶手", "智慧养老"))
    assert main([*command, "--to", "jsonl"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = [some.to_dict() for some in suggest_terms(load_taxonomy(tmp_path / "new"), LINES)]
    assert rows == json.loads(json.dumps(expected))


def test_suggest_does_not_depend_on_the_hash_seed(edited, corpus, tmp_path):
    edited()
    command = [sys.executable, "-m", "trackclf", "taxonomy", "suggest", "--taxonomy", str(tmp_path / "new")]
    command += ["--corpus", str(corpus), "--to", "jsonl", "--min-count", "1"]
    shown = [
        subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert shown[0] == shown[1]


def test_a_bad_row_of_a_corpus_is_named_and_passed_over(edited, corpus, tmp_path, capsys):
    edited()
    with corpus.open("a", encoding="utf-8") as out:
        out.write('\n{"id": "x"}\n')
    mine = str(tmp_path / "new")
    for command in (["suggest", "--taxonomy", mine], ["diff", mine, "shipped"]):
        assert main(["taxonomy", *command, "--corpus", str(corpus), "--lang", "en"]) == 1
        shown = capsys.readouterr()
        assert "--text-field" in shown.err
        assert "1 of 8 could not be processed" in shown.err
        assert "elderly-care" in shown.out


def test_usage_errors_of_the_tools(tmp_path, capsys):
    (empty := tmp_path / "empty.txt").write_text("\n \n", encoding="utf-8")
    for command, message in (
        (["diff", "nowhere", "shipped"], "no taxonomy.toml"),
        (["diff", "shipped", "shipped", "--corpus", "nowhere.txt"], "nowhere.txt: no such file"),
        (["diff", "shipped", "shipped", "--from", "lines", "--corpus", str(empty)], "holds no text"),
        (["suggest", "--from", "lines", "--corpus", str(empty)], "holds no text"),
        (["suggest", "--corpus", "nowhere.txt"], "nowhere.txt: no such file"),
        (["suggest", "nothing", "--corpus", str(ROOT / "fixtures" / "demo.txt")], "it has: quantum"),
        (["suggest", "--top", "0", "--corpus", str(ROOT / "fixtures" / "demo.txt")], "top must be 1"),
    ):
        assert main(["taxonomy", *command]) == 2
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["taxonomy", "suggest"])
    assert shutil.which("trackclf", path=os.path.dirname(sys.executable))
