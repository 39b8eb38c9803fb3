"""Every fault of a taxonomy: those of labels and their terms here, the rest in `_setting_faults`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trackclf._characters import normalise
from trackclf._setting_faults import hint, key_faults, quote, setting_faults
from trackclf._taxonomy_files import (
    CANDIDATES,
    KINDS,
    LABEL_KEYS,
    PUNCTUATION,
    STATUSES,
    TERM_KEYS,
    TERM_LINE,
    Files,
    cue_key,
    kind_by_folder,
    kinds_of,
    label_files,
    parse_cue,
    parse_near,
    part,
    short_name,
)

_LABEL_OPTIONAL = ("parent", "remove")
_LISTS = ("present", "absent", "related", "remove")
_UNSORTED = "is out of order: sort by kind, then code point (taxonomy check --fix does it)"


@dataclass(frozen=True, slots=True)
class _Known:
    """What the terms of a label's file may name, and what stands already."""

    classes: set[str]  # kinds of label that come before among them
    kinds: set[str]
    ids: set[str]
    homes: dict[str, str] = field(default_factory=dict)  # by key: the place of a positive term


def but_order(faults: Iterable[str]) -> list[str]:
    """Without the terms that are out of order, which keep nobody from reading them."""
    return [fault for fault in faults if not fault.endswith(_UNSORTED)]


def faults(files: Files, base: Files | None = None) -> Iterator[str]:
    """Every fault, one line each: file, line, term and reason. `base` is the whole of what the files extend."""
    base = base or {}
    kinds = kinds_of(part(files, "taxonomy.toml"), kinds_of(part(base, "taxonomy.toml")) if base else None)
    yield from setting_faults(files, base)
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
    everywhere = _Known({*part(files, "classes.toml"), *part(base, "classes.toml")}, {*kinds}, all_ids, homes)
    folders = kind_by_folder(kinds)
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
        known = replace(everywhere, classes={*everywhere.classes, *list(kinds)[: list(kinds).index(kind)]})
        if path.parent.name == CANDIDATES:  # it stands alone, so it may repeat what active labels hold
            known = replace(known, homes={})
        yield from _term_faults(path, data, known, before)


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []


def _key_or_none(text: Any) -> str | None:
    try:
        return cue_key(parse_cue(text))
    except (AttributeError, TypeError, ValueError):
        return None


def _label_faults(
    path: Path, data: dict[str, Any], kind: str, ids: set[str], before: dict[str, Any], extends: bool
) -> Iterator[str]:
    """Faults of a label's file but for its terms; `before` is the label that it adds to, if there is one."""
    name = short_name(path)
    optional = tuple(LABEL_KEYS) if before else (*_LABEL_OPTIONAL, "order") if extends else _LABEL_OPTIONAL
    yield from key_faults(name, data, LABEL_KEYS, optional)
    for key, type_ in LABEL_KEYS.items():
        if type_ is str and isinstance(data.get(key), str) and not data[key].strip():
            yield f"{name}: {key} is empty"
    if data.get("id") != path.stem:
        yield f"{name}: id {data.get('id')!r} differs from the file's name; make them the same"
    if data.get("kind", kind) != kind or before.get("kind", kind) != kind:
        yield f"{name}: kind must be {before.get('kind', kind)!r} in this folder"
    if data.get("status", STATUSES[0]) not in STATUSES:
        yield f"{name}: status {data.get('status')!r} is not one of {', '.join(STATUSES)}"
    for key in _LISTS:
        if not all(isinstance(item, str) for item in _list(data, key)):
            yield f"{name}: {key} must hold strings"
    for other in _list(data, "related"):
        if isinstance(other, str) and other not in ids:
            yield f"{name}: related {other!r} is no label's id{hint(other, sorted(ids))}"
    there = {cue_key(parse_cue(item["t"])) for item in before.get("terms", ())}
    for text in _list(data, "remove"):
        if _key_or_none(text) not in there:
            yield f"{name}: remove = {quote(text)}, which is no term of this label in the taxonomy that it extends"


def _term_faults(path: Path, data: dict[str, Any], known: _Known, before: dict[str, Any]) -> Iterator[str]:
    """Faults of a label's terms; `before` is the label that it adds to, if there is one."""
    terms, name = data.get("terms", ()), short_name(path)
    gone = set(map(_key_or_none, data.get("remove", ())))
    lines = [n for n, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1) if TERM_LINE.match(line)]
    keys = ((cue_key(parse_cue(item["t"])), item["k"]) for item in before.get("terms", ()))
    seen = {key: (kind, "one that is inherited") for key, kind in keys if key not in gone}
    last: tuple[int, str] | None = None
    for n, item in enumerate(terms):
        text: Any = item.get("t") if isinstance(item, dict) else item
        place = f"{name}:{lines[n]}" if len(lines) == len(terms) else name
        where = f"{place} term {quote(text)}"
        wrong = list(_item_faults(item, known, data["id"]))
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
            home = known.homes.setdefault(key, place)
            if home.split(":")[0] != name:
                yield f"{where} stands in {home} too; keep one, with also = [...] for the other label"
        order = KINDS.index(kind), key
        if last is not None and order < last:
            yield f"{where} {_UNSORTED}"
        last = order


def _item_faults(item: Any, known: _Known, own: str) -> Iterator[str]:
    """Faults of one term of the label `own`."""
    if not isinstance(item, dict):
        yield 'must be a table: { t = "…", k = "core" }'
        return
    if wrong := list(key_faults("", item, TERM_KEYS, ("near", "far", "also", "boundary"))):
        yield from (fault.removeprefix(": ") for fault in wrong)
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
    if PUNCTUATION.search(cue_key(slots)):
        yield "holds punctuation that ends a clause, a sentence or a line"
    if len(slots) == 1 and slots[0].word_class:
        yield "is a bare class"
    elif all(slot.word_class in known.kinds for slot in slots):
        yield "needs a piece that is a string or a word class"
    if len(slots) == 1 and len(slots[0].text) == 1:
        yield "is shorter than two characters"
    if len(slots) > 1 and item.get("boundary"):
        yield "has gaps, where boundary does not apply"
    near = [parse_near(text) for key in ("near", "far") for text in item.get(key, ())]
    for slot in (*slots, *near):
        if slot.word_class and slot.word_class not in known.classes:
            yield f"names an unknown class {{{slot.word_class}}}{hint(slot.word_class, sorted(known.classes))}"
    for other in item.get("also", ()):
        if other == own:
            yield f"has also = {other!r}, its own label; leave it out"
        elif other not in known.ids:
            yield f"has also = {other!r}, which is no label's id{hint(other, sorted(known.ids))}"
    if "also" in item and item["k"] == "not":
        yield "has also, which a not cannot have"
