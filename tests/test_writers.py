"""Every output format, read back and compared with the results."""

import csv
import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import write_files
from test_layers import HIERARCHY

from trackclf import InputError, Tagger, _arrow, _workbook, load_taxonomy, to_table
from trackclf._arrow import write_parquet
from trackclf._records import Record
from trackclf._rows import with_text
from trackclf._terminal import fit, width, write_explanation, write_table
from trackclf._workbook import write_xlsx
from trackclf._writers import write_csv, write_jsonl
from trackclf.cli import main

TEXTS = [
    "园区前瞻布局脑机接口，首台量子计算机下线。",
    "今天下雨。",
    "本市大力发展低空经济，\r\n两款eVTOL获得适航受理通知，推动传统产业转型升级。",
    "目前尚未涉及6G相关业务。",
    "量子计算\ud800与脑机接口\x1b[31m。",
    "",
]
HOSTILE = ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "#N/A", '"引号",逗号\n换行', "a\rb", "'=1"]


def rows_of(tagger, records):
    return [(record, None if record.error else tagger.tag(record.text)) for record in records]


@pytest.fixture(scope="module")
def rows(tagger):
    records = [
        Record(n, text, {"id": n, "标题": f"第{n}条", "text": text, "分数": n / 2, "tracks": "旧"})
        for n, text in enumerate(TEXTS)
    ]
    records.insert(2, Record("坏:3", "", {"标题": "坏的一行"}, "not JSON: …"))
    return rows_of(tagger, records)


def parquet(rows, tagger):
    out = io.BytesIO()
    write_parquet(iter(rows), out, "zh", tagger.stamp, tagger.kinds)
    return pq.read_table(io.BytesIO(out.getvalue()))


def workbook(rows, tagger, lang="zh"):
    out = io.BytesIO()
    write_xlsx(iter(rows), out, lang, tagger.stamp, tagger.kinds)
    return openpyxl.load_workbook(out)


def sheet(book, number):
    head, *lines = book.worksheets[number].values
    return [dict(zip(head, line, strict=True)) for line in lines]


def table_rows(rows, tagger, lang="zh", columns=None):
    class Terminal(io.StringIO):
        def isatty(self):
            return columns is not None

    out = Terminal()
    write_table(iter(rows), out, lang, tagger.stamp, tagger.kinds)
    return out.getvalue().splitlines()


def csv_rows(rows, tagger, **options):
    out = io.StringIO(newline="")
    write_csv(iter(rows), out, "zh", tagger.stamp, tagger.kinds, **options)
    return list(csv.reader(io.StringIO(out.getvalue(), newline="")))


def answers(row, kinds):
    """What a row of Parquet says, in the shape of the JSON Lines record."""
    for tag in (*row["denied"], *(tag for kind in kinds for tag in row[kind.folder])):
        for item in tag["evidence"]:
            for name in ("cue", "inherited", "trigger", "page"):
                if not item[name]:
                    del item[name]
    if not row["denied"]:
        del row["denied"]
    for pair in row["pairs"]:
        if pair["page"] is None:
            del pair["page"]
    return row


def test_pages_and_encodings(tagger):
    text = "培育脑机接口企业。第二页写量子计算。"
    found = rows_of(tagger, [Record("a.pdf", text, {"text": text}, None, "gb18030", (0, 9))])
    (row,) = parquet(found, tagger).to_pylist()
    assert (row["encoding"], row["pages"]) == ("gb18030", [0, 9])
    assert {tag["id"]: tag["evidence"][0]["page"] for tag in row["tracks"]} == {"bci": 1, "quantum": 2}
    assert [pair["page"] for pair in row["pairs"]] == [1]
    out = io.StringIO()
    write_jsonl(found, out, "zh", tagger.stamp, tagger.kinds)
    line = json.loads(out.getvalue())
    assert (line["encoding"], line["pages"]) == ("gb18030", [0, 9])
    assert answers(row, tagger.kinds)["tracks"] == line["tracks"]
    heads, *lines = workbook(found, tagger)["依据"].values
    pages = [dict(zip(heads, line, strict=True)) for line in lines]
    assert {line["原文"]: line["页"] for line in pages if line["标签"] in ("脑机接口", "量子科技")} == {
        "脑机接口": 1,
        "量子计算": 2,
    }


def test_jsonl_is_the_results(rows, tagger):
    out = io.StringIO()
    write_jsonl(iter(rows), out, "zh", tagger.stamp, tagger.kinds)
    back = [json.loads(line) for line in out.getvalue().splitlines()]
    for record, (source, result) in zip(back, rows, strict=True):
        if result is None:
            assert (record["id"], record["error"], record["标题"]) == ("坏:3", "not JSON: …", "坏的一行")
        else:
            expected = result.to_dict(source.id)
            assert {name: record[name] for name in expected} == expected
            assert (record["text"], record["input_tracks"], record["分数"]) == (source.text, "旧", source.id / 2)


def test_parquet_is_the_results(rows, tagger):
    table = parquet(rows, tagger)
    schema = table.schema
    assert json.loads(schema.metadata[b"trackclf"]) == tagger.stamp
    assert [schema.field(name).type for name in ("标题", "分数")] == [pa.string(), pa.float64()]
    assert schema.names[:5] == ["id", "标题", "text", "分数", "input_tracks"]
    back = table.to_pylist()
    assert [row["id"] for row in back] == ["0", "1", "坏:3", "2", "3", "4", "5"]  # mixed, so all are strings
    for row, (source, result) in zip(back, rows, strict=True):
        assert row["error"] == source.error
        if result is None:
            assert row["tracks"] is row["modes"] is row["pairs"] is row["abstained"] is None
            continue
        if source.id != 4:  # its surrogate has no UTF-8
            assert row["text"] == source.text
        expected = result.to_dict()
        row = answers(row, tagger.kinds)
        for name in ("tracks", "modes", "pairs", "abstained"):
            if source.id != 4:
                assert row[name] == expected[name]
        assert row["nearest"] == expected.get("nearest")
    replaced = next(row for row in back if row["id"] == "4")
    assert replaced["text"] == TEXTS[4].replace("\ud800", "\ufffd")
    for tag in replaced["tracks"]:
        assert all(replaced["text"][e["start"] : e["end"]] == e["text"] for e in tag["evidence"])


def test_table_of_results_has_the_schema_of_parquet(tagger):
    results = list(tagger.tag_many(TEXTS[:3]))
    table = to_table(results)
    rows = [(Record(n, r.text, {"text": r.text}), r) for n, r in enumerate(results)]
    assert table.equals(parquet(rows, tagger))
    assert table.schema.metadata == parquet(rows, tagger).schema.metadata
    assert to_table(iter(results), ids="abc")["id"].to_pylist() == ["a", "b", "c"]
    assert to_table([]).num_rows == 0
    with pytest.raises(InputError, match="3 results, but 2 ids"):
        to_table(results, ids=[1, 2])
    with pytest.raises(TypeError, match=r"wrap it: to_table\(\[result\]\)"):
        to_table(results[0])
    with pytest.raises(InputError, match="different taggers"):
        to_table([*results, Tagger(weights=None).tag("")])


VALUES = [
    ([1, 2, None], pa.int64(), [1, 2, None]),
    ([1, 2.5], pa.float64(), [1.0, 2.5]),
    ([True, None], pa.bool_(), [True, None]),
    ([True, 1], pa.string(), ["true", "1"]),
    ([1, "一"], pa.string(), ["1", '"一"']),
    ([2**60 + 1], pa.int64(), [2**60 + 1]),
    ([2**60 + 1, 0.5], pa.string(), [str(2**60 + 1), "0.5"]),
    ([2**70], pa.string(), [str(2**70)]),
    ([{"甲": [1]}, None], pa.string(), ['{"甲": [1]}', None]),
    ([None, None], pa.string(), [None, None]),
    (["", "\ud800一"], pa.string(), ["", "\ufffd一"]),
]


@pytest.mark.parametrize("group", [1, 2, 100])
@pytest.mark.parametrize(("values", "type", "expected"), VALUES)
def test_types_of_columns_do_not_hang_on_row_groups(small, monkeypatch, group, values, type, expected):
    monkeypatch.setattr(_arrow, "_ROWS", group)
    table = parquet(rows_of(small, [Record("x", "芯片", {"值": value}) for value in values]), small)
    assert table.schema.field("值").type == type
    assert table["值"].to_pylist() == expected
    assert [len(tags) for tags in table["tracks"].to_pylist()] == [1] * len(values)


@pytest.mark.parametrize("group", [1, 100])
def test_ids_and_later_columns(small, monkeypatch, group):
    monkeypatch.setattr(_arrow, "_ROWS", group)
    assert parquet(rows_of(small, [Record(n, "") for n in (5, 3)]), small)["id"].to_pylist() == [5, 3]
    mixed = parquet(rows_of(small, [Record(5, ""), Record("a", ""), Record([1], ""), Record(7, "")]), small)
    assert mixed["id"].to_pylist() == ["5", "a", "[1]", "7"]
    later = [Record(1, "", {"id": 1, "a": 1}), Record(2, "", {"id": 9, "b": {"c": 2}})]
    table = parquet(rows_of(small, later), small)
    if group == 1:
        assert table.schema.names[:2] == ["id", "a"]
        assert table["more"].to_pylist() == [None, '{"id": 9, "b": {"c": 2}}']
    else:
        assert table["input_id"].to_pylist() == [None, 9]


def test_names_of_columns_are_sound_and_different(small):
    fields = dict.fromkeys(["\ud800", "\udc00", "tracks", "input_tracks", "more"], 1)
    names = parquet(rows_of(small, [Record("x", "", fields)]), small).schema.names
    assert names[1:6] == ["\ufffd", "input_\ufffd", "input_input_tracks", "input_tracks", "input_more"]


def test_row_groups_are_bounded_by_characters(small, monkeypatch):
    monkeypatch.setattr(_arrow, "_CHARACTERS", 10)
    out = io.BytesIO()
    write_parquet(
        iter(rows_of(small, [Record(n, "今天下雨。") for n in range(5)])), out, "zh", small.stamp, small.kinds
    )
    assert [pq.ParquetFile(out).metadata.row_group(n).num_rows for n in range(3)] == [2, 2, 1]


def test_csv_is_the_results(rows, tagger):
    head, *lines = csv_rows(rows, tagger)
    assert head[:6] == [*rows[0][0].fields, "trackclf_tracks"]
    for cells, (source, result) in zip(lines, rows, strict=True):
        row = dict(zip(head, cells, strict=True))
        assert row["标题"] == source.fields["标题"]
        assert row["error"] == (source.error or "")
        if result is not None:
            assert row["text"] == source.text
            assert row["trackclf_tracks"] == ";".join(tag.id for tag in result.tracks)
            assert row["mode_names"] == ";".join(tag.name for tag in result.modes)
            assert row["abstained"] == (result.abstained or "")


def test_hostile_cells_come_back_from_csv(small):
    rows = rows_of(small, [Record(cell, cell, {"正文": cell, "more": cell, "trackclf_more": 1}) for cell in HOSTILE])
    head, *lines = csv_rows(rows, small)
    assert head[0] == "正文"  # its cells are the ids
    assert len(set(head)) == len(head)
    assert [line[:2] for line in lines] == [[cell, cell] for cell in HOSTILE]
    head, *lines = csv_rows(rows, small, bom=True, escape=True)
    assert head[0] == "\ufeff正文"
    assert [line[0] for line in lines] == [f"'{cell}" if cell[0] in "=+-@\t\r" else cell for cell in HOSTILE]


def test_csv_of_rows_with_other_columns(small):
    records = [Record("x", "芯片", {"a": 1}), Record("y", "芯片", {"b": [1], "a": None})]
    head, one, two = csv_rows(rows_of(small, records), small)
    assert (head[:2], head[-1]) == (["id", "a"], "more")
    assert (one[:2], one[-1], two[:2], two[-1]) == (["x", "1"], "", ["y", "null"], '{"b": [1]}')


def test_workbook_is_the_results(rows, tagger):
    book = workbook(rows, tagger)
    assert book.sheetnames == ["文本", "依据", "标签", "说明"]
    assert [ws.freeze_panes for ws in book] == ["B2"] * 4
    assert book["文本"].auto_filter.ref == f"A1:{openpyxl.utils.get_column_letter(book['文本'].max_column)}8"
    pieces = sheet(book, 1)
    names = {label.id: label.name for label in tagger.labels}
    for row, (source, result) in zip(sheet(book, 0), rows, strict=True):
        assert (row["编号"], row["标题"], row["出错"]) == (source.id, source.fields["标题"], source.error)
        if result is None:
            continue
        shown = row["文本"] or ""
        assert len(shown) == row["字数"] == len(source.text)
        assert row["赛道"] == ("、".join(tag.name for tag in result.tracks) or None)
        assert row["赛道 · 层级"] == ("、".join({1: "提及", 2: "主题"}[tag.level] for tag in result.tracks) or None)
        assert "模式 · 层级" not in row
        assert row["模式 · 概率"] == ("、".join(f"{tag.probability:.2f}" for tag in result.modes) or None)
        mine = [piece for piece in pieces if piece["编号"] == source.id]
        assert [(p["标签"], p["起"], p["止"]) for p in mine if p["起"] is not None] == [
            *((tag.name, item.start, item.end) for tag in result.tags for item in tag.terms),
            *((names[label.id], item.start, item.end) for label in result.denied for item in label.evidence),
        ]
        assert [piece["触发词"] for piece in mine if piece["语气"] == "否定"] == [
            item.trigger.text for label in result.denied for item in label.evidence
        ]
        for piece in mine:
            if piece["起"] is not None and "\r" not in source.text:
                assert shown[piece["起"] : piece["止"]] == piece["原文"]
        for tag in result.tags:
            total = sum(piece["贡献"] for piece in mine if piece["标签"] == tag.name)
            assert total == pytest.approx(sum(item.contribution for item in tag.evidence), abs=0.01)
    counts = {row["编号"]: row["文本数"] for row in sheet(book, 2)}
    assert list(counts) == [label.id for label in tagger.labels]
    for id, count in counts.items():
        assert count == sum(tag.id == id for _, result in rows if result for tag in result.tags)
    about = dict(line for line in book["说明"].values)
    assert (about["文本数"], about["未能处理"]) == (7, 1)
    assert about["无法写入而替换为 \ufffd 的控制字符"] == 2
    assert {name: about[name] for name in tagger.stamp} == tagger.stamp


def test_workbook_holds_no_formula_and_no_error(small):
    records = [Record(cell, cell, {"甲": cell, cell: 1}) for cell in HOSTILE]
    book = workbook(rows_of(small, records), small)
    cells = [cell for ws in book for row in ws.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr", "n"}
    assert [row["编号"] for row in sheet(book, 0)] == [cell.replace("\r", " ") for cell in HOSTILE]


def test_workbook_loses_no_column(small):
    records = [
        Record("x", "芯片", {"id": "x", "正文": "芯片", "甲": 1}),
        Record("y", "", {"正文": 5, "id": "z", "乙": 2}, "坏"),
    ]
    one, two = sheet(workbook(rows_of(small, records), small), 0)
    assert (one["甲"], one["其他列"]) == (1, None)
    assert json.loads(two["其他列"]) == {"正文": 5, "id": "z", "乙": 2}
    mixed = [Record("a.txt", "芯片"), Record(1, "芯片", {"正文": "芯片", "乙": 2}), Record("b", "网", {"text": "网"})]
    assert [row["其他列"] for row in sheet(workbook(rows_of(small, mixed), small), 0)] == [None, '{"乙": 2}', None]


def test_workbook_cuts_what_is_too_long_and_says_so(small, monkeypatch):
    monkeypatch.setattr(_workbook, "_SHEET", 3)
    texts = ["晴" * 40_000, "😀" * 20_000, "芯片", "芯片", "芯片"]
    book = workbook(rows_of(small, [Record(float("nan"), text, {"甲": 10**20}) for text in texts]), small, "en")
    first, second = sheet(book, 0)
    assert (len(first["text"]), first["characters"], first["id"]) == (32_767, 40_000, "NaN")
    assert (len(second["text"]), second["甲"]) == (16_383, str(10**20))
    assert first["note"] == "the first 32767 of 40000 characters"
    assert book["text 2"].auto_filter.ref.endswith("3")
    assert [book[f"text{n}"].max_row - 1 for n in ("", " 2", " 3")] == [2, 2, 1]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_format_of_no_rows_and_of_rows_that_failed(small, lang):
    failed = [(Record("a", "", {}, "坏\n了"), None)] * 2
    for rows in ([], failed):
        assert parquet(rows, small)["error"].to_pylist() == ["坏\n了"] * len(rows)
        assert "tracks" in parquet(rows, small).schema.names
        assert len(csv_rows(rows, small)) == 1 + len(rows)
        assert workbook(rows, small, lang).worksheets[0].max_row == 1 + len(rows)
        assert len(table_rows(rows, small, lang)) == 1 + len(rows)


def test_own_taxonomies_with_other_kinds_and_parents(tmp_path):
    own = Tagger(load_taxonomy(write_files(tmp_path, HIERARCHY)), weights=None)
    rows = rows_of(own, [Record("x", "芯片产品，量子计算。", {"fields": "旧"})])
    result = rows[0][1]
    (row,) = parquet(rows, own).to_pylist()
    row = answers(row, own.kinds)
    assert row["input_fields"] == "旧"
    for name in ("fields", "tracks"):
        expected = result.to_dict()[name]
        assert any(item.get("inherited") for tag in expected for item in tag["evidence"])
        for tag in expected:
            tag.pop("inherited", None)
        assert row[name] == expected
    head, cells = csv_rows(rows, own)
    assert dict(zip(head, cells, strict=True))["trackclf_fields"] == "x;y"
    assert sheet(workbook(rows, own), 0)[0]["领域"] == "、".join(tag.name for tag in result.of("field"))
    assert len(table_rows(rows, own)) == 1 + len(result.tags)


WIDE = "脑机接口👨‍👩‍👧❤️e\u0301ü\u200b\n\x1b[31m＝한ｱ"


@pytest.mark.parametrize("columns", range(1, 30))
@pytest.mark.parametrize("tail", [False, True])
def test_fit_fits(columns, tail):
    for text in (WIDE, "plain", "", "\u0301", "中" * 40):
        cell = fit(text, columns, tail)
        assert width(cell) == columns
        assert cell.isprintable()


def test_table_is_aligned_and_as_wide_as_the_terminal(rows, tagger, monkeypatch):
    for lang in ("zh", "en"):
        for columns in (20, 40, 80, 120, 200):
            monkeypatch.setenv("COLUMNS", str(columns))
            lines = table_rows(rows, tagger, lang, columns)
            assert max(map(width, lines)) <= max(columns, 40)
        plain = table_rows(rows, tagger, lang)
        assert any("传统产业…转型" in line for line in plain)
        probability = [line.index("0.9") for line in plain if "0.9" in line]
        starts = {width(line[:at]) for line, at in zip((p for p in plain if "0.9" in p), probability, strict=True)}
        assert len(starts) == 1


def test_long_ids_keep_their_end_in_a_terminal_and_all_in_a_file(tagger):
    terms = ["集成电路", "芯片", "光刻机", "晶圆", "半导体", "封测", "EDA", "刻蚀机"]
    record = Record("很长的文件夹/" * 5 + "文.txt#128", "、".join(terms) + "。")
    rows = rows_of(tagger, [record])
    shown = table_rows(rows, tagger, columns=200)[1]
    assert shown.split()[0].startswith("…")
    assert shown.split()[0].endswith("文.txt#128")
    assert shown.endswith("…")
    whole = table_rows(rows, tagger)[1]
    assert whole.split()[0] == record.id
    assert set(whole.split()[-1].split("、")) == {item.text for item in rows[0][1].tags[0].terms}
    assert len(rows[0][1].tags[0].terms) > 6
    assert any(
        "Sixth-generation mobile communication (6G)" in line
        for line in table_rows(rows_of(tagger, [Record("x", "6G太赫兹通信")]), tagger, "en")
    )


def test_texts_do_not_steer_the_terminal(rows):
    out = io.StringIO()
    write_explanation(iter(rows), out, "zh", colour=False)
    assert "\x1b" not in out.getvalue()
    assert "\ufffd[31m" in out.getvalue()


def test_text_is_added_to_documents_only(tagger):
    document, row = Record("a.txt", "芯片"), Record(1, "芯片", {"正文": "芯片"})
    odd, bad = Record(2, "芯片", {"text": "别的"}), Record(3, "", {"甲": 1}, "坏")
    given = [(record, None) for record in (document, row, odd, bad, replace(document, text="", error="坏"))]
    fields = [record.fields for record, _ in with_text(given)]
    assert fields[:3] == [{"text": "芯片"}, row.fields, {"text": "别的", "trackclf_text": "芯片"}]
    assert fields[3:] == [{"甲": 1}, {"text": ""}]
    always = [record.fields for record, _ in with_text(given, always=True)]
    assert always[:2] == [{"text": "芯片"}, {"正文": "芯片", "text": "芯片"}]
    assert always[2:] == [fields[2], {"甲": 1, "text": ""}, {"text": ""}]


@pytest.mark.parametrize("first", [0, 1])
def test_csv_with_text_has_one_column_of_text(tmp_path, capsys, first):
    (tmp_path / "b.txt").write_text(TEXTS[0], encoding="utf-8")
    (tmp_path / ("a.csv", "c.csv")[first]).write_text("编号,正文\n7,今天下雨。\n", encoding="utf-8")
    assert main(["tag", str(tmp_path), "--to", "csv", "--with-text"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted(row["text"] for row in rows) == ["今天下雨。", TEXTS[0]]
    assert not any("今天" in row["more"] or "园区" in row["more"] for row in rows)


def test_command_line_takes_the_format_from_the_name(tmp_path, capsys):
    text = tmp_path / "a.txt"
    text.write_text(TEXTS[0], encoding="utf-8")

    def out(name, *options):
        assert main(["tag", str(text), "-o", str(tmp_path / name), *options]) == 0
        return tmp_path / name

    (row,) = pq.read_table(out("o.parquet")).to_pylist()
    assert (row["id"], row["text"]) == (str(text), TEXTS[0])
    assert openpyxl.load_workbook(out("o.xlsx"))["文本"]["B2"].value == TEXTS[0]
    assert "text" not in json.loads(out("o.jsonl").read_text(encoding="utf-8"))
    assert json.loads(out("o2.jsonl", "--with-text").read_text(encoding="utf-8"))["text"] == TEXTS[0]
    assert out("o.csv", "--bom").read_bytes().startswith(b"\xef\xbb\xbfid,tracks")
    assert out("o.txt").read_text(encoding="utf-8").startswith("编号 ")
    assert out("p.csv", "--to", "jsonl").read_text(encoding="utf-8").startswith("{")
    assert zipfile.is_zipfile(out("o.dat", "--to", "xlsx"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--to", "parquet"], "name a file with -o FILE"),
        (["--to", "xlsx"], "name a file with -o FILE"),
        (["--to", "jsonl", "--bom"], "for csv, not for jsonl"),
        (["--escape-formulas"], "for csv, not for table"),
        (["--segments", "sentence"], "for jsonl, not for table"),
    ],
)
def test_usage_errors(capsys, options, message):
    assert main(["tag", "--text", "芯片", *options]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("package", "name", "extra"), [("pyarrow", "o.parquet", "arrow"), ("openpyxl", "o.xlsx", "docs")]
)
def test_missing_extras_are_named_before_anything_is_written(tmp_path, package, name, extra):
    code = (
        f"import sys; sys.modules[{package!r}] = None; from trackclf import *; from trackclf.cli import main\n"
        f"sys.exit(main(['tag', '--text', '芯片', '-o', {name!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", cwd=tmp_path)
    assert done.returncode == 2
    assert f'pip install "trackclf[{extra}]"' in done.stderr
    assert not (tmp_path / name).exists()
