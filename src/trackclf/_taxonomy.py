"""The taxonomy as objects: labels, terms, classes, settings, and the digest of what decides a tag."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from trackclf import _resources
from trackclf._characters import normalise
from trackclf._layers import merge, read
from trackclf._taxonomy_faults import but_order
from trackclf._taxonomy_files import (
    CANDIDATES,
    DEFAULT_KINDS,
    DEFAULT_PAIRS,
    SHARED,
    VOICES,
    Files,
    Slot,
    kinds_of,
    label_files,
    parse,
    parse_cue,
    parse_near,
    part,
)
from trackclf._types import Kind, Label
from trackclf.errors import TaxonomyError

_LAST = 1 << 31  # order of a label that an extending taxonomy adds without one
ALL = "all"  # every track, candidates too


@dataclass(frozen=True, slots=True)
class Term:
    """One line of a label file.

    Attributes
    ----------
    text : str
        As written.
    kind : str
        "core", "strong", "entity", "weak" or "not".
    slots : tuple of Slot
        One, unless the term is a cue with gaps or classes.
    near : tuple of Slot
        One of these must stand in the same sentence; empty for no condition.
    far : tuple of Slot
        None of these may stand in the same sentence.
    also : tuple of str
        Ids of further labels that the term counts for.
    boundary : bool
        Whether a segmenter must agree that the term straddles no word.
    """

    text: str
    kind: str
    slots: tuple[Slot, ...]
    near: tuple[Slot, ...] = ()
    far: tuple[Slot, ...] = ()
    also: tuple[str, ...] = ()
    boundary: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One label file."""

    label: Label
    order: int
    source: str
    definition: str
    definition_en: str
    present: tuple[str, ...]
    absent: tuple[str, ...]
    related: tuple[str, ...]
    terms: tuple[Term, ...]


def _kinds(declared: dict[str, dict[str, Any]]) -> tuple[Kind, ...]:
    return tuple(Kind(id, item["folder"], item["name"], item["name_en"]) for id, item in declared.items())


_KINDS, _PAIRS = _kinds(DEFAULT_KINDS), tuple((first, second) for first, second in DEFAULT_PAIRS)


@dataclass(frozen=True)
class Taxonomy:
    """Labels with their terms, as read from a folder; immutable.

    Attributes
    ----------
    version, date : str
    entries : tuple of Entry
        Kind by kind, each in its order: active tracks, then modes, unless other kinds are declared. Retired labels are left out.
    classes : dict of str to tuple of str
        Word classes: name to normalised members.
    prior : dict
        By kind of label: weight of each kind of term, bias, thresholds, slope of the probability.
    regional : dict of str to str
        Words that other regions write otherwise: normalised word to normalised word.
    denial, plan, quotation : dict
        Cues by which something is denied, planned or quoted; with the kinds of label that a denial
        holds for (`kinds`), and those that a plan reaches over commas (`across`).
    kinds : tuple of Kind
        In their order.
    pairs : tuple of (str, str)
        Kinds of label that pairs are found between.
    """

    version: str
    date: str
    entries: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]] = field(repr=False)
    prior: dict[str, Any] = field(repr=False)
    denial: dict[str, Any] = field(repr=False)
    plan: dict[str, Any] = field(default_factory=dict, repr=False)
    quotation: dict[str, Any] = field(default_factory=dict, repr=False)
    regional: dict[str, str] = field(default_factory=dict, repr=False)
    kinds: tuple[Kind, ...] = field(default=_KINDS, repr=False)
    pairs: tuple[tuple[str, str], ...] = field(default=_PAIRS, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone, so that equal taxonomies are pickled and hashed alike, whatever was asked of them before."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Labels in column order."""
        return tuple(entry.label for entry in self.entries)

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of everything that decides a tag."""
        labels = [
            [(e.label.id, e.label.kind, e.label.name, e.label.status, *([e.label.parent] if e.label.parent else []))]
            + [(t.text, t.kind, repr(t.near), repr(t.far), t.also, t.boundary) for t in e.terms]
            for e in self.entries
        ]
        facts: list[Any] = [labels, self.classes, self.prior, self.denial, self.plan, self.quotation, self.regional]
        if (self.kinds, self.pairs) != (_KINDS, _PAIRS):
            facts += [[(kind.id, kind.folder) for kind in self.kinds], self.pairs]
        blob = json.dumps(facts, ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(blob.encode("utf-8", "surrogatepass")).hexdigest()[:12]

    @cached_property
    def _regional_pattern(self) -> re.Pattern[str]:
        words = sorted(self.regional, key=len, reverse=True)
        return re.compile("|".join(map(re.escape, words)) or r"(?!)")

    @cached_property
    def _declared(self) -> dict[str, set[str]]:
        """Plain terms of each label."""
        out: dict[str, set[str]] = {label.id: set() for label in self.labels}
        for entry in self.entries:
            for term in entry.terms:
                if len(term.slots) == 1:
                    for id in (entry.label.id, *term.also):
                        out.get(id, set()).add(term.slots[0].text)
        return out

    def spellings(self, text: str, id: str | None = None) -> tuple[str, ...]:
        """A normalised string and its regional spelling, unless that is a term of the label `id` in its own right."""
        other = self._regional_pattern.sub(lambda word: self.regional[word.group()], text)
        if other == text or (id is not None and other in self._declared[id]):
            return (text,)
        return text, other

    @cached_property
    def ancestors(self) -> dict[str, tuple[str, ...]]:
        """By label id: the labels that its evidence rolls up to, the nearest first."""
        parents = {label.id: label.parent for label in self.labels}
        out: dict[str, tuple[str, ...]] = {}
        for id in parents:
            above: list[str] = []
            up = parents[id]
            while up in parents and up not in above:
                above.append(up)
                up = parents[up]
            out[id] = tuple(above)
        return out

    def __getitem__(self, id: str) -> Entry:
        for entry in self.entries:
            if entry.label.id == id:
                return entry
        known = ", ".join(label.id for label in self.labels)
        raise TaxonomyError(f"no label {id!r} in this taxonomy; it has: {known}")


@lru_cache(maxsize=4)
def _shipped(tracks: tuple[str, ...] | str | None) -> Taxonomy:
    try:
        files, broken = parse(_resources.taxonomy_dir(), waiting=tracks is not None)
    except TaxonomyError as error:
        raise TaxonomyError(f"the shipped taxonomy is gone, reinstall trackclf: {error}") from error
    # Its other faults are looked for by the tests, not at every start; but a copy may have broken off, or lost a file.
    broken += [f"{path.name} is empty" for path, data in label_files(files) if "terms" not in data]
    broken += [f"{name} is missing or empty" for name in SHARED if not part(files, name)]
    ids = {data.get("id") for _, data in label_files(files)}
    broken += [f"{id}.toml is missing" for id in part(files, "taxonomy.toml").get("active", ()) if id not in ids]
    if broken:
        raise TaxonomyError(f"the shipped taxonomy is damaged, reinstall trackclf: {broken[0]}", tuple(broken))
    return _build(merge({}, files), tracks)


def load_taxonomy(path: str | Path | None = None, tracks: Sequence[str] | None = None) -> Taxonomy:
    """Read a taxonomy folder, by default the shipped one.

    Parameters
    ----------
    path : str or Path, optional
    tracks : sequence of str or "all", optional
        Ids of the tracks to take, in this order, candidates among them, or "all"; by default those that
        `taxonomy.toml` lists as active. Modes stay.

    Raises
    ------
    TaxonomyError
        The folder is missing or has faults; `.faults` lists them all. Or `tracks` names a track that it does not have.
    TypeError
        `tracks` is a string other than "all".
    """
    if isinstance(tracks, str):
        if tracks != ALL:
            raise TypeError(f"tracks must be a list of ids or 'all', got {tracks!r}; wrap it: tracks=[{tracks!r}]")
    elif tracks is not None:
        tracks = tuple(tracks)
    if path is None:
        return _shipped(tracks)
    files, wrong = read(Path(path))
    if wrong := but_order(wrong):
        more = f" (and {len(wrong) - 1} more: trackclf taxonomy check {path})" if len(wrong) > 1 else ""
        raise TaxonomyError(wrong[0] + more, tuple(wrong))
    return _build(files, tracks)


def check(path: str | Path | None = None) -> list[str]:
    """All faults of a taxonomy folder, one line each: file, line, term and reason. Empty where it is sound.

    Those of a taxonomy that it extends come first, with its folder before them.
    """
    return read(_resources.taxonomy_dir() if path is None else Path(path))[1]


def _chosen(files: Files, tracks: Collection[str] | None) -> list[str]:
    """Ids of the labels of the first kind to take, in their order."""
    top = part(files, "taxonomy.toml")
    first = next(iter(kinds_of(top)))
    found = [(path, d) for path, d in label_files(files) if d["kind"] == first and d["status"] != "retired"]
    found.sort(key=lambda item: (item[1].get("order", _LAST), item[1]["id"]))
    ids = [str(d["id"]) for _, d in found]
    active: list[str] = top.get("active", [d["id"] for path, d in found if path.parent.name != CANDIDATES])
    if tracks is None:
        return active
    if tracks == ALL:
        return list(dict.fromkeys([*active, *ids]))
    if not tracks:
        raise TaxonomyError("no track is chosen: name one or more, or 'all'")
    for id in tracks:
        if id not in ids:
            raise TaxonomyError(
                f"no track {id!r} in this taxonomy; it has: {', '.join(dict.fromkeys([*active, *ids]))}"
            )
    return list(dict.fromkeys(tracks))


def _build(files: Files, tracks: Collection[str] | None = None) -> Taxonomy:
    """A taxonomy of merged files."""
    chosen = _chosen(files, tracks)
    top, classes = part(files, "taxonomy.toml"), part(files, "classes.toml")
    first = next(iter(kinds_of(top)))
    idle = [d for path, d in label_files(files) if d["kind"] == first and path.parent.name != CANDIDATES]
    idle = [d for d in idle if d["status"] != "retired" and d["id"] not in chosen]

    def lent(id: str) -> list[dict[str, Any]]:
        """Terms for the label in the files of tracks that are not taken."""
        found = [item for d in idle for item in d["terms"] if id in item.get("also", ())]
        return [{key: value for key, value in item.items() if key != "also"} for item in found]

    entries = [
        Entry(
            label=Label(d["id"], d["kind"], d["name"], d["name_en"], d["status"], d.get("parent", "")),
            order=d.get("order", _LAST),
            source=d["source"],
            definition=d["definition"],
            definition_en=d["definition_en"],
            present=tuple(d["present"]),
            absent=tuple(d["absent"]),
            related=tuple(d["related"]),
            terms=tuple(
                Term(
                    item["t"],
                    item["k"],
                    parse_cue(item["t"]),
                    tuple(map(parse_near, item.get("near", ()))),
                    tuple(map(parse_near, item.get("far", ()))),
                    tuple(item.get("also", ())),
                    item.get("boundary", False),
                )
                for item in [*d["terms"], *lent(d["id"])]
            ),
        )
        for _, d in label_files(files)
        if d["status"] != "retired" and (d["kind"] != first or d["id"] in chosen)
    ]
    if not entries:
        raise TaxonomyError(
            f"{next(iter(files)).parent} has no label that counts: add a label's file, or name one in active"
        )
    regional = part(files, "regional.toml")
    voices = {
        name: dict(top.get(name, {})) | {side: [*map(normalise, top.get(name, {}).get(side, ()))] for side in sides}
        for name, sides in VOICES.items()
    }
    kinds = list(kinds_of(top))
    place = {id: n for n, id in enumerate(chosen)}
    entries.sort(key=lambda e: (kinds.index(e.label.kind), place.get(e.label.id, e.order), e.label.id))
    return Taxonomy(
        version=str(top["version"]),
        date=str(top["date"]),
        entries=tuple(entries),
        classes={name: tuple(map(normalise, item["terms"])) for name, item in classes.items()},
        prior=top["prior"],
        **voices,
        regional={normalise(word): normalise(other) for word, other in regional.get("words", {}).items()},
        kinds=_kinds(kinds_of(top)),
        pairs=tuple((first, second) for first, second in top["pairs"]),
    )
