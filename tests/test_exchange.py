import csv
import io
import json
import logging
import sys
import tempfile
import tomllib
from pathlib import Path

import pytest
from conftest import CLASSES, TOP, TRACK, label_file
from hypothesis import given
from hypothesis import strategies as st

from trackclf import InputError, Tagger, TaxonomyError, TrackclfError, load_taxonomy
from trackclf._exchange import Content, complete, read_folder, to_toml, write_folder
from trackclf._skos import to_skos
from trackclf._skos_reading import from_skos
from trackclf._spreadsheet import COLUMNS, _cell, _list, _plain, from_csv, to_csv
from trackclf.cli import main

FORMATS = ("turtle", "jsonld", "csv")
PREFIXES = """
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix e: <https://example.org/v/> .
"""
FOREIGN = (
    PREFIXES
    + """
e: a skos:ConceptScheme ; skos:prefLabel "未来产业"@zh .
e:c1 a skos:Concept ; skos:notation "A1" ; skos:prefLabel "深海装备"@zh-Hans, "Deep-sea equipment"@en, "Tiefsee"@de ;
  skos:altLabel "载人潜水器"@zh, "水下机器人"@zh, "deep-sea mining"@en ; skos:definition "深海用的装备。"@zh .
e:c2 a skos:Concept ; skos:prefLabel "潜水器"@zh ; skos:altLabel "水下机器人"@zh, "海"@zh, "艇，舰"@zh ; skos:broader e:c1 .
e:c3 a skos:Concept ; skos:prefLabel "Fusion"@fr ; owl:deprecated true .
"""
)


def write(content, to):
    return to_csv(content) if to == "csv" else to_skos(content, to)


def read(text, to):
    data = text.encode()
    return complete(from_csv(data, "a.csv") if to == "csv" else from_skos(data, "a", to), "a")


def turtle(text):
    return from_skos((PREFIXES + text).encode(), "a.ttl", "turtle")


def parsed(folder):
    return {str(path.relative_to(folder)): tomllib.loads(path.read_text("utf-8")) for path in folder.rglob("*.toml")}


@pytest.fixture(scope="module")
def shipped():
    """The shipped taxonomy, and each export of it."""
    content = read_folder()
    return content, {to: write(content, to) for to in FORMATS}


def test_the_shipped_taxonomy_comes_back_whole(shipped, tmp_path):
    content, texts = shipped
    for to in FORMATS:
        back = read(texts[to], to)
        assert (back.top, back.classes, back.regional) == (content.top, content.classes, content.regional), to
        assert back.labels == content.labels, to
        assert not back.notes
    write_folder(back, tmp_path / "back")
    assert load_taxonomy(tmp_path / "back").digest == load_taxonomy().digest


@pytest.mark.parametrize("to", FORMATS)
def test_kinds_parents_and_what_is_extended_come_back(make_taxonomy, tmp_path, to):
    base = make_taxonomy()
    own = tmp_path / "own"
    for name, text in {
        "taxonomy.toml": f"""schema = 1\nversion = "2"\ndate = 2026-01-02\nextends = "{base}"
[kinds.list]\nfolder = "lists"\nname = "清单"\nname_en = "List"
[prior.list]\n{TOP.partition("[prior.track]")[2].partition("[prior")[0]}""",
        "tracks/a.toml": 'id = "a"\nremove = ["large model"]\nterms = [\n  { t = "太赫兹", k = "core" },\n]\n',
        "lists/l.toml": label_file("l", "list", 1, ['{ t = "清单甲", k = "core" }']),
        "lists/k.toml": label_file("k", "list", 2, ['{ t = "清单乙", k = "core" }'], parent='"l"'),
    }.items():
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text(text, encoding="utf-8")
    text = write(read_folder(own), to)
    write_folder(read(text, to), tmp_path / "back")
    assert load_taxonomy(tmp_path / "back").digest == load_taxonomy(own).digest
    assert load_taxonomy(tmp_path / "back").ancestors["k"] == ("l",)
    assert write(read_folder(tmp_path / "back"), to) == text


ODD = [
    '{ t = "-5-6", k = "core" }',
    '{ t = "=cmd", k = "core" }',
    '{ t = "\'引", k = "strong" }',
    '{ t = "0-1", k = "strong" }',
    '{ t = "@量子", k = "strong", near = ["a|b", "c\\\\d", "-x"] }',
    '{ t = "＋加", k = "entity" }',
]


@pytest.mark.parametrize("to", FORMATS)
def test_every_feature_of_the_format_comes_back(make_taxonomy, tmp_path, to):
    folder = make_taxonomy(
        {
            "taxonomy.toml": TOP.replace(
                "schema = 1", 'schema = 1\ntitle = "表"\nlicense = "CC-BY-4.0"\nsources = ["一"]'
            ),
            "tracks/c.toml": label_file("c", "track", 3, ODD, related='["b", "a"]', present='["含", "-等"]'),
            "tracks/d.toml": label_file("d", "track", 4, ['{ t = "旧事物", k = "core" }'], status='"retired"'),
        }
    )
    text = write(read_folder(folder), to)
    write_folder(read(text, to), tmp_path / "back")
    assert load_taxonomy(tmp_path / "back").digest == load_taxonomy(folder).digest
    assert parsed(tmp_path / "back") == parsed(folder)
    assert write(read_folder(tmp_path / "back"), to) == text
    if to == "csv":
        cells = [cell for row in csv.reader(io.StringIO(text.removeprefix("\ufeff"))) for cell in row]
        assert text.startswith("\ufeff")
        assert not [cell for cell in cells if cell[:1] in tuple("=+-@＝＋－＠\t\r\n")]


@given(st.text(st.characters(codec="utf-8"), max_size=8) | st.text("'=+-@0123,/ \t\r\n|\\", max_size=8))
def test_any_cell_comes_back(text):
    out = io.StringIO(newline="")
    csv.writer(out).writerow([_cell(text), "x"])
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert _plain(row[0]) == text
    assert [item for item in [text, "b|c\\"] if item] == _list(
        _plain(_cell([item for item in [text, "b|c\\"] if item]))
    )


VALUES = st.recursive(
    st.text(st.characters(codec="utf-8"), max_size=6) | st.integers() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aé. \n\x7f", max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=4), VALUES, max_size=4))
def test_any_data_comes_back_from_toml(data):
    assert tomllib.loads(to_toml(data)) == data


def test_skos_from_elsewhere_makes_a_taxonomy_that_tags(tmp_path, capsys):
    (tmp_path / "f.ttl").write_text(FOREIGN, encoding="utf-8")
    assert main(["taxonomy", "import", str(tmp_path / "f.ttl"), "-o", str(tmp_path / "f"), "--lang", "en"]) == 0
    said = capsys.readouterr().out
    for reason in (
        "neither Chinese nor English (2): Tiefsee@de",
        "cannot be a term (2): 海, 艇，舰",
        "taken from the shipped taxonomy",
        "no name in Chinese or English; another one is used (1): c3",
    ):
        assert reason in said
    taxonomy = load_taxonomy(tmp_path / "f")
    assert [(label.id, label.name, label.name_en) for label in taxonomy.labels] == [
        ("A1", "深海装备", "Deep-sea equipment"),
        ("c2", "潜水器", "潜水器"),
    ]
    assert {(term.text, term.kind, term.also) for term in taxonomy["A1"].terms} == {
        ("深海装备", "core", ()),
        ("deep-sea equipment".capitalize(), "core", ()),
        ("载人潜水器", "strong", ()),
        ("水下机器人", "strong", ("c2",)),
        ("deep-sea mining", "strong", ()),
    }
    assert taxonomy.ancestors["c2"] == ("A1",)
    assert taxonomy["A1"].source == "https://example.org/v/c1"
    tagger = Tagger(taxonomy, weights=None)
    assert [tag.id for tag in tagger.tag("新一代水下机器人完成试验。").tracks] == ["A1", "c2"]
    assert not tagger.tag("公司暂无水下机器人。").tracks


def test_names_that_a_vocabulary_tool_changed(make_taxonomy):
    folder = make_taxonomy()
    text = to_skos(read_folder(folder), "turtle")
    assert '"天算"@zh' not in text  # it has a condition, so it is no name
    text = text.replace('"量子计算"@zh', '"量子运算机"@zh').replace('"Label"@en', '"Renamed"@en')
    text += (
        PREFIXES
        + '<urn:trackclf:taxonomy:new> a skos:Concept ; skos:prefLabel "新标签"@zh ; skos:altLabel "算芯片"@zh .'
    )
    content = read(text, "turtle")
    labels = {label["id"]: label for label in content.labels}
    assert content.notes["taken_away"] == ["a: 量子计算"]
    assert content.notes["added"] == ["a: 量子运算机"]
    assert {"t": "量子运算机", "k": "strong"} in labels["a"]["terms"]
    assert not any(item["t"] == "量子计算" for item in labels["a"]["terms"])
    assert {"t": "量子ai", "k": "strong", "also": ["b"]} in labels["a"]["terms"]
    assert {item["t"] for item in labels["new"]["terms"]} == {"新标签"}
    assert {"t": "算芯片", "k": "strong", "also": ["new"]} in labels["b"]["terms"]
    assert labels["new"]["order"] == 3
    assert labels["a"]["name_en"] == "Renamed"


def test_a_shared_name_taken_from_one_label_stays_with_the_other(make_taxonomy):
    from rdflib import Graph, Literal, URIRef
    from rdflib.namespace import SKOS

    graph = Graph().parse(data=to_skos(read_folder(make_taxonomy()), "turtle"), format="turtle")
    shared = SKOS.altLabel, Literal("量子ai", lang="zh")
    assert (URIRef("urn:trackclf:taxonomy:a"), *shared) in graph
    graph.remove((URIRef("urn:trackclf:taxonomy:b"), *shared))
    labels = {label["id"]: label for label in read(graph.serialize(format="turtle"), "turtle").labels}
    assert {"t": "量子ai", "k": "strong"} in labels["a"]["terms"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # skosify leaves its file open
def test_skosify_finds_no_fault(shipped, tmp_path, caplog):
    import skosify

    (tmp_path / "a.ttl").write_text(shipped[1]["turtle"], encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        graph = skosify.skosify(str(tmp_path / "a.ttl"))
    assert not caplog.records
    back, content = read(graph.serialize(format="turtle"), "turtle"), shipped[0]
    assert [label["terms"] for label in back.labels] == [label["terms"] for label in content.labels]
    assert (back.top, back.classes) == (content.top, content.classes)


def test_each_concept_has_one_preferred_label_a_language(shipped):
    from rdflib import Graph
    from rdflib.namespace import SKOS

    graph = Graph().parse(data=shipped[1]["turtle"], format="turtle")
    for concept in graph.subjects(SKOS.inScheme):
        preferred = list(graph.objects(concept, SKOS.prefLabel))
        assert sorted(label.language for label in preferred) == ["en", "zh"]
        assert not set(preferred) & set(graph.objects(concept, SKOS.altLabel))


def test_base_of_ones_own(make_taxonomy):
    text = to_skos(read_folder(make_taxonomy()), "turtle", "https://example.org/t/")
    assert "<https://example.org/t/a> a skos:Concept" in text
    assert "<https://example.org/t> a skos:ConceptScheme" in text
    for base in ("example", "https://example.org/t", "http://a b/"):
        with pytest.raises(InputError, match="--base"):
            to_skos(Content(), "turtle", base)


def test_circles_second_parents_and_strangers_are_noted():
    notes = turtle(
        """e:a a skos:Concept ; skos:prefLabel "甲甲"@zh ; skos:broader e:b, e:elsewhere .
        e:b a skos:Concept ; skos:prefLabel "乙乙"@zh ; skos:broader e:c .
        e:c a skos:Concept ; skos:prefLabel "丙丙"@zh ; skos:broader e:a ; skos:narrower e:d .
        e:d a skos:Concept ; skos:prefLabel "丁丁"@zh ; skos:broader e:a, e:d .
        e:s a skos:ConceptScheme . e:t a skos:ConceptScheme ."""
    ).notes
    assert notes["circle"] == ["a: b"]
    assert notes["no_concept"] == ["a: https://example.org/v/elsewhere"]
    assert notes["second_parent"] == ["d: c", "d: d"]
    assert notes["other_scheme"] == ["https://example.org/v/t"]


def test_labels_of_skos_xl_are_labels():
    xl = "<http://www.w3.org/2008/05/skos-xl#"
    names = " ; ".join(
        f'{xl}{kind}> [ {xl}literalForm> "{text}"@zh ]' for kind, text in (("prefLabel", "茶业"), ("altLabel", "茶园"))
    )
    (label,) = turtle(f"e:tea a skos:Concept ; {names} .").labels
    assert label["name"] == "茶业"
    assert [item["t"] for item in label["terms"]] == ["茶业", "茶园"]


def test_odd_ids_and_names_are_noted(tmp_path):
    content = turtle(
        f"""e:a a skos:Concept ; skos:notation "X" ; skos:prefLabel "甲甲"@zh ; skos:altLabel "{"长" * 5000}"@zh .
        e:b a skos:Concept ; skos:notation "x" ; skos:prefLabel "{"名" * 5000}"@zh .
        e:c a skos:Concept ; skos:notation "../../c" .
        e:d a skos:Concept ; skos:notation ".." ; skos:prefLabel "丁…丁"@zh, "{{industry}}"@zh .
        <https://example.org/%2e%2e/%E5%B0%8F/> a skos:Concept ; skos:prefLabel "戊，己"@zh ."""
    )
    ids = [label["id"] for label in content.labels]
    assert ids == ["小", "X", "x-2", "c", "concept"]
    assert content.notes["changed_id"] == ["x = x-2", "../../c = c", ".. = concept"]
    assert len(content.notes["too_long"]) == 3
    assert content.notes["no_name"] == ["x-2", "c"]
    write_folder(complete(content, "a.ttl"), tmp_path / "t")
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("e:a a skos:Concept ; ", "no turtle"),
        ("[" * 20_000, "no turtle"),
        ("e:a a e:Thing .", "no skos:Concept"),
        ('e:a a skos:Concept ; <urn:trackclf:vocabulary#toml> "x = " .', "is no TOML"),
        ('e:a a skos:Concept ; <urn:trackclf:vocabulary#toml> "terms = 3" .', "must be of type list"),
        ('e:a a skos:Concept ; <urn:trackclf:vocabulary#toml> "terms = [{ t = 1, k = 2 }]" .', "cannot be read"),
        ("e:a a skos:Concept ; <urn:trackclf:vocabulary#toml> \"terms = [{ t = 'xy', k = 'core', also = ['q'] }]\" .", "q"),
        ('e:a a skos:ConceptScheme ; <urn:trackclf:vocabulary#toml> "classes = 3" . e:b a skos:Concept .', "needs tables"),
    ],
)  # fmt: skip
def test_what_is_no_skos_is_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        turtle(text)


@pytest.mark.parametrize(
    "context",
    [
        "https://example.org/context.jsonld",
        ["file:///etc/hostname", {"a": "b"}],
        {"@import": "https://example.org/c"},
        {"term": {"@id": "https://example.org/t", "@context": "https://example.org/c"}},
    ],
)
def test_no_context_is_fetched(context, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "socket", lambda *_: pytest.fail("the net was asked"))
    for document in ({"@context": context}, {"@graph": [{"@id": "a:b", "x": {"@context": context}}]}):
        with pytest.raises(InputError, match="never fetched"):
            from_skos(json.dumps(document).encode(), "a.jsonld", "jsonld")


@pytest.mark.parametrize("data", [b"\xff\xfe", b"{", b"[" * 100_000, b'{"@context": 3}', b'"text"', b"[]", b"3"])
def test_what_is_no_json_ld_is_refused(data):
    with pytest.raises(InputError, match=r"a\.jsonld"):
        from_skos(data, "a.jsonld", "jsonld")


def test_lone_surrogates_are_refused(tmp_path):
    document = {
        "@id": "https://example.org/a",
        "@type": "http://www.w3.org/2004/02/skos/core#Concept",
        "http://www.w3.org/2004/02/skos/core#prefLabel": "甲\ud800",
    }
    with pytest.raises(InputError, match="surrogate"):
        write_folder(complete(from_skos(json.dumps(document).encode(), "a", "jsonld"), "a"), tmp_path / "t")
    assert not list(tmp_path.iterdir())


def test_skos_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdflib", None)
    with pytest.raises(InputError, match=r"pip install \"trackclf\[skos\]\""):
        to_skos(Content(), "turtle")
    assert to_csv(Content())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_of_labels_and_terms_will_do(tmp_path, encoding, delimiter):
    rows = [
        ("label", "name", "term", "kind"),
        ("deep", "深海装备", "载人潜水器", "core"),
        ("deep", "", "水下机器人", ""),
    ]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    content = complete(from_csv(text.encode(encoding), "a.csv"), "a.csv")
    write_folder(content, tmp_path / "t")
    (entry,) = load_taxonomy(tmp_path / "t").entries
    assert entry.label.name == "深海装备"
    assert [(term.text, term.kind) for term in entry.terms] == [("载人潜水器", "core"), ("水下机器人", "strong")]
    assert entry.source == "a.csv"


@pytest.mark.parametrize(
    "text", ["sep=;\r\n标签;词条;类型;;\r\na;芯片;核心;;\r\n;;;;\r\n", "\n\nLabel,TERM,kind\na,芯片,core\n"]
)
def test_tables_as_people_keep_them(text):
    (label,) = from_csv(text.encode(), "a.csv").labels
    assert label == {"id": "a", "terms": [{"t": "芯片", "k": "core"}]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "needs the columns label and term"),
        ("label,words\n", "has an unknown column 'words'; known: row, label"),
        ("label,trem\n", "unknown column 'trem'; did you mean 'term'.; rename or delete it"),
        ("PK\x03\x04", "save it as CSV"),
        ("label,term,term\n", "each column once"),
        ("label,term\na\n", "line 2 has no term"),
        ("label,term\na,b,c\n", "line 2 has a cell without a column"),
        ("label,term,\na,b,c\n", "line 2 has a cell without a column"),
        ("label,term\n,b\n", "line 2 has no label"),
        ("label,term\na,\n", "line 2 has no term"),
        ("row,label,term\nnone,a,b\n", "line 2: row is 'none'"),
        ("row,label,term\nlabel,a,\nlabel,a,\n", "line 3: the label 'a' has a row"),
        ("row,label,term,order\nlabel,a,,first\n", "line 2, order: 'first' is no whole number"),
        ("row,label,term,value\nsetting,a b,,1\n", "line 2: 'a b' is no setting's name"),
        ("row,label,term,value\nsetting,a,,1\nsetting,a,,2\n", "do not go together"),
        ('label,term\na,"b\n', "no table"),
    ],
)
def test_faulty_tables_are_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        from_csv(text.encode(), "a.csv")


def test_settings_that_a_spreadsheet_rewrote(make_taxonomy, tmp_path):
    text = to_csv(read_folder(make_taxonomy())).replace("2026-01-01", "2026/1/1")
    write_folder(read(text, "csv"), tmp_path / "back")
    assert load_taxonomy(tmp_path / "back").date == "2026/1/1"


def test_faults_are_named_and_nothing_is_written(tmp_path, capsys):
    table = tmp_path / "a.csv"
    table.write_text("label,term,kind\na,芯片,core\nb,芯片,core\nb,智能,nice\n", encoding="utf-8")
    assert main(["taxonomy", "import", str(table), "-o", str(tmp_path / "t")]) == 2
    said = capsys.readouterr()
    assert 'term "芯片" stands in tracks/a.toml' in said.out
    assert "kind 'nice'" in said.out
    assert "nothing was written: as a folder it would have 2 faults" in said.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_a_folder_that_is_there_stays(tmp_path, capsys):
    (tmp_path / "t").mkdir()
    (tmp_path / "a.csv").write_text("label,term\na,芯片\n", encoding="utf-8")
    assert main(["taxonomy", "import", str(tmp_path / "a.csv"), "-o", str(tmp_path / "t")]) == 0
    assert main(["taxonomy", "import", str(tmp_path / "a.csv"), "-o", str(tmp_path / "t")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["taxonomy", "import", str(tmp_path / "a.csv"), "-o", str(tmp_path / "a.csv" / "t")]) == 2


def test_command_line_reads_and_writes_files(tmp_path, make_taxonomy, capsys):
    folder = make_taxonomy()
    for to, suffix in (("turtle", "ttl"), ("jsonld", "json"), ("csv", "csv")):
        path = tmp_path / f"a.{suffix}"
        assert main(["taxonomy", "export", "--taxonomy", str(folder), "--to", to, "-o", str(path)]) == 0
        assert main(["taxonomy", "import", str(path), "-o", str(tmp_path / to)]) == 0
        assert load_taxonomy(tmp_path / to).digest == load_taxonomy(folder).digest
    assert "3 个标签" in capsys.readouterr().out
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    assert main(["taxonomy", "import", str(tmp_path / "a.txt"), "-o", str(tmp_path / "t")]) == 2
    assert "give --from" in capsys.readouterr().err


def test_a_faulty_taxonomy_is_not_exported(make_taxonomy):
    folder = make_taxonomy({"tracks/a.toml": label_file("a", "track", 1, [*TRACK, '{ t = "晶", k = "core" }'])})
    with pytest.raises(TaxonomyError, match="shorter than two"):
        read_folder(folder)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("../x,芯片,track,", "cannot name a file"),
        ("甲" * 90 + ",芯片,track,", "cannot name a file"),
        ("x,芯片,nothing,", "is not one of "),
        ("x,芯片,track,../..", "no plain name of a folder"),
    ],
)
def test_folders_that_no_taxonomy_has(tmp_path, row, reason):
    with pytest.raises(InputError, match=reason):
        write_folder(read(f"label,term,label_kind,folder\n{row}\n", "csv"), tmp_path / "t")


def test_a_folder_of_no_kind_is_a_fault(tmp_path):
    with pytest.raises(TaxonomyError) as error:
        write_folder(read("label,term,label_kind,folder\nx,芯片,track,track\n", "csv"), tmp_path / "t")
    assert error.value.faults == ("track/: no kind of label has this folder; did you mean 'tracks'?",)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    for name, text in {
        "taxonomy.toml": TOP,
        "classes.toml": CLASSES,
        "tracks/a.toml": label_file("a", "track", 1, ['{ t = "量子", k = "core", near = ["{industry}"] }']),
        "modes/m.toml": label_file("m", "mode", 1, ['{ t = "培育…{track}", k = "core" }']),
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return {to: write(read_folder(folder), to) for to in FORMATS}


@given(st.data())
def test_damaged_files_are_refused_or_read(exported, data):
    to = data.draw(st.sampled_from(FORMATS))
    text = exported[to]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(start + 12, len(text))))
        put = data.draw(
            st.sampled_from(["", "3", '"x"', "[]", "{}", "[[]]", "\\n", '"', "=", "-", "|", ",", "{x}", "…", "\n"])
        )
        text = text[:start] + put + text[end:]
    with tempfile.TemporaryDirectory() as folder:
        try:
            write_folder(read(text, to), Path(folder) / "t")
        except TrackclfError:
            assert not list(Path(folder).iterdir())
        else:
            load_taxonomy(Path(folder) / "t")


def test_columns_are_all_keys_of_the_format():
    assert {"near", "far", "also", "boundary", "definition", "status"} <= set(COLUMNS)
