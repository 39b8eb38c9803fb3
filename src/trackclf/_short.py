"""Few characters without arrays: what `_candidates`, `_resolving` and `_scoring` do for many texts, in plain Python.

A call of numpy takes a microsecond however little it has to do, and a batch takes a thousand of them. A text of some
hundred characters is done sooner by plain loops over its few hits. Tests hold both ways to the same answers.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from operator import itemgetter
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import CLASS_MEMBERS, CLAUSE, COMMA, HARD, NEWLINE, SENTENCE, TAB, close_text
from trackclf._lexicon import JOINTS, NOT, WEAK, Lexicon
from trackclf._matching import Fan, Table, mix
from trackclf._model import UNIT, Model
from trackclf._resolving import WINDOW, Straddles
from trackclf._results import Placed
from trackclf._scoring import Sums
from trackclf._taxonomy_files import GAPS
from trackclf._text import code_points, fold_table, to_string

_FEW, _SHORT = 16, 1200  # texts, and code points together, that arrays take longer for
_FIRST = 8  # times that arrays serve first, as for a process that tags one line

Place = tuple[int, int, int]  # start, end, string

_STOP = re.compile(
    f"[{re.escape(''.join(CLASS_MEMBERS[kind] for kind in (NEWLINE, SENTENCE, HARD)))}]|\\.(?=[ \n\0]|\\Z)"
)
_MARKS = re.escape(CLASS_MEMBERS[COMMA] + CLASS_MEMBERS[CLAUSE])
_PAUSE = re.compile(f"[{CLASS_MEMBERS[TAB]}]|(?<![0-9])[{_MARKS}]|[{_MARKS}](?![0-9])")  # none in 1,000 and 10:30
_ASCII_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_GAP = list(GAPS.values())
_WITHIN_CLAUSE = JOINTS.index("…")


class _Cue(NamedTuple):
    """A row of the lexicon's cues."""

    number: int
    units: tuple[int, ...]
    joints: tuple[int, ...]
    anchor: int
    steps: tuple[int, ...]
    needs: frozenset[int]
    asks: bool
    rows: tuple[int, ...]


class _Part(NamedTuple):
    """As a row of `Finds`."""

    row: int
    string: int
    start: int
    end: int
    share: int


class _Strings:
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

    def starts(self, source: "_Source") -> list[int]:
        """Where one of two or more characters may start."""
        if self._openers is None:
            return []
        before, after = self._openers
        return np.flatnonzero(before.take(source.pairs[:-1]) & after.take(source.pairs[1:])).tolist()

    def find(self, source: "_Source", low: int, high: int) -> list[Place]:
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


class _Source:
    """A closed text, and where strings may start in it."""

    __slots__ = ("_starts", "pairs", "text")

    def __init__(self, text: str, symbols: NDArray[np.uint16]) -> None:
        self.text = text
        taken = symbols.take(code_points(text + "\0"))
        self.pairs = mix(taken[:-1], taken[1:])
        self._starts: dict[_Strings, list[int]] = {}

    def starts(self, strings: _Strings) -> list[int]:
        """Worked out once."""
        if strings not in self._starts:
            self._starts[strings] = strings.starts(self)
        return self._starts[strings]


class _Sentence:
    """What stands in one sentence."""

    __slots__ = ("_pauses", "around", "high", "low", "plain", "source", "units")

    def __init__(self, source: _Source, low: int, high: int) -> None:
        self.source, self.low, self.high = source, low, high
        self.plain: dict[int, list[tuple[Place, int]]] = defaultdict(list)  # places and rows, by group
        self.units: dict[int, list[Place]] = defaultdict(list)
        self.around: set[int] | None = None  # strings that conditions ask for, once something has asked
        self._pauses: list[int] | None = None

    def joined(self, left: int, right: int, joint: int) -> bool:
        """Whether the gap from `left` to `right` keeps to its joint."""
        gap = right - left
        return gap <= _GAP[joint] and (gap == 0 or joint != _WITHIN_CLAUSE or not self.pauses(left, right))

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


class _Cell:
    """What stands for one label in one sentence; see `Cells`."""

    __slots__ = ("denied", "label", "learned", "parts", "sentence", "sure", "units")

    def __init__(self, sentence: _Sentence, label: int) -> None:
        self.sentence, self.label = sentence, label
        self.units, self.sure, self.denied = 0, False, False
        self.parts: list[_Part] = []  # without those that are denied
        self.learned: dict[int, Place] = {}  # by row

    def counts(self, gates: tuple[list[int], list[int]]) -> bool:
        """Whether it is part of the score."""
        return bool(self.parts) and self.units >= gates[0 if self.sure else 1][self.label]


class ShortTexts:
    """A lexicon and model as dictionaries, for texts of some hundred characters."""

    def __init__(self, lexicon: Lexicon, model: Model, straddles: Straddles) -> None:
        self._lexicon, self._crosses = lexicon, straddles
        self._label, self._kind, self._parts = lexicon.label.tolist(), lexicon.kind.tolist(), lexicon.parts.tolist()
        self._weight, self._gates = model.weight.tolist(), (model.gate.tolist(), model.gate_alone.tolist())
        group = lexicon.row_group.tolist()
        self._boundary = lexicon.boundary.tolist()
        # What each string stands for: units, and rows with their group.
        self._main_units = _lists(lexicon.units)
        self._rows = {string: [(group[row], row) for row in rows] for string, rows in _lists(lexicon.plain).items()}
        self._learned: dict[int, dict[int, list[int]]] = {}  # by label and string
        for string, rows in _lists(lexicon.learned).items():
            for row in rows:
                self._learned.setdefault(self._label[row], {}).setdefault(string, []).append(row)
        self._support_units = _lists(lexicon.support_units)
        asked = {number: string for string, number in enumerate(lexicon.asked.tolist()) if number >= 0}
        members = [frozenset(asked[n] for n in np.flatnonzero(row).tolist()) for row in lexicon.member]
        kinds = _lists(lexicon.near_kinds), _lists(lexicon.far_kinds)
        sides = list(zip((lexicon.near.tolist(), lexicon.far.tolist()), kinds, strict=True))
        self._conditions = {
            row: tuple((members[of[row]], units.get(row, ())) if of[row] else None for of, units in sides)
            for row in np.flatnonzero(lexicon.row_asks).tolist()
        }
        strings = list(lexicon.strings)
        first = lexicon.first_learned
        main = set(self._main_units).union(self._rows)
        support = set(asked.values()).union(self._support_units)
        context: set[int] = set().union(*self._learned.values())
        self._main = _Strings(lexicon.table, {strings[n]: n for n in main})
        self._support = _Strings(lexicon.support, {strings[n]: n for n in support})
        self._context = _Strings(lexicon.context, {strings[first + n]: n for n in context})
        self._asked = set(asked.values())
        self._cues: list[dict[int, list[_Cue]]] = [{} for _ in lexicon.kinds]
        self._read_cues()

    def _read_cues(self) -> None:
        lexicon = self._lexicon
        needs = [frozenset(row) - {-1} for row in lexicon.cue_needs.tolist()]
        kind_units = [lexicon.kind_unit.get(kind, -1) for kind in lexicon.kinds]
        rows = _lists(lexicon.cue_rows)
        columns = (
            lexicon.cue_unit.tolist(),
            lexicon.cue_joint.tolist(),
            lexicon.cue_anchor.tolist(),
            lexicon.cue_steps.tolist(),
            lexicon.cue_kind.tolist(),
            lexicon.cue_asks.tolist(),
            lexicon.cue_group.tolist(),
        )
        for number, (units, joints, anchor, steps, kind, asks, group) in enumerate(zip(*columns, strict=True)):
            units = tuple(unit for unit in units if unit >= 0)
            need = needs[number] | ({kind_units[kind]} if kind >= 0 else set())
            steps = tuple(step for step in steps if step >= 0)
            cue = _Cue(number, units, tuple(joints), anchor, steps, need, asks, tuple(rows.get(number, ())))
            self._cues[group].setdefault(units[anchor], []).append(cue)

    def sums(self, texts: Sequence[str]) -> Sums:
        """As `Sums` of a batch."""
        return self._add_up([self._cells(close_text(_folded(text))[0]) for text in texts])

    def placed(self, texts: Sequence[str], columns: dict[str, Any]) -> tuple[Sums, Placed]:
        """Sums, and what counts at its places in the texts."""
        closed = [close_text(_folded(text)) for text in texts]
        cells = [self._cells(text) for text, _ in closed]
        width, first = len(self._lexicon.strings), self._lexicon.first_learned
        evidence: list[tuple[int, ...]] = []
        pairs: list[tuple[Any, ...]] = []
        for n, (_, origin) in enumerate(closed):
            counting = [cell for cell in cells[n] if cell.counts(self._gates)]

            def places(start: int, end: int, origin: list[int] | None = origin) -> tuple[int, int]:
                return (start, end) if origin is None else (origin[start], origin[end - 1] + 1)

            for cell in counting:
                for part in cell.parts:
                    term = part.row * width + part.string
                    evidence.append((n, cell.label, *places(part.start, part.end), term, self._share(part)))
                for row, (start, end, string) in cell.learned.items():
                    term = row * width + string + first
                    evidence.append((n, cell.label, *places(start, end), term, self._weight[row]))
            for track, mode, start, end, score in self._pairs(counting, columns):
                pairs.append((n, track, mode, *places(start, end), score))
        return self._add_up(cells), Placed(_columns(evidence, 6), _columns(pairs, 6), None)

    def _find(self, text: str) -> list[tuple[_Sentence, _Part, bool]]:
        """All finds, each with its sentence and whether it is denied."""
        sentences, low = [], 0
        source = _Source(text, self._lexicon.symbols)
        for high in [*(stop.start() for stop in _STOP.finditer(text)), len(text)]:
            hits = self._main.find(source, low, high) if high - low > 0 else []
            if hits:
                sentence = _Sentence(source, low, high)
                sentences.append(sentence)
                units, plain = sentence.units, sentence.plain
                for hit in hits:
                    string = hit[2]
                    for unit in self._main_units.get(string, ()):
                        units[unit].append(hit)
                    for group, row in self._rows.get(string, ()):
                        plain[group].append((hit, row))
            low = high + 1
        out: list[tuple[_Sentence, _Part, bool]] = []
        for group, kind in enumerate(self._lexicon.kinds):
            cues = self._cues[group].keys()
            some = (sentence for sentence in sentences if sentence.plain[group] or not cues.isdisjoint(sentence.units))
            found = [(sentence, part) for sentence in some for part in self._standing(sentence, group)]
            deniable = found and kind in self._lexicon.denial_kinds
            denied = self._denied(sentences, found) if deniable else [False] * len(found)
            out += [(sentence, part, no) for (sentence, part), no in zip(found, denied, strict=True)]
            if kind in self._lexicon.kind_unit:
                unit = self._lexicon.kind_unit[kind]
                for (sentence, part), no in zip(found, denied, strict=True):
                    if not no and self._kind[part.row] != WEAK:
                        sentence.units[unit].append((part.start, part.end, part.string))
                for sentence in sentences:
                    if unit in sentence.units:
                        sentence.units[unit].sort()
        return out

    def _look(self, sentence: _Sentence) -> set[int]:
        """Look for what conditions and cues ask for, once."""
        if sentence.around is None:
            sentence.around = set()
            for hit in self._support.find(sentence.source, sentence.low, sentence.high):
                if hit[2] in self._asked:
                    sentence.around.add(hit[2])
                for unit in self._support_units.get(hit[2], ()):
                    sentence.units[unit].append(hit)
                    sentence.units[unit].sort()
        return sentence.around

    def _meets(self, row: int, sentence: _Sentence) -> bool:
        """Whether what a row asks for stands in the sentence, and nothing that it forbids."""
        sides = self._conditions.get(row)
        if sides is None:
            return True
        for side, wanted in zip(sides, (True, False), strict=True):
            if side is not None:
                strings, units = side
                beside = not strings.isdisjoint(self._look(sentence)) or any(unit in sentence.units for unit in units)
                if beside != wanted:
                    return False
        return True

    def _standing(self, sentence: _Sentence, group: int) -> list[_Part]:
        """See `Resolver._longest`."""
        plain: list[tuple[int, int, int, bool, _Part | None]] = []  # label, start, -end, not cancelling, part
        for (start, end, string), row in sentence.plain[group]:
            if self._meets(row, sentence):
                telling = self._kind[row] != NOT
                plain.append((self._label[row], start, -end, telling, _Part(row, string, start, end, 0)))
        cues: list[tuple[int, list[Place]]] = []
        for cue, pieces in self._assembled(sentence, group):
            for row in cue.rows:
                if self._meets(row, sentence):
                    if self._kind[row] == NOT:
                        plain.append((self._label[row], pieces[0][0], -pieces[-1][1], False, None))
                    else:
                        cues.append((row, pieces))
        if not plain and not cues:
            return []
        plain.sort(key=lambda item: item[:4])
        kept: list[_Part] = []
        last, reach = -1, -1
        for label, _, end, telling, part in plain:
            if label != last:
                last, reach = label, -1
            if -end > reach:
                reach = -end
                if telling and part is not None:
                    kept.append(part)
        if cues:
            kept = self._with_cues(kept, cues, [item[:3] for item in plain if not item[3]])
        return [part for part in kept if not self._boundary[part.row] or not self._straddles(sentence, part)]

    def _with_cues(
        self, kept: list[_Part], cues: list[tuple[int, list[Place]]], negative: list[tuple[int, int, int]]
    ) -> list[_Part]:
        label, kind = self._label, self._kind

        def falls(row: int, pieces: list[Place]) -> bool:
            no = [(start, -end) for other, start, end in negative if other == label[row]]
            yes = [(p.start, p.end) for p in kept if label[p.row] == label[row] and kind[p.row] <= kind[row]]
            return any(_inside(piece, no) for piece in pieces) or all(_inside(piece, yes) for piece in pieces)

        cues = [(row, pieces) for row, pieces in cues if not falls(row, pieces)]
        for end in (True, False):  # of those that end, and then of those that start, with the same piece
            best: dict[tuple[int, int], tuple[int, int, int, int]] = {}
            for n, (row, pieces) in enumerate(cues):
                key = label[row], pieces[-1][1] if end else pieces[0][0]
                rank = kind[row], -self._parts[row], row, n
                best[key] = min(rank, best.get(key, rank))
            cues = [cues[n] for n in sorted(rank[-1] for rank in best.values())]
        whole = [_Part(row, p[2], p[0], p[1], n) for row, pieces in cues for n, p in enumerate(pieces)]

        def covered(part: _Part) -> bool:
            spans = [
                (p.start, p.end) for p in whole if label[p.row] == label[part.row] and kind[p.row] <= kind[part.row]
            ]
            return _inside((part.start, part.end, 0), spans)

        return [part for part in kept if not covered(part)] + whole

    def _assembled(self, sentence: _Sentence, group: int) -> list[tuple[_Cue, list[Place]]]:
        """Cues whose pieces stand in their order; see `Resolver._cues`."""
        units = sentence.units
        cues = [
            cue
            for unit in units.keys() & self._cues[group].keys()
            for cue in self._cues[group][unit]
            if cue.needs <= units.keys()
        ]
        if any(cue.asks for cue in cues):
            self._look(sentence)
        found: dict[tuple[int, int], tuple[int, int, _Cue, list[Place]]] = {}
        for cue in cues:
            for rank, place in enumerate(units[cue.units[cue.anchor]]):
                pieces = self._pieces(sentence, cue, place)
                if pieces:
                    key = cue.number, pieces[-1][1]
                    value = pieces[0][0], rank, cue, pieces
                    # Two starts that reach the same end are one cue: the nearer start stands.
                    if key not in found or value[:2] > found[key][:2]:
                        found[key] = value
        return [value[2:] for _, value in sorted(found.items(), key=lambda item: item[0])]

    @staticmethod
    def _pieces(sentence: _Sentence, cue: _Cue, anchor: Place) -> list[Place]:
        pieces = [anchor] * len(cue.units)
        for step in cue.steps:
            if step > cue.anchor:
                end = pieces[step - 1][1]
                place = sentence.following(cue.units[step], end)
                if place is None or not sentence.joined(end, place[0], cue.joints[step]):
                    return []
            else:
                start = pieces[step + 1][0]
                place = sentence.preceding(cue.units[step], start)
                if place is None or not sentence.joined(place[1], start, cue.joints[step + 1]):
                    return []
            pieces[step] = place
        return pieces

    def _straddles(self, sentence: _Sentence, part: _Part) -> bool:
        low, high = max(sentence.low, part.start - WINDOW), min(sentence.high, part.end + WINDOW)
        return self._crosses(sentence.source.text[low:high], part.start - low, part.end - low)

    def _denied(self, sentences: list[_Sentence], found: list[tuple[_Sentence, _Part]]) -> list[bool]:
        """See `Resolver._denials`."""
        deny = self._lexicon.deny
        for sentence in sentences:
            if deny["without"] in sentence.units:
                self._look(sentence)
                excepted = sentence.units.get(deny["except"], ())
                sentence.units[deny["without"]] = [
                    place
                    for place in sentence.units[deny["without"]]
                    if not any(start < place[1] and place[0] < end for start, end, _ in excepted)
                ]
        denied = []
        for sentence, part in found:

            def before(name: str, sentence: _Sentence = sentence, at: int = part.start) -> bool:
                place = sentence.preceding(deny[name], at)
                return place is not None and sentence.joined(place[1], at, _WITHIN_CLAUSE)

            def after(name: str, sentence: _Sentence = sentence, at: int = part.end) -> bool:
                place = sentence.following(deny[name], at)
                return place is not None and sentence.joined(at, place[0], _WITHIN_CLAUSE)

            denied.append(before("before") or after("after") or (before("without") and after("of")))
        answered = any(deny["question"] in sentence.units for sentence in sentences)
        labels = {self._label[part.row] for (_, part), no in zip(found, denied, strict=True) if no}
        if answered or labels:
            for n, (sentence, part) in enumerate(found):
                asked = sentence.source.text[sentence.high : sentence.high + 1] == "?"
                denied[n] |= asked and (answered or self._label[part.row] in labels)
        for n, (_, part) in enumerate(found):
            if part.share and n:  # a cue as a whole
                denied[n] = denied[n - 1]
        return denied

    def _cells(self, text: str) -> list[_Cell]:
        """Finds and learned strings by sentence and label."""
        cells: dict[tuple[int, int], _Cell] = {}
        beside: dict[int, list[_Cell]] = {}
        for sentence, part, no in self._find(text):
            label = self._label[part.row]
            key = sentence.low, label
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = _Cell(sentence, label)
            if no:
                cell.denied = True
                continue
            if not cell.parts and label in self._learned:
                beside.setdefault(sentence.low, []).append(cell)
            cell.parts.append(part)
            cell.units += self._share(part)
            cell.sure |= self._kind[part.row] < WEAK
        for mine in beside.values():  # see Resolver.learned
            sentence = mine[0].sentence
            for hit in self._context.find(sentence.source, sentence.low, sentence.high):
                for cell in mine:
                    for row in self._learned[cell.label].get(hit[2], ()):
                        if row not in cell.learned:
                            cell.learned[row] = hit
                            cell.units += self._weight[row]
        return list(cells.values())

    def _share(self, part: _Part) -> int:
        """What a part adds, in units of 1/256."""
        weight, parts = self._weight[part.row], self._parts[part.row]
        return int(weight if parts == 1 else weight // parts + (part.share < weight % parts))

    def _add_up(self, found: list[list[_Cell]]) -> Sums:
        """Sums of texts; see `Sums.add`."""
        width = len(self._lexicon.labels)
        units, best, denied = ([[0] * width for _ in found] for _ in range(3))
        for n, cells in enumerate(found):
            for cell in cells:
                label = cell.label
                if cell.denied:
                    denied[n][label] = 1
                if cell.counts(self._gates):
                    units[n][label] += cell.units
                else:
                    best[n][label] = max(best[n][label], cell.units)
        return Sums(np.array(units), np.array(best), np.array(denied, bool))

    def _pairs(self, cells: list[_Cell], columns: dict[str, Any]) -> list[tuple[int, int, int, int, float]]:
        """See `find_pairs`: track, mode, start, end, score."""
        modes = set(columns["mode"].tolist())
        sure = [(cell.sentence, part) for cell in cells for part in cell.parts if self._kind[part.row] < WEAK]
        cues = [(sentence, part) for sentence, part in sure if self._label[part.row] in modes]
        if not cues or len(cues) == len(sure):
            return []
        best: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        for mode in sorted({self._label[cue.row] for _, cue in cues}):
            mine = sorted(
                ((sentence, cue) for sentence, cue in cues if self._label[cue.row] == mode),
                key=lambda item: item[1].start,
            )
            starts = [cue.start for _, cue in mine]
            for step in (-1, 0):  # the nearest cue before and the nearest after
                for sentence, track in sure:
                    slot = bisect_left(starts, track.start) + step
                    if self._label[track.row] in modes or not 0 <= slot < len(mine) or mine[slot][0] is not sentence:
                        continue
                    cue = mine[slot][1]
                    low, high = min(track.start, cue.start), max(track.end, cue.end)
                    inner, outer = min(track.end, cue.end), max(track.start, cue.start)
                    apart = sentence.pauses(min(inner, outer), outer)
                    value = (apart, max(outer - inner, 0), low), high, (track.row, cue.row)
                    key = sentence.low, self._label[track.row], mode
                    if key not in best or value[0] < best[key][0]:
                        best[key] = value
        out = []
        for (_, label, mode), ((apart, _, low), high, rows) in best.items():
            score = min(self._weight[row] for row in rows) / UNIT * (0.5 if apart else 1.0)
            out.append((label, mode, low, high, score))
        return sorted(out, key=lambda row: (row[2], row[0], row[1]))


def _folded(text: str) -> str:
    return to_string(fold_table().take(code_points(text)))


class FewCharacters:
    """`ShortTexts` once there are enough of them: making it takes as long as fifty of them in arrays."""

    __slots__ = ("_arguments", "_asked", "_lock", "_made")

    def __init__(self, lexicon: Lexicon, model: Model, straddles: Straddles) -> None:
        self._arguments = lexicon, model, straddles
        self._asked, self._lock = 0, Lock()
        self._made: ShortTexts | None = None

    def __call__(self, texts: Sequence[str]) -> ShortTexts | None:
        """What does a batch of a few short texts sooner than arrays; None for another batch, and at the first times."""
        if len(texts) > _FEW or sum(map(len, texts)) > _SHORT:
            return None
        with self._lock:
            self._asked += 1
            if self._made is None and self._asked > _FIRST:
                self._made = ShortTexts(*self._arguments)
            return self._made


def _inside(place: Place, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place[0] and place[1] <= end for start, end in spans)


def _lists(fan: Fan) -> dict[int, list[int]]:
    """A fan as a dictionary, without the keys that have no value."""
    index, values = fan(np.arange(len(fan)))
    out: dict[int, list[int]] = {}
    for key, value in zip(index.tolist(), values.tolist(), strict=True):
        out.setdefault(key, []).append(value)
    return out


def _columns(rows: list[tuple[Any, ...]], width: int) -> tuple[Any, ...]:
    return tuple(map(np.array, zip(*rows, strict=True))) if rows else (np.zeros(0, np.int64),) * width
