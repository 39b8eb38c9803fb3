"""What fuzzing begins with: small files of every kind, made by the project itself."""

import io
import json
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import test_formats as formats
from conftest import ROOT, SMALL, label_file, write_files
from fuzz_store import TEXTS, make, pack
from pyarrow import parquet, table
from reportlab import rl_config
from strategies import PIECES

from trackclf import Tagger, TrackclfError, _exchange, _resuming, _skos, _spreadsheet, load_taxonomy
from trackclf._records import Record

TEXT = "本市前瞻布局脑机接口产业。公司暂无量子计算业务，\n培育量子产业。"
ROWS = [{"text": TEXT, "id": 7, "n": [1.5, None]}, {"正文": "由旧向新转型", "标题": "题"}]


def pdfs():
    """Documents whose streams are plain."""
    with patch.object(rl_config, "pageCompression", 0):
        return [formats.pdf([TEXT]), formats.pdf([TEXT, "二"], ["三"], header="甲")]


def workbooks():
    """Workbooks of some kinds of cells."""
    return [
        formats.workbook(["编号", "正文"], [1, TEXT], [2.5, None], [True, "=1+1"]),
        formats.workbook(["甲"], [], ["text", "n"], [TEXT, 7]),
    ]


def parquets():
    """Tables of some types."""
    columns = {"text": [TEXT, None], "n": [1.5, float("nan")], "list": [[{"a": 1}], []], "raw": [b"\xff", b""]}
    for options in ({}, {"compression": "NONE"}, {"compression": "NONE", "use_dictionary": False}):
        out = io.BytesIO()
        parquet.write_table(table(columns), out, **options)
        yield out.getvalue()


def archives():
    """Archives of all kinds of files, and of archives."""
    inner = {"a.txt": TEXT.encode("gb18030"), "目录/b.csv": formats.table([TEXT]).encode(), "c.jsonl": rows()}
    some = formats.packed(inner)
    gz = formats.gzip.compress(rows(), mtime=0)
    return [some, gz, formats.packed({"b.zip": some, "c.jsonl.gz": gz}), formats.gzip.compress(some, mtime=0)]


def rows():
    """Rows of JSON."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*ROWS, "甲"]).encode()


def texts():
    """A text in some encodings."""
    plain = [TEXT.encode(encoding) for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-be")]
    return [*plain, "本市佈局量子電腦產業，是以為先。".encode("big5hkscs")]


def sample(*suffixes):
    """The shipped sample's files, cut where they are long."""
    paths = sorted(path for path in (ROOT / "docs" / "sample").rglob("*") if path.suffix in suffixes)
    return [path.read_bytes()[:4000] for path in paths]


def tags():
    """What markup is made of."""
    names = "title p div span table tr td ruby rt br script section li w:p w:r w:t w:tbl w:tc w:del sheet row c v is t"
    return [f"<{name}>" for name in names.split()] + [f"</{name}>" for name in names.split()] + ["<!--", "]]>", "&#0;"]


def toml():
    """What taxonomies are made of."""
    lines = (
        'extends = "shipped"\n|parent = "a"\n|active = ["a"]\n|related = ["b"]\n|remove = ["6G"]\n|status = "retired"\n'
        '|near = ["量子", "{industry}"]|far = ["芯"]|also = ["b"]|boundary = true|"{track}"|"由…向……升级"|"…"|"{mode}"'
        '|{ t = "升级", k = "not" },\n|[kinds.mode]\n|[denial]\n|question = ["量子"]\n|pairs = [["track", "track"]]\n'
    )
    return [*lines.split("|"), *PIECES]


@cache
def small_tagger():
    """Over a small taxonomy that uses every feature of the format."""
    return Tagger(load_taxonomy(write_files(Path(tempfile.mkdtemp(prefix="trackclf-fuzz-")), SMALL)))


@cache
def small_content():
    """The small taxonomy as an exchange format takes it."""
    with tempfile.TemporaryDirectory() as place:
        return _exchange.read_folder(write_files(Path(place, "small"), SMALL))


def folders():
    """Small taxonomies as zips."""
    own = {
        "taxonomy.toml": 'schema = 1\nversion = "2"\ndate = 2026-01-01\n'
        '[kinds.field]\nfolder = "fields"\nname = "领域"\nname_en = "Field"\n[prior.field]\n'
        "bias = -3.0\ncore = 4.0\nstrong = 3.0\nentity = 3.5\nweak = 0.5\nthreshold = 0.0\nabout = 6.0\nslope = 1.0\n",
        "fields/a.toml": label_file("a", "field", 1, ['{ t = "量子", k = "core" }']).replace(
            'id = "a"', 'id = "a"\nparent = "b"'
        ),
        "fields/b.toml": label_file("b", "field", 2, ['{ t = "产业…升级", k = "strong", near = ["布局"] }']),
    }
    return [
        pack([(name, text.encode()) for name, text in {**files, "text.txt": TEXT}.items()]) for files in (SMALL, own)
    ]


def exported(to):
    """The small taxonomy in a format, and a vocabulary from elsewhere."""

    def seeds():
        out = [_spreadsheet.to_csv(small_content()) if to == "csv" else _skos.to_skos(small_content(), to, _skos.BASE)]
        if to == "csv":
            out.append("标签,词条,类型,上级\n甲,量子,核心,\n乙,产业升级,,甲\n")
        if to == "turtle":
            out.append(
                "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n@prefix e: <https://e/> .\ne:a a skos:Concept ;\n"
                'skos:prefLabel "量子"@zh, "quantum"@en ; skos:broader e:b .\ne:b a skos:Concept ; skos:altLabel "产业" .'
            )
        return [text.encode() for text in out]

    return seeds


@cache
def folder_bytes():
    """Saved taggers and classifiers, each as a zip of manifest and archive."""
    with tempfile.TemporaryDirectory() as place:
        wholes = [whole for kind, _ in make(Path(place), small_tagger().taxonomy) for whole in kind]
    return [pack([("manifest.json", json.dumps(head).encode()), ("arrays.npz", blob)]) for head, _, blob in wholes]


def records():
    """Those of a run that is resumed."""
    return [Record(n, text, {"text": text, "n": n}) for n, text in enumerate([*TEXTS, TEXT])]


def long_run(folder, spooled, resume, stop=99):
    """Write records, or those before one at which the run ends."""

    def tag(some):
        for record in some:
            if record.id == stop:
                raise TrackclfError("stopped")
            yield record, small_tagger().tag(record.text)

    file = _resuming.LongFile(folder / "out.jsonl", {"stamp": small_tagger().stamp, "jobs": 1}, resume, False)
    kinds = (small_tagger().labels, small_tagger().kinds) if spooled else None
    with patch.object(_resuming, "_EVERY", 0):
        file.write(
            records(), tag, lambda rows, out: out.writelines(f"{r.id} {x}\n" for r, x in rows), lambda r: None, kinds
        )


def interrupted():
    """What interrupted runs leave, with the name of their sort."""
    for spooled in (False, True):
        with tempfile.TemporaryDirectory() as place:
            try:
                long_run(Path(place), spooled, False, stop=2)
            except TrackclfError:
                left = [(path.name, path.read_bytes()) for path in Path(place).iterdir()]
        yield pack([*sorted(left), *([("spooled.txt", b"")] if spooled else [])])


def labels():
    """Labelled rows, and what `review` asks for."""
    some = [
        {"text": TEXT, "tracks": {"a": 2, "b": "?"}, "modes": {"m": 1}, "evidence": {"a": ["量子"]}, "by": "甲"},
        {"text": "芯片", "tracks": {"b": 1}, "pairs": [["a", "m"]], "split": "test"},
    ]
    plain = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in some).encode()
    return [plain, formats.gzip.compress(plain, mtime=0)]
