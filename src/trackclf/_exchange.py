"""Taxonomies to and from one file: what a folder holds as `Content`, and TOML. The formats are `_spreadsheet` and `_skos`."""

import contextlib
import datetime
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trackclf import _resources
from trackclf._layers import read
from trackclf._taxonomy_faults import but_order
from trackclf._taxonomy_files import (
    DEFAULT_KINDS,
    DEFAULT_PAIRS,
    LABEL_KEYS,
    PLAIN_NAME,
    TOP_KEYS,
    VOICES,
    kinds_of,
    label_files,
    part,
    sort_key,
)
from trackclf.errors import InputError, TaxonomyError

# What can name a file: no path, no hidden file, nothing that a file system refuses.
ID = re.compile(r'[^\s./\\:*?"<>|\x00-\x1f][^/\\:*?"<>|\x00-\x1f]{0,99}')


@dataclass
class Content:
    """What a taxonomy's files hold, as parsed, and what an import had to change.

    Attributes
    ----------
    top, classes, regional : dict
        `taxonomy.toml`, `classes.toml`, `regional.toml`.
    labels : list of dict
        One label file each.
    notes : dict of str to list of str
        What was left out or filled in: a key of `_words.WORDS` to the places.
    """

    top: dict[str, Any] = field(default_factory=dict)
    classes: dict[str, Any] = field(default_factory=dict)
    regional: dict[str, Any] = field(default_factory=dict)
    labels: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, place: str) -> None:
        """Remember that something was left out or filled in."""
        self.notes.setdefault(what, []).append(place)


def read_folder(path: str | Path | None = None) -> Content:
    """Read a sound taxonomy folder, by default the shipped one, as a whole: with what it extends.

    Raises
    ------
    TaxonomyError
        The folder is missing or has faults; `.faults` lists them.
    """
    files, wrong = read(_resources.taxonomy_dir() if path is None else Path(path))
    if wrong := but_order(wrong):
        raise TaxonomyError(f"{path} has {len(wrong)} faults; the first is: {wrong[0]}", tuple(wrong))
    top = part(files, "taxonomy.toml")
    kinds = list(kinds_of(top))
    left_out = {"extends"}
    if list(top["kinds"].items()) == list(DEFAULT_KINDS.items()) and top["pairs"] == DEFAULT_PAIRS:
        left_out |= {"kinds", "pairs"}
    labels = []
    for file, data in label_files(files):
        label = {key: value for key, value in data.items() if key != "remove"}
        if file.parent.name != kinds_of(top)[label["kind"]]["folder"]:
            label["folder"] = file.parent.name
        labels.append(label)
    labels.sort(key=lambda label: (kinds.index(label["kind"]), label.get("order", float("inf")), label["id"]))
    top = {key: value for key, value in top.items() if key not in left_out}
    return Content(top, part(files, "classes.toml"), part(files, "regional.toml"), labels)


def write_folder(content: Content, folder: Path) -> None:
    """Write a taxonomy folder, whole or not at all.

    Raises
    ------
    InputError
        The folder exists and is not empty, or an id cannot name a file.
    TaxonomyError
        What would be written has faults; `.faults` lists them all.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} exists already; choose another -o")
    if not content.labels:
        raise InputError("there is no label in it")
    kinds = kinds_of(content.top)
    texts = {"taxonomy.toml": to_toml(content.top)}
    texts |= {"classes.toml": to_toml(content.classes)} if content.classes else {}
    texts |= {"regional.toml": to_toml(content.regional)} if content.regional.get("words") else {}
    ids: set[str] = set()
    for label in content.labels:
        id, kind = label["id"], label["kind"]
        if not isinstance(id, str) or not ID.fullmatch(id) or len(id.encode("utf-8", "surrogatepass")) > 240:
            raise InputError(f"the id {id!r} cannot name a file; use letters, digits, - and _, at most 80")
        if kind not in kinds:
            raise InputError(f"{id}: the kind of label {kind!r} is not one of {', '.join(kinds)}")
        if id.casefold() in ids:
            raise InputError(f"two labels have the id {id!r}; a file system may not tell capitals from small letters")
        ids.add(id.casefold())
        inside = label.get("folder", kinds[kind]["folder"])
        if not PLAIN_NAME.fullmatch(inside):
            raise InputError(f"{id}: {inside!r} is no plain name of a folder")
        label = {key: value for key, value in label.items() if key != "folder"}
        with contextlib.suppress(TypeError, KeyError, ValueError):  # check says what is wrong with them
            label = label | {"terms": sorted(label["terms"], key=sort_key)}
        texts[f"{inside}/{id}.toml"] = to_toml({key: label[key] for key in LABEL_KEYS if key in label} | label)
    beside = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        for name, text in texts.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            (beside / name).write_text(text, encoding="utf-8", newline="\n")
        _, faults = read(beside)
        if faults:
            raise TaxonomyError(f"nothing was written: as a folder it would have {len(faults)} faults", tuple(faults))
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except UnicodeEncodeError as error:
        raise InputError(
            f"there is a lone surrogate in {error.object[max(error.start - 20, 0) : error.start]!r} …"
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def complete(content: Content, source: str) -> Content:
    """Fill in what a file from elsewhere does not say: weights, denials and regional words as shipped, the rest by name.

    Parameters
    ----------
    source : str
        Where a label comes from that does not say so: the file's name.

    Raises
    ------
    InputError
        A setting is of another type than it must be.
    """
    check_types(content.top, TOP_KEYS, source)
    if "prior" not in content.top:
        shipped = read_folder()
        content.note("as_shipped", "prior, denial, plan, quotation, regional")
        content.top |= {key: shipped.top[key] for key in ("prior", *VOICES)}
        content.regional = content.regional or shipped.regional
    today = datetime.datetime.now(tz=datetime.UTC).date()
    general = {"schema": 1, "version": "1", "date": today}
    content.top = {key: value for key, value in general.items() if key not in content.top} | content.top
    for label in content.labels:
        label.setdefault("kind", next(iter(kinds_of(content.top))))
    last: dict[str, int] = {}
    for label in content.labels:
        last[label["kind"]] = max(last.get(label["kind"], 0), label.get("order", 0))
    for label in content.labels:
        if "order" not in label:
            last[label["kind"]] += 1
            label["order"] = last[label["kind"]]
        name = label.setdefault("name", label.get("name_en", label["id"]))
        defaults = {"name_en": name, "status": "named", "source": source, "present": [], "absent": [], "related": []}
        if "definition" not in label:
            content.note("no_definition", label["id"])
            label["definition"] = label.get("definition_en", name)
        label |= {key: value for key, value in defaults.items() if key not in label}
        label.setdefault("definition_en", label["definition"])
        label.setdefault("terms", [])
    return content


def check_types(data: dict[str, Any], keys: dict[str, Any], where: str) -> dict[str, Any]:
    """The data, once each known key holds what the format says; what is inside is for `taxonomy check`.

    Raises
    ------
    InputError
        A value is of another type; the message begins with `where`.
    """
    for key, value in data.items():
        if not isinstance(value, keys.get(key, object)):
            raise InputError(f"{where}: {key} must be of type {keys[key].__name__}")
    return data


def to_toml(data: dict[str, Any], path: tuple[str, ...] = ()) -> str:
    """A TOML file: plain values first, then tables; lists of tables one a line, as label files have their terms.

    >>> print(to_toml({"id": "a", "terms": [{"t": "芯片", "k": "core"}], "prior": {"bias": float("-inf")}}), end="")
    id = "a"
    terms = [
      { t = "芯片", k = "core" },
    ]
    <BLANKLINE>
    [prior]
    bias = -inf
    """
    lines = [f"{toml_key(key)} = {toml_value(value)}" for key, value in data.items() if not isinstance(value, dict)]
    out = "\n".join([*lines, ""]) if lines else ""
    for key, value in data.items():
        if isinstance(value, dict):
            inner = (*path, toml_key(key))
            out += ("\n" if out else "") + f"[{'.'.join(inner)}]\n" + to_toml(value, inner)
    return out


def toml_key(key: str) -> str:
    """A key, quoted where it must be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)


def toml_value(value: Any, wrap: bool = True) -> str:
    """A value; long lists get a line an item, with `wrap`."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(item, False)}" for key, item in value.items()) + " }"
    items = [toml_value(item, False) for item in value]
    if not wrap or (sum(map(len, items)) < 100 and not any(isinstance(item, dict) for item in value)):
        return f"[{', '.join(items)}]"
    return "[\n" + "".join(f"  {item},\n" for item in items) + "]"


def note_lines(notes: dict[str, list[str]], words: dict[str, str]) -> Iterator[str]:
    """What an import left out or filled in, a line a reason."""
    for what, places in notes.items():
        more = " …" if len(places) > 3 else ""
        yield f"{words[what]} ({len(places)}): {', '.join(place[:60] for place in places[:3])}{more}"
