"""The page that `trackclf report` writes: what it holds, and in a headless browser what one sees and does on it."""

import io
import json
import re
from collections import Counter
from itertools import cycle, islice, pairwise

import numpy as np
import pytest
from conftest import ROOT, write_files
from test_layers import HIERARCHY

from trackclf import Tagger
from trackclf._html import asset
from trackclf._readers import read
from trackclf._records import Record
from trackclf._report_page import _labels, iso_date, write
from trackclf._words import REPORT_WORDS
from trackclf.cli import main

SAMPLE = ROOT / "docs" / "sample" / "news.jsonl"
HOSTILE = (
    "<script>hacked=1</script>\"'&amp;</script><!--\u2028\u2029\u202e\x00\ud800]]>😀\r\n"
    "<img src=x onerror=hacked=1></div></article>😀公司研究脑机接口。"
)


def made(tagger, records, lang="zh", **options):
    out = io.StringIO()
    records = list(records)
    results = tagger.tag_many([record.text for record in records if not record.error])
    rows = ((record, None if record.error else next(results)) for record in records)
    write(rows, out, lang, tagger.stamp, tagger.kinds, **options)
    return out.getvalue()


def data_of(html):
    blocks = re.findall(r'<script type="application/json" class="rows">(.*?)</script>', html, re.DOTALL)
    return [row for block in blocks for row in json.loads(block)]


@pytest.fixture(scope="module")
def records():
    return [*read(SAMPLE), Record("broken.csv#3", "", {"source": "某处"}, "not gb18030")]


@pytest.fixture(scope="module")
def results(records, tagger):
    return {record.id: None if record.error else tagger.tag(record.text) for record in records}


@pytest.fixture(scope="module")
def html(records, tagger):
    return made(tagger, records)


@pytest.fixture
def view(opened, html):
    return opened(html)


def press(view, *keys):
    for key in keys:
        view.keyboard.press(key)


def ids(view):
    """Ids of all texts that the filters let through, in order."""
    return view.evaluate("shown.map((row) => row.id)")


def expected(results, *labels, when=lambda result: True):
    return [
        id for id, result in results.items() if result and set(labels) <= {t.id for t in result.tags} and when(result)
    ]


@pytest.mark.parametrize(
    ("value", "date"),
    [
        ("2026-11-25", "2026-11-25"),
        ("2026/1/5 8:30", "2026-01-05"),
        ("2026.01.05", "2026-01-05"),
        ("20261125", "2026-11-25"),
        ("20261125083000", "2026-11-25"),
        ("2026-11-25T08:30:00+08:00", "2026-11-25"),
        (" 2026年11月25日08时", "2026-11-25"),
        ("2026年11月", "2026-11"),
        ("2026-11", "2026-11"),
        ("2026年", "2026"),
        (2026, "2026"),
        ("2026-13-01", None),
        ("2026-02-30", None),
        ("202611251", None),
        ("2026123", None),
        ("1826-01-01", None),
        ("25/11/2026", None),
        ("昨天", None),
        ("", None),
        (None, None),
    ],
)
def test_dates(value, date):
    assert iso_date(value) == date


# Linear sRGB from OKLab (Ottosson 2020), and what dichromats see of it (Machado, Oliveira and Fernandes 2009).
OKLAB = [[1, 0.39633778, 0.21580376], [1, -0.10556135, -0.06385417], [1, -0.08948418, -1.29148555]]
LMS = [
    [4.07674166, -3.30771159, 0.23096993],
    [-1.26843800, 2.60975740, -0.34131940],
    [-0.00419609, -0.70341861, 1.7076147],
]
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("scheme", [0, 1])
def test_no_two_labels_look_alike(tagger, scheme, vision):
    rule = re.findall(r"--base: (\S+); --step: (\S+); --chroma: ([.\d]+)", asset("report.css"))[scheme]
    base, step, chroma = map(float, rule)
    labels = _labels(tagger.labels, tagger.kinds, "zh")
    angle = np.radians([one["hue"] for one in labels])
    light = base + step * np.array([one["step"] for one in labels])
    rgb = np.clip(
        np.array(LMS) @ (OKLAB @ np.stack([light, chroma * np.cos(angle), chroma * np.sin(angle)])) ** 3, 0, 1
    )
    seen = np.linalg.solve(OKLAB, np.cbrt(np.linalg.solve(LMS, np.clip(np.array(VISION[vision]) @ rgb, 0, 1))))
    apart = np.sqrt(((seen[:, :, None] - seen[:, None]) ** 2).sum(0))
    kind = np.array([one["kind"] for one in labels])
    other = (kind[:, None] == kind) & ~np.eye(len(labels), dtype=bool)
    assert apart[other & (kind == 0)].min() > 0.017  # side by side, about what can be told; the codes do the rest
    assert apart[other & (kind == 1)].min() > 0.06


def test_rows_go_out_as_they_come(tagger):
    out, sizes = io.StringIO(), []
    result = tagger.tag("量子计算机下线。")

    def rows():
        for n in range(2500):
            sizes.append(out.tell())
            yield Record(n, result.text), result

    write(rows(), out, "zh", tagger.stamp, tagger.kinds)
    assert all(a < b for a, b in pairwise(sizes))
    assert [row["id"] for row in data_of(out.getvalue())] == [str(n) for n in range(2500)]


def test_columns_of_the_row(tagger):
    fields = {
        "id": "a",
        "标题": "题目",
        "发布时间": "2026年3月5日 10:00",
        "link": "https://example.org/",
        "source": "x" * 90,
    }
    text = "今天下雨。"
    (row,) = data_of(made(tagger, [Record("a", text, fields | {"text": text, "empty": None})]))
    assert row == {
        "id": "a",
        "title": "题目",
        "date": "2026-03-05",
        "url": "https://example.org/",
        "facts": [["source", "x" * 79 + "…"]],
        "parts": [text],
        "why": "no_evidence",
    }
    (row,) = data_of(made(tagger, [Record(1, text, {"编号": 1, "count": 1, "text": text})]))
    assert row["facts"] == [["count", "1"]]
    both = Record("a", text, {"date": "2026-01-01", "signed": "2025-12-31"})
    assert data_of(made(tagger, [both], date_field="signed"))[0]["date"] == "2025-12-31"


def test_what_the_page_says_is_what_the_results_say(records, results, html):
    rows = data_of(html)
    names = json.loads(re.search(r'id="facts">(.*?)</script>', html)[1])["labels"]
    for record, row in zip(records, rows, strict=True):
        result = results[record.id]
        if result is None:
            assert row["error"] == record.error
            continue
        assert "".join(part if isinstance(part, str) else part[0] for part in row["parts"]) == record.text
        assert [names[tag[0]]["id"] for tag in row.get("tags", [])] == [tag.id for tag in result.tags]
        evidence = [item for tag in result.tags for item in tag.terms]
        evidence += [item for label in result.denied for item in label.evidence]
        shown = Counter(m for part in row["parts"] if isinstance(part, list) for m in part[1:] for _ in part[0])
        assert dict(shown) == {n: item.end - item.start for n, item in enumerate(evidence)}
        marks = row.get("marks", [])
        assert [mark[2:4] for mark in marks] == [[e.kind, round(e.contribution, 2)] for e in evidence]
        assert [mark[6:] for mark in marks] == [[e.voice, e.trigger.text] if e.trigger else [] for e in evidence]
        pairs = {(names[a]["id"], names[b]["id"]) for a, b in row.get("pairs", [])}
        assert pairs == {(pair.track, pair.mode) for pair in result.pairs}


def test_overview(view, results):
    counts = Counter(tag.id for result in results.values() if result for tag in result.tags)
    assert [int(text) for text in view.locator("#tiles b").all_text_contents()] == [58, 42, 15, 1]
    bars = {
        one.get_attribute("data-label"): int(one.locator(".n").text_content())
        for one in view.locator(".bars button").all()
    }
    assert bars == {label.id: counts[label.id] for label in results["news-01"].labels}
    pairs = Counter(
        pair for result in results.values() if result for pair in {f"{pair.track} {pair.mode}" for pair in result.pairs}
    )
    cells = {one.get_attribute("data-pair"): int(one.text_content()) for one in view.locator("button.cell").all()}
    assert cells == dict(pairs)
    assert view.locator(".time button").count() == 11
    assert view.locator(".time button").first.get_attribute("aria-label") == "2026-01：5 条（共 5 条）"
    assert "taxonomy" in view.text_content("footer")
    assert view.locator("h3").first.text_content() == "东湖高新区新年首批项目集中开工"


def test_filters(view, results):
    view.click(".bars [data-label=quantum]")
    assert ids(view) == expected(results, "quantum")
    assert view.get_attribute(".bars [data-label=quantum]", "aria-pressed") == "true"
    view.click(".bars [data-label=create]")
    assert ids(view) == expected(results, "quantum", "create")
    view.click(".bars [data-label=bci]")  # of one kind either will do
    either = set(expected(results, "quantum", "create")) | set(expected(results, "bci", "create"))
    assert set(ids(view)) == either
    assert int(view.text_content(".bars [data-label=quantum] .n")) == len(expected(results, "quantum", "create"))
    assert view.text_content("#count") == f"{len(either)} / 58 条"
    view.click("#chosen button:has-text('脑机接口')")
    assert ids(view) == expected(results, "quantum", "create")
    view.click("#chosen button:last-child")  # clear all
    assert len(ids(view)) == 58
    assert view.locator("#chosen button").count() == 0
    view.click(".statuses [data-status=headline]")
    assert ids(view) == expected(results, "low-altitude")
    view.keyboard.press("Escape")
    for state, found in (("tagged", expected(results, when=lambda r: r.tags)), ("unread", ["broken.csv#3"])):
        view.click(f"#tiles .{state}")
        assert ids(view) == found
    assert "not gb18030" in view.text_content("#list")
    view.click("#tiles .untagged")
    assert view.locator(".why").first.text_content() == "无标签 · 没有发现依据"
    assert any("最接近" in text for text in view.locator(".why").all_text_contents())
    view.click("#tiles .all")
    assert len(ids(view)) == 58
    view.locator(".chip").first.click()
    assert ids(view) == expected(results, "quantum")


def test_heat_map_and_timeline(view, results):
    view.click("[data-pair='bci create']")
    wanted = expected(results, when=lambda r: any((p.track, p.mode) == ("bci", "create") for p in r.pairs))
    assert ids(view) == wanted
    assert view.locator("[data-pair='bci create']").get_attribute("aria-pressed") == "true"
    view.click("[data-pair='bci create']")
    assert len(ids(view)) == 58
    view.click("[data-bin='2026-03']")
    assert ids(view) == [f"news-{n}" for n in range(11, 17)]
    view.click("[data-bin='2026-02']")
    assert ids(view) == [f"news-{n:02}" for n in range(6, 17)]
    view.focus("[data-bin='2026-02']")
    press(view, "Enter")
    assert ids(view) == [f"news-{n:02}" for n in range(6, 11)]
    press(view, "Space")
    assert len(ids(view)) == 58


def test_search_and_order(view, results):
    press(view, "/")
    view.keyboard.type("机器人 孩子")
    assert ids(view) == ["news-08", "news-41"]
    assert view.evaluate("CSS.highlights.get('found').size") > 5
    view.fill("#query", "某处")
    assert ids(view) == ["broken.csv#3"]
    view.fill("#query", "没有这样的话")
    assert view.text_content("#list") == REPORT_WORDS["zh"]["none_left"]
    view.fill("#query", "")
    view.select_option("#order", "newest")
    assert (ids(view)[0], ids(view)[-1]) == ("news-57", "broken.csv#3")
    view.select_option("#order", "oldest")
    assert (ids(view)[0], ids(view)[-1]) == ("news-01", "broken.csv#3")
    view.click(".bars [data-label=bci]")
    view.select_option("#order", "probability")
    chance = {id: next(t.probability for t in results[id].tags if t.id == "bci") for id in ids(view)}
    assert [round(p, 3) for p in chance.values()] == sorted((round(p, 3) for p in chance.values()), reverse=True)


def test_search_folds_width_and_script_on_both_sides(opened, tagger):
    texts = ["台積電的晶片與ＡＩ", "芯片厂研发AI", "说的是天气，有😀"]
    html = made(tagger, [Record(n, text) for n, text in enumerate(texts)])
    view = opened(html)
    for query, found in {
        "晶片": "0",
        "台积电": "0",
        "ai": "01",
        "ＡI 晶": "0",
        "廠": "1",
        "天氣,": "2",
        "😀": "2",
    }.items():
        view.fill("#query", query)
        assert ids(view) == list(found), query
        assert view.evaluate("[...CSS.highlights.get('found')].map(String).join('').length") >= len(found)
    sources, targets = json.loads(re.search(r'id="facts">(.*?)</script>', html)[1])["folds"]
    assert len(sources) == len(targets)
    assert not any(char.isascii() for char in sources)
    assert "漢" not in sources  # no text of the page has it


def test_title_names_the_input(tagger):
    def title(*paths):
        return re.search("<title>(.*)</title>", made(tagger, [], paths=paths))[1]

    assert title("a/新闻<1>.jsonl") == "新闻&lt;1&gt;.jsonl · 标注结果 · trackclf"
    assert title("a", "b", "c") == "3 项输入 · 标注结果 · trackclf"
    assert title() == title("-") == "标注结果 · trackclf"


def test_english_names_of_the_heat_map_are_whole(opened, records, tagger):
    view = opened(made(tagger, records, "en"))
    assert view.text_content(".heat tbody th .name") == "From nothing to something"
    assert view.evaluate(
        "[...document.querySelectorAll('.heat tbody th')].every((one) => one.scrollWidth <= one.clientWidth)"
    )


def test_keys(view):
    current = "document.activeElement.dataset.id"
    press(view, "j", "j", "k")
    assert view.evaluate(current) == "news-01"
    press(view, *"j" * 30)  # past what is drawn
    assert view.evaluate(current) == "news-31"
    assert view.locator("[aria-current]").count() == 1
    top = view.locator("[aria-current]").bounding_box()["y"]
    bar = view.locator("#bar").bounding_box()
    assert top >= bar["y"] + bar["height"]  # the bar does not cover it
    press(view, "/")
    view.keyboard.type("jk/o")  # letters in the search are no commands
    assert view.input_value("#query") == "jk/o"
    press(view, "Escape")
    assert (view.input_value("#query"), len(ids(view))) == ("", 58)
    assert view.evaluate("document.activeElement.tagName") == "BODY"
    press(view, "/")
    view.keyboard.type("储能")
    press(view, "Escape", "/")
    view.keyboard.type("低空")
    assert 0 < len(ids(view)) < 58
    press(view, "Escape")
    view.click("#tiles .tagged")
    press(view, "Escape")
    assert len(ids(view)) == 58
    assert view.locator(":not(article, mark, div)[tabindex]").count() == 0


def test_evidence_by_mouse_and_by_key(view):
    marks = view.locator("[data-id=news-01] mark")
    marks.nth(0).hover()
    tip = view.locator("#tip")
    assert re.fullmatch(r"1 量子科技 · 光量子 · 强指示词 \+\d\.\d\d", tip.locator("div").first.text_content())
    view.mouse.move(2, 2)
    assert not tip.is_visible()
    press(view, "j", *["Tab"] * 4)  # three chips, then the first mark
    assert view.evaluate("document.activeElement.tagName") == "MARK"
    assert tip.is_visible()
    assert marks.nth(0).get_attribute("aria-describedby") == "tip"
    press(view, "Escape")
    assert not tip.is_visible()
    view.click("[data-id=news-01] .sums summary")
    for table in view.locator("[data-id=news-01] .sums table").all():
        parts = [float(text.replace("−", "-")) for text in table.locator("tbody .sum").all_text_contents()]
        assert sum(parts) == pytest.approx(float(table.locator("tfoot .sum").text_content()), abs=0.02)
    assert view.evaluate("getComputedStyle(document.querySelector('mark.k1')).borderBottomStyle") == "dashed"
    codes = view.evaluate("[...document.querySelectorAll('[data-id=news-01] mark')].map((one) => one.dataset.code)")
    assert codes[0] == ""  # its neighbour is of the same label
    assert {"1", "2", "A"} <= set(codes)


def test_long_texts_are_folded(opened, tagger):
    text = "今天下了一场小雨，菜价略有回落。" * 100 + "量子计算机下线。"
    view = opened(made(tagger, [Record(1, text), Record(2, "短。")]))
    assert view.locator(".more").count() == 1
    box = view.locator(".text").first.bounding_box()
    mark = view.locator("mark").first.bounding_box()
    assert box["height"] < 300
    assert box["y"] < mark["y"] < box["y"] + box["height"]  # the evidence is in sight
    press(view, "j", "o")
    assert view.locator(".text").first.bounding_box()["height"] > 400
    assert view.get_attribute(".more", "aria-expanded") == "true"


def test_hostile_input_does_nothing(opened, tagger):
    fields = dict.fromkeys(("title", "source", "<b>", "date", "url"), "<img src=x onerror=hacked=1></script>")
    records = [
        Record(HOSTILE, HOSTILE, fields),
        Record("b", "", {"url": "javascript:hacked=1"}, "<script>hacked=1</script>"),
        Record("c", HOSTILE * 40, {"url": "https://example.org/\"onclick='hacked=1'"}),
    ]
    html = made(tagger, records)
    assert html.count("<script") == 3
    assert html.encode().decode() == html
    view = opened(html)
    view.fill("#query", "<script>")
    view.fill("#query", "")
    view.hover("mark >> nth=0")
    assert view.evaluate("typeof hacked") == "undefined"
    assert view.locator("#list script, #list img").count() == 0
    # As numbers: older browser drivers hand on no lone surrogate.
    units = view.evaluate(
        "Array.from(document.querySelector('.text').textContent.split(''), (unit) => unit.charCodeAt(0))"
    )
    assert np.array(units, np.uint16).tobytes() == HOSTILE.encode("utf-16-le", "surrogatepass")
    assert view.locator("mark").first.text_content() == "脑机接口"  # places hold behind characters of two units
    assert [one.get_attribute("href")[:20] for one in view.locator("a").all()] == ["https://example.org/"]


def test_only_the_pages_own_script_may_run(browser, html, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(
        html.replace("<footer>", "<script>hacked=1</script><img src=x onerror=hacked=1><footer>"), encoding="utf-8"
    )
    page, refused = browser.new_page(), []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("typeof hacked") == "undefined"
    assert len(refused) >= 2
    assert page.locator("article").count() > 10
    page.close()


def test_pages_of_a_document(opened, tagger):
    view = opened(made(tagger, [Record(1, "首页写芯片。次页写量子计算。", pages=(0, 6))]))
    view.hover("mark >> nth=1")
    assert view.text_content("#tip").endswith(" · 第 2 页")


def test_labels_of_ones_own(opened, tmp_path):
    tagger = Tagger.from_taxonomy(write_files(tmp_path / "own", HIERARCHY))
    view = opened(made(tagger, [Record(1, "产品升级，芯片"), Record(2, "加快产品，产业升级。量子计算芯片")], "en"))
    assert view.locator("#facets h2").all_text_contents() == ["Field", "Track", "Mode"]
    heats = view.locator("#charts h2").all_text_contents()
    assert sorted(heats) == ["Field × Mode", "Track × Field"]
    assert view.locator(".bars .code").all_text_contents()[:3] == ["1", "2", "A"]
    view.click("[data-pair='y m'] >> nth=0")
    assert len(ids(view)) >= 1
    view.hover("mark >> nth=0")
    assert "Label" in view.text_content("#tip")
    assert "from Label" in " ".join(
        view.evaluate("[...document.querySelectorAll('mark')].map((one) => (tell(one), $('tip').textContent))")
    )


@pytest.mark.parametrize("records", [[], [Record(1, "", error="bad")], [Record(1, "")]])
def test_little_or_nothing(opened, tagger, records):
    view = opened(made(tagger, records))
    assert len(ids(view)) == len(records)
    assert view.locator(".time, .heat").count() == 0


@pytest.mark.parametrize(
    ("dates", "unit", "bins"),
    [
        (["2026-11-25", "2026-11-30 08:00", "20261127"], "by_day", 6),
        (["2025-11-25", "2026-11-30", "2026"], "by_month", 13),
        (["2026年1月", "2026年11月"], "by_month", 11),
        (["1999-01-01", "2026-11-30"], "by_year", 28),
        ([1999, 2001], "by_year", 3),
    ],
)
def test_time_axis(opened, tagger, dates, unit, bins):
    view = opened(made(tagger, [Record(n, "小雨。", {"date": date}) for n, date in enumerate(dates)]))
    assert view.locator(".time button").count() == bins
    assert REPORT_WORDS["zh"][unit] in view.text_content("#charts small")
    assert ("1 条无日期" in view.text_content("#charts small")) == ("2026" in dates)


@pytest.mark.parametrize(("scheme", "lang"), [("light", "en"), ("dark", "zh")])
@pytest.mark.parametrize("width", [360, 1400])
def test_readable_at_any_width(browser, tagger, records, tmp_path, scheme, lang, width):
    path = tmp_path / "page.html"
    path.write_text(made(tagger, records, lang), encoding="utf-8")
    view = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    view.goto(path.as_uri())
    assert (view.locator(".panel[open]").count() == 0) == (width == 360)
    view.evaluate("document.querySelectorAll('.panel').forEach((one) => { one.open = true; })")
    press(view, "j")
    assert view.evaluate("document.documentElement.scrollWidth") <= width
    ink, paper = view.evaluate(
        "['color', 'backgroundColor'].map((name) => getComputedStyle(document.querySelector('#list article'))[name])"
    )
    light = [sum(map(int, re.findall(r"\d+", value)[:3])) for value in (ink, paper)]
    assert (light[0] < light[1]) == (scheme == "light")
    view.focus("#query")
    press(view, "Tab")
    assert view.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    view.close()


def test_on_paper(browser, tagger, tmp_path):
    path = tmp_path / "page.html"
    texts = ["量子计算机下线。", "小雨。" * 400]
    path.write_text(
        made(tagger, [Record(n, text) for n, text in enumerate(islice(cycle(texts), 60))]), encoding="utf-8"
    )
    view = browser.new_page()
    view.goto(path.as_uri())
    assert view.locator("article").count() < 60
    view.emulate_media(media="print", color_scheme="dark")
    assert view.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not view.is_visible("#query")
    pdf = view.pdf()
    assert pdf.startswith(b"%PDF")
    assert view.locator("article").count() == 60
    assert view.locator(".text").nth(1).evaluate("(text) => text.scrollHeight <= text.clientHeight + 1")
    view.close()


def test_ten_thousand_texts(browser, tagger, records, tmp_path):
    texts = [record.text for record in records if not record.error]
    long = ["".join(islice(cycle(texts), n, n + 4)) for n in range(len(texts))]
    results = cycle(list(tagger.tag_many(long)))
    path = tmp_path / "page.html"
    with path.open("w", encoding="utf-8") as out:
        rows = ((Record(n, "", {"date": f"2026-{n % 12 + 1:02}-01"}), next(results)) for n in range(10_000))
        write(rows, out, "zh", tagger.stamp, tagger.kinds)
    view = browser.new_page()
    view.goto(path.as_uri())
    assert view.text_content("#count") == "10,000 / 10,000 条"
    view.evaluate("toggle(0)")
    shown = int(view.text_content("#count").split()[0].replace(",", ""))
    assert 0 < shown < 10_000
    view.evaluate("clear()")
    assert view.text_content("#count").startswith("10,000 /")
    view.mouse.wheel(0, 50_000)
    view.locator("article").nth(20).wait_for(state="attached")
    view.close()


def test_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764028800")
    out = tmp_path / "page.html"
    with pytest.raises(SystemExit):
        main(["report", str(SAMPLE)])
    assert "-o" in capsys.readouterr().err
    assert main(["report", str(SAMPLE), "-o", str(out)]) == 0
    html = out.read_text(encoding="utf-8")
    assert len(data_of(html)) == 57
    assert "生成于 2025-11-25 00:00" in html
    assert main(["tag", str(SAMPLE), "--to", "html"]) == 0
    assert capsys.readouterr().out == html
    source = tmp_path / "in.csv"
    source.write_text("text,签发\n量子计算机,2026年2月3日\n", encoding="utf-8")
    assert main(["report", str(source), "--date-field", "签发", "--lang", "en", "-o", str(out), "--force"]) == 0
    (row,) = data_of(out.read_text(encoding="utf-8"))
    assert row["date"] == "2026-02-03"
    assert REPORT_WORDS["zh"].keys() == REPORT_WORDS["en"].keys()
