"""Faults of what a taxonomy says once for all labels: `taxonomy.toml`, classes, regional words, and stray files."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from trackclf._characters import normalise
from trackclf._taxonomy_files import (
    CANDIDATES,
    PLAIN_NAME,
    PUNCTUATION,
    SHARED,
    TOP_KEYS,
    VOICES,
    Files,
    kind_by_folder,
    kinds_of,
    label_files,
    part,
)

_TOP_OPTIONAL = ("title", "title_en", "license", "extends", "sources", "active", "kinds", "pairs", *VOICES)
_PRIOR = ("bias", "core", "strong", "entity", "weak", "threshold", "about", "slope")
_LARGEST = 1e6  # of log-odds
# Keys of a result's record that no folder may be called, beside `taxonomy`.
_TAKEN = (
    "id",
    "text",
    "pairs",
    "abstained",
    "stamp",
    "nearest",
    "denied",
    "segments",
    "error",
    "more",
    "evidence",
    "levels",
    "tags",
)
# Lists of kinds of label beside the cues of a voice.
_OF_KINDS = {"denial": ("kinds",), "plan": ("across",)}
_MANY = 30  # names that a message lists


def setting_faults(files: Files, base: Files) -> Iterator[str]:
    """Every fault but those of labels and their terms. `base` is the whole of what the files extend."""
    top, below = part(files, "taxonomy.toml"), part(base, "taxonomy.toml")
    kinds = kinds_of(top, kinds_of(below) if base else None)
    folders = kind_by_folder(kinds)
    if top:
        yield from _top_faults(top, kinds, below)
        yield from _value_faults(top, kinds, below)
    yield from _kind_faults(files, base)
    yield from _class_faults(part(files, "classes.toml"))
    yield from _regional_faults(part(files, "regional.toml") or {"words": {}})
    yield from _active_faults(files, base, folders)
    yield from _stray_faults(files, folders)


def _top_faults(top: dict[str, Any], kinds: dict[str, dict[str, Any]], base: dict[str, Any]) -> Iterator[str]:
    optional = (*_TOP_OPTIONAL, "prior") if base else _TOP_OPTIONAL
    yield from key_faults("taxonomy.toml", top, TOP_KEYS, optional)
    if top.get("schema", 1) != 1:
        yield f"taxonomy.toml: schema {top['schema']} is not known; this version reads schema 1"
    prior = top.get("prior", {} if base else None)
    if isinstance(prior, dict):
        for kind in {**prior} | kinds:
            if kind not in kinds:
                yield f"taxonomy.toml: [prior.{kind}] is of no kind of label{hint(kind, kinds)}"
            elif kind not in prior and kind not in base.get("prior", {}):
                yield f"taxonomy.toml: [prior.{kind}] is missing"


def _value_faults(top: dict[str, Any], kinds: dict[str, dict[str, Any]], base: dict[str, Any]) -> Iterator[str]:
    prior = top.get("prior")
    for kind, values in prior.items() if isinstance(prior, dict) else ():
        if not isinstance(values, dict):
            yield f"taxonomy.toml: prior.{kind} must be a table of numbers"
            continue
        inherited = base.get("prior", {}).get(kind, {})
        yield from (f"taxonomy.toml: prior.{kind}.{fault}" for fault in prior_faults(inherited | values))
    for name, sides in VOICES.items():
        table = top.get(name)
        known = (*_OF_KINDS.get(name, ()), *sides)
        for key, value in table.items() if isinstance(table, dict) else ():
            if key not in known:
                yield f"taxonomy.toml: {name}.{key} is not known{hint(key, known)}"
            if not isinstance(value, list) or not all(isinstance(item, str) and normalise(item) for item in value):
                yield f"taxonomy.toml: {name}.{key} must be a list of strings"
            elif key in _OF_KINDS.get(name, ()):
                for kind in (kind for kind in value if kind not in kinds):
                    yield f"taxonomy.toml: [{name}] {key} names {kind!r}; the kinds are: {', '.join(kinds)}"
            elif key == "marks":
                for pair in (pair for pair in value if len({*normalise(pair)}) != 2 or len(normalise(pair)) != 2):
                    yield f"taxonomy.toml: quotation.marks: {pair!r} must be two marks, one that opens and one that closes"


def prior_faults(values: dict[str, Any]) -> Iterator[str]:
    """Faults of the weights of one kind of label, each beginning with the key."""
    yield from (f"{key} is not known{hint(key, _PRIOR)}" for key in values if key not in _PRIOR)
    for key in _PRIOR:
        value = values.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            yield f"{key} must be a number"
        elif not abs(value) <= _LARGEST and (key, value) != ("about", math.inf):
            yield f"{key} must be a number within a million, not {value}"
        elif key == "slope" and value <= 0:
            yield f"slope must be above 0, not {value}"


def _kind_faults(files: Files, base: Files) -> Iterator[str]:
    """Faults of [kinds] and of pairs."""
    where = "taxonomy.toml"
    top = part(files, where)
    declared = top.get("kinds", {})
    if not isinstance(declared, dict) or not isinstance(top.get("pairs", []), list):
        return  # it is said elsewhere
    below = kinds_of(part(base, where)) if base else {}
    kinds = kinds_of(top, below)
    for kind, item in declared.items():
        if not PLAIN_NAME.fullmatch(kind):
            yield f"{where}: [kinds.{kind}] must be called by small letters, digits, - and _"
        if not isinstance(item, dict) or {*item} != {"folder", "name", "name_en"} or kind not in kinds:
            yield f"{where}: [kinds.{kind}] needs three strings: folder, name and name_en"
            continue
        if not PLAIN_NAME.fullmatch(item["folder"]) or item["folder"] in _TAKEN:
            yield f"{where}: [kinds.{kind}] folder {item['folder']!r} is a name that records use, or no plain name"
        if any(other["folder"] == item["folder"] and name != kind for name, other in kinds.items()):
            yield f"{where}: [kinds.{kind}] shares the folder {item['folder']!r} with another kind"
        if kind in below and below[kind]["folder"] != item["folder"]:
            yield f"{where}: [kinds.{kind}] is inherited; its folder stays {below[kind]['folder']!r}"
    for name in {**part(base, "classes.toml"), **part(files, "classes.toml")}:
        if name in kinds:
            yield f"classes.toml: [{name}] is called like a kind of label"
    for couple in top.get("pairs", []):
        if (
            not isinstance(couple, list)
            or len(couple) != 2
            or couple[0] == couple[1]
            or any(kind not in [*kinds] for kind in couple)
        ):
            yield f"{where}: pairs holds {couple!r}; each is two of the kinds: {', '.join(kinds)}"


def _class_faults(classes: dict[str, Any]) -> Iterator[str]:
    for name, item in classes.items():
        if not isinstance(item, dict) or not isinstance(item.get("terms"), list) or not item["terms"]:
            yield f"classes.toml: [{name}] needs a list of terms"
            continue
        yield from key_faults(f"classes.toml: [{name}]", item, {"description": str, "terms": list}, ("description",))
        seen: set[str] = set()
        for text in item["terms"]:
            key = normalise(text) if isinstance(text, str) else ""
            if not key or PUNCTUATION.search(key) or "…" in key:
                yield f"classes.toml: [{name}] term {quote(text)} is not a plain string of letters"
            elif key in seen:
                yield f"classes.toml: [{name}] term {quote(text)} stands there twice after normalisation"
            seen.add(key)


def _regional_faults(data: dict[str, Any]) -> Iterator[str]:
    yield from key_faults("regional.toml", data, {"words": dict}, ())
    words = data.get("words")
    for word, other in words.items() if isinstance(words, dict) else ():
        if (
            not isinstance(other, str)
            or not normalise(word)
            or not normalise(other)
            or normalise(word) == normalise(other)
        ):
            yield f"regional.toml: {quote(word)} needs another word beside it"
        elif PUNCTUATION.search(normalise(word) + normalise(other)):
            yield f"regional.toml: {quote(word)} or {quote(other)} holds punctuation"


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
        if not isinstance(id, str):
            yield f"taxonomy.toml: active holds {quote(id)}, which is no string"
        elif id in active[:n]:
            yield f"taxonomy.toml: active names {quote(id)} twice"
        elif labels.get(id, "retired") == "retired":
            yield f"taxonomy.toml: active names {quote(id)}, which is no {first}'s id or a retired one{hint(id, map(str, labels))}"


def _stray_faults(files: Files, folders: dict[str, str]) -> Iterator[str]:
    """Files that nothing would read: in a folder of no kind, or almost called like one that is read."""
    from difflib import get_close_matches

    root = next((path.parent for path in files if path.name == "taxonomy.toml"), None)
    if root is None:
        return
    for path in sorted(root.glob("*.toml")):
        if path.name not in SHARED and get_close_matches(path.name, SHARED):
            yield f"{path.name}: no such file is read{hint(path.name, SHARED)}"
    for inside in sorted({path.parent for path in root.glob("[!.]*/*.toml")}):
        if inside.name not in folders and not (inside / "taxonomy.toml").is_file():
            yield f"{inside.name}/: no kind of label has this folder{hint(inside.name, folders)}"


def key_faults(where: str, data: dict[str, Any], keys: dict[str, Any], optional: tuple[str, ...]) -> Iterator[str]:
    for key in data:
        if key not in keys:
            yield f"{where}: unknown key {key!r}{hint(key, keys)}"
    for key, type_ in keys.items():
        if key not in data:
            if key not in optional:
                yield f"{where}: {key} is missing"
        elif not isinstance(data[key], type_) or (type_ is int and isinstance(data[key], bool)):
            yield f"{where}: {key} must be of type {type_.__name__}"


def hint(name: Any, known: Iterable[str]) -> str:
    """What may have been meant, to end a message."""
    from difflib import get_close_matches

    known = list(known)
    if close := get_close_matches(str(name), known, 1, 0.7):
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(known) or 'none'}" if len(known) <= _MANY else ""


def quote(text: Any) -> str:
    return json.dumps(text, ensure_ascii=False, default=str)
