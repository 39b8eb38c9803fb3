import ast
import copy
import tomllib
from pathlib import Path

import pytest
from conftest import CLASSES, MODE, OTHER, TOP, TRACK, label_file, write_files

from trackclf import TaxonomyError, load_taxonomy
from trackclf._exchange import to_toml
from trackclf._taxonomy import check
from trackclf._taxonomy_files import DEFAULT_KINDS, KINDS, sort_terms

SOURCE = Path(__file__).parent.parent / "src" / "trackclf"
NAMED = [
    "quantum",
    "bci",
    "embodied-ai",
    "large-model",
    "ic",
    "6g",
    "industrial-internet",
    "core-software",
    "clean-hydrogen",
]
PROVISIONAL = ["biomanufacturing", "commercial-space", "atomic-manufacturing", "energy-storage", "frontier-materials"]


def test_shipped_taxonomy_has_no_faults():
    assert check() == []


def test_shipped_labels_and_standing():
    taxonomy = load_taxonomy()
    status = {label.id: label.status for label in taxonomy.labels if label.kind == "track"}
    assert status == dict.fromkeys(NAMED, "named") | {"low-altitude": "headline"} | dict.fromkeys(
        PROVISIONAL, "provisional"
    )
    assert [label.id for label in taxonomy.labels if label.kind == "mode"] == ["create", "renew", "improve"]


def test_shipped_lists_are_deep():
    for entry in load_taxonomy().entries:
        terms = [term for term in entry.terms if term.kind != "not"]
        least = 150 if entry.label.kind == "mode" else 200 if entry.label.status == "named" else 120
        assert len(terms) >= least, entry.label.id
        assert {term.kind for term in entry.terms} == set(KINDS), entry.label.id


def test_code_names_no_label():
    ids = {label.id for label in load_taxonomy(tracks="all").labels}
    for path in SOURCE.rglob("*.py"):
        literals = {node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)}
        literals -= {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        }
        assert not ids & {value for value in literals if isinstance(value, str)}, path.name


def faults(make_taxonomy, **files):
    folder = make_taxonomy({name.replace("__", "/").replace("_toml", ".toml"): text for name, text in files.items()})
    return check(folder)


def test_small_taxonomy_is_sound(make_taxonomy):
    assert faults(make_taxonomy) == []


@pytest.mark.parametrize(
    ("terms", "place", "reason"),
    [
        (['{ t = "芯片", k = "core" }', '{ t = "ＡＩ芯片", k = "strong" }', '{ t = "ai芯片", k = "strong" }'], ":16 ", "equals tracks/b.toml:15 after"),  # noqa: E501
        (['{ t = "6G", k = "core" }'], ":14 ", "stands in tracks/a.toml:14 too"),
        (['{ t = "晶片", k = "core" }', '{ t = "晶片", k = "not" }'], ":15 ", "both positive and not"),
        (['{ t = "晶片", k = "core" }', '{ t = "乙片", k = "core" }'], ":15 ", "out of order"),
        (['{ t = "晶片", k = "strong" }', '{ t = "乙片", k = "core" }'], ":15 ", "out of order"),
        (['{ t = "晶片", k = "core", weight = 3 }'], ":14 ", "unknown key 'weight'"),
        (['{ t = "晶片", k = "nice" }'], ":14 ", "kind 'nice'"),
        (['{ t = "晶", k = "core" }'], ":14 ", "shorter than two"),
        (['{ t = "晶片，芯", k = "core" }'], ":14 ", "punctuation"),
        (['{ t = "…晶片", k = "core" }'], ":14 ", "gap needs a piece"),
        (['{ t = "晶片…{nothing}", k = "core" }'], ":14 ", "unknown class {nothing}"),
        (['{ t = "{industry}", k = "core" }'], ":14 ", "bare class"),
        (['{ t = "晶片", k = "core", near = [] }'], ":14 ", "empty near"),
        (['{ t = "晶片", k = "core", near = ["{nothing}"] }'], ":14 ", "unknown class"),
        (['{ t = "晶片", k = "core", also = ["z"] }'], ":14 ", "also = 'z'"),
        (['{ t = "晶片", k = "core", boundary = 1 }'], ":14 ", "boundary must be"),
        (['"晶片"'], "", "must be a table"),
    ],
)  # fmt: skip
def test_term_faults_name_file_line_term_and_reason(make_taxonomy, terms, place, reason):
    found = faults(make_taxonomy, tracks__b_toml=label_file("b", "track", 2, terms))
    assert any(fault.startswith(f"tracks/b.toml{place}") and reason in fault for fault in found), found


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("modes/a.toml", label_file("a", "mode", 2, []), "id 'a' is used by tracks/a.toml already"),
        ("tracks/b.toml", label_file("a", "track", 2, []), "differs from the file's name"),
        ("tracks/b.toml", label_file("b", "track", 1, []), "order 1 is used by"),
        ("tracks/b.toml", label_file("b", "mode", 2, []), "kind must be 'track'"),
        ("tracks/b.toml", label_file("b", "track", 2, [], status='"official"'), "status 'official'"),
        ("tracks/b.toml", label_file("b", "track", 2, [], definition='""'), "definition is empty"),
        ("tracks/b.toml", label_file("b", "track", 2, [], colour='"red"'), "unknown key 'colour'"),
        ("tracks/b.toml", label_file("b", "track", 2, [], related='["z"]'), "related 'z'"),
        ("tracks/b.toml", label_file("b", "track", 2, []).replace("definition =", "x ="), "definition is missing"),
        ("tracks/b.toml", "id = \n", "line 1"),
        ("taxonomy.toml", TOP.replace("schema = 1", "schema = 9"), "schema 9"),
        ("taxonomy.toml", TOP.replace("prior.mode", "prior.other"), "[prior.mode] is missing"),
        ("taxonomy.toml", TOP.replace("bias = -3.0", ""), "prior.track.bias must be a number"),
        ("taxonomy.toml", TOP.replace("bias = -3.0", 'bias = "low"'), "prior.track.bias must be a number"),
        ("taxonomy.toml", TOP.replace("core = 4.0", "core = nan"), "prior.track.core must be a number within a million"),
        ("taxonomy.toml", TOP.replace("threshold = 0.0", "threshold = inf"), "prior.track.threshold must be a number within"),
        ("taxonomy.toml", TOP.replace("about = inf", "about = -inf"), "prior.mode.about must be a number within"),
        ("taxonomy.toml", TOP.replace("slope = 1.0", "slope = 0"), "prior.track.slope must be above 0"),
        ("taxonomy.toml", TOP.replace("weak = 0.5", "week = 0.5"), "prior.track.week is not known; did you mean 'weak'?"),
        ("taxonomy.toml", TOP + "[prior.tracks]\n", "[prior.tracks] is of no kind of label; did you mean 'track'?"),
        ("taxonomy.toml", TOP.replace("except =", "exept ="), "denial.exept is not known; did you mean 'except'?"),
        ("taxonomy.toml", "active = [3]" + TOP, "active holds 3, which is no string"),
        ("classes.toml", CLASSES.replace("description", "descripton"), "[industry]: unknown key 'descripton'; did you mean"),
        ("clases.toml", CLASSES, "no such file is read; did you mean 'classes.toml'?"),
        ("track/b.toml", label_file("b", "track", 2, []), "no kind of label has this folder; did you mean 'tracks'?"),
        ("taxonomy.toml", TOP.replace('["业务", "产品"]', '["业务", 3]'), "denial.of must be a list of strings"),
        ("classes.toml", CLASSES.replace('"行业"', '"产业"'), "twice"),
        ("classes.toml", "[industry]\n", "needs a list"),
        ("regional.toml", '[words]\n"软件" = "軟件"\n', "needs another word"),
        ("regional.toml", '[words]\n"软件" = "软，体"\n', "punctuation"),
        ("regional.toml", "[other]\n", "unknown key 'other'"),
    ],
)  # fmt: skip
def test_file_faults(make_taxonomy, file, text, reason):
    folder = make_taxonomy({file: text})
    found = check(folder)
    assert any(fault.startswith(file.split("/b")[0]) and reason in fault for fault in found), found
    with pytest.raises(TaxonomyError) as error:
        load_taxonomy(folder)
    assert error.value.faults


def test_a_cue_may_use_only_kinds_that_come_before(make_taxonomy):
    found = faults(make_taxonomy, tracks__a_toml=label_file("a", "track", 1, ['{ t = "做…{track}", k = "core" }']))
    assert any("{track}" in fault for fault in found)


def test_retired_labels_keep_their_id_and_lose_their_column(make_taxonomy):
    retired = label_file("b", "track", 2, ['{ t = "芯片", k = "core" }'], status='"retired"')
    plain = [term for term in TRACK if "also" not in term]
    folder = make_taxonomy({"tracks/b.toml": retired, "tracks/a.toml": label_file("a", "track", 1, plain)})
    assert check(folder) == []
    assert [label.id for label in load_taxonomy(folder).labels] == ["a", "m"]


def test_sorting_mends_what_check_finds(make_taxonomy):
    folder = make_taxonomy({"modes/m.toml": label_file("m", "mode", 1, MODE[::-1])})
    assert any("out of order" in fault for fault in check(folder))
    assert sort_terms(folder / "modes/m.toml")
    assert check(folder) == []
    assert not sort_terms(folder / "modes/m.toml")


def test_no_taxonomy_there(tmp_path):
    with pytest.raises(TaxonomyError, match=r"no taxonomy\.toml"):
        load_taxonomy(tmp_path)
    for active in ("", "active = []\n"):  # nothing, or nothing but what waits
        write_files(tmp_path, {"taxonomy.toml": active + TOP})
        with pytest.raises(TaxonomyError, match="no label that counts"):
            load_taxonomy(tmp_path)
        write_files(tmp_path, {"candidates/b.toml": label_file("b", "track", 1, OTHER)})


def test_unknown_label_names_the_known_ones():
    with pytest.raises(TaxonomyError, match="quantum"):
        load_taxonomy()["quantums"]


def test_digest_moves_with_what_decides_a_tag(make_taxonomy):
    one = load_taxonomy(make_taxonomy())
    other = load_taxonomy(make_taxonomy({"tracks/a.toml": label_file("a", "track", 1, TRACK[1:])}))
    same = load_taxonomy(
        make_taxonomy({"tracks/a.toml": label_file("a", "track", 1, TRACK, definition='"换一种说法"')})
    )
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize("file", ["taxonomy.toml", "classes.toml", "regional.toml", "tracks/a.toml"])
def test_no_value_of_a_wrong_type_is_an_exception(make_taxonomy, file):
    """Whatever stands in the place of a value, anywhere: faults, or none."""
    folder = make_taxonomy()
    path = folder / file
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    if path.name == "taxonomy.toml":
        data |= {"active": ["a"], "pairs": [["track", "mode"]], "kinds": DEFAULT_KINDS}

    def places(value, at=()):
        if at:
            yield at
        for key, inner in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from places(inner, (*at, key))

    for *way, last in places(data):
        for value in (3, "", [[1]], {"x": []}, True):
            changed = copy.deepcopy(data)
            inner = changed
            for key in way:
                inner = inner[key]
            inner[last] = value
            path.write_text(to_toml(changed), encoding="utf-8")
            assert all(isinstance(fault, str) for fault in check(folder)), (way, last, value)
