"""What stands in a short text, in plain Python: as `_candidates` and `_resolving` find it. See `_short`."""

import re
from typing import NamedTuple

import numpy as np

from trackclf._characters import CLASS_MEMBERS, HARD, NEWLINE, SENTENCE
from trackclf._lexicon import NOT, WEAK, Lexicon
from trackclf._resolving import WINDOW, Straddles
from trackclf._short_matching import WITHIN_CLAUSE, Place, Sentence, Source, Strings, lists, without

_STOP = re.compile(
    f"[{re.escape(''.join(CLASS_MEMBERS[kind] for kind in (NEWLINE, SENTENCE, HARD)))}]|\\.(?=[ \n\0]|\\Z)"
)


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


class Part(NamedTuple):
    """As a row of `Finds`."""

    row: int
    string: int
    start: int
    end: int
    share: int


Find = tuple[Sentence, Part, Place | None]  # with what denies it


class ShortResolver:
    """A lexicon as dictionaries. By row: `label`, `kind`, `parts`, as there."""

    def __init__(self, lexicon: Lexicon, straddles: Straddles) -> None:
        self._lexicon, self._crosses = lexicon, straddles
        self.label, self.kind, self.parts = lexicon.label.tolist(), lexicon.kind.tolist(), lexicon.parts.tolist()
        group = lexicon.row_group.tolist()
        self._boundary = lexicon.boundary.tolist()
        # What each string stands for: units, and rows with their group.
        self._main_units = lists(lexicon.units)
        self._rows = {string: [(group[row], row) for row in rows] for string, rows in lists(lexicon.plain).items()}
        self._support_units = lists(lexicon.support_units)
        asked = {number: string for string, number in enumerate(lexicon.asked.tolist()) if number >= 0}
        members = [frozenset(asked[n] for n in np.flatnonzero(row).tolist()) for row in lexicon.member]
        kinds = lists(lexicon.near_kinds), lists(lexicon.far_kinds)
        sides = list(zip((lexicon.near.tolist(), lexicon.far.tolist()), kinds, strict=True))
        self._conditions = {
            row: tuple((members[of[row]], units.get(row, ())) if of[row] else None for of, units in sides)
            for row in np.flatnonzero(lexicon.row_asks).tolist()
        }
        strings = lexicon.strings
        main = set(self._main_units).union(self._rows)
        support = set(asked.values()).union(self._support_units)
        self._main = Strings(lexicon.table, {strings[n]: n for n in main})
        self._support = Strings(lexicon.support, {strings[n]: n for n in support})
        self._asked = set(asked.values())
        self._inherits = lists(lexicon.inherits) if lexicon.inherits else {}
        self._inheriting = lexicon.inheriting.tolist()
        self._cues: list[dict[int, list[_Cue]]] = [{} for _ in lexicon.kinds]
        self._read_cues()

    def _read_cues(self) -> None:
        lexicon = self._lexicon
        needs = [frozenset(row) - {-1} for row in lexicon.cue_needs.tolist()]
        kind_units = [lexicon.kind_unit.get(kind, -1) for kind in lexicon.kinds]
        rows = lists(lexicon.cue_rows)
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

    def find(self, text: str) -> list[Find]:
        """All finds, each with its sentence and what denies it."""
        sentences, low = [], 0
        source = Source(text, self._lexicon.symbols)
        highs = [*(stop.start() for stop in _STOP.finditer(text)), len(text)]
        number, high = 0, -1
        for hit in self._main.find(source, 0, len(text)):
            start, _, string = hit
            if start > high:  # in a new sentence
                while highs[number] < start:
                    low, number = highs[number] + 1, number + 1
                high = highs[number]
                sentence = Sentence(source, low, high)
                sentences.append(sentence)
                units, plain = sentence.units, sentence.plain
            for unit in self._main_units.get(string, ()):
                units[unit].append(hit)
            for group, row in self._rows.get(string, ()):
                plain[group].append((hit, row))
        out: list[Find] = []
        for group, kind in enumerate(self._lexicon.kinds):
            cues = self._cues[group].keys()
            some = (sentence for sentence in sentences if sentence.plain[group] or not cues.isdisjoint(sentence.units))
            found = [(sentence, part) for sentence in some for part in self._standing(sentence, group)]
            deniable = found and kind in self._lexicon.denial_kinds
            denied = self._denied(sentences, found) if deniable else [None] * len(found)
            stands = [(sentence, part, no) for (sentence, part), no in zip(found, denied, strict=True)]
            out += self._rolled_up(stands) if self._inherits else stands
            if kind in self._lexicon.kind_unit:
                unit = self._lexicon.kind_unit[kind]
                for (sentence, part), no in zip(found, denied, strict=True):
                    if not no and self.kind[part.row] != WEAK:
                        sentence.units[unit].append((part.start, part.end, part.string))
                for sentence in sentences:
                    if unit in sentence.units:
                        sentence.units[unit].sort()
        return out

    def _look(self, sentence: Sentence) -> set[int]:
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

    def _meets(self, row: int, sentence: Sentence) -> bool:
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

    def _standing(self, sentence: Sentence, group: int) -> list[Part]:
        """See `Resolver._longest`."""
        plain: list[tuple[int, int, int, bool, Part | None]] = []  # label, start, -end, not cancelling, part
        for (start, end, string), row in sentence.plain[group]:
            if self._meets(row, sentence):
                telling = self.kind[row] != NOT
                plain.append((self.label[row], start, -end, telling, Part(row, string, start, end, 0)))
        cues: list[tuple[int, list[Place]]] = []
        for cue, pieces in self._assembled(sentence, group):
            for row in cue.rows:
                if self._meets(row, sentence):
                    if self.kind[row] == NOT:
                        plain.append((self.label[row], pieces[0][0], -pieces[-1][1], False, None))
                    else:
                        cues.append((row, pieces))
        if not plain and not cues:
            return []
        negative = sentence.negative = [item[:3] for item in plain if not item[3]]
        kept = self._longest(plain)
        if cues:
            kept = self._with_cues(kept, cues, negative)
        return [part for part in kept if not self._boundary[part.row] or not self._straddles(sentence, part)]

    @staticmethod
    def _longest(plain: list[tuple[int, int, int, bool, Part | None]]) -> list[Part]:
        plain.sort(key=lambda item: item[:4])
        kept: list[Part] = []
        last, reach = -1, -1
        for label, _, end, telling, part in plain:
            if label != last:
                last, reach = label, -1
            if -end > reach:
                reach = -end
                if telling and part is not None:
                    kept.append(part)
        return kept

    def _rolled_up(self, stands: list[Find]) -> list[Find]:
        """See `Resolver._rolled_up`."""
        out: list[Find] = []
        by_sentence: dict[int, list[Find]] = {}
        for item in stands:
            by_sentence.setdefault(item[0].low, []).append(item)
        for items in by_sentence.values():
            sentence = items[0][0]
            plain: list[tuple[int, int, int, bool, Part | None]] = []
            cues: list[tuple[int, list[Place]]] = []
            denied: dict[tuple[int, int], Place | None] = {}  # by row and start of the first piece
            for n, (_, part, no) in enumerate(items):
                rows = list(self._inherits.get(part.row, ()))
                if self._inheriting[self.label[part.row]]:
                    rows.append(part.row)
                else:
                    out.append(items[n])
                if part.share:
                    continue
                count = self.parts[part.row]
                for row in rows:
                    if no is None or (row, part.start) not in denied:
                        denied[row, part.start] = no
                    if count == 1:
                        plain.append((self.label[row], part.start, -part.end, True, part._replace(row=row)))
                    else:
                        cues.append((row, [(p.start, p.end, p.string) for _, p, _ in items[n : n + count]]))
            if not plain and not cues:
                continue
            plain.sort(key=lambda item: (self.kind[item[4].row], item[4].row) if item[4] else (0, 0))
            cues.sort(key=lambda item: item[0])
            negative = [item for item in sentence.negative if self._inheriting[item[0]]]
            kept = self._longest([*plain, *((*item, False, None) for item in negative)])
            if cues:
                kept = self._with_cues(kept, cues, negative)
            no = None
            for part in kept:
                no = no if part.share else denied[part.row, part.start]
                out.append((sentence, part, no))
        return out

    def _with_cues(
        self, kept: list[Part], cues: list[tuple[int, list[Place]]], negative: list[tuple[int, int, int]]
    ) -> list[Part]:
        label, kind = self.label, self.kind

        def falls(row: int, pieces: list[Place]) -> bool:
            no = [(start, -end) for other, start, end in negative if other == label[row]]
            yes = [(p.start, p.end) for p in kept if label[p.row] == label[row] and kind[p.row] <= kind[row]]
            return any(_inside(piece, no) for piece in pieces) or all(_inside(piece, yes) for piece in pieces)

        cues = [(row, pieces) for row, pieces in cues if not falls(row, pieces)]
        for end in (True, False):  # of those that end, and then of those that start, with the same piece
            best: dict[tuple[int, int], tuple[int, int, int, int]] = {}
            for n, (row, pieces) in enumerate(cues):
                key = label[row], pieces[-1][1] if end else pieces[0][0]
                rank = kind[row], -self.parts[row], row, n
                best[key] = min(rank, best.get(key, rank))
            cues = [cues[n] for n in sorted(rank[-1] for rank in best.values())]
        whole = [Part(row, p[2], p[0], p[1], n) for row, pieces in cues for n, p in enumerate(pieces)]

        def covered(part: Part) -> bool:
            spans = [
                (p.start, p.end) for p in whole if label[p.row] == label[part.row] and kind[p.row] <= kind[part.row]
            ]
            return _inside((part.start, part.end, 0), spans)

        return [part for part in kept if not covered(part)] + whole

    def _assembled(self, sentence: Sentence, group: int) -> list[tuple[_Cue, list[Place]]]:
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
    def _pieces(sentence: Sentence, cue: _Cue, anchor: Place) -> list[Place]:
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

    def _straddles(self, sentence: Sentence, part: Part) -> bool:
        low, high = max(sentence.low, part.start - WINDOW), min(sentence.high, part.end + WINDOW)
        return self._crosses(sentence.source.text[low:high], part.start - low, part.end - low)

    def _denied(self, sentences: list[Sentence], found: list[tuple[Sentence, Part]]) -> list[Place | None]:
        """What denies each part; see `Resolver._denials`."""
        deny = self._lexicon.deny
        for sentence in sentences:
            if deny["without"] in sentence.units:
                self._look(sentence)
                excepted = sentence.units.get(deny["except"], ())
                sentence.units[deny["without"]] = without(sentence.units[deny["without"]], excepted)
        denied: list[Place | None] = []
        for sentence, part in found:
            if part.share:  # a cue as a whole
                denied.append(denied[-1])
                continue
            denied.append(
                sentence.before(deny["before"], part.start, WITHIN_CLAUSE)
                or sentence.after(deny["after"], part.end, WITHIN_CLAUSE)
                or (
                    sentence.after(deny["of"], part.end, WITHIN_CLAUSE)
                    and sentence.before(deny["without"], part.start, WITHIN_CLAUSE)
                )
            )
        # What a question asks about is denied by the text's first answer, or by what denies its label there first.
        answer = next((s.units[deny["question"]][0] for s in sentences if s.units.get(deny["question"])), None)
        first: dict[int, Place] = {}
        for (_, part), no in zip(found, denied, strict=True):
            if no:
                first[self.label[part.row]] = min(no, first.get(self.label[part.row], no))
        if answer or first:
            for n, (sentence, part) in enumerate(found):
                if not denied[n] and sentence.source.text[sentence.high : sentence.high + 1] == "?":
                    denied[n] = answer or first.get(self.label[part.row])
        return denied


def _inside(place: Place, spans: list[tuple[int, int]]) -> bool:
    return any(start <= place[0] and place[1] <= end for start, end in spans)
