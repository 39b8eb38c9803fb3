"""The page that `trackclf review` writes: its structure, and in a headless browser what keys do and what it downloads."""

import json
import re
from html.parser import HTMLParser

import pytest
from test_training import fixture_rows

from trackclf import Tagger, rank_for_review
from trackclf._evaluation import evaluate
from trackclf._labelled import read_rows
from trackclf._review_page import page
from trackclf._words import REVIEW_WORDS
from trackclf.cli import main

HOSTILE = (
    "<script>hacked=1</script>\"'&amp;</script><!--\u2028\u2029\u202e\x00\ud800\r\n"
    "<img src=x onerror=hacked=1></div></article>公司研究脑机接口。"
)
TEXTS = [
    HOSTILE,
    "市里引进一家做脑电头环的企业，与高校共建脑机接口实验室，首台样机明年面世。",
    "老牌纺织厂向碳纤维转型，产线完成智能化改造，老员工转岗培训。",
    "机器人走进课堂，孩子们围着机器人，有的给机器人画像，有的问机器人几岁，还有的想把机器人带回家，机器人都不生气。",
    "今天下了一场小雨，菜价略有回落。",
    "量子计算机在合肥下线，首批用户来自高校和药企。",
]
HOSTILE_ID = '"><script>hacked=1</script>'


class Elements(HTMLParser):
    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.starts, self.text, self.inside = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.starts.append((tag, dict(attrs)))
        self.inside.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if any(name == tag for name, _ in self.inside):
            while self.inside.pop()[0] != tag:
                pass

    def handle_data(self, data):
        for n, (_, attrs) in enumerate(self.inside):
            if attrs.get("class") == "text" or n == len(self.inside) - 1:
                key = attrs.get("id") or attrs.get("class")
                self.text[key] = self.text.get(key, "") + data

    def all(self, tag, **wanted):
        return [attrs for name, attrs in self.starts if name == tag and wanted.items() <= attrs.items()]


def made(tagger, labels=None, lang="zh", n=6):
    ids = [HOSTILE_ID, 2, "三", None, "e", "f"]
    return page([(item, ids[item.index]) for item in rank_for_review(TEXTS, n, tagger, labels)], tagger, labels, lang)


def data_of(html):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])


def test_structure(tagger):
    html = made(tagger)
    found = Elements(html)
    assert len(found.all("article")) == len(data_of(html)["rows"]) == 6
    assert [attrs.get("type") for attrs in found.all("script")] == ["application/json", None]
    assert not [attrs for _, attrs in found.starts if {"src", "href", "action"} & attrs.keys() or "onerror" in attrs]
    assert not found.all("link")
    assert not found.all("img")
    assert "url(" not in html
    for attrs in found.all("input"):
        assert attrs.get("aria-label") or attrs["id"] == "wanted"
    assert found.all("label", **{"for": "wanted"})
    titles = [attrs["title"] for attrs in found.all("mark")]
    assert "脑机接口 · 脑电头环 · 强指示词 +4.00" in titles
    assert all(re.search(r" · .+ · \S+ [+-]\d+\.\d\d", title) for title in titles)


def test_every_text_is_there_as_it_is(tagger):
    html = made(tagger)
    rows = data_of(html)["rows"]
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert {str(row["id"]) for row in rows} == {HOSTILE_ID, "2", "三", "None", "e", "f"}
    assert html.count("hacked=1</script>") == 0
    shown = Elements(html).text["text"]
    assert all(
        text.replace("\r", "").replace("\x00", "") in shown.replace("\r", "").replace("\x00", "") for text in TEXTS
    )
    script = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1]
    assert not set("<>&") & set(script)


def test_labels_present_and_missed(tagger):
    html = made(tagger)
    for row in data_of(html)["rows"]:
        assert row["levels"] == {tag.id: tag.level for tag in tagger.tag(row["text"]).tags}
    near = next(item for item in rank_for_review(TEXTS, 6, tagger) if item.reason == "near_miss")
    assert near.text == TEXTS[3]
    chips = Elements(html).all("button", **{"class": "chip"})
    missed = [chip["data-id"] for chip in chips if chip["aria-pressed"] == "false"]
    assert near.label in missed
    assert html.count("机器人</mark>") == 6  # a near miss shows what it rests on


def test_near_misses_of_every_kind_of_tagger(small):
    texts = ["芯片产业升级，培育量子计算产业。", "产业转型。"]
    html = page([(item, item.index) for item in rank_for_review(texts, 2, small)], small)
    assert html.count("<mark") > 4
    assert small.tag("产业转型。").tags == ()  # the tagger is as before


def test_english_and_no_text(tagger):
    assert "near miss" in made(tagger, lang="en")
    assert '<html lang="en">' in made(tagger, lang="en")
    assert REVIEW_WORDS["zh"].keys() == REVIEW_WORDS["en"].keys()
    assert REVIEW_WORDS["zh"]["nothing"] in page([], tagger)


def test_command_line(tmp_path, capsys):
    source, out = tmp_path / "in.jsonl", tmp_path / "review.html"
    lines = [json.dumps({"id": n, "text": text}) for n, text in enumerate(TEXTS)]
    source.write_text("\n".join([*lines, "{oops"]), encoding="utf-8")
    assert main(["review", str(source), "-n", "3", "-o", str(out)]) == 1  # one row failed
    assert "1 条未能处理（共 7 条）" in capsys.readouterr().err
    html = out.read_text(encoding="utf-8")
    assert len(data_of(html)["rows"]) == 3
    for row in data_of(html)["rows"]:
        assert TEXTS[row["id"]] == row["text"]
    assert main(["review", str(source), "--strict", "-o", str(out)]) == 2
    for args, message in (
        (["-n", "0"], "at least 1"),
        (["--labels", "nothing"], "no label 'nothing'"),
        (["--labels", ","], "no label"),
    ):
        assert main(["review", str(source), *args, "-o", str(tmp_path / "other.html")]) == 2
        assert message in capsys.readouterr().err
    assert out.read_text(encoding="utf-8") == html  # what was there stays


def press(view, *keys):
    for key in keys:
        view.keyboard.press(key)


def saved(view, path):
    with view.expect_download() as download:
        view.keyboard.press("s")
    download.value.save_as(path)
    return list(read_rows(path))


def current(view):
    return view.evaluate("document.querySelector('[aria-current]').id")


def chips(view, n=None):
    """Label ids of the current text, or of one, that are switched on."""
    return view.evaluate(
        "n => [...document.querySelectorAll(n === null ? '[aria-current] .chip' : `#t${n} .chip`)]"
        ".filter(one => one.ariaPressed === 'true').map(one => one.dataset.id)",
        n,
    )


def test_hostile_text_does_not_run_and_comes_back_whole(opened, tagger, tmp_path):
    view = opened(made(tagger))
    press(view, *"a" * 6)
    rows = saved(view, tmp_path / "out.jsonl")
    assert sorted(row["text"] for row in rows) == sorted(TEXTS)
    assert {row["id"] for row in rows} == {HOSTILE_ID, 2, "三", None, "e", "f"}
    assert view.evaluate("typeof hacked") == "undefined"
    # Accepting all is agreeing with the tagger, level by level.
    report = evaluate(tagger, rows, resamples=10)
    assert [report["kinds"][kind]["micro"]["f1"] for kind in ("track", "mode")] == [1.0, 1.0]
    assert report["levels"]["auc"] in (None, 1.0)


def test_only_the_pages_own_script_may_run(browser, tagger, tmp_path):
    path = tmp_path / "review.html"
    html = made(tagger).replace("<main>", "<main><script>hacked=1</script><img src=x onerror=hacked=1>")
    path.write_text(html, encoding="utf-8", errors="backslashreplace", newline="")
    view, refused = browser.new_page(), []
    view.on("console", lambda message: refused.append(message.text))
    view.goto(path.as_uri())
    assert view.evaluate("typeof hacked") == "undefined"
    assert len(refused) >= 2
    assert current(view) == "t0"
    view.close()


def test_keys(opened, tagger, tmp_path):
    html = made(tagger)
    view, order = opened(html), [row["text"] for row in data_of(html)["rows"]]
    assert current(view) == "t0"
    press(view, "j", "ArrowDown", "k")
    assert current(view) == "t1"
    press(view, "ArrowUp", "k")
    assert current(view) == "t0"
    mine = order.index(TEXTS[1])
    press(view, *"j" * mine)
    before = chips(view)
    assert len(before) == 2
    press(view, "1")
    assert chips(view) == before[1:]
    press(view, "1")  # back on, then through the levels
    words = []
    for _ in range(4):
        words.append(view.locator("[aria-current] .level").first.text_content())
        press(view, "Shift+Digit1")
    assert words == ["主题", "存疑", "提及", "主题"]
    press(view, *"u" * 7)  # one more than there is
    assert chips(view) == before
    press(view, "/")
    view.keyboard.type("量子")
    press(view, "Enter")
    added = chips(view)[-1]
    assert added not in before
    assert next(label.name for label in tagger.labels if label.id == added) == "量子科技"
    press(view, "/", "ArrowDown", "Escape", "/", "a", "Escape")  # letters in the search are not commands
    assert view.text_content("#done") == "0 / 6"
    press(view, "a")
    assert current(view) == f"t{(mine + 1) % 6}"
    rejected = int(current(view)[1:])
    press(view, "r")
    unknown = int(current(view)[1:])
    press(view, "?")
    assert view.text_content("#done") == "3 / 6"
    assert chips(view, rejected) == []
    assert view.get_attribute("progress", "value") == "3"
    rows = {row["text"]: row for row in saved(view, tmp_path / "out.jsonl")}
    assert len(rows) == 3
    accepted = rows[TEXTS[1]]
    assert accepted["tracks"].keys() | accepted["modes"].keys() == {*before, added}
    assert (rows[order[rejected]]["tracks"], rows[order[rejected]]["modes"]) == ({}, {})
    levels = rows[order[unknown]]["tracks"] | rows[order[unknown]]["modes"]
    assert levels == {label.id: "?" for label in tagger.labels}
    assert all(row["drawn"] == "uncertain" and row["labelled_at"].endswith("Z") for row in rows.values())
    press(view, "u")
    assert (view.text_content("#done"), current(view)) == ("2 / 6", f"t{unknown}")


def test_progress_outlives_the_page(opened, tagger, tmp_path):
    html = made(tagger)
    view = opened(html)
    view.fill("#by", "小李")
    view.locator("#t0").click(position={"x": 5, "y": 5})
    press(view, "r", "a")
    view.reload()
    assert (view.text_content("#done"), current(view)) == ("2 / 6", "t2")
    assert [row["labelled_by"] for row in saved(view, tmp_path / "out.jsonl")] == ["小李", "小李"]
    press(view, "u")
    assert (view.text_content("#done"), current(view)) == ("1 / 6", "t1")
    view.reload()
    press(view, "u", "u")  # one more than there is
    assert (view.text_content("#done"), current(view)) == ("0 / 6", "t0")
    press(view, "r")
    other = opened(made(tagger, n=5))  # another page, the same folder: another key
    assert other.text_content("#done") == "0 / 5"
    key = data_of(html)["key"]
    view = opened(html)
    for broken in (
        "{",
        '{"state": {"0": {"verdict": "a", "levels": {"nothing": 7}}, "99": 1, "1": null}}',
        '{"undone": [[0], [99, {"verdict": null, "levels": {}}], [1.5, null], 7]}',
        '{"state": {"length": 1}, "undone": 1}',
        "[]",
        "null",
    ):
        view.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, broken])
        view.reload()
        press(view, "u")
        assert view.text_content("#done") == "0 / 6"


def test_the_mouse_does_it_too(opened, tagger, tmp_path):
    html = made(tagger)
    view, mine = opened(html), [row["text"] for row in data_of(html)["rows"]].index(TEXTS[5])
    card = view.locator(f"#t{mine}")
    track = chips(view, mine)[0]
    card.locator(".level").first.click()
    card.get_by_role("button", name="接受").click()
    press(view, "/")
    view.locator("#found li").first.click()
    view.get_by_role("button", name="下载标注").focus()
    (row,) = saved(view, tmp_path / "out.jsonl")
    assert row["tracks"][track] != tagger.tag(TEXTS[5]).tracks[0].level
    view.get_by_role("button", name="撤销").click()
    view.get_by_role("button", name="撤销").click()
    assert view.text_content("#done") == "0 / 6"


def test_labels_that_were_not_asked_are_unknown(opened, tagger, tmp_path):
    (near,) = {item.label for item in rank_for_review(TEXTS, 6, tagger) if item.reason == "near_miss"}
    view = opened(made(tagger, labels=[near]))
    assert view.locator(".chip").count() == 1
    press(view, "a", "/")
    assert view.locator("#found li").count() == 1
    press(view, "Escape")
    (row,) = saved(view, tmp_path / "out.jsonl")
    levels = row["tracks"] | row["modes"]
    assert levels == {label.id: "?" for label in tagger.labels if label.id != near}


def test_what_is_downloaded_teaches_and_measures(opened, tagger, tmp_path, capsys):
    rows = [row for row in fixture_rows() if row["split"] == "train"][::6]
    view = opened(made(tagger))
    press(view, "a", "r", "?", "a", "a", "r")
    downloaded = tmp_path / "downloaded.jsonl"
    saved(view, downloaded)
    assert main(["eval", str(downloaded), "--to", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["passages"] == 6
    corpora, labelled = tmp_path / "corpora", tmp_path / "labelled.jsonl"
    corpora.mkdir()
    for path, some in ((corpora / "texts.jsonl", rows), (labelled, rows)):
        path.write_text("\n".join(map(json.dumps, some)), encoding="utf-8")
    command = ["train", "--corpora", str(corpora), "--labelled", str(labelled), str(downloaded)]
    assert main([*command, "-o", str(tmp_path / "model")]) == 0
    assert f"{len(rows) + 6} passages" in capsys.readouterr().out
    assert Tagger(weights=tmp_path / "model").tag(TEXTS[1]).tracks


@pytest.mark.parametrize(("scheme", "lang"), [("light", "en"), ("dark", "zh")])
@pytest.mark.parametrize("width", [320, 1400])
def test_readable_at_any_width(browser, tagger, tmp_path, scheme, lang, width):
    path = tmp_path / "review.html"
    path.write_text(made(tagger, lang=lang), encoding="utf-8", errors="backslashreplace")
    view = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    view.goto(path.as_uri())
    press(view, "j")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    box = view.locator("#t1 h2").bounding_box()
    bar = view.locator("#bar").bounding_box()
    assert box["y"] >= bar["y"] + bar["height"]  # the bar does not cover it
    assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    view.close()
