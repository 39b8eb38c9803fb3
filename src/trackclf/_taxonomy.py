"""The taxonomy as objects: labels, terms, classes, settings, and the digest of what decides a tag."""

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from trackclf import _resources
from trackclf._characters import normalise
from trackclf._taxonomy_files import (
    CANDIDATES,
    DENIALS,
    FOLDERS,
    Files,
    Slot,
    faults,
    label_files,
    parse,
    parse_cue,
    parse_near,
)
from trackclf._types import Label
from trackclf.errors import TaxonomyError

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


@dataclass(frozen=True)
class Taxonomy:
    """Labels with their terms, as read from a folder; immutable.

    Attributes
    ----------
    version, date : str
    entries : tuple of Entry
        Active tracks in their order, then modes in theirs; retired labels are left out.
    classes : dict of str to tuple of str
        Word classes: name to normalised members.
    prior : dict
        By kind of label: weight of each kind of term, bias, thresholds, slope of the probability.
    regional : dict of str to str
        Words that other regions write otherwise: normalised word to normalised word.
    denial : dict
        Kinds of label that it holds for, and cues that deny what stands after or before them.
    """

    version: str
    date: str
    entries: tuple[Entry, ...]
    classes: dict[str, tuple[str, ...]] = field(repr=False)
    prior: dict[str, Any] = field(repr=False)
    denial: dict[str, Any] = field(repr=False)
    regional: dict[str, str] = field(default_factory=dict, repr=False)

    @cached_property
    def labels(self) -> tuple[Label, ...]:
        """Labels in column order."""
        return tuple(entry.label for entry in self.entries)

    @cached_property
    def digest(self) -> str:
        """First 12 hex digits of the sha256 of everything that decides a tag."""
        labels = [
            [(e.label.id, e.label.kind, e.label.name, e.label.status)]
            + [(t.text, t.kind, repr(t.near), repr(t.far), t.also, t.boundary) for t in e.terms]
            for e in self.entries
        ]
        blob = json.dumps(
            [labels, self.classes, self.prior, self.denial, self.regional], ensure_ascii=False, sort_keys=True
        )
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

    def __getitem__(self, id: str) -> Entry:
        for entry in self.entries:
            if entry.label.id == id:
                return entry
        known = ", ".join(label.id for label in self.labels)
        raise TaxonomyError(f"no label {id!r} in this taxonomy; it has: {known}")


@lru_cache(maxsize=4)
def _shipped(tracks: tuple[str, ...] | str | None) -> Taxonomy:
    files, broken = parse(_resources.taxonomy_dir(), None if tracks == ALL else tracks or ())
    if broken:
        raise TaxonomyError(f"the shipped taxonomy is damaged, reinstall trackclf: {broken[0]}", tuple(broken))
    return _build(files, tracks)  # its faults are looked for by the tests, not at every start


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
    files, wrong = parse(Path(path))
    wrong += [fault for fault in faults(files) if "out of order" not in fault]
    if wrong:
        more = f" (and {len(wrong) - 1} more: trackclf taxonomy check {path})" if len(wrong) > 1 else ""
        raise TaxonomyError(wrong[0] + more, tuple(wrong))
    return _build(files, tracks)


def check(path: str | Path | None = None) -> list[str]:
    """All faults of a taxonomy folder, one line each: file, line, term and reason. Empty where it is sound."""
    files, broken = parse(_resources.taxonomy_dir() if path is None else Path(path))
    return broken + list(faults(files))


def _chosen(files: Files, tracks: Collection[str] | None) -> list[str]:
    """Ids of the tracks to take, in their order."""
    top, data = next((path, data) for path, data in files.items() if path.name == "taxonomy.toml")
    found = [(path, d) for path, d in label_files(files) if FOLDERS[path.parent.name] == "track"]
    found = sorted((item for item in found if item[1]["status"] != "retired"), key=lambda item: int(item[1]["order"]))
    ids = [str(d["id"]) for _, d in found]
    active: list[str] = data.get("active", [d["id"] for path, d in found if path.parent.name != CANDIDATES])
    if tracks is None:
        return active
    if tracks == ALL:
        return list(dict.fromkeys([*active, *ids]))
    if not tracks:
        raise TaxonomyError("no track is chosen: name one or more, or 'all'")
    for id in tracks:
        if id not in ids:
            known = _chosen(parse(top.parent)[0], ALL)
            raise TaxonomyError(f"no track {id!r} in this taxonomy; it has: {', '.join(known)}")
    return list(dict.fromkeys(tracks))


def _build(files: Files, tracks: Collection[str] | None = None) -> Taxonomy:
    chosen = _chosen(files, tracks)
    top = next(data for path, data in files.items() if path.name == "taxonomy.toml")
    classes = next((data for path, data in files.items() if path.name == "classes.toml"), {})
    idle = [
        d for _, d in label_files(files) if d["status"] != "retired" and d["kind"] == "track" and d["id"] not in chosen
    ]

    def lent(id: str) -> list[dict[str, Any]]:
        """Terms for the label in the files of tracks that are not taken."""
        found = [item for d in idle for item in d["terms"] if id in item.get("also", ())]
        return [{key: value for key, value in item.items() if key != "also"} for item in found]

    entries = [
        Entry(
            label=Label(d["id"], d["kind"], d["name"], d["name_en"], d["status"]),
            order=d["order"],
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
        if d["status"] != "retired" and (d["kind"] != "track" or d["id"] in chosen)
    ]
    regional = next((data for path, data in files.items() if path.name == "regional.toml"), {})
    denial = dict(top.get("denial", {}))
    for side in DENIALS:
        denial[side] = [normalise(text) for text in denial.get(side, ())]
    kinds = list(FOLDERS.values())
    place = {id: n for n, id in enumerate(chosen)}
    entries.sort(key=lambda entry: (kinds.index(entry.label.kind), place.get(entry.label.id, entry.order)))
    return Taxonomy(
        version=str(top["version"]),
        date=str(top["date"]),
        entries=tuple(entries),
        classes={name: tuple(map(normalise, item["terms"])) for name, item in classes.items()},
        prior=top["prior"],
        denial=denial,
        regional={normalise(word): normalise(other) for word, other in regional.get("words", {}).items()},
    )
