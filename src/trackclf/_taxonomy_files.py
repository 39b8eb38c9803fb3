"""The taxonomy's files as they lie on disk: parsing, cue syntax, sorting.

A taxonomy is a folder with `taxonomy.toml`, `classes.toml` and one file a label below a folder a kind of label, by
default `tracks/` and `modes/`; `docs/taxonomy.md` describes the format. Faults are looked for in
`_taxonomy_faults`; what one taxonomy takes over from another is `_layers`'s.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trackclf._characters import normalise
from trackclf._files import whole
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
# Longest gap, in code points, at each joint of a cue; "……" may cross commas, "…" may not.
GAPS = {"": 0, "…": 20, "……": 40}
# Lists of cues that say in which voice something is said: denied, planned or quoted; docs/taxonomy.md says how each works.
VOICES = {
    "denial": ("before", "after", "without", "of", "except", "question"),
    "plan": ("before", "after", "except"),
    "quotation": ("marks", "before", "asked", "except"),
}

TOP_KEYS = {
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
    "plan": dict,
    "quotation": dict,
}
LABEL_KEYS = {
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
TERM_KEYS = {"t": str, "k": str, "near": list, "far": list, "also": list, "boundary": bool}
SHARED = ("taxonomy.toml", "classes.toml", "regional.toml")  # names that no label can have
PUNCTUATION = re.compile(r"[\n\t!?。;:—|【】\0]|,(?!\d)|(?<!\d),")
PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")  # of a kind of label, and of its folder
_JOINT = re.compile(r"(…{1,2}|\{[^{}]*\})")
_LONG_NUMBER = re.compile(r"0[box][0-9A-Fa-f_]{1000}")
TERM_LINE = re.compile(r"\s*\{\s*t\s*=\s*[\"']")

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


def parse_near(text: str) -> Slot:
    """One item of `near` or `far`: a literal string, or `{class}`."""
    if text.startswith("{") and text.endswith("}"):
        return Slot("", text[1:-1])
    return Slot(normalise(text))


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
    folders = [item["folder"] for item in kinds_of(top, above).values() if PLAIN_NAME.fullmatch(item["folder"])]
    paths = [folder / "classes.toml", folder / "regional.toml"]
    for name in folders:
        paths += sorted((folder / name).glob("*.toml"))
    active = top.get("active", ())
    paths += [path for path in sorted((folder / CANDIDATES).glob("*.toml")) if waiting or path.stem in active]
    others, more = _parsed(paths)
    return files | others, faults + more


def _parsed(paths: list[Path]) -> tuple[Files, list[str]]:
    files: Files = {}
    faults = []
    for path in paths:
        try:
            if path.is_file():
                files[path] = from_toml(path.read_text(encoding="utf-8"))
        except ValueError as error:  # UnicodeDecodeError too
            faults.append(f"{short_name(path)}: {error}")
    return files, faults


def from_toml(text: str) -> dict[str, Any]:
    """What TOML holds; ValueError where it is none, or nothing that could be written again."""
    import tomllib

    if _LONG_NUMBER.search(text):  # Python reads what it refuses to write in decimal
        raise ValueError("a number is too long")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("lists or tables are too deep inside each other") from None


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
    return path.name if path.name in SHARED else f"{path.parent.name}/{path.name}"


def part(files: Files, name: str) -> dict[str, Any]:
    """What stands in one of the files that are no label's; empty without it."""
    return next((data for path, data in files.items() if path.name == name), {})


def label_files(files: Files) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The files that hold a label."""
    return ((path, data) for path, data in files.items() if path.name not in SHARED)


def sort_terms(path: Path) -> bool:
    """Sort the term lines of a label file in place; whether anything moved."""
    lines = path.read_text(encoding="utf-8").split("\n")
    at = [n for n, line in enumerate(lines) if TERM_LINE.match(line)]
    keys = {n: sort_key(from_toml("x = " + lines[n].strip().rstrip(","))["x"]) for n in at}
    ordered = sorted(at, key=lambda n: keys[n])
    if ordered == at:
        return False
    moved = [lines[n].rstrip().rstrip(",") + "," for n in ordered]
    for n, line in zip(at, moved, strict=True):
        lines[n] = line
    with whole(path.resolve(), "w") as out:
        out.write("\n".join(lines))
    return True
