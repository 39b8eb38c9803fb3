"""The taxonomy's files as they lie on disk: parsing, every fault with its place, sorting.

A taxonomy is a folder with `taxonomy.toml`, `classes.toml` and one file a label below a folder a kind of label, by
default `tracks/` and `modes/`; `docs/taxonomy.md` describes the format. What one takes over from another is `_layers`'s.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackclf._characters import normalise
from trackclf.errors import TaxonomyError

KINDS = ("core", "strong", "entity", "weak", "not")
STATUSES = ("named", "headline", "provisional", "candidate", "retired")
# Labels of the first kind that wait there are read only where they are active or asked for.
CANDIDATES = "candidates"
# Kinds of label where a taxonomy declares none, and the kinds that pairs are found between.
DEFAULT_KINDS: dict[str, dict[str, str]] = {
    "track": {"folder": "tracks", "name": "赛道", "name_en": "Track"},
    "mode": {"folder": "modes", "name": "模式", "name_en": "Mode"},
}
DEFAULT_PAIRS = [["track", "mode"]]
FOLDERS = {item["folder"]: kind for kind, item in DEFAULT_KINDS.items()}
# Longest gap, in code points, at each joint of a cue; "……" may cross commas, "…" may not.
GAPS = {"": 0, "…": 20, "……": 40}
# Lists of cues that deny; docs/taxonomy.md says how each works.
DENIALS = ("before", "after", "without", "of", "except", "question")

_TOP_KEYS = {
    "schema": int,
    "version": str,
    "date": object,
    "title": str,
    "title_en": str,
    "license": str,
    "extends": str,
    "sources": list,
    "active": list,
    "kinds": dict,
    "pairs": list,
    "prior": dict,
    "denial": dict,
}
_TOP_OPTIONAL = ("title", "title_en", "license", "extends", "sources", "active", "kinds", "pairs", "denial")
_PRIOR = ("bias", "core", "strong", "entity", "weak", "threshold", "about", "slope")
_LABEL_KEYS = {
    "id": str,
    "kind": str,
    "order": int,
    "name": str,
    "name_en": str,
    "parent": str,
    "status": str,
    "source": str,
    "definition": str,
    "definition_en": str,
    "present": list,
    "absent": list,
    "related": list,
    "terms": list,
    "remove": list,
}
_LABEL_OPTIONAL = ("parent", "remove")
_LISTS = ("present", "absent", "related", "remove")
_TERM_KEYS = {"t": str, "k": str, "near": list, "far": list, "also": list, "boundary": bool}
_SHARED = ("taxonomy.toml", "classes.toml", "regional.toml")  # names that no label can have
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
    if text and "…" not in text and "{" not in text:  # as nearly all are
        return (Slot(normalise(text)),)
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


def parse_top(folder: Path) -> tuple[Files, list[str]]:
    """Read `taxonomy.toml` alone; the second item says why it could not be parsed.

    Raises
    ------
    TaxonomyError
        There is none.
    """
    path = folder / "taxonomy.toml"
    if not path.is_file():
        raise TaxonomyError(f"{folder} is no taxonomy: it has no taxonomy.toml")
    return _parsed([path])


def parse(
    folder: Path, above: Mapping[str, dict[str, Any]] | None = None, waiting: bool = True
) -> tuple[Files, list[str]]:
    """Read all files of a taxonomy. The second item is what could not be parsed, a line a file.

    `above` are the kinds of label of the taxonomy that this one extends. Candidates that are not active are read only
    with `waiting`.
    """
    files, faults = parse_top(folder)
    top = next(iter(files.values()), {})
    folders = [item["folder"] for item in kinds_of(top, above).values()]
    paths = [folder / "classes.toml", folder / "regional.toml"]
    for name in folders:
        paths += sorted((folder / name).glob("*.toml"))
    active = top.get("active", ())
    paths += [path for path in sorted((folder / CANDIDATES).glob("*.toml")) if waiting or path.stem in active]
    others, more = _parsed(paths)
    return files | others, faults + more


def _parsed(paths: list[Path]) -> tuple[Files, list[str]]:
    import tomllib

    files: Files = {}
    faults = []
    for path in paths:
        try:
            if path.is_file():
                files[path] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            faults.append(f"{short_name(path)}: {error}")
    return files, faults


def kinds_of(top: dict[str, Any], above: Mapping[str, dict[str, Any]] | None = None) -> dict[str, dict[str, Any]]:
    """Kinds of label in their order, each with `folder`, `name` and `name_en`, as sound as they are declared.

    Those of the taxonomy that this one extends come first.
    """
    own = top.get("kinds")
    items = own.items() if isinstance(own, dict) else ()
    declared = {
        kind: {"folder": f"{kind}s", "name": kind, "name_en": kind, **item}
        for kind, item in items
        if isinstance(item, dict) and all(isinstance(value, str) for value in item.values())
    }
    kinds = dict(above or {}) | declared
    return kinds or dict(DEFAULT_KINDS)


def kind_by_folder(kinds: Mapping[str, dict[str, Any]]) -> dict[str, str]:
    """Kind of label of the files in each folder; candidates are of the first kind."""
    return {CANDIDATES: next(iter(kinds))} | {item["folder"]: kind for kind, item in kinds.items()}


def short_name(path: Path) -> str:
    """The path below the taxonomy's folder."""
    return path.name if path.name in _SHARED else f"{path.parent.name}/{path.name}"


def part(files: Files, name: str) -> dict[str, Any]:
    """What stands in one of the files that are no label's; empty without it."""
    return next((data for path, data in files.items() if path.name == name), {})


def label_files(files: Files) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files that hold a label."""
    return ((path, data) for path, data in files.items() if path.name not in _SHARED)


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


def faults(files: Files, base: Files | None = None) -> Iterator[str]:
    """Every fault, one line each: file, line, term and reason. `base` is the whole of what the files extend."""
    base = base or {}
    top = part(files, "taxonomy.toml")
    above = kinds_of(part(base, "taxonomy.toml")) if base else None
    kinds = kinds_of(top, above)
    if top:
        yield from _top_faults(top, kinds, part(base, "taxonomy.toml"))
        yield from _setting_faults(top, part(base, "taxonomy.toml"))
    classes = part(files, "classes.toml")
    yield from _class_faults(classes)
    yield from _regional_faults(part(files, "regional.toml") or {"words": {}})
    ids: dict[str, str] = {}
    orders: dict[tuple[str, int], str] = {}
    inherited = {data["id"]: (path, data) for path, data in label_files(base)}
    gone = {
        (data.get("id"), key)
        for _, data in label_files(files)
        for key in map(_key_or_none, _list(data, "remove"))
        if isinstance(data.get("id"), str)
    }
    homes: dict[str, str] = {}
    for path, data in label_files(base):
        orders[data["kind"], data.get("order", -1)] = f"{short_name(path)} of the taxonomy that this one extends"
        for item in data["terms"]:
            key = cue_key(parse_cue(item["t"]))
            if item["k"] != "not" and (data["id"], key) not in gone:
                homes[key] = short_name(path)
    all_ids = {str(data.get("id")) for _, data in (*label_files(files), *label_files(base))}
    folders = kind_by_folder(kinds)
    yield from _active_faults(files, base, folders)
    for path, data in label_files(files):
        name = short_name(path)
        before = inherited.get(str(data.get("id")), (path, {}))[1]
        broken = list(_label_faults(path, data, folders[path.parent.name], all_ids, before, bool(base)))
        yield from broken
        if broken:
            continue
        if data["id"] in ids:
            yield f"{name}: id {data['id']!r} is used by {ids[data['id']]} already"
        ids[data["id"]] = name
        kind = folders[path.parent.name]
        if "order" in data and data["order"] != before.get("order"):
            order = (kind, data["order"])
            if order in orders:
                yield f"{name}: order {order[1]} is used by {orders[order]} already"
            orders[order] = name
        # A cue sees the kinds before its own.
        known = set(classes) | set(part(base, "classes.toml")) | set(list(kinds)[: list(kinds).index(kind)])
        # A candidate stands alone, so it may repeat what active labels hold.
        others = {} if path.parent.name == CANDIDATES else homes
        yield from _term_faults(path, data, known, set(kinds), all_ids, others, before)


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _key_or_none(text: Any) -> str | None:
    try:
        return cue_key(parse_cue(text))
    except (TypeError, ValueError):
        return None


def _top_faults(top: dict[str, Any], kinds: dict[str, dict[str, Any]], base: dict[str, Any]) -> Iterator[str]:
    optional = (*_TOP_OPTIONAL, "prior") if base else _TOP_OPTIONAL
    yield from _key_faults("taxonomy.toml", top, _TOP_KEYS, optional)
    if top.get("schema", 1) != 1:
        yield f"taxonomy.toml: schema {top['schema']} is not known; this version reads schema 1"
    for kind in kinds:
        if kind not in top.get("prior", {} if base else {kind: 0}) and kind not in base.get("prior", {}):
            yield f"taxonomy.toml: [prior.{kind}] is missing"


def _setting_faults(top: dict[str, Any], base: dict[str, Any]) -> Iterator[str]:
    prior, denial = top.get("prior"), top.get("denial")
    for kind, values in prior.items() if isinstance(prior, dict) else ():
        if not isinstance(values, dict):
            yield f"taxonomy.toml: prior.{kind} must be a table of numbers"
            continue
        wrong = [key for key in _PRIOR if key not in values and key not in base.get("prior", {}).get(kind, {})]
        wrong += [key for key, value in values.items() if isinstance(value, bool) or not isinstance(value, int | float)]
        yield from (f"taxonomy.toml: prior.{kind}.{key} must be a number" for key in wrong)
    for key, value in denial.items() if isinstance(denial, dict) else ():
        if not isinstance(value, list) or not all(isinstance(item, str) and normalise(item) for item in value):
            yield f"taxonomy.toml: denial.{key} must be a list of strings"


def _active_faults(files: Files, base: Files, folders: dict[str, str]) -> Iterator[str]:
    active = part(files, "taxonomy.toml").get("active")
    if not isinstance(active, list):
        return
    first = folders[CANDIDATES]
    labels = {
        d.get("id"): d.get("status")
        for path, d in (*label_files(base), *label_files(files))
        if folders.get(path.parent.name) == first
    }
    for n, id in enumerate(active):
        if id in active[:n]:
            yield f"taxonomy.toml: active names {_quote(id)} twice"
        elif labels.get(id, "retired") == "retired":
            yield f"taxonomy.toml: active names {_quote(id)}, which is no {first}'s id or a retired one"


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


def _label_faults(
    path: Path, data: dict[str, Any], kind: str, all_ids: set[Any], before: dict[str, Any], extends: bool
) -> Iterator[str]:
    """Faults of a label's file but for its terms; `before` is the label that it adds to, if there is one."""
    name = short_name(path)
    optional = tuple(_LABEL_KEYS) if before else (*_LABEL_OPTIONAL, "order") if extends else _LABEL_OPTIONAL
    yield from _key_faults(name, data, _LABEL_KEYS, optional)
    for key, type_ in _LABEL_KEYS.items():
        if type_ is str and isinstance(data.get(key), str) and not data[key].strip():
            yield f"{name}: {key} is empty"
    if data.get("id") != path.stem:
        yield f"{name}: id {data.get('id')!r} differs from the file's name"
    if data.get("kind", kind) != kind or before.get("kind", kind) != kind:
        yield f"{name}: kind must be {before.get('kind', kind)!r} in this folder"
    if data.get("status", before.get("status")) not in STATUSES:
        yield f"{name}: status {data.get('status')!r} is not one of {', '.join(STATUSES)}"
    for key in _LISTS:
        if not all(isinstance(item, str) for item in _list(data, key)):
            yield f"{name}: {key} must hold strings"
    for other in _list(data, "related"):
        if other not in all_ids:
            yield f"{name}: related {other!r} is no label's id"
    there = {cue_key(parse_cue(item["t"])) for item in before.get("terms", ())}
    for text in _list(data, "remove"):
        if _key_or_none(text) not in there:
            yield f"{name}: remove = {_quote(text)}, which is no term of this label in the taxonomy that it extends"


def _term_faults(
    path: Path,
    data: dict[str, Any],
    classes: set[str],
    kinds: set[str],
    all_ids: set[Any],
    homes: dict[str, str],
    before: dict[str, Any],
) -> Iterator[str]:
    terms, name = data.get("terms", ()), short_name(path)
    gone = set(map(_key_or_none, data.get("remove", ())))
    lines = [n for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if _TERM_LINE.match(line)]
    keys = ((cue_key(parse_cue(item["t"])), item["k"]) for item in before.get("terms", ()))
    seen = {key: (kind, "one that is inherited") for key, kind in keys if key not in gone}
    last: tuple[int, str] | None = None
    for n, item in enumerate(terms):
        text: Any = item.get("t") if isinstance(item, dict) else item
        place = f"{name}:{lines[n]}" if len(lines) == len(terms) else name
        where = f"{place} term {_quote(text)}"
        wrong = list(_item_faults(item, classes, kinds, all_ids, data["id"]))
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
            if homes.get(key, place).split(":")[0] != name:
                yield f"{where} stands in {homes[key]} too; keep one, with also = [...] for the other label"
            homes.setdefault(key, place)
        order = KINDS.index(kind), key
        if last is not None and order < last:
            yield f"{where} is out of order: sort by kind, then code point (taxonomy check --fix does it)"
        last = order


def _item_faults(item: Any, classes: set[str], kinds: set[str], all_ids: set[Any], own: str) -> Iterator[str]:
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
    elif all(slot.word_class in kinds for slot in slots):
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
