"""Few characters without arrays: what `_candidates`, `_resolving` and `_scoring` do for many texts, in plain Python.

A call of numpy takes a microsecond however little it has to do, and a batch takes a thousand of them. A text of some
hundred characters is done sooner by plain loops over its few hits. Tests hold both ways to the same answers.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import blank_notes, close_text
from trackclf._lexicon import WEAK, Lexicon
from trackclf._model import UNIT, Model
from trackclf._resolving import Straddles
from trackclf._results import Placed
from trackclf._scoring import Sums
from trackclf._short_matching import Place, Sentence, Strings, lists
from trackclf._short_resolving import Part, ShortResolver
from trackclf._short_voices import ShortVoices, Spoken
from trackclf._text import code_points, fold_table, to_string
from trackclf._voices import DENIED

_FEW, _SHORT = 16, 2400  # texts, and code points together, that arrays take longer for
_FIRST = 8  # times that arrays serve first, as for a process that tags one line


class _Cell:
    """What stands for one label in one sentence; see `Cells`."""

    __slots__ = ("cues", "denied", "label", "learned", "parts", "sentence", "sure", "units")

    def __init__(self, sentence: Sentence, label: int) -> None:
        self.sentence, self.label = sentence, label
        self.units, self.sure = 0, False
        self.parts: list[Part] = []  # without those that are denied
        self.denied: list[tuple[Part, Place]] = []  # with what denies them
        self.learned: dict[int, Place] = {}  # by row

    def counts(self, gates: tuple[list[int], list[int]]) -> bool:
        """Whether it is part of the score."""
        return bool(self.parts) and self.units >= gates[0 if self.sure else 1][self.label]


class ShortTexts:
    """A lexicon and model as dictionaries, for texts of some hundred characters."""

    def __init__(self, lexicon: Lexicon, model: Model, straddles: Straddles) -> None:
        self._lexicon, self._resolver = lexicon, ShortResolver(lexicon, straddles)
        self._label, self._kind, self._parts = self._resolver.label, self._resolver.kind, self._resolver.parts
        self._bias, self._threshold = model.bias.tolist(), model.threshold.tolist()
        self._weight, self._gates = model.weight.tolist(), (model.gate.tolist(), model.gate_alone.tolist())
        self._group = lexicon.label_group.tolist()
        learned = lists(lexicon.learned)
        self._learned: dict[int, dict[int, list[int]]] = {}  # by label and string
        for string, rows in learned.items():
            for row in rows:
                self._learned.setdefault(self._label[row], {}).setdefault(string, []).append(row)
        first = lexicon.first_learned
        self._voices = ShortVoices(lexicon)
        self._context = Strings(lexicon.context, {lexicon.strings[first + n]: n for n in learned})

    def scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `Sums.scores` of a batch."""
        rows = []
        for text in texts:
            row = self._bias.copy()
            for label, (units, best) in self._totals(self._cells(close_text(_folded(text))[0])).items():
                bias = self._bias[label]
                miss = max(min(bias + best / UNIT, self._threshold[label] - 1 / UNIT), bias)
                row[label] = bias + units / UNIT if units else miss
            rows.append(row)
        return np.array(rows, np.float32)

    def placed(self, texts: Sequence[str]) -> tuple[Sums, Placed]:
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

            def note(label: int, spot: Place, term: int, units: int, spoken: Spoken, n: int = n) -> None:
                voice, trigger = spoken
                said = places(trigger[0], trigger[1]) if trigger else (-1, -1)
                evidence.append((n, label, *places(spot[0], spot[1]), term, units, voice, *said))

            cues: dict[int, Sentence] = {}
            for cell in cells[n]:
                for part, trigger in cell.denied:
                    term = part.row * width + part.string
                    note(cell.label, (part.start, part.end, 0), term, 0, (DENIED, trigger))
            for cell in counting:
                sentence = cues.get(cell.sentence.low)
                if sentence is None:
                    sentence = cues[cell.sentence.low] = self._voices.cues(cell.sentence)
                for part in cell.parts:
                    if not part.share:  # a cue as a whole
                        spoken = self._voices.of(sentence, self._group[cell.label], part.start, part.end)
                    term = part.row * width + part.string
                    note(cell.label, (part.start, part.end, 0), term, self._share(part), spoken)
                for row, (start, end, string) in cell.learned.items():
                    spoken = self._voices.of(sentence, self._group[cell.label], start, end)
                    note(cell.label, (start, end, 0), row * width + string + first, self._weight[row], spoken)
            for track, mode, start, end, score in self._pairs(counting):
                pairs.append((n, track, mode, *places(start, end), score))
        lengths = np.array([len(text) for text, _ in closed])
        return self._sums(cells), Placed(_columns(evidence, 9), _columns(pairs, 6), None, lengths)

    def _cells(self, text: str) -> list[_Cell]:
        """Finds and learned strings by sentence and label."""
        cells: dict[tuple[int, int], _Cell] = {}
        beside: dict[int, list[_Cell]] = {}
        for sentence, part, no in self._resolver.find(text):
            label = self._label[part.row]
            key = sentence.low, label
            cell = cells.get(key)
            if cell is None:
                cell = cells[key] = _Cell(sentence, label)
            if no:
                cell.denied.append((part, no))
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

    def _share(self, part: Part) -> int:
        """What a part adds, in units of 1/256."""
        weight, parts = self._weight[part.row], self._parts[part.row]
        return int(weight if parts == 1 else weight // parts + (part.share < weight % parts))

    def _totals(self, cells: list[_Cell]) -> dict[int, tuple[int, int]]:
        """By label: what counts, and the largest sum that does not, in units of 1/256."""
        out: dict[int, tuple[int, int]] = {}
        for cell in cells:
            units, best = out.get(cell.label, (0, 0))
            counts = cell.counts(self._gates)
            out[cell.label] = (units + cell.units, best) if counts else (units, max(best, cell.units))
        return out

    def _sums(self, found: list[list[_Cell]]) -> Sums:
        rows = []
        for n, cells in enumerate(found):
            denied = {cell.label for cell in cells if cell.denied}
            rows += [(n, label, *two, label in denied) for label, two in sorted(self._totals(cells).items())]
        text, label, units, best, no = _columns(rows, 5)
        return Sums(len(found), len(self._bias), text, label, units, best, no.astype(bool))

    def _pairs(self, cells: list[_Cell]) -> list[tuple[int, int, int, int, float]]:
        """See `find_pairs`: track, mode, start, end, score."""
        found: dict[int, list[tuple[Sentence, Part]]] = {}
        for cell in cells:
            items = ((cell.sentence, part) for part in cell.parts if self._kind[part.row] < WEAK)
            found.setdefault(self._group[cell.label], []).extend(items)
        out = [
            pair
            for first, second in self._lexicon.couples
            if found.get(first) and found.get(second)
            for pair in self._beside(found[first], found[second])
        ]
        return sorted(out, key=lambda row: (row[2], row[0], row[1]))

    def _beside(
        self, sure: list[tuple[Sentence, Part]], cues: list[tuple[Sentence, Part]]
    ) -> Iterator[tuple[int, int, int, int, float]]:
        best: dict[tuple[int, int, int], tuple[Any, ...]] = {}
        for mode in sorted({self._label[cue.row] for _, cue in cues}):
            mine = sorted(
                ((sentence, cue) for sentence, cue in cues if self._label[cue.row] == mode),
                key=lambda item: (item[1].start, item[1].end, item[1].row),
            )
            starts = [cue.start for _, cue in mine]
            for step in (-1, 0):  # the nearest cue before and the nearest after
                for sentence, track in sure:
                    slot = bisect_left(starts, track.start) + step
                    if not 0 <= slot < len(mine) or mine[slot][0] is not sentence:
                        continue
                    cue = mine[slot][1]
                    low, high = min(track.start, cue.start), max(track.end, cue.end)
                    inner, outer = min(track.end, cue.end), max(track.start, cue.start)
                    apart = sentence.pauses(min(inner, outer), outer)
                    weight = min(self._weight[track.row], self._weight[cue.row])
                    value = (apart, max(outer - inner, 0), low, high, -weight)
                    key = sentence.low, self._label[track.row], mode
                    best[key] = min(value, best.get(key, value))
        for (_, label, mode), (apart, _, low, high, weight) in best.items():
            yield label, mode, low, high, -weight / UNIT * (0.5 if apart else 1.0)


def _folded(text: str) -> str:
    return blank_notes(to_string(fold_table().take(code_points(text))))


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


def _columns(rows: list[tuple[Any, ...]], width: int) -> tuple[Any, ...]:
    return tuple(map(np.array, zip(*rows, strict=True))) if rows else (np.zeros(0, np.int64),) * width
