"""The taxonomy's files as they lie on disk: parsing, every fault with its place, sorting.

A taxonomy is a folder with `taxonomy.toml`, `classes.toml` and one file a label below `tracks/` and `modes/`;
`docs/taxonomy.md` describes the format.
"""

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackclf._characters import normalise
from trackclf.errors import TaxonomyError

KINDS = ("core", "strong", "entity", "weak", "not")
STATUSES = ("named", "headline", "provisional", "candidate", "retired")
# Files of CANDIDATES are read only where they are active or asked for.
CANDIDATES = "candidates"
FOLDERS = {"tracks": "track", CANDIDATES: "track", "modes": "mode"}
# Longest gap, in code points, at each joint of a cue; "……" may cross commas, "…" may not.
GAPS = {"": 0, "…": 20, "……": 40}
# Lists of cues that deny; docs/taxonomy.md says how each works.
DENIALS = ("before", "after", "without", "of", "except", "question")

_TOP_KEYS = {
    "schema": int,
    "version": str,
    "date": object,
    "sources": list,
    "active": list,
    "prior": dict,
    "denial": dict,
}
_TOP_OPTIONAL = ("sources", "active", "denial")
_LABEL_KEYS = {
    "id": str,
    "kind": str,
    "order": int,
    "name": str,
    "name_en": str,
    "status": str,
    "source": str,
    "definition": str,
    "definition_en": str,
    "present": list,
    "absent": list,
    "related": list,
    "terms": list,
}
_MAY_BE_EMPTY = ("present", "absent", "related", "terms")
_TERM_KEYS = {"t": str, "k": str, "near": list, "far": list, "also": list, "boundary": bool}
_PUNCTUATION = re.compile(r"[\n\t!?。;:—|【】\0]|,(?!\d)|(?<!\d),")
_JOINT = re.compile(r"(…{1,2}|\{[^{}]*\})")
_TERM_LINE = re.compile(r"\s*\{\s*t\s*=\s*[\"']")

Files = dict[Path, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Slot:
    """One piece of a cue, a literal string or a word class, and the joint before it.

    Attributes
    ----------
    text : str
        Normalised literal; "" where `word_class` is set.
    word_class : str
        Name of a class, or "".
    joint : str
        "" (adjacent, and for the first piece), "…" (within the clause) or "……" (within the sentence).
    """

    text: str
    word_class: str = ""
    joint: str = ""


def parse_cue(text: str) -> tuple[Slot, ...]:
    """Split a term into its pieces. A plain term has one.

    >>> [slot.text or slot.word_class for slot in parse_cue("改造…{industry}")]
    ['改造', 'industry']
    """
    slots: list[Slot] = []
    joint = ""
    for piece in _JOINT.split(text):
        if piece.startswith("…"):
            joint = piece
        elif piece.startswith("{"):
            slots.append(Slot("", piece[1:-1], joint))
            joint = ""
        elif piece:
            slots.append(Slot(normalise(piece), "", joint))
            joint = ""
    if joint or not slots or slots[0].joint:
        raise ValueError("a gap needs a piece on either side")
    return tuple(slots)


def cue_key(slots: tuple[Slot, ...]) -> str:
    """A cue's text after normalisation: equal keys match the same strings."""
    return "".join(s.joint + (f"{{{s.word_class}}}" if s.word_class else s.text) for s in slots)


def sort_key(item: dict[str, Any]) -> tuple[int, str]:
    """Order of a term's line: kinds in their order, then code points."""
    return KINDS.index(item["k"]), cue_key(parse_cue(item["t"]))


def parse(folder: Path, candidates: Collection[str] | None = None) -> tuple[Files, list[str]]:
    """Read the files of a taxonomy; of the candidates all, or these and the active ones.

    The second item is what could not be parsed, a line a file.
    """
    import tomllib

    if not (folder / "taxonomy.toml").is_file():
        raise TaxonomyError(f"{folder} is no taxonomy: it has no taxonomy.toml")
    files: Files = {}
    faults = []
    paths = [folder / "taxonomy.toml", folder / "classes.toml", folder / "regional.toml"]
    for name in FOLDERS:
        paths += sorted((folder / name).glob("*.toml"))
    for path in paths:
        if candidates is not None and path.parent.name == CANDIDATES:
            active = files.get(paths[0], {}).get("active", ())
            if path.stem not in active and path.stem not in candidates:
                continue
        try:
            if path.is_file():
                files[path] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(f"{short_name(path)}: {error}")
    return files, faults


def short_name(path: Path) -> str:
    """The path below the taxonomy's folder."""
    return f"{path.parent.name}/{path.name}" if path.parent.name in FOLDERS else path.name


def label_files(files: Files) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files that hold a label."""
    return ((path, data) for path, data in files.items() if path.parent.name in FOLDERS)


def sort_terms(path: Path) -> bool:
    """Sort the term lines of a label file in place; whether anything moved."""
    import tomllib

    lines = path.read_text(encoding="utf-8").split("\n")
    at = [n for n, line in enumerate(lines) if _TERM_LINE.match(line)]
    keys = {n: sort_key(tomllib.loads("x = " + lines[n].strip().rstrip(","))["x"]) for n in at}
    ordered = sorted(at, key=lambda n: keys[n])
    if ordered == at:
        return False
    moved = [lines[n].rstrip().rstrip(",") + "," for n in ordered]
    for n, line in zip(at, moved, strict=True):
        lines[n] = line
    path.write_text("\n".join(lines), encoding="utf-8")
    return True


def faults(files: Files) -> Iterator[str]:
    """Every fault, one line each: file, line, term and reason."""
    yield from _top_faults(files)
    yield from _active_faults(files)
    classes = next((data for path, data in files.items() if path.name == "classes.toml"), {})
    yield from _class_faults(classes)
    regional: dict[str, Any] = next((d for path, d in files.items() if path.name == "regional.toml"), {"words": {}})
    yield from _regional_faults(regional)
    kinds = list(dict.fromkeys(FOLDERS.values()))
    ids: dict[str, str] = {}
    orders: dict[tuple[str, int], str] = {}
    homes: dict[str, str] = {}
    all_ids = {data.get("id") for _, data in label_files(files)}
    for path, data in label_files(files):
        name = short_name(path)
        broken = list(_label_faults(path, data, all_ids))
        yield from broken
        if broken:
            continue
        if data["id"] in ids:
            yield f"{name}: id {data['id']!r} is used by {ids[data['id']]} already"
        ids[data["id"]] = name
        order = (data["kind"], data["order"])
        if order in orders:
            yield f"{name}: order {order[1]} is used by {orders[order]} already"
        orders[order] = name
        known = set(classes) | set(kinds[: kinds.index(data["kind"])])  # a cue sees the kinds before its own
        # A candidate stands alone, so it may repeat what active tracks hold.
        yield from _term_faults(path, data, known, all_ids, {} if path.parent.name == CANDIDATES else homes)


def _top_faults(files: Files) -> Iterator[str]:
    top = next((data for path, data in files.items() if path.name == "taxonomy.toml"), None)
    if top is not None:
        yield from _key_faults("taxonomy.toml", top, _TOP_KEYS, _TOP_OPTIONAL)
        if top.get("schema", 1) != 1:
            yield f"taxonomy.toml: schema {top['schema']} is not known; this version reads schema 1"
        for kind in FOLDERS.values():
            if kind not in top.get("prior", {kind: 0}):
                yield f"taxonomy.toml: [prior.{kind}] is missing"


def _active_faults(files: Files) -> Iterator[str]:
    active = next((data.get("active") for path, data in files.items() if path.name == "taxonomy.toml"), None)
    if not isinstance(active, list):
        return
    tracks = {d.get("id") for path, d in label_files(files) if FOLDERS[path.parent.name] == "track"}
    retired = {d.get("id") for _, d in label_files(files) if d.get("status") == "retired"}
    for n, id in enumerate(active):
        if id in active[:n]:
            yield f"taxonomy.toml: active names {_quote(id)} twice"
        elif id not in tracks - retired:
            yield f"taxonomy.toml: active names {_quote(id)}, which is no track's id or a retired one"


def _class_faults(classes: dict[str, Any]) -> Iterator[str]:
    for name, item in classes.items():
        if not isinstance(item, dict) or not isinstance(item.get("terms"), list) or not item["terms"]:
            yield f"classes.toml: [{name}] needs a list of terms"
            continue
        seen: set[str] = set()
        for text in item["terms"]:
            key = normalise(text) if isinstance(text, str) else ""
            if not key or _PUNCTUATION.search(key) or "…" in key:
                yield f"classes.toml: [{name}] term {_quote(text)} is not a plain string of letters"
            elif key in seen:
                yield f"classes.toml: [{name}] term {_quote(text)} stands there twice after normalisation"
            seen.add(key)


def _regional_faults(data: dict[str, Any]) -> Iterator[str]:
    yield from _key_faults("regional.toml", data, {"words": dict}, ())
    for word, other in data.get("words", {}).items():
        if (
            not isinstance(other, str)
            or not normalise(word)
            or not normalise(other)
            or normalise(word) == normalise(other)
        ):
            yield f"regional.toml: {_quote(word)} needs another word beside it"
        elif _PUNCTUATION.search(normalise(word) + normalise(other)):
            yield f"regional.toml: {_quote(word)} or {_quote(other)} holds punctuation"


def _key_faults(where: str, data: dict[str, Any], keys: dict[str, Any], optional: tuple[str, ...]) -> Iterator[str]:
    for key in data:
        if key not in keys:
            yield f"{where}: unknown key {key!r}; known: {', '.join(keys)}"
    for key, type_ in keys.items():
        if key not in data:
            if key not in optional:
                yield f"{where}: {key} is missing"
        elif not isinstance(data[key], type_) or (type_ is int and isinstance(data[key], bool)):
            yield f"{where}: {key} must be of type {type_.__name__}"


def _label_faults(path: Path, data: dict[str, Any], all_ids: set[Any]) -> Iterator[str]:
    name = short_name(path)
    yield from _key_faults(name, data, _LABEL_KEYS, ())
    for key, type_ in _LABEL_KEYS.items():
        if key not in _MAY_BE_EMPTY and type_ is str and isinstance(data.get(key), str) and not data[key].strip():
            yield f"{name}: {key} is empty"
    if data.get("id") != path.stem:
        yield f"{name}: id {data.get('id')!r} differs from the file's name"
    if data.get("kind") != FOLDERS[path.parent.name]:
        yield f"{name}: kind must be {FOLDERS[path.parent.name]!r} in this folder"
    if data.get("status") not in STATUSES:
        yield f"{name}: status {data.get('status')!r} is not one of {', '.join(STATUSES)}"
    for key in ("present", "absent", "related"):
        if not all(isinstance(item, str) for item in data.get(key, ())):
            yield f"{name}: {key} must hold strings"
    for other in data.get("related", ()):
        if other not in all_ids:
            yield f"{name}: related {other!r} is no label's id"


def _term_faults(
    path: Path, data: dict[str, Any], classes: set[str], all_ids: set[Any], homes: dict[str, str]
) -> Iterator[str]:
    lines = [n for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if _TERM_LINE.match(line)]
    seen: dict[str, tuple[str, str]] = {}
    last: tuple[int, str] | None = None
    for n, item in enumerate(data["terms"]):
        text: Any = item.get("t") if isinstance(item, dict) else item
        place = f"{short_name(path)}:{lines[n]}" if len(lines) == len(data["terms"]) else short_name(path)
        where = f"{place} term {_quote(text)}"
        wrong = list(_item_faults(item, classes, all_ids, data["id"]))
        yield from (f"{where} {reason}" for reason in wrong)
        if wrong:
            continue
        key, kind = cue_key(parse_cue(text)), item["k"]
        if key in seen:
            other_kind, other = seen[key]
            clash = (kind == "not") != (other_kind == "not")
            yield f"{where} {'is both positive and not' if clash else 'equals ' + other + ' after normalisation'}"
        seen[key] = kind, place
        if kind != "not":
            if homes.get(key, place).split(":")[0] != short_name(path):
                yield f"{where} stands in {homes[key]} too; keep one, with also = [...] for the other label"
            homes.setdefault(key, place)
        order = KINDS.index(kind), key
        if last is not None and order < last:
            yield f"{where} is out of order: sort by kind, then code point (taxonomy check --fix does it)"
        last = order


def _item_faults(item: Any, classes: set[str], all_ids: set[Any], own: str) -> Iterator[str]:
    if not isinstance(item, dict):
        yield 'must be a table: { t = "…", k = "core" }'
        return
    keys = list(_key_faults("", item, _TERM_KEYS, ("near", "far", "also", "boundary")))
    if keys:
        yield from (fault.removeprefix(": ") for fault in keys)
        return
    if item["k"] not in KINDS:
        yield f"has kind {item['k']!r}, not one of {', '.join(KINDS)}"
    for key in ("near", "far", "also"):
        if key in item and (not item[key] or not all(isinstance(x, str) and normalise(x) for x in item[key])):
            yield f"has an empty {key}"
            return
    try:
        slots = parse_cue(item["t"])
    except ValueError as error:
        yield str(error)
        return
    if _PUNCTUATION.search(cue_key(slots)):
        yield "holds punctuation that ends a clause, a sentence or a line"
    if len(slots) == 1 and slots[0].word_class:
        yield "is a bare class"
    elif all(slot.word_class in FOLDERS.values() for slot in slots):
        yield "needs a piece that is a string or a word class"
    if len(slots) == 1 and len(slots[0].text) == 1:
        yield "is shorter than two characters"
    if len(slots) > 1 and item.get("boundary"):
        yield "has gaps, where boundary does not apply"
    near = [parse_near(text) for key in ("near", "far") for text in item.get(key, ())]
    for name in [s.word_class for s in slots if s.word_class] + [s.word_class for s in near if s.word_class]:
        if name not in classes:
            yield f"names an unknown class {{{name}}}; known: {', '.join(sorted(classes))}"
    for other in item.get("also", ()):
        if other not in all_ids or other == own:
            yield f"has also = {other!r}, which is no other label's id"
    if "also" in item and item["k"] == "not":
        yield "has also, which a not cannot have"


def parse_near(text: str) -> Slot:
    """One item of `near` or `far`: a literal string, or `{class}`."""
    if text.startswith("{") and text.endswith("}"):
        return Slot("", text[1:-1])
    return Slot(normalise(text))


def _quote(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False, default=str)
