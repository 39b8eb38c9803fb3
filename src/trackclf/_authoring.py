"""Tools for authors of taxonomies: a skeleton to start from, and what an edit changes in labels, terms and tags."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import tee
from pathlib import Path
from typing import Any

from trackclf import _resources
from trackclf._characters import normalise
from trackclf._tagger import Tagger
from trackclf._taxonomy import Taxonomy, Term
from trackclf._taxonomy_files import GAPS, VOICES, Slot, cue_key, parse_cue
from trackclf._types import Tag
from trackclf.errors import TaxonomyError


def new_taxonomy(folder: str | Path, lang: str = "zh") -> Path:
    """Write a small taxonomy with comments that explain each value, and a text that it tags (`example.txt`).

    Parameters
    ----------
    folder : str or Path
        Made where it is missing; must be empty.
    lang : {"zh", "en"}
        Language of the comments.

    Raises
    ------
    TaxonomyError
        The folder holds something already, is none, or cannot be written to.
    """
    folder = Path(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise TaxonomyError(f"{folder} is not an empty folder; name a new one, or empty it first")
    try:
        shutil.copytree(_resources.skeleton_dir(lang), folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, shutil.Error):  # what went wrong with each file
            raise TaxonomyError(f"{folder} cannot be written: {error.args[0][0][2]}; choose another folder") from error
        raise
    return folder


@dataclass(frozen=True, slots=True)
class Change:
    """One thing in which two taxonomies differ.

    Attributes
    ----------
    part : str
        "label", "term", "class", "prior", "denial", "plan", "quotation", "regional", "kind", "pair" or "order".
    name : str
        The label's id (label, term), the class, the kind of label (prior, kind), the list (denial, plan, quotation), "words" (regional),
        "pairs" (pair) or "labels" (order).
    item : str
        The term's text, a field's name, or a member of a list; "" for a whole label.
    old, new : Any
        What stood there and what stands there now, None where nothing does: for a term its line as a dict, for a member of
        a list itself.
    """

    part: str
    name: str
    item: str
    old: Any
    new: Any

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return {"change": self.part, "name": self.name, "item": self.item, "old": self.old, "new": self.new}


def taxonomy_changes(old: Taxonomy, new: Taxonomy) -> list[Change]:
    """All differences that can change a result or how it is shown; without one the digests are equal.

    >>> from trackclf import load_taxonomy
    >>> taxonomy_changes(load_taxonomy(), load_taxonomy())
    []
    """
    out: list[Change] = []
    before, after = ({entry.label.id: entry for entry in taxonomy.entries} for taxonomy in (old, new))
    for id in dict.fromkeys([*before, *after]):
        was, now = before.get(id), after.get(id)
        if was is None or now is None:
            out.append(Change("label", id, "", was and was.label.name, now and now.label.name))
        else:
            one, other = ({**_fields(entry.label), **_fields(entry)} for entry in (was, now))
            out += _changed("label", id, {**one, "terms": 0, "label": 0}, {**other, "terms": 0, "label": 0})
        out += _changed("term", id, _lines(was.terms if was else ()), _lines(now.terms if now else ()))
    for part, name in (("class", "classes"), *((name, name) for name in VOICES)):
        lists, others = getattr(old, name), getattr(new, name)
        for key in dict.fromkeys([*lists, *others]):
            members = ({text: text for text in some.get(key, ())} for some in (lists, others))
            out += _changed(part, key, *members)
    for kind in dict.fromkeys([*old.prior, *new.prior]):
        out += _changed("prior", kind, old.prior.get(kind, {}), new.prior.get(kind, {}))
    out += _changed("regional", "words", old.regional, new.regional)
    for id in dict.fromkeys(kind.id for kind in (*old.kinds, *new.kinds)):
        out += _changed("kind", id, *(next((_fields(k) for k in some.kinds if k.id == id), {}) for some in (old, new)))
    couples = ([" + ".join(pair) for pair in some.pairs] for some in (old, new))
    out += _changed("pair", "pairs", *({text: text for text in some} for some in couples))
    orders = [
        {"labels": list(ids), "kinds": [kind.id for kind in some.kinds]} for ids, some in ((before, old), (after, new))
    ]
    for what in orders[0]:
        was_in, now_in = (order[what] for order in orders)
        was_in, now_in = [id for id in was_in if id in now_in], [id for id in now_in if id in was_in]
        if was_in != now_in:
            out.append(Change("order", what, "", was_in, now_in))
    return out


def _fields(record: Any) -> dict[str, Any]:
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _changed(part: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> list[Change]:
    keys = dict.fromkeys([*old, *new])
    return [Change(part, name, key, old.get(key), new.get(key)) for key in keys if old.get(key) != new.get(key)]


def _lines(terms: Iterable[Term]) -> dict[str, Any]:
    """Terms by their key, each as its line in the file."""
    return {cue_key(term.slots): _line(term) for term in terms}


def _line(term: Term) -> dict[str, Any]:
    out: dict[str, Any] = {"t": term.text, "k": term.kind}
    for name in ("near", "far"):
        if slots := getattr(term, name):
            out[name] = [slot.text or f"{{{slot.word_class}}}" for slot in slots]
    return out | ({"also": list(term.also)} if term.also else {}) | ({"boundary": True} if term.boundary else {})


@dataclass(frozen=True, slots=True)
class TagChange:
    """A label that a text gains or loses.

    Attributes
    ----------
    index : int
        Index of the text.
    gained : bool
        Whether the new taxonomy gives it; otherwise the old one did.
    tag : Tag
        As the taxonomy that gives it has it, with its evidence.
    responsible : tuple of Change
        The changed terms that stand in the text; empty where something else decides (priors, classes, denials …).
    """

    index: int
    gained: bool
    tag: Tag
    responsible: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return {
            "change": "tag",
            "gained": self.gained,
            "tag": self.tag.to_dict(),
            "responsible": [change.to_dict() for change in self.responsible],
        }


def tag_changes(old: Tagger, new: Tagger, texts: Iterable[str]) -> Iterator[list[TagChange]]:
    """What each text gains and loses from one tagger to the other, lazily and in order; memory is bounded.

    Yields
    ------
    list of TagChange
        One list a text, empty where its labels stay.
    """
    blame = _Blame(old.taxonomy, new.taxonomy)
    one, other = tee(texts)  # both run a batch ahead at most
    for index, (was, now) in enumerate(zip(old.tag_many(one), new.tag_many(other), strict=True)):
        before, after = ({tag.id: tag for tag in result.tags} for result in (was, now))
        out = []
        for id in [id for id in before if id not in after] + [id for id in after if id not in before]:
            tag = after.get(id) or before[id]
            out.append(TagChange(index, id in after, tag, blame(tag, was.text)))
        yield out


class _Blame:
    """Which changed terms stand in a text and bear on a label."""

    def __init__(self, old: Taxonomy, new: Taxonomy) -> None:
        self._taxonomies = old, new
        self._slots = {cue_key(term.slots): term.slots for t in (old, new) for e in t.entries for term in e.terms}
        self._changes: dict[str, dict[str, Change]] = {}  # by label, then by each spelling
        for change in taxonomy_changes(old, new):
            if change.part == "term":
                also = [id for line in (change.old, change.new) if line for id in line.get("also", ())]
                for id in (change.name, *also):
                    self._changes.setdefault(id, {}).update(dict.fromkeys(self._spellings(change.item), change))
        self._patterns: dict[str, re.Pattern[str]] = {}

    def __call__(self, tag: Tag, text: str) -> tuple[Change, ...]:
        mine = self._changes.get(tag.id, {})
        keys = [cue_key(parse_cue(item.cue or item.term)) for item in tag.terms]
        found = [mine[key] for key in keys if key in mine]
        # A piece of a cue may be another label's term: {track}. So may all evidence, where labels inherit.
        others = [normalise(item.term) for item in tag.terms if item.cue or not found]
        found += [changes[key] for changes in self._changes.values() for key in others if key in changes]
        # Evidence names what was added or taken away, unless that is a `not` or what a longer term had covered.
        rest = [change for change in mine.values() if not found or "not" in _kinds(change)]
        folded = normalise(text)
        found += [change for change in rest if self._pattern(change.item).search(folded)]
        return tuple({(change.name, change.item): change for change in found}.values())

    def _spellings(self, key: str) -> set[str]:
        if len(self._slots[key]) > 1:
            return {key}
        return self._spellings_of(key)

    def _pattern(self, key: str) -> re.Pattern[str]:
        if key not in self._patterns:
            self._patterns[key] = re.compile("".join(map(self._piece, self._slots[key])), re.DOTALL)
        return self._patterns[key]

    def _piece(self, slot: Slot) -> str:
        gap = f".{{0,{GAPS[slot.joint]}}}?" if slot.joint else ""
        texts = [slot.text] if slot.text else [m for t in self._taxonomies for m in t.classes.get(slot.word_class, ())]
        spelt = {other for text in texts for other in self._spellings_of(text)}
        # A piece without members is a class of finds, {track}, which no pattern knows.
        return gap + (f"(?:{'|'.join(map(re.escape, sorted(spelt)))})" if spelt else ".{2,40}?")

    def _spellings_of(self, text: str) -> set[str]:
        return {other for taxonomy in self._taxonomies for other in taxonomy.spellings(text)}


def _kinds(change: Change) -> set[str]:
    return {line["k"] for line in (change.old, change.new) if line}
