"""What stands in the texts, as arrays: finds of terms, learned strings beside them, and the places of pieces of cues."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._candidates import LENGTHS
from trackclf._lexicon import JOINTS
from trackclf._matching import Hits, Int32
from trackclf._taxonomy_files import GAPS
from trackclf._text import Bools, Ints, Passages

CLAUSE, SENTENCE = JOINTS.index("…"), JOINTS.index("……")
_LENGTH = 16  # bits of the length in the place of a trigger
_GAP_OF = np.array([GAPS[joint] for joint in JOINTS], np.int64)


class Finds(NamedTuple):
    """Terms that stand in the texts, in parts: a cue with gaps has one part a piece.

    Attributes
    ----------
    row : int32 (n_parts,)
        Index into the lexicon's rows, one row a term and label.
    string : int32
        Index into the lexicon's strings: what the part matched.
    start, end : int64
        Positions in the symbols of the `Passages`.
    share : int32
        Index of the part among the parts of its cue; 0 for a plain term.
    trigger : int64
        Place of the cue that denies it, as `trigger_at` packs it; -1 where nothing does.
    """

    row: Int32
    string: Int32
    start: Ints
    end: Ints
    share: Int32
    trigger: Ints

    @property
    def denied(self) -> Bools:
        """Whether something denies it: bool (n_parts,)."""
        return self.trigger >= 0

    def first_parts(self) -> Ints:
        """Index of the first part of what each part belongs to: int64 (n_parts,)."""
        first: Ints = np.maximum.accumulate(np.where(self.share == 0, np.arange(len(self.share)), 0))
        return first

    def take(self, keep: Bools | Ints) -> "Finds":
        """Some of the parts, given by their places or by a mask."""
        if keep.dtype == bool:
            keep = np.flatnonzero(keep)
        return Finds._make(column.take(keep) for column in self)

    @classmethod
    def concatenate(cls, items: list["Finds"]) -> "Finds":
        """All parts of several."""
        return cls._make(map(np.concatenate, zip(*items, strict=True)))


def trigger_at(start: Ints, end: Ints) -> Ints:
    """Places in one number each."""
    packed: Ints = (start << _LENGTH) + np.minimum(end - start, (1 << _LENGTH) - 1)
    return packed


def trigger_place(trigger: Ints) -> tuple[Ints, Ints]:
    """Start and end of what `trigger_at` gave."""
    start = trigger >> _LENGTH
    return start, start + (trigger & ((1 << _LENGTH) - 1))


def undenied(count: int) -> Ints:
    """The `trigger` of finds that nothing denies."""
    return np.full(count, -1, np.int64)


class Learned(NamedTuple):
    """Learned strings in the sentences that hold a term of their label, each once a sentence.

    Attributes
    ----------
    key : int64 (n_learned,)
        sentence * n_labels + label.
    row : int64 (n_learned,)
        Index into the lexicon's rows.
    first : int64 (n_learned,)
        Where in `which` its occurrences begin.
    which : int64 (n_occurrences,)
        Index into `hits`.
    hits : Hits
        In the symbols at `place`; their strings are numbered from `first_string` on.
    """

    key: Ints
    row: Ints
    first: Ints
    which: Ints
    hits: Hits
    place: Ints
    first_string: int

    def finds(self, keep: Bools) -> Finds:
        """Some of them as finds, each where it stands first."""
        at = np.flatnonzero(keep)
        none = np.zeros(len(at), np.int32)
        start = self.hits.start.take(self.which)
        lead = np.minimum.reduceat(start * len(start) + np.arange(len(start)), self.first) if len(at) else none
        hits = self.hits.take(self.which.take(lead.take(at) % max(len(start), 1)))
        start = self.place.take(hits.start)
        string = hits.string + np.int32(self.first_string)
        row = self.row.take(at).astype(np.int32)
        return Finds(row, string, start, start + (hits.end - hits.start), none, undenied(len(at)))


class Units:
    """Places of the pieces that cues ask for, searchable by unit and position.

    `unit`, `start`, `end` and `string` are parallel, ordered by unit, then start, then length.
    """

    def __init__(self, passages: Passages, unit: Ints, start: Ints, end: Ints, string: Int32) -> None:
        self._span = np.int64(len(passages.symbols) + 1)
        self._passages = passages
        self.unit, self.start, self.end, self.string = unit, start, end, string
        self._keys = unit * self._span + start

    def extended(self, unit: int, start: Ints, end: Ints, string: Int32) -> "Units":
        """These and the places of one more unit, whose number is larger than all others."""
        order = np.argsort(start * LENGTHS + np.minimum(end - start, LENGTHS - 1), kind="stable")
        number = np.full(len(order), unit, np.int64)
        return Units(
            self._passages,
            np.concatenate([self.unit, number]),
            np.concatenate([self.start, start[order]]),
            np.concatenate([self.end, end[order]]),
            np.concatenate([self.string, string[order]]),
        )

    def without(self, unit: int, cancel: int) -> "Units":
        """These but for the places of one unit that overlap a place of another."""
        low, high = np.searchsorted(self.unit, (unit, unit + 1))
        first, last = np.searchsorted(self.unit, (cancel, cancel + 1))
        if low == high or first == last:
            return self
        keep = np.ones(len(self.unit), bool)
        slot = np.searchsorted(self.start[first:last], self.end[low:high]) - 1  # the last that starts before its end
        reach = np.maximum.accumulate(self.end[first:last])
        keep[low:high] = (slot < 0) | (reach[np.maximum(slot, 0)] <= self.start[low:high])
        return Units(self._passages, self.unit[keep], self.start[keep], self.end[keep], self.string[keep])

    def following(self, unit: Ints, at: Ints) -> tuple[Ints, Bools]:
        """For each unit and position: the first piece that starts there or later, and whether there is one."""
        slot = np.searchsorted(self._keys, unit * self._span + at)
        there = slot < len(self.unit)
        slot[~there] = 0
        there[there] = self.unit[slot[there]] == unit[there]
        return slot, there

    def preceding(self, unit: Ints, at: Ints) -> tuple[Ints, Bools]:
        """For each unit and position: the last piece that starts before it and ends by then, and whether it exists."""
        slot = np.searchsorted(self._keys, unit * self._span + at) - 1
        while True:  # past the few that reach over the position
            there = slot >= 0
            there[there] = self.unit[slot[there]] == unit[there]
            over = there.copy()
            over[there] = self.end[slot[there]] > at[there]
            if not over.any():
                return np.where(there, slot, 0), there
            slot[over] -= 1

    def before(self, unit: int, at: Ints, joint: Ints | int) -> tuple[Ints, Bools]:
        """For each position: the last piece of a unit that ends by then, and whether it is there and its joint holds."""
        slot, there = self.preceding(np.full(len(at), unit), at)
        some = np.flatnonzero(there)
        joints = np.broadcast_to(np.asarray(joint, np.int8), len(at))
        there[some] = self.joined(self.end[slot[some]], at[some], joints[some])
        return slot, there

    def after(self, unit: int, at: Ints, joint: int) -> tuple[Ints, Bools]:
        """For each position: the first piece of a unit that starts there or later, and whether its joint holds."""
        slot, there = self.following(np.full(len(at), unit), at)
        some = np.flatnonzero(there)
        there[some] = self.joined(at[some], self.start[slot[some]], np.full(len(some), joint, np.int8))
        return slot, there

    def joined(self, left: Ints, right: Ints, joint: NDArray[np.int8]) -> Bools:
        """Whether the gaps from positions `left` to `right` keep to their joints."""
        gap = right - left
        ok = gap <= _GAP_OF.take(joint)
        number = self._passages.sentence_numbers
        at = np.flatnonzero(ok & (gap > 0))  # what is adjacent is so in any clause
        ok[at] = number.take(left[at]) == number.take(right[at])
        at = at[ok[at] & (joint[at] == CLAUSE)]
        breaks = self._passages.clause_breaks
        ok[at] = np.searchsorted(breaks, left[at]) == np.searchsorted(breaks, right[at])
        return ok
