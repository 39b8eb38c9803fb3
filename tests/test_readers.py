import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackclf import InputError
from trackclf._choosing import SUFFIXES
from trackclf._encodings import guess_encoding
from trackclf._readers import FORMATS
from trackclf._records import Options
from trackclf._streams import guarded, read_stream

CHINESE = "记者从会上获悉,今年以来全市新增企业三百家,主要集中在新材料和生物制造两个方向。"
TRADITIONAL = "記者從會上獲悉,今年以來全市新增企業三百家,主要集中在新材料和生物製造兩個方向。"


def read(data, name="a.txt", **options):
    notes = []
    stream = read_stream(io.BytesIO(data), name, Options(note=notes.append, **options))
    return list(guarded(stream, name, only=True)), notes


@pytest.mark.parametrize(
    ("text", "encoding", "found", "sure"),
    [
        (CHINESE, "utf-8", "utf-8", True),
        (CHINESE, "utf-8-sig", "utf-8-sig", True),
        (CHINESE, "utf-16", "utf-16", True),
        (CHINESE, "utf-16-le", "utf-16-le", False),
        (CHINESE, "utf-16-be", "utf-16-be", False),
        (CHINESE, "gbk", "gb18030", False),
        (TRADITIONAL, "gb18030", "gb18030", False),
        (TRADITIONAL, "big5", "big5hkscs", False),
        ("plain ascii", "ascii", "utf-8", True),
        ("", "ascii", "utf-8", True),
        ("量子", "gbk", "gb18030", False),
    ],
)
def test_guess(text, encoding, found, sure):
    assert guess_encoding(text.encode(encoding)) == (found, sure)


def test_unrecognised_bytes_say_what_to_do():
    with pytest.raises(InputError, match="Try --encoding"):
        guess_encoding(bytes(range(128, 256)) * 50)


def test_a_guess_is_never_silent():
    records, notes = read(CHINESE.encode("gbk"))
    assert records[0].text == CHINESE
    assert notes == ["a.txt: read as gb18030, by how Chinese it looks; --encoding says otherwise"]
    assert read(CHINESE.encode("gbk"), encoding="gbk")[1] == []


def test_text_is_kept_to_the_letter():
    text = "第一行\r\n第二行\r第三行\n\x00\t "
    records, _ = read(text.encode())
    assert records[0].text == text


def test_a_wrong_encoding_is_an_error_record():
    (record,), _ = read(f"甲\n{CHINESE}".encode("gbk"), encoding="utf-8")
    assert record.error == "not utf-8 at line 1; try --encoding"
    assert record.text == ""


def test_one_damaged_line_among_many():
    data = "\n".join([CHINESE] * 30).encode() + b"\n\xff\xfe bad\n" + CHINESE.encode()
    records, _ = read(data, format="lines")
    assert [bool(record.error) for record in records] == [False] * 30 + [True, False]


def test_huge_cell_and_quoted_lines():
    cell = CHINESE * 10_000
    records, _ = read(f'id,text\n1,"{cell}"\n2,"a\nb"\n'.encode(), "a.csv")
    assert [record.text for record in records] == [cell.replace('"', ""), "a\nb"] or len(records) == 2


def test_empty_inputs():
    assert [record.text for record in read(b"")[0]] == [""]
    assert read(b"", "a.jsonl")[0] == []
    with pytest.raises(InputError, match="a header is needed"):
        read(b"", "a.csv")


@given(
    st.binary(max_size=200),
    st.sampled_from([f"a{suffix}" for suffix in SUFFIXES] + ["a.txt"]),
    st.sampled_from(["auto", *FORMATS]),
)
def test_any_bytes_are_read_or_refused(data, name, format):
    records = list(guarded(read_stream(io.BytesIO(data), name, Options(format=format)), name))
    assert all(isinstance(record.text, str) and not (record.error and record.text) for record in records)
