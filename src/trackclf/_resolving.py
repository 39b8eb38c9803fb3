"""Hits to finds: which terms of which labels really stand in the texts.

Conditions are checked, cues with gaps put together, then inside each label the longest string wins and a `not`
cancels what it holds; a segmenter settles short terms, a denial takes the term away. All of it on whole arrays:
the only loop over finds is the segmenter's, over the few terms that ask for it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._matching import Fan, Hits, Int32, Table, spread
from trackclf._taxonomy import Taxonomy
from trackclf._taxonomy_files import GAPS, KINDS, Slot
from trackclf._text import Bools, Ints, Passages, Segmenter, fold_table

NOT = KINDS.index("not")
WEAK = KINDS.index("weak")
_LENGTHS = 64
_WINDOW = 12  # code points either side of a short term that the segmenter is shown


@dataclass(frozen=True, slots=True)
class Finds:
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
    denied : bool
        Whether the clause denies it.
    """

    row: Int32
    string: Int32
    start: Ints
    end: Ints
    share: Int32
    denied: Bools

    def __getitem__(self, keep: Bools | Ints) -> "Finds":
        return Finds(*(getattr(self, name)[keep] for name in self.__slots__))

    @classmethod
    def concatenate(cls, items: list["Finds"]) -> "Finds":
        """All parts of several."""
        return cls(*(np.concatenate([getattr(item, name) for item in items]) for name in cls.__slots__))


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
        order = np.argsort(start * _LENGTHS + np.minimum(end - start, _LENGTHS - 1), kind="stable")
        number = np.full(len(order), unit, np.int64)
        return Units(
            self._passages,
            np.concatenate([self.unit, number]),
            np.concatenate([self.start, start[order]]),
            np.concatenate([self.end, end[order]]),
            np.concatenate([self.string, string[order]]),
        )

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
            slot[~there] = 0
            there[there] = self.unit[slot[there]] == unit[there]
            over = there.copy()
            over[there] = self.end[slot[there]] > at[there]
            if not over.any():
                return slot, there
            slot[over] -= 1

    def joined(self, left: Ints, right: Ints, joint: NDArray[np.int8]) -> Bools:
        """Whether the gaps from positions `left` to `right` keep to their joints."""
        gap = right - left
        ok = gap <= _GAP_OF[joint]
        for kind, breaks in ((1, self._passages.clause_breaks), (2, self._passages.sentence_breaks)):
            at = np.flatnonzero((joint == kind) & ok & (gap > 0))
            ok[at] = np.searchsorted(breaks, left[at]) == np.searchsorted(breaks, right[at])
        return ok


_JOINTS = list(GAPS)
_GAP_OF = np.array([GAPS[joint] for joint in _JOINTS], np.int64)


@dataclass(frozen=True, slots=True)
class _Context:
    """What stands around: strings that conditions ask for, by place, and the pieces of cues."""

    start: Ints
    asked: Int32
    units: Units


class Lexicon:
    """A taxonomy compiled to arrays: immutable, shared between threads.

    A row is one term for one label. Attributes by row: `label` int16, `kind` int8, `boundary` bool,
    `parts` int32 (pieces of its cue, 1 for a plain term), `texts` list of str (as in the data file).
    """

    _cue_unit: Ints

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.labels = taxonomy.labels
        column = {label.id: n for n, label in enumerate(self.labels)}
        self.kinds = tuple(dict.fromkeys(label.kind for label in self.labels))
        self._string_ids: dict[str, int] = {}
        self._unit_ids: dict[Slot, int] = {}
        unit_strings: list[tuple[int, int]] = []

        def unit(slot: Slot) -> int:
            slot = Slot(slot.text, slot.word_class)
            if slot not in self._unit_ids:
                number = self._unit_ids[slot] = len(self._unit_ids)
                members = taxonomy.classes.get(slot.word_class, ()) if slot.word_class else (slot.text,)
                unit_strings.extend((self._string(text), number) for text in members)
            return self._unit_ids[slot]

        def members(slots: Iterable[Slot]) -> frozenset[str]:
            texts = {text for slot in slots for text in taxonomy.classes.get(slot.word_class, (slot.text,))}
            return frozenset(texts - {""})

        def union(texts: Iterable[str], name: str) -> int:
            number = self._unit_ids[Slot("", name)] = len(self._unit_ids)
            unit_strings.extend((self._string(text), number) for text in texts)
            return number

        self._denial_kinds = frozenset(taxonomy.denial.get("kinds", ()))
        self._deny_before = union(taxonomy.denial.get("before", ()), "\0before")
        self._deny_after = union(taxonomy.denial.get("after", ()), "\0after")
        self._deny_question = union(taxonomy.denial.get("question", ()), "\0question")
        rows: list[tuple[int, int, bool, int]] = []
        self.texts: list[str] = []
        plain: list[tuple[int, int]] = []
        conditions: dict[frozenset[str], int] = {frozenset(): 0}  # 0 is no condition
        beside: dict[str, list[int]] = {"near": [], "far": []}
        beside_kinds: dict[str, list[tuple[int, int]]] = {"near": [], "far": []}
        cues: dict[tuple[Slot, ...], int] = {}
        cue_rows: list[tuple[int, int]] = []
        for entry in taxonomy.entries:
            for term in entry.terms:
                targets = [entry.label.id, *term.also]
                for label in (column[id] for id in targets if id in column):
                    row = len(rows)
                    rows.append((label, KINDS.index(term.kind), term.boundary, len(term.slots)))
                    self.texts.append(term.text)
                    for side, slots in (("near", term.near), ("far", term.far)):
                        kinds = [slot for slot in slots if slot.word_class in self.kinds]
                        beside_kinds[side].extend((row, unit(slot)) for slot in kinds)
                        texts = members(slots)
                        if kinds and not texts:  # a condition all the same, of no strings
                            texts = frozenset({"\0"})
                        beside[side].append(conditions.setdefault(texts, len(conditions)))
                    if len(term.slots) == 1:
                        plain.append((self._string(term.slots[0].text), row))
                    else:
                        cue_rows.append((cues.setdefault(term.slots, len(cues)), row))
        self.kind_names = [KINDS[row[1]] for row in rows]
        self.label = np.array([row[0] for row in rows], np.int16)
        self.kind = np.array([row[1] for row in rows], np.int8)
        self.boundary = np.array([row[2] for row in rows], bool)
        self.parts = np.array([row[3] for row in rows], np.int32)
        kind_of = np.array([self.kinds.index(label.kind) for label in self.labels], np.int8)
        self._row_group = kind_of[self.label]
        self._near, self._far = np.array(beside["near"], np.int64), np.array(beside["far"], np.int64)
        self._near_kinds = Fan(len(rows), beside_kinds["near"])
        self._far_kinds = Fan(len(rows), beside_kinds["far"])
        self._compile_cues(list(cues), cue_rows, unit)
        # What a kind of label has found serves the later kinds as a class: {track}. Last, so that its units sort last.
        wanted = [kind for kind in self.kinds if Slot("", kind) in self._unit_ids]
        renumber = np.arange(len(self._unit_ids))
        for offset, kind in enumerate(wanted):
            renumber[self._unit_ids[Slot("", kind)]] = len(self._unit_ids) + offset
        self._kind_unit = {kind: len(self._unit_ids) + offset for offset, kind in enumerate(wanted)}
        self._near_kinds.map_values(renumber)
        self._far_kinds.map_values(renumber)
        self._cue_unit = np.where(self._cue_unit >= 0, renumber[self._cue_unit], -1)
        asked = {text: n for n, text in enumerate(dict.fromkeys(text for texts in conditions for text in texts))}
        self._member = np.zeros((len(conditions), len(asked)), bool)
        for number, texts in enumerate(conditions):
            self._member[number, [asked[text] for text in texts]] = True
        ids = [self._string(text) for text in asked]
        self.strings = list(self._string_ids)
        self._asked = np.full(len(self.strings), -1, np.int32)
        self._asked[ids] = np.arange(len(ids))
        self.table = Table(self.strings)
        self._plain = Fan(len(self.strings), plain)
        self._units = Fan(len(self.strings), unit_strings)

    def _string(self, text: str) -> int:
        return self._string_ids.setdefault(text, len(self._string_ids))

    def _compile_cues(
        self, cues: list[tuple[Slot, ...]], cue_rows: list[tuple[int, int]], unit: Callable[[Slot], int]
    ) -> None:
        """One row a cue: its pieces' units and joints, and the piece that it is looked for from."""
        width = max((len(cue) for cue in cues), default=1)
        self._cue_unit = np.full((len(cues), width), -1, np.int64)
        self._cue_joint = np.zeros((len(cues), width), np.int8)
        self._cue_anchor = np.zeros(len(cues), np.int64)
        anchors = []
        for n, cue in enumerate(cues):
            for i, slot in enumerate(cue):
                self._cue_unit[n, i] = unit(slot)
                self._cue_joint[n, i] = _JOINTS.index(slot.joint)
            # The longest literal is as a rule the rarest piece: a cue is looked for from there.
            fixed = [i for i, slot in enumerate(cue) if slot.word_class not in self.kinds]
            self._cue_anchor[n] = max(fixed, key=lambda i: (len(cue[i].text), -i))
            anchors.append((int(self._cue_unit[n, self._cue_anchor[n]]), n))
        self._cue_rows = Fan(len(cues), cue_rows)
        self._anchors = Fan(len(self._unit_ids), anchors)
        self._cue_group = np.zeros(len(cues), np.int8)
        for cue_number, row in cue_rows:
            self._cue_group[cue_number] = self._row_group[row]

    def resolve(self, passages: Passages, hits: Hits, segmenter: Segmenter) -> Finds:
        """The finds of all labels in all texts, each label's own ordered by place."""
        hits = hits[np.argsort(hits.start, kind="stable")]  # find() returns short strings before long ones
        index, unit = self._units(hits.string)
        order = np.argsort(unit.astype(np.uint16) if len(self._units) <= 1 << 16 else unit, kind="stable")
        index, unit = index[order], unit[order]
        units = Units(passages, unit, hits.start[index], hits.end[index], hits.string[index])
        asked = self._asked[hits.string]
        context = _Context(hits.start[asked >= 0], asked[asked >= 0], units)
        index, row = self._plain(hits.string)
        found = []
        for group, kind in enumerate(self.kinds):
            mine = self._row_group[row] == group
            place, own = index[mine], row[mine]
            start, end = hits.start[place], hits.end[place]
            keep = self._conditions(passages, context, own, start)
            parts = Finds(
                own[keep].astype(np.int32),
                hits.string[place[keep]],
                start[keep],
                end[keep],
                np.zeros(keep.sum(), np.int32),
                np.zeros(keep.sum(), bool),
            )
            cue_parts, cancels = self._cues(passages, context, group)
            parts = self._longest(passages, parts, cue_parts, cancels)
            parts = self._on_words(passages, parts, segmenter)
            if kind in self._denial_kinds:
                parts = self._denials(passages, context.units, parts)
            found.append(parts)
            if kind in self._kind_unit:
                sure = parts[(self.kind[parts.row] != WEAK) & ~parts.denied]
                units = context.units.extended(self._kind_unit[kind], sure.start, sure.end, sure.string)
                context = _Context(context.start, context.asked, units)
        return Finds.concatenate(found)

    def _conditions(self, passages: Passages, context: "_Context", row: Ints, start: Ints) -> Bools:
        """Whether each find has beside it, in its sentence, what its row asks for, and nothing that it forbids."""
        keep = np.ones(len(row), bool)
        for conditions, kinds, wanted in ((self._near, self._near_kinds, True), (self._far, self._far_kinds, False)):
            asking = np.flatnonzero(conditions[row] > 0)
            if len(asking):
                beside = self._beside(passages, context, conditions[row[asking]], kinds, row[asking], start[asking])
                keep[asking] &= beside == wanted
        return keep

    def _beside(
        self, passages: Passages, context: "_Context", condition: Ints, kinds: Fan, row: Ints, start: Ints
    ) -> Bools:
        """Whether a string of the condition, or a find of one of the row's kinds, stands in the same sentence."""
        breaks = passages.sentence_breaks
        # Each condition is looked at once a sentence, against the strings there that any condition asks for.
        sentence = np.searchsorted(breaks, start)
        key, back = np.unique(sentence * len(self._member) + condition, return_inverse=True)
        number, condition = np.divmod(key, len(self._member))
        low = np.where(number > 0, breaks[number - 1] + 1, 0)
        high = breaks[number]  # a NUL ends every text, so there is one
        first = np.searchsorted(context.start, low)
        index, place = spread(first, np.searchsorted(context.start, high) - first)
        good = np.zeros(len(key), bool)
        good[index[self._member[condition[index], context.asked[place]]]] = True
        out: Bools = good[back]
        index, unit = kinds(row)
        if len(index):
            which = back[index]
            slot, there = context.units.following(unit, low[which])
            there[there] = context.units.start[slot[there]] < high[which[there]]
            out[index[there]] = True
        return out

    def _cues(self, passages: Passages, context: "_Context", group: int) -> tuple[Finds, Finds]:
        """Parts of the cues with gaps that stand, and the `not` cues as whole spans."""
        units = context.units
        index, cue = self._anchors(np.minimum(units.unit, len(self._anchors) - 1))
        mine = (self._cue_group[cue] == group) & (units.unit[index] < len(self._anchors))
        index, cue = index[mine], cue[mine]
        width = self._cue_unit.shape[1]
        piece = np.full((len(cue), width), -1, np.int64)
        alive = np.arange(len(cue))
        anchor = self._cue_anchor[cue]
        piece[alive, anchor] = index
        for step in (*range(1, width), *range(-1, -width, -1)):
            here = anchor + step
            inside = (here >= 0) & (here < width)
            asked = np.flatnonzero(inside & (self._cue_unit[cue, np.clip(here, 0, width - 1)] >= 0) & (alive >= 0))
            if not len(asked):
                continue
            at, c = here[asked], cue[asked]
            unit = self._cue_unit[c, at]
            last = piece[asked, at - np.sign(step)]
            if step > 0:
                slot, there = units.following(unit, units.end[last])
                ok = there & units.joined(units.end[last], units.start[slot], self._cue_joint[c, at])
            else:
                slot, there = units.preceding(unit, units.start[last])
                ok = there & units.joined(units.end[slot], units.start[last], self._cue_joint[c, at + 1])
            piece[asked, at] = slot
            alive[asked[~ok]] = -1
        piece, cue = piece[alive >= 0], cue[alive >= 0]
        count = (piece >= 0).sum(1)
        first = units.start[piece[:, 0]] if len(piece) else np.zeros(0, np.int64)
        final = units.end[piece[np.arange(len(piece)), count - 1]] if len(piece) else first
        # Two starts that reach the same end are one cue: the nearer start stands.
        order = np.lexsort((first, final, cue))
        c, f = cue[order], final[order]
        order = order[np.append((c[1:] != c[:-1]) | (f[1:] != f[:-1]), True)] if len(order) else order
        index, row = self._cue_rows(cue[order])
        which = order[index]
        keep = self._conditions(passages, context, row, first[which])
        which, row = which[keep], row[keep]
        negative = self.kind[row] == NOT
        spans = which[negative]
        nothing = np.zeros(len(spans), np.int32)
        cancels = Finds(
            row[negative].astype(np.int32), nothing, first[spans], final[spans], nothing, np.zeros(len(spans), bool)
        )
        which, row = which[~negative], row[~negative]
        at, share = np.nonzero(piece[which] >= 0)
        slot = piece[which][at, share]
        parts = Finds(
            row[at].astype(np.int32),
            units.string[slot],
            units.start[slot],
            units.end[slot],
            share.astype(np.int32),
            np.zeros(len(at), bool),
        )
        return parts, cancels

    def _longest(self, passages: Passages, plain: Finds, cues: Finds, cancels: Finds) -> Finds:
        """What stands inside each label: the longest string wins, a `not` cancels, nothing counts twice.

        A plain term falls inside a longer one or a `not`. A cue falls with any part inside a `not`, and where terms at
        least as telling cover all its parts; of cues that start or end with the same piece the most telling one
        stands. A plain term falls inside a part of a cue that is at least as telling.
        """
        both = Finds.concatenate([plain, cancels])
        span = np.int64(len(passages.symbols) + 1)
        label = self.label[both.row].astype(np.int64)
        negative = self.kind[both.row] == NOT
        order = np.lexsort((~negative, -both.end, label * span + both.start))
        reach = (label * span + both.end)[order]
        before = np.maximum.accumulate(np.append(np.int64(-1), reach))[:-1]
        kept = both[order[(before < reach) & ~negative[order]]]
        if not len(cues.row):
            return kept
        number = np.cumsum(cues.share == 0) - 1
        fallen = np.zeros(number[-1] + 1, bool)
        fallen[number[self._inside(cues, both[negative], span)]] = True
        uncovered = np.zeros(len(fallen), bool)
        uncovered[number[~self._covered(cues, kept, span)]] = True
        fallen |= ~uncovered
        whole = self._most_telling(cues[~fallen[number]])
        return Finds.concatenate([kept[~self._covered(kept, whole, span)], whole])

    def _covered(self, inner: Finds, outer: Finds, span: np.int64) -> Bools:
        """Whether each part lies inside a part of `outer` of its label whose kind is at least as telling."""
        out = np.zeros(len(inner.row), bool)
        kind, other = self.kind[inner.row], self.kind[outer.row]
        for number in range(NOT):
            mine = np.flatnonzero(kind == number)
            if len(mine):
                out[mine] = self._inside(inner[mine], outer[other <= number], span)
        return out

    def _inside(self, inner: Finds, outer: Finds, span: np.int64) -> Bools:
        """Whether each part lies inside a part of `outer` of its own label."""
        if not len(outer.row):
            return np.zeros(len(inner.row), bool)
        base = self.label[outer.row].astype(np.int64) * span
        order = np.argsort(base + outer.start, kind="stable")
        starts = (base + outer.start)[order]
        reach = np.maximum.accumulate((base + outer.end)[order])
        base = self.label[inner.row].astype(np.int64) * span
        slot = np.searchsorted(starts, base + inner.start, side="right") - 1
        inside: Bools = (slot >= 0) & (reach[np.maximum(slot, 0)] >= base + inner.end)
        return inside

    def _most_telling(self, cues: Finds) -> Finds:
        """Of the cues of a label that end, and then of those that start, with the same piece: the most telling."""
        for end in (True, False):
            first = np.flatnonzero(cues.share == 0)
            if not len(first):
                break
            place = cues.end[np.append(first[1:], len(cues.row)) - 1] if end else cues.start[first]
            row = cues.row[first]
            order = np.lexsort((row, -self.parts[row], self.kind[row], place, self.label[row]))
            key = np.stack([self.label[row][order], place[order]])
            lead = np.append(True, (key[:, 1:] != key[:, :-1]).any(0))[: len(order)]
            stands = np.zeros(len(first), bool)
            stands[order[lead]] = True
            cues = cues[stands[np.cumsum(cues.share == 0) - 1]]
        return cues

    def _on_words(self, passages: Passages, parts: Finds, segmenter: Segmenter) -> Finds:
        """Ask the segmenter about the short terms that could straddle two words."""
        asking = np.flatnonzero(self.boundary[parts.row])
        if not len(asking):
            return parts
        breaks = passages.sentence_breaks
        start, end = parts.start[asking], parts.end[asking]
        sentence = np.searchsorted(breaks, start)
        low = np.maximum(np.where(sentence > 0, breaks[sentence - 1] + 1, 0), start - _WINDOW)
        high = np.minimum(breaks[sentence], end + _WINDOW)
        good = np.ones(len(parts.row), bool)
        fold = fold_table()
        for n, a, b, s, e in zip(asking, low.tolist(), high.tolist(), start.tolist(), end.tolist(), strict=True):
            window = fold[passages.codes[passages.place(np.arange(a, b))]]
            text = window.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
            good[n] = not segmenter.straddles(text, s - a, e - a)
        return parts[good]

    def _denials(self, passages: Passages, units: Units, parts: Finds) -> Finds:
        """Mark what the clause denies, and what a question only asks about that the text denies elsewhere."""
        count = len(parts.row)
        clause = np.full(count, _JOINTS.index("…"), np.int8)
        denied = np.zeros(count, bool)
        slot, there = units.preceding(np.full(count, self._deny_before), parts.start)
        at = np.flatnonzero(there)
        denied[at] = units.joined(units.end[slot[at]], parts.start[at], clause[at])
        slot, there = units.following(np.full(count, self._deny_after), parts.end)
        at = np.flatnonzero(there)
        denied[at] |= units.joined(parts.end[at], units.start[slot[at]], clause[at])
        answers = units.start[units.unit == self._deny_question]
        if denied.any() or len(answers):
            breaks = passages.sentence_breaks
            asked = passages.folded(breaks[np.searchsorted(breaks, parts.start)]) == 0x3F
            text = passages.text_of(parts.start)
            cell = text * len(self.labels) + self.label[parts.row]
            denied |= asked & (np.isin(cell, cell[denied]) | np.isin(text, passages.text_of(answers)))
        denied = denied[np.maximum.accumulate(np.where(parts.share == 0, np.arange(count), 0))]  # a cue as a whole
        return Finds(parts.row, parts.string, parts.start, parts.end, parts.share, denied)
