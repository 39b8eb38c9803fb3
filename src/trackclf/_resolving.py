"""Hits to finds: which terms of which labels really stand in the texts.

Conditions are checked, cues with gaps put together, then inside each label the longest string wins and a `not`
cancels what it holds; a segmenter settles short terms, a denial takes the term away. All of it on whole arrays:
the only loop over finds is the segmenter's, over the few terms that ask for it.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trackclf._candidates import find_candidates
from trackclf._finds import CLAUSE, Finds, Learned, Units, trigger_at, undenied
from trackclf._lexicon import NOT, WEAK, Lexicon
from trackclf._matching import Fan, Int32, ascending, numbered, positions, spread
from trackclf._text import Bools, Ints, Passages, to_string

_QUESTION = ord("?")
# Whether a word of a string crosses one end of a stretch of it, given as two positions, and not the other.
Straddles = Callable[[str, int, int], bool]
WINDOW = 12  # code points either side of a short term that the segmenter is shown


class _Around(NamedTuple):
    """What stands around: strings that conditions ask for, and the pieces of cues.

    `asked` from `first[n]` to `first[n + 1]` stand in sentence n.
    """

    first: Ints
    asked: Int32
    units: Units


class Resolver:
    """Finds what stands, by a lexicon."""

    def __init__(self, lexicon: Lexicon, straddles: Straddles) -> None:
        self.lexicon = lexicon
        self.straddles = straddles

    def find(self, passages: Passages) -> Finds:
        """The finds of all labels in all texts, each label's own ordered by place."""
        candidates = find_candidates(self.lexicon, passages)
        hits, index, row = candidates.hits, candidates.place, candidates.row
        units = Units(passages, candidates.unit, candidates.start, candidates.end, candidates.string)
        bare = units.without(self.lexicon.deny["without"], self.lexicon.deny["except"])
        context = _Around(candidates.first, candidates.asked, units)
        found = []
        for group, kind in enumerate(self.lexicon.kinds):
            mine = self.lexicon.row_group[row] == group
            place, own = index[mine], row[mine]
            start, end = hits.start[place], hits.end[place]
            keep = self._conditions(passages, context, own, start)
            parts = Finds(
                own[keep].astype(np.int32),
                hits.string[place[keep]],
                start[keep],
                end[keep],
                np.zeros(keep.sum(), np.int32),
                undenied(int(keep.sum())),
            )
            cue_parts, cancels = self._cues(passages, context, candidates.anchor[group], candidates.cue[group])
            cancels = Finds.concatenate([cancels, parts.take(self.lexicon.kind[parts.row] == NOT)])
            parts = self._longest(passages, parts, cue_parts, cancels)
            parts = self._on_words(passages, parts)
            if kind in self.lexicon.denial_kinds:
                parts = self._denials(passages, bare, parts)
            found.append(self._rolled_up(passages, parts, cancels))
            if kind in self.lexicon.kind_unit:
                sure = parts.take((self.lexicon.kind[parts.row] != WEAK) & ~parts.denied)
                units = context.units.extended(self.lexicon.kind_unit[kind], sure.start, sure.end, sure.string)
                context = _Around(context.first, context.asked, units)
        return Finds.concatenate(found)

    def learned(self, passages: Passages, finds: Finds) -> Learned | None:
        """Learned strings beside finds that nothing denies; None where the lexicon has none."""
        lexicon = self.lexicon
        if lexicon.context is None:
            return None
        labels = len(lexicon.labels)
        column = np.cumsum(lexicon.learning) - 1  # only the labels that have learned strings take space
        label = lexicon.label.take(finds.row)
        beside = np.flatnonzero(lexicon.learning.take(label) & ~finds.denied)
        cells = np.zeros((len(passages.sentence_breaks), max(int(column[-1]) + 1, 1)), bool)
        number = passages.sentence_numbers
        cells[number.take(finds.start.take(beside)), column.take(label.take(beside))] = True
        place = positions(passages, np.flatnonzero(cells.any(1)))
        symbols = passages.symbols.take(place)
        hits = lexicon.context.occurrences(symbols)
        which, row = lexicon.learned(hits.string)
        sentence = number.take(place.take(hits.start)).astype(np.int64).take(which)
        label = lexicon.label.take(row)
        keep = np.flatnonzero(cells[sentence, column.take(label)])
        row, which = row.take(keep), which.take(keep)
        key = sentence.take(keep) * labels + label.take(keep)
        once = key * len(lexicon.label) + row
        order = ascending(once)
        first = np.flatnonzero(np.diff(once.take(order), prepend=-1))
        one = order.take(first)
        return Learned(key.take(one), row.take(one), first, which.take(order), hits, place, lexicon.first_learned)

    def _conditions(self, passages: Passages, context: "_Around", row: Ints, start: Ints) -> Bools:
        """Whether each find has beside it, in its sentence, what its row asks for, and nothing that it forbids."""
        keep = np.ones(len(row), bool)
        for conditions, kinds, wanted in (
            (self.lexicon.near, self.lexicon.near_kinds, True),
            (self.lexicon.far, self.lexicon.far_kinds, False),
        ):
            asking = np.flatnonzero(conditions[row] > 0)
            if len(asking):
                beside = self._beside(passages, context, conditions[row[asking]], kinds, row[asking], start[asking])
                keep[asking] &= beside == wanted
        return keep

    def _beside(
        self, passages: Passages, context: "_Around", condition: Ints, kinds: Fan, row: Ints, start: Ints
    ) -> Bools:
        """Whether a string of the condition, or a find of one of the row's kinds, stands in the same sentence."""
        # Each condition is looked at once a sentence, against the strings there that any condition asks for.
        sentence = passages.sentence_numbers.take(start).astype(np.int64)
        key, back = numbered(sentence * len(self.lexicon.member) + condition)
        number: Ints = key // len(self.lexicon.member)
        condition = key % len(self.lexicon.member)
        first = context.first.take(number)
        index, place = spread(first, context.first.take(number + 1) - first)
        good = np.zeros(len(key), bool)
        good[index[self.lexicon.member[condition.take(index), context.asked.take(place)]]] = True
        out: Bools = good[back]
        index, unit = kinds(row)
        if len(index):
            slot, there = context.units.following(unit, passages.sentence_start(sentence[index]))
            there[there] = passages.sentence_numbers[context.units.start[slot[there]]] == sentence[index[there]]
            out[index[there]] = True
        return out

    def _cues(self, passages: Passages, context: "_Around", index: Ints, cue: Ints) -> tuple[Finds, Finds]:
        """Parts of the cues with gaps that stand, and the `not` cues as whole spans.

        `index` are the places of the anchors of `cue` among the units.
        """
        units, lexicon = context.units, self.lexicon
        piece = np.full((len(cue), lexicon.cue_unit.shape[1]), -1, np.int64)
        anchor = lexicon.cue_anchor.take(cue)
        piece[np.arange(len(cue)), anchor] = index
        for step in lexicon.cue_steps.T:  # first to the right of the anchor, then to the left
            at = step.take(cue)
            stays = np.ones(len(cue), bool)
            for forward, asked in ((True, at > anchor), (False, (at >= 0) & (at < anchor))):
                which = np.flatnonzero(asked)
                if not len(which):
                    continue
                c, here = cue[which], at[which]
                unit = lexicon.cue_unit[c, here]
                last = piece[which, here - 1 if forward else here + 1]
                if forward:
                    slot, there = units.following(unit, units.end[last])
                    left, right, joint = units.end[last], units.start[slot], lexicon.cue_joint[c, here]
                else:
                    slot, there = units.preceding(unit, units.start[last])
                    left, right, joint = units.end[slot], units.start[last], lexicon.cue_joint[c, here + 1]
                stays[which] = there & units.joined(left, right, joint)
                piece[which, here] = slot
            piece, cue, anchor = piece[stays], cue[stays], anchor[stays]
        count = (piece >= 0).sum(1)
        first = units.start[piece[:, 0]] if len(piece) else np.zeros(0, np.int64)
        final = units.end[piece[np.arange(len(piece)), count - 1]] if len(piece) else first
        # Two starts that reach the same end are one cue: the nearer start stands.
        order = np.lexsort((piece[np.arange(len(piece)), anchor], first, final, cue))
        c, f = cue[order], final[order]
        order = order[np.append((c[1:] != c[:-1]) | (f[1:] != f[:-1]), True)] if len(order) else order
        index, row = self.lexicon.cue_rows(cue[order])
        which = order[index]
        keep = self._conditions(passages, context, row, first[which])
        which, row = which[keep], row[keep]
        negative = self.lexicon.kind[row] == NOT
        spans = which[negative]
        nothing = np.zeros(len(spans), np.int32)
        cancels = Finds(
            row[negative].astype(np.int32), nothing, first[spans], final[spans], nothing, undenied(len(spans))
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
            undenied(len(at)),
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
        label = self.lexicon.label[both.row].astype(np.int64)
        negative = self.lexicon.kind[both.row] == NOT
        order = np.lexsort((~negative, -both.end, label * span + both.start))
        reach = (label * span + both.end)[order]
        before = np.maximum.accumulate(np.append(np.int64(-1), reach))[:-1]
        kept = both.take(order[(before < reach) & ~negative[order]])
        if not len(cues.row):
            return kept
        number = np.cumsum(cues.share == 0) - 1
        fallen = np.zeros(number[-1] + 1, bool)
        fallen[number[self._inside(cues, both.take(negative), span)]] = True
        uncovered = np.zeros(len(fallen), bool)
        uncovered[number[~self._covered(cues, kept, span)]] = True
        fallen |= ~uncovered
        whole = self._most_telling(cues.take(~fallen[number]))
        return Finds.concatenate([kept.take(~self._covered(kept, whole, span)), whole])

    def _rolled_up(self, passages: Passages, parts: Finds, cancels: Finds) -> Finds:
        """These, and with the parents what stands below them: inside a parent too the longest wins and a `not` cancels."""
        lexicon = self.lexicon
        if lexicon.inherits is None:
            return parts
        index, row = lexicon.inherits(parts.row)
        nth = np.arange(len(index)) - np.searchsorted(index, index)
        order = np.lexsort((index, nth))  # so that the parts of a cue stay together
        above = parts.take(index[order])._replace(row=row[order].astype(np.int32))
        mine = lexicon.inheriting.take(lexicon.label.take(parts.row))
        both = Finds.concatenate([parts.take(mine), above])
        both = both.take(np.argsort(both.denied, kind="stable"))  # what one label below denies, another may not
        single = lexicon.parts.take(both.row) == 1
        plain = both.take(single)
        plain = plain.take(np.lexsort((plain.row, lexicon.kind[plain.row])))  # of equal spans the first stands
        cancels = cancels.take(lexicon.inheriting.take(lexicon.label.take(cancels.row)))
        return Finds.concatenate([parts.take(~mine), self._longest(passages, plain, both.take(~single), cancels)])

    def _covered(self, inner: Finds, outer: Finds, span: np.int64) -> Bools:
        """Whether each part lies inside a part of `outer` of its label whose kind is at least as telling."""
        lexicon = self.lexicon
        out = np.zeros(len(inner.row), bool)
        some = np.zeros(len(lexicon.labels), bool)
        some[lexicon.label[outer.row]] = True
        asked = np.flatnonzero(some.take(lexicon.label.take(inner.row)))
        kind, other = lexicon.kind.take(inner.row.take(asked)), lexicon.kind.take(outer.row)
        for number in range(NOT):
            mine = asked[kind == number]
            if len(mine):
                out[mine] = self._inside(inner.take(mine), outer.take(other <= number), span)
        return out

    def _inside(self, inner: Finds, outer: Finds, span: np.int64) -> Bools:
        """Whether each part lies inside a part of `outer` of its own label."""
        if not len(outer.row):
            return np.zeros(len(inner.row), bool)
        base = self.lexicon.label[outer.row].astype(np.int64) * span
        order = np.argsort(base + outer.start, kind="stable")
        starts = (base + outer.start)[order]
        reach = np.maximum.accumulate((base + outer.end)[order])
        base = self.lexicon.label[inner.row].astype(np.int64) * span
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
            order = np.lexsort(
                (row, -self.lexicon.parts.take(row), self.lexicon.kind[row], place, self.lexicon.label[row])
            )
            key = np.stack([self.lexicon.label[row][order], place[order]])
            lead = np.append(True, (key[:, 1:] != key[:, :-1]).any(0))[: len(order)]
            stands = np.zeros(len(first), bool)
            stands[order[lead]] = True
            cues = cues.take(stands[np.cumsum(cues.share == 0) - 1])
        return cues

    def _on_words(self, passages: Passages, parts: Finds) -> Finds:
        """Ask the segmenter about the short terms that could straddle two words."""
        asking = np.flatnonzero(self.lexicon.boundary[parts.row])
        if not len(asking):
            return parts
        start, end = parts.start[asking], parts.end[asking]
        sentence = passages.sentence_numbers.take(start)
        low = np.maximum(passages.sentence_start(sentence), start - WINDOW)
        high = np.minimum(passages.sentence_breaks[sentence], end + WINDOW)
        size: Ints = high - low
        windows = to_string(passages.folded(spread(low, size)[1]))
        good = np.ones(len(parts.row), bool)
        first = np.cumsum(size) - size
        rows = (asking, first, first + size, start - low, end - low)
        for n, a, b, s, e in zip(*(row.tolist() for row in rows), strict=True):
            good[n] = not self.straddles(windows[a:b], s, e)
        return parts.take(good)

    def _denials(self, passages: Passages, units: Units, parts: Finds) -> Finds:
        """Mark what the clause denies, and what a question only asks about that the text denies elsewhere."""
        deny = self.lexicon.deny
        number = passages.sentence_numbers
        holds = np.zeros(len(passages.sentence_breaks), bool)
        holds[number[units.start[self.lexicon.is_denial.take(units.unit)]]] = True
        near = np.flatnonzero(holds.take(number.take(parts.start)))  # the others have no denial in their sentence
        start, end = parts.start.take(near), parts.end.take(near)
        without, has = units.before(deny["without"], start, CLAUSE)
        has &= units.after(deny["of"], end, CLAUSE)[1]
        trigger = parts.trigger.copy()
        after, before = units.after(deny["after"], end, CLAUSE), units.before(deny["before"], start, CLAUSE)
        for slot, there in ((without, has), after, before):  # of several the last stands
            at = np.flatnonzero(there)
            trigger[near.take(at)] = trigger_at(units.start.take(slot.take(at)), units.end.take(slot.take(at)))
        trigger = trigger[parts.first_parts()]  # a cue as a whole
        return parts._replace(trigger=self._answered(passages, units, parts, trigger))

    def _answered(self, passages: Passages, units: Units, parts: Finds, trigger: Ints) -> Ints:
        """The triggers, and for what a question asks about the text's first answer, or what denies its label there first."""
        denied = np.flatnonzero(trigger >= 0)
        answers = np.flatnonzero(units.unit == self.lexicon.deny["question"])
        if not len(denied) and not len(answers):
            return trigger
        number = passages.sentence_numbers.take(parts.start)
        text = passages.sentence_texts.take(number)
        key = text * np.int64(len(self.lexicon.labels)) + self.lexicon.label.take(parts.row)
        is_asked = passages.folded(passages.sentence_breaks.take(number)) == _QUESTION
        asking = np.flatnonzero((trigger < 0) & is_asked)
        first = denied.take(np.lexsort((trigger.take(denied), key.take(denied))))
        said, until = units.start.take(answers), units.end.take(answers)
        of_text = passages.sentence_texts.take(passages.sentence_numbers.take(said))
        for keys, asked, found in (
            (key.take(first), key, trigger.take(first)),
            (of_text, text, trigger_at(said, until)),
        ):
            slot = np.searchsorted(keys, asked.take(asking))
            there = np.flatnonzero(slot < len(keys))
            there = there[keys.take(slot.take(there)) == asked.take(asking.take(there))]
            trigger[asking.take(there)] = found.take(slot.take(there))
        return trigger
