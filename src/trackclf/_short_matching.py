"""A text in hand: strings, sentences and what stands in them, in plain Python. See `_short`."""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import CLASS_MEMBERS, CLAUSE, COMMA, TAB
from trackclf._lexicon import JOINTS
from trackclf._matching import Fan, Table, mix
from trackclf._taxonomy_files import GAPS
from trackclf._text import code_points

Place = tuple[int, int, int]  # start, end, string
_MARKS = re.escape(CLASS_MEMBERS[COMMA] + CLASS_MEMBERS[CLAUSE])
_PAUSE = re.compile(f"[{CLASS_MEMBERS[TAB]}]|(?<![0-9])[{_MARKS}]|[{_MARKS}](?![0-9])")  # none in 1,000 and 10:30
_ASCII_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_GAP = list(GAPS.values())
WITHIN_CLAUSE, WITHIN_SENTENCE = JOINTS.index("…"), JOINTS.index("……")


class Strings:
    """Strings to look for, by their first characters."""

    def __init__(self, table: Table | None, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self._openers = table.openers() if table else None
        self._single = {text for text in numbers if len(text) == 1}
        self._singles = re.compile(f"[{re.escape(''.join(self._single))}]") if self._single else None
        self._edged = {n for text, n in numbers.items() if text[0] in _ASCII_WORD or text[-1] in _ASCII_WORD}
        # By the first two characters: the string that they are, or -1; the lengths of longer ones by the third.
        self._pairs: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {}
        lengths: dict[str, set[int]] = {}
        for text, number in self._numbers.items():
            if len(text) > 1:
                self._pairs.setdefault(text[:2], (-1, {}))
            if len(text) == 2:
                self._pairs[text] = number, self._pairs[text][1]
            elif len(text) > 2:
                lengths.setdefault(text[:3], set()).add(len(text))
        for start, some in lengths.items():
            self._pairs[start[:2]][1][start[2]] = tuple(sorted(some))

    def starts(self, source: "Source") -> list[int]:
        """Where one of two or more characters may start."""
        if self._openers is None:
            return []
        before, after = self._openers
        return np.flatnonzero(before.take(source.pairs[:-1]) & after.take(source.pairs[1:])).tolist()

    def find(self, source: "Source", low: int, high: int) -> list[Place]:
        """All that stand in text[low:high], by place."""
        out: list[Place] = []
        text, starts = source.text, source.starts(self)
        for at in starts[bisect_left(starts, low) : bisect_left(starts, high)]:
            start = self._pairs.get(text[at : at + 2])
            if start is not None:
                number, longer = start
                if number >= 0:
                    out.append((at, at + 2, number))
                if longer and (lengths := longer.get(text[at + 2 : at + 3])):
                    for length in lengths:
                        number = self._numbers.get(text[at : at + length], -1)
                        # A string may end in the dot that ends the sentence, but not behind the text.
                        if number >= 0 and at + length <= len(text):
                            out.append((at, at + length, number))
        inside = text[low:high]
        if self._singles and not self._single.isdisjoint(inside):
            singles = ((found.start() + low, found.group()) for found in self._singles.finditer(inside))
            out += [(at, at + 1, self._numbers[char]) for at, char in singles]
            out.sort()
        if not self._edged.isdisjoint(map(itemgetter(2), out)):
            out = [hit for hit in out if hit[2] not in self._edged or _on_boundaries(text, hit[0], hit[1])]
        return out


def _on_boundaries(text: str, start: int, end: int) -> bool:
    """Whether a string that starts or ends in ASCII stands in no longer word or number."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if text[start] in _ASCII_WORD:
        continued = before in (".", ",") and "0" <= text[start] <= "9" and start > 1 and "0" <= text[start - 2] <= "9"
        if continued or before in _ASCII_WORD:
            return False
    return not (text[end - 1] in _ASCII_WORD and after in _ASCII_WORD)


class Source:
    """A closed text, and where strings may start in it."""

    __slots__ = ("_starts", "pairs", "text")

    def __init__(self, text: str, symbols: NDArray[np.uint16]) -> None:
        self.text = text
        taken = symbols.take(code_points(text + "\0"))
        self.pairs = mix(taken[:-1], taken[1:])
        self._starts: dict[Strings, list[int]] = {}

    def starts(self, strings: Strings) -> list[int]:
        """Worked out once."""
        if strings not in self._starts:
            self._starts[strings] = strings.starts(self)
        return self._starts[strings]


class Sentence:
    """What stands in one sentence."""

    __slots__ = ("_pauses", "around", "high", "low", "negative", "plain", "source", "units")

    def __init__(self, source: Source, low: int, high: int) -> None:
        self.source, self.low, self.high = source, low, high
        self.plain: dict[int, list[tuple[Place, int]]] = defaultdict(list)  # places and rows, by group
        self.units: dict[int, list[Place]] = defaultdict(list)
        self.around: set[int] | None = None  # strings that conditions ask for, once something has asked
        self.negative: list[tuple[int, int, int]] = []  # what a kind of label cancels: label, start, -end
        self._pauses: list[int] | None = None

    def joined(self, left: int, right: int, joint: int) -> bool:
        """Whether the gap from `left` to `right` keeps to its joint."""
        gap = right - left
        return gap <= _GAP[joint] and (gap == 0 or joint != WITHIN_CLAUSE or not self.pauses(left, right))

    def pauses(self, left: int, right: int) -> bool:
        """Whether a clause ends from `left` to before `right`."""
        if self._pauses is None:
            self._pauses = [found.start() for found in _PAUSE.finditer(self.source.text, self.low, self.high)]
        at = bisect_left(self._pauses, left)
        return at < len(self._pauses) and self._pauses[at] < right

    def following(self, unit: int, at: int) -> Place | None:
        """The first piece that starts at a position or later."""
        return next((place for place in self.units.get(unit, ()) if place[0] >= at), None)

    def preceding(self, unit: int, at: int) -> Place | None:
        """The last piece that starts before a position and ends by then."""
        return next((place for place in reversed(self.units.get(unit, ())) if place[0] < at and place[1] <= at), None)

    def before(self, unit: int, at: int, joint: int) -> Place | None:
        """The last piece that ends by a position and whose joint with it holds."""
        place = self.preceding(unit, at)
        return place if place and self.joined(place[1], at, joint) else None

    def after(self, unit: int, at: int, joint: int) -> Place | None:
        """The first piece that starts at a position or later and whose joint with it holds."""
        place = self.following(unit, at)
        return place if place and self.joined(at, place[0], joint) else None


def without(places: list[Place], excepted: Sequence[Place]) -> list[Place]:
    """The places that overlap none of the others."""
    return [p for p in places if not any(start < p[1] and p[0] < end for start, end, _ in excepted)]


def lists(fan: Fan) -> dict[int, list[int]]:
    """A fan as a dictionary, without the keys that have no value."""
    index, values = fan(np.arange(len(fan)))
    out: dict[int, list[int]] = {}
    for key, value in zip(index.tolist(), values.tolist(), strict=True):
        out.setdefault(key, []).append(value)
    return out
