"""The same passages in every format and encoding; what is damaged or hostile; folders, patterns, archives."""

import csv
import gzip
import io
import json
import re
import zipfile

import docx
import openpyxl
import pyarrow
import pytest
from conftest import ROOT
from opencc import OpenCC
from pyarrow import parquet
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

import trackclf
from trackclf import InputError
from trackclf.cli import main

SENTENCE = "本市前瞻布局脑机接口产业。"
FIXTURES = sorted((ROOT / "fixtures" / "labelled").glob("*.jsonl"))
ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16")


def passages():
    """Ten of each fixture file, all over it: with tags and without."""
    for path in FIXTURES:
        rows = [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").splitlines()]
        yield from [text for text in rows if "\n" not in text and len(text) > 40][:: len(rows) // 16][:10]


PASSAGES = list(passages())


def pdf(*pages, size=12, header=None):
    """A PDF of pages of paragraphs, in a font that every reader brings along."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    body = ParagraphStyle("body", fontName="STSong-Light", fontSize=size, leading=size * 1.6, wordWrap="CJK")
    body.firstLineIndent = 2 * size
    escape = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;"}
    story = []
    for page in pages:
        story += [Paragraph(text.translate(escape), body) for text in page] + [PageBreak()]

    def furniture(canvas, doc):
        if header:
            canvas.setFont("STSong-Light", 9)
            canvas.drawString(72, 810, header)
            canvas.drawCentredString(300, 30, f"— {doc.page} —")

    out = io.BytesIO()
    SimpleDocTemplate(out).build(story, onFirstPage=furniture, onLaterPages=furniture)
    return out.getvalue()


def word(*paragraphs, title=""):
    document = docx.Document()
    document.core_properties.title = title
    for text in paragraphs:
        document.add_paragraph(text)
    return saved(document)


def saved(document):
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def workbook(*rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def html(text, head=""):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f"<!DOCTYPE html><html><head>{head}<script>var s = '量子计算';</script></head><body>"
        "<nav><a href='/'>首页</a> <a href='/x'>人形机器人</a></nav><div class='bread'>当前位置：首页 &gt; 低空经济</div>"
        f"<div class='article'><p>{escaped}</p></div><div>相关阅读：<a href='1'>可控核聚变装置开工</a></div>"
        "<div>版权所有 商业航天网 未经授权不得转载</div></body></html>"
    )


def table(texts, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([["编号", "正文"], *enumerate(texts)])
    return out.getvalue()


def jsonl(texts):
    return "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)


def packed(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def many(suffix, data):
    return {f"{n:03}{suffix}": data(text) for n, text in enumerate(PASSAGES)}


def rows_of(kind):
    found = {"text": PASSAGES, "编号": list(range(len(PASSAGES)))}
    if kind == "parquet":
        out = io.BytesIO()
        parquet.write_table(pyarrow.table(found), out)
        return out.getvalue()
    return workbook(["编号", "正文"], *enumerate(PASSAGES))


VARIANTS = {
    **{f"txt {e}": lambda e=e: many(".txt", lambda text: text.encode(e)) for e in ENCODINGS},
    "md": lambda: many(".md", str.encode),
    **{f"html {e}": lambda e=e: many(".html", lambda text: html(text).encode(e)) for e in ENCODINGS},
    "docx": lambda: many(".docx", word),
    "pdf": lambda: many(".pdf", lambda text: pdf([text])),
    **{f"csv {e}": lambda e=e: {"a.csv": table(PASSAGES).encode(e)} for e in ENCODINGS},
    "tsv": lambda: {"a.tsv": table(PASSAGES, "\t").encode()},
    **{f"jsonl {e}": lambda e=e: {"a.jsonl": jsonl(PASSAGES).encode(e)} for e in ENCODINGS},
    "xlsx": lambda: {"a.xlsx": rows_of("xlsx")},
    "parquet": lambda: {"a.parquet": rows_of("parquet")},
    "csv.gz": lambda: {"a.csv.gz": gzip.compress(table(PASSAGES).encode("gb18030"))},
    "zip": lambda: {"a.zip": packed(many(".txt", lambda text: text.encode("gb18030")))},
    "zip in zip": lambda: {"a.zip": packed({"b.zip": packed(many(".txt", str.encode))})},
}


def answer(result):
    return [(tag.id, tag.level, [(item.start, item.end) for item in tag.evidence]) for tag in result.tags]


@pytest.fixture(scope="module")
def expected(tagger):
    return [answer(result) for result in tagger.tag_many(PASSAGES)]


def test_there_are_passages_of_both_kinds(expected):
    assert len(PASSAGES) == 60
    assert 15 < sum(bool(tags) for tags in expected) < 59


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_format_gives_the_same(variant, tmp_path, tagger, expected):
    for name, data in VARIANTS[variant]().items():
        (tmp_path / name).write_bytes(data)
    records = list(trackclf.read(tmp_path))
    assert [record.error for record in records] == [None] * 60
    assert [record.text for record in records] == PASSAGES
    assert [answer(result) for result in tagger.tag_many(record.text for record in records)] == expected


def test_big5_gives_the_same(tmp_path, tagger):
    convert = OpenCC("s2t").convert
    texts = {}
    for n, text in enumerate(map(convert, PASSAGES)):
        try:
            (tmp_path / f"{n:03}.txt").write_bytes(text.encode("big5hkscs"))
            texts[f"{n:03}.txt"] = text
        except UnicodeEncodeError:
            pass
    records = list(trackclf.read(tmp_path))
    assert len(texts) > 40
    assert {record.id: record.text for record in records} == texts
    assert {record.encoding for record in records} == {"big5hkscs"}


def read(tmp_path, files, **options):
    for name, data in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    notes = []
    return list(trackclf.read(tmp_path, note=notes.append, **options)), notes


def one(tmp_path, name, data, **options):
    (record,), _ = read(tmp_path, {name: data}, **options)
    return record


def test_mixed_encodings_in_one_folder(tmp_path):
    files = {f"{encoding}.txt": SENTENCE.encode(encoding) for encoding in ("utf-8", "utf-8-sig", "gbk", "utf-16")}
    records, notes = read(tmp_path, files)
    assert [(r.id, r.encoding) for r in records] == [
        ("gbk.txt", "gb18030"),
        ("utf-16.txt", "utf-16"),
        ("utf-8-sig.txt", "utf-8-sig"),
        ("utf-8.txt", "utf-8"),
    ]
    assert {r.text for r in records} == {SENTENCE}
    assert len(notes) == 1
    assert "gbk.txt: read as gb18030" in notes[0]
    records, notes = read(tmp_path / "gbk", {"a.txt": SENTENCE.encode("gbk")}, encoding="gbk")
    assert (records[0].text, records[0].encoding, notes) == (SENTENCE, "gbk", [])


def test_a_page_says_its_encoding_and_is_believed_where_it_can_be(tmp_path):
    said = '<meta http-equiv="Content-Type" content="text/html; charset={}">'
    records, notes = read(
        tmp_path,
        {
            "a.html": html(SENTENCE, said.format("gb2312")).encode("gbk"),
            "b.html": html(SENTENCE, said.format("gb2312")).encode("utf-8"),
            "c.html": html(SENTENCE, said.format("shift_jis")).encode("gbk"),
            "d.html": f"{said.format('iso-8859-1')}<p>Größe und Maß".encode("latin-1"),
        },
    )
    assert [r.encoding for r in records] == ["gb18030", "utf-8", "gb18030", "iso8859-1"]
    assert [r.text for r in records] == [SENTENCE] * 3 + ["Größe und Maß"]
    assert [note.partition(":")[0] for note in notes] == ["c.html"]


def test_a_few_damaged_bytes_do_not_lose_a_page_or_a_table(tmp_path):
    for encoding in ("utf-8", "gb18030"):
        page = html("".join(PASSAGES[:3])).encode(encoding)
        cut = page.index("，".encode(encoding)) + 1
        records, notes = read(tmp_path / encoding, {"a.html": page[:cut] + page[cut + 1 :]})
        assert records[0].text.startswith(PASSAGES[0][:5])
        assert any("were lost" in note for note in notes)
        rows = table(PASSAGES).encode(encoding).replace(b"\n30,", b"\n30,\xff", 1)
        records, _ = read(tmp_path / encoding / "rows", {"a.csv": rows})
        assert [n for n, record in enumerate(records) if record.error] == [30]
        assert f"not {encoding}" in records[30].error


def test_title_date_and_readings_of_a_page(tmp_path):
    head = "<title>脑机接口投产_某某新闻网</title><meta property='article:published_time' content='2026-05-06T08:00:00+08:00'>"
    record = one(tmp_path, "a.html", html("高新区产(chǎn)业(yè)园里，脑机接(jiē)口（注）投产(见图)。", head))
    assert record.fields["date"] == "2026-05-06"
    assert record.fields["title"] == "脑机接口投产"
    assert record.fields["text"].endswith("高新区产(chǎn)业(yè)园里，脑机接(jiē)口（注）投产(见图)。")
    (tag,) = trackclf.tag(record.text).tracks
    assert tag.id == "bci"
    assert "脑机接(jiē)口" in [item.text for item in tag.evidence]


def test_only_furniture_is_left_out(tmp_path):
    said = ["相关新闻报道称，低空经济发展很快。", "下一条高铁将经过本市。", "主办城市是合肥，展期三天。"]
    furniture = [
        "相关新闻：人形机器人量产",
        "下一条：量子计算机下线",
        "主办：某某市商业航天办公室",
        "扫一扫在手机打开当前页",
        "责任编辑：王某",
    ]
    page = "<article>" + "".join(f"<p>{text}</p>" for text in [*PASSAGES[:3], *said, *furniture]) + "</article>"
    assert one(tmp_path, "a.html", page).text.split("\n\n") == [*PASSAGES[:3], *said]
    page = f"<div><div>当前位置：首页 &gt; 正文</div><p>{SENTENCE}</p></div><div>分享到：微信<p>{SENTENCE * 2}</p></div><p>完</p>"
    assert one(tmp_path, "a.html", page).text.split("\n\n") == [SENTENCE, "分享到：微信", SENTENCE * 2, "完"]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (f"<p>{SENTENCE}</p>", SENTENCE),
        (SENTENCE, SENTENCE),
        ("<ul><li>量子计算</li><li>脑机接口</li></ul>", "量子计算\n\n脑机接口"),
        ("<ruby>产<rp>(</rp><rt>chǎn</rt><rp>)</rp></ruby>业", "产业"),
        ("<table><tr><td>一</td><td>二</td></tr><tr><td>三</td></tr></table>", "一\t二\n三"),
        ("<script>脑机接口</script><!-- 量子计算 -->", ""),
        ("", ""),
    ],
)
def test_fragments_of_pages_are_not_lost(tmp_path, page, text):
    assert one(tmp_path, "a.html", page).text == text


def test_word_files_keep_tables_notes_and_order(tmp_path):
    document = docx.Document()
    document.add_heading("总体要求", 1)
    document.add_paragraph("第一段")
    cells = document.add_table(2, 2).rows
    for row, texts in zip(cells, (("项目", "单位"), ("脑机接口", "科技局")), strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_paragraph("第二段\n换行")
    assert one(tmp_path, "a.docx", saved(document)).text == (
        "总体要求\n\n第一段\n\n项目\t单位\n脑机接口\t科技局\n\n第二段\n换行"
    )


def test_pages_of_a_pdf(tmp_path, capsys):
    long = "为加快培育未来产业，推动创新成果转化，结合本市实际，制定本方案。" * 30
    (tmp_path / "a.pdf").write_bytes(pdf([long], ["一、总体要求", SENTENCE], [long], header="某某市人民政府文件"))
    (record,) = trackclf.read(tmp_path)
    assert record.text == f"{long}\n\n一、总体要求\n\n{SENTENCE}\n\n{long}"
    assert len(record.pages) >= 3
    assert record.pages[0] == 0
    place = record.text.index("脑机接口")
    page = record.page(place)
    assert record.text[record.pages[page - 1] :].startswith("一、总体要求")
    assert main(["tag", "--to", "jsonl", str(tmp_path / "a.pdf")]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(e["start"], e["page"]) for e in shown["tracks"][0]["evidence"] if e["text"] == "脑机接口"] == [
        (place, page)
    ]
    assert tuple(shown["pages"]) == record.pages
    assert shown["text"] == record.text


def test_a_pdf_without_text_says_so(tmp_path):
    assert "OCR" in one(tmp_path, "a.pdf", pdf([""])).error


def test_a_pdf_with_a_password_says_so(tmp_path):
    from reportlab.pdfgen.canvas import Canvas

    out = io.BytesIO()
    canvas = Canvas(out, encrypt="secret")
    canvas.drawString(72, 720, "text")
    canvas.save()
    assert "encrypted" in one(tmp_path, "a.pdf", out.getvalue()).error


def test_workbooks(tmp_path):
    import datetime

    book = openpyxl.Workbook()
    book.active.title = "名单"
    for row in (
        ["某市项目表"],
        [],
        ["序号", "正文", "日期", "金额"],
        [1, SENTENCE, datetime.datetime(2026, 5, 6), 3.0],
    ):
        book.active.append(row)
    book.active.append([])
    book.active.append([2, "量子计算", datetime.datetime(2026, 5, 6, 8, 30), 2.5])
    book.create_sheet("空")
    records, notes = read(tmp_path, {"b.xlsx": saved(book)})
    assert [(r.id, r.text, r.fields["日期"], r.fields["金额"]) for r in records] == [
        ("b.xlsx#名单!4", SENTENCE, "2026-05-06", "3"),
        ("b.xlsx#名单!6", "量子计算", "2026-05-06 08:30", "2.5"),
    ]
    assert notes == ["b.xlsx: no header, so passed over: 空"]
    (tmp_path / "b.xlsx").write_bytes(workbook(["甲"], ["乙"]))
    with pytest.raises(InputError, match="Try --text-field"):
        list(trackclf.read(tmp_path / "b.xlsx"))
    assert [r.id for r in trackclf.read(tmp_path / "b.xlsx", text_field="甲")] == [f"{tmp_path}/b.xlsx#2"]


def test_parquet_keeps_what_json_can_hold(tmp_path):
    import datetime

    rows = {
        "title": ["甲", None],
        "at": [datetime.date(2026, 5, 6), None],
        "tags": [["a"], []],
        "n": [1.5, float("nan")],
    }
    out = io.BytesIO()
    parquet.write_table(pyarrow.table(rows), out)
    records, _ = read(tmp_path, {"a.parquet": out.getvalue()})
    assert records[0].fields == {"title": "甲", "at": "2026-05-06", "tags": ["a"], "n": 1.5}
    assert records[1].fields["n"] is None
    assert records[1].error == "the text must be a string, got NoneType"


TREE = {
    "a.txt": SENTENCE,
    "news/b.txt": SENTENCE,
    "news/2026/c.md": SENTENCE,
    "drafts/d.txt": SENTENCE,
    ".git/e.txt": SENTENCE,
    "~$f.docx": b"lock",
    "photo.jpg": b"\xff\xd8",
    "z.zip": packed({"news/g.txt": SENTENCE, "__MACOSX/._g.txt": "x", "../../h.txt": SENTENCE, "k.log": "x"}),
}


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, "a.txt drafts/d.txt news/2026/c.md news/b.txt z.zip/../../h.txt z.zip/news/g.txt"),
        ({"exclude": ["drafts"]}, "a.txt news/2026/c.md news/b.txt z.zip/../../h.txt z.zip/news/g.txt"),
        ({"exclude": ["drafts/*", "*.zip", "**/2026/**"]}, "a.txt news/b.txt"),
        ({"include": ["*.md", "*.log"]}, "news/2026/c.md"),
        ({"include": ["news/**"]}, "news/2026/c.md news/b.txt"),
        ({"include": ["news/*", "*.zip"], "exclude": ["c.*"]}, "news/b.txt z.zip/news/g.txt"),
        ({"include": ["**/a.txt"]}, "a.txt"),
        ({"include": ["/b.txt", "/news/b.*"]}, "news/b.txt"),
    ],
)
def test_patterns(tmp_path, options, found):
    records, notes = read(tmp_path, TREE, **options)
    assert [(r.id, r.error) for r in records] == [(id, None) for id in found.split()]
    if not options:
        assert notes[0] == f"{tmp_path}: 3 files passed over (.jpg, hidden)"
    assert not list(tmp_path.parent.glob("h.txt"))


def test_nothing_that_fits(tmp_path):
    with pytest.raises(InputError, match="fits the patterns"):
        read(tmp_path, TREE, include=["*.rtf"])


def test_command_line_patterns(tmp_path, capsys):
    read(tmp_path, TREE)
    assert main(["tag", "--to", "jsonl", str(tmp_path), "--include", "*.txt", "--exclude", "drafts"]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["a.txt", "news/b.txt"]
    for _ in range(2):  # the output lies in the folder, and is there the second time
        assert main(["tag", str(tmp_path / "news"), "-o", str(tmp_path / "news" / "b.jsonl"), "--force"]) == 0
        assert len((tmp_path / "news" / "b.jsonl").read_text(encoding="utf-8").splitlines()) == 2


def test_names_of_members_as_windows_writes_them(tmp_path):
    data = packed({"AAAAAAAA.txt": SENTENCE}).replace(b"AAAAAAAA", "工业政策".encode("gbk"))
    records, _ = read(tmp_path, {"a.zip": data})
    assert [r.id for r in records] == ["a.zip/工业政策.txt"]


BOMB = gzip.compress(b"a" * (3 << 20))
PARTS = {"[Content_Types].xml": "", "word/document.xml": " " * (3 << 20)}
ENTITY = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>"""


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.docx", b"", "it is empty"),
        ("a.pdf", b"", "it is empty"),
        ("a.xlsx", b"", "it is empty"),
        ("a.txt.gz", b"", "it is empty"),
        ("a.docx", SENTENCE.encode(), "named as docx, but is no Word file"),
        (
            "a.pdf",
            b"%PDF-1.4 nothing",
            "the PDF is incomplete or damaged; fetch or save it again (Failed to load document",
        ),
        (
            "a.docx",
            word(SENTENCE)[:-100],
            "the Word file is incomplete or damaged; fetch or save it again (File is not a zip",
        ),
        ("a.xlsx", workbook(["正文"], [SENTENCE])[:3000], "the workbook is incomplete or damaged"),
        ("a.parquet", b"PAR1\x15" + bytes(200), "the Parquet file is incomplete or damaged"),
        ("a.txt.gz", gzip.compress(SENTENCE.encode())[:-12], "the gzip file is incomplete or damaged"),
        ("a.csv.gz", gzip.compress(table(PASSAGES).encode())[:-900], "the gzip file is incomplete or damaged"),
        ("a.zip", packed({"a.txt": SENTENCE})[:-5], "the zip archive is incomplete or damaged"),
        ("a.zip", packed({"a.exe": "x"}), "holds no file"),
        ("a.zip", packed({"a.zip": packed({"a.zip": packed({"a.txt": "x"})})}), "more than 2 archives"),
        ("a.doc.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .docx"),
        ("a.txt", b"a" * (1 << 20) + b"b", "raise --max-size"),
        ("a.txt.gz", BOMB, "raise --max-size"),
        ("a.csv.gz", BOMB, "a zip bomb?"),
        ("a.zip", packed({"a.jsonl": b"a" * (3 << 20)}), "a zip bomb?"),
        ("a.docx", packed(PARTS), "unpacks to 3 MB; raise --max-size"),
        ("a.xlsx", packed({"xl/workbook.xml": " " * (3 << 20)}), "unpacks to 3 MB; raise --max-size"),
        ("a.csv", "text\n" + "字" * (300 << 10), "raise --max-size"),
        ("a.csv", 'text\n"' + ("字" * 99 + "\n") * (4 << 10), "raise --max-size"),
        ("a.csv", ",".join(f"c{n}" for n in range(20_000)) + "\n", "20000 columns"),
        ("a.jsonl", '"' + "字" * (300 << 10) + '"', "raise --max-size"),
        ("a.jsonl", "[" * 100_000, "not JSON"),
        ("a.txt", bytes(range(128, 256)) * 50, "Try --encoding"),
    ],
)
def test_what_cannot_be_read_is_an_error_record(tmp_path, name, data, message):
    files = {name: data, "z.txt": SENTENCE}
    records, _ = read(tmp_path, files, max_size=1)
    assert message in next(record.error for record in records if record.error)
    assert (records[-1].id, records[-1].text) == ("z.txt", SENTENCE)


def test_a_line_that_is_too_long_is_one_record(tmp_path):
    lines = f"{SENTENCE}\n{'字' * (300 << 10)}\n{SENTENCE}\n"
    path = tmp_path / "a.txt"
    path.write_text(lines, encoding="utf-8")
    records = list(trackclf.read(path, format="lines", max_size=1))
    assert [(r.id.rpartition("#")[2], bool(r.error)) for r in records] == [("1", False), ("2", True), ("3", False)]
    path = tmp_path / "a.csv"
    path.write_text(f"text\n{lines}", encoding="utf-8")
    assert [bool(r.error) for r in trackclf.read(path, max_size=1)] == [False, True, False]


@pytest.mark.parametrize("part", ["word/document.xml", "xl/worksheets/sheet1.xml"])
def test_external_and_nested_entities_come_to_nothing(tmp_path, part):
    data = word(SENTENCE) if part.startswith("word") else workbook(["正文"], [SENTENCE])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    xml = re.sub(r"^<\?xml.*?\?>", "", files[part].decode())
    files[part] = ENTITY + re.sub(r"(<(?:w:)?t\b[^>]*>)", r"\1&x;&b;", xml, count=1)
    assert "&x;&b;" in files[part]
    (record,), _ = read(tmp_path, {"a" + (".docx" if "word" in part else ".xlsx"): packed(files)})
    assert "root" not in record.text
    assert record.error or len(record.text) < 200


def test_a_missing_library_is_named_with_what_installs_it(tmp_path, monkeypatch):
    import sys

    for name, module, extra, data in (
        ("a.pdf", "pypdfium2", "docs", b"%PDF-"),
        ("a.docx", "docx", "docs", word(SENTENCE)),
        ("a.html", "trafilatura", "docs", b"<p>"),
        ("a.xlsx", "openpyxl", "docs", workbook(["text"])),
        ("a.parquet", "pyarrow", "arrow", rows_of("parquet")),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            assert f"pip install 'trackclf[{extra}]'" in one(tmp_path / module, name, data).error


def test_damaged_files_on_the_command_line_are_records_and_a_count(tmp_path, capsys):
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    (tmp_path / "b.txt").write_text(SENTENCE, encoding="utf-8")
    assert main(["tag", "--to", "jsonl", str(tmp_path / "a.docx"), str(tmp_path / "b.txt")]) == 1
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["error"].startswith("the Word file is incomplete or damaged")
    assert second["tracks"]


def test_paths_of_all_kinds(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(SENTENCE, encoding="utf-8")
    for paths in (path, str(path), [path], iter([str(path)])):
        assert [r.id for r in trackclf.read(paths)] == [str(path)]
    for wrong in ({"paths": tmp_path / "none"}, {"format": "doc"}, {"max_size": 0}, {"encoding": "klingon"}):
        with pytest.raises(InputError):
            trackclf.read(**{"paths": path} | wrong)


def test_the_encoding_is_in_the_output(tmp_path, capsys):
    (tmp_path / "a.txt").write_bytes(SENTENCE.encode("gbk"))
    (tmp_path / "b.txt").write_bytes(SENTENCE.encode())
    assert main(["tag", "--to", "jsonl", str(tmp_path)]) == 0
    assert [json.loads(line).get("encoding") for line in capsys.readouterr().out.splitlines()] == ["gb18030", None]
