"""Finds to numbers: contributions, sums over any span, pairs of tracks and modes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._lexicon import WEAK, Lexicon
from trackclf._model import UNIT, Model
from trackclf._resolving import Finds
from trackclf._text import Bools, Ints, Passages

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contributions:
    """Finds with what each part adds.

    Attributes
    ----------
    finds : Finds
    text, sentence, label : int64 (n_parts,)
        Index of the text; index of the sentence; column of the label.
    units : int64 (n_parts,)
        Log-odds in units of 1/256; the parts of a cue share its weight without remainder.
    sure : bool (n_parts,)
        Whether the part is of a core, strong or entity term.
    counts : bool (n_parts,)
        Whether it is part of the score: nothing denies it, and its sentence adds up to enough for its label.
    """

    finds: Finds
    text: Ints
    sentence: Ints
    label: Ints
    units: Ints
    sure: Bools
    counts: Bools

    def __getitem__(self, keep: Bools | Ints) -> "Contributions":
        return Contributions(self.finds[keep], *(getattr(self, name)[keep] for name in self.__slots__[1:]))


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over texts, by label.

    Attributes
    ----------
    units : int64 (n_texts, n_labels)
        What counts, in units of 1/256.
    best : int64 (n_texts, n_labels)
        The largest sum of one sentence that does not count; 0 where there is none above.
    denied : bool (n_texts, n_labels)
    """

    units: Ints
    best: Ints
    denied: Bools

    def add(self, found: Contributions, first_text: int) -> None:
        """Add what texts from `first_text` on contribute."""
        labels = self.units.shape[1]
        cell = (found.text + first_text) * labels + found.label
        low = first_text * labels
        mine = found.counts
        flat = np.bincount(cell[mine] - low, found.units[mine], self.units.size - low)
        self.units.reshape(-1)[low:] += flat.astype(np.int64)
        self.denied.reshape(-1)[cell[found.finds.denied]] = True
        rest = np.flatnonzero(~mine & ~found.finds.denied)
        if len(rest):
            key = found.sentence[rest] * labels + found.label[rest]
            sums = np.bincount(key, found.units[rest]).astype(np.int64)
            np.maximum.at(self.best.reshape(-1), cell[rest], sums[key])

    def scores(self, model: Model) -> NDArray[np.float32]:
        """float32 (n_texts, n_labels): bias plus what counts, or else the nearest miss."""
        miss = np.minimum(model.bias + self.best / UNIT, model.threshold - 1 / UNIT)
        miss = np.maximum(miss, model.bias)
        return np.where(self.units != 0, model.bias + self.units / UNIT, miss).astype(np.float32)


def empty_sums(texts: int, labels: int) -> Sums:
    """Sums of nothing."""
    shape = texts, labels
    return Sums(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool))


def contribute(passages: Passages, finds: Finds, lexicon: Lexicon, model: Model) -> Contributions:
    """What each find adds, and where.

    A sentence counts for a label from `gate` on, or from `gate_alone` on where it holds none of the label's core, strong
    or entity terms; so weak terms and learned strings do not pile up over a long text.
    """
    parts = lexicon.parts[finds.row].astype(np.int64)
    weight = model.weight[finds.row].astype(np.int64)
    units = weight // parts + (finds.share < weight % parts)
    sure = lexicon.kind[finds.row] < WEAK
    label = lexicon.label[finds.row].astype(np.int64)
    sentence = passages.sentence_numbers.take(finds.start)
    cell = sentence * np.int64(len(lexicon.labels)) + label
    size = (len(passages.sentence_breaks) + 1) * len(lexicon.labels)
    stands = ~finds.denied
    total = np.bincount(cell[stands], units[stands], size)
    has_sure = np.zeros(size, bool)
    has_sure[cell[stands & sure]] = True
    enough = total[cell] >= np.where(has_sure[cell], model.gate[label], model.gate_alone[label])
    return Contributions(finds, passages.sentence_texts.take(sentence), sentence, label, units, sure, stands & enough)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Tracks beside modes, one row a text, sentence, track and mode.

    Attributes
    ----------
    text, track, mode : int64 (n_pairs,)
        Index of the text; columns of the labels.
    start, end : int64 (n_pairs,)
        Positions in the symbols of the `Passages`, around both.
    score : float64 (n_pairs,)
    """

    text: Ints
    track: Ints
    mode: Ints
    start: Ints
    end: Ints
    score: Floats


def find_pairs(passages: Passages, found: Contributions, model: Model, columns: dict[str, Ints]) -> Pairs:
    """For each sentence, track and mode that share it: the track's term with the nearest cue.

    Nearest means in the same clause first, then by distance. The score is the smaller of the two
    terms' weights, halved where the two do not share a clause.
    """
    finds = found.finds
    sure = found.sure & found.counts
    sentence = found.sentence
    tracks = np.flatnonzero(sure & np.isin(found.label, columns["track"]))
    rows: list[tuple[NDArray[np.generic], ...]] = []
    span = len(passages.symbols) + 1
    for mode in columns["mode"].tolist():
        cues = np.flatnonzero(sure & (found.label == mode))
        if not len(cues) or not len(tracks):
            continue
        cues = cues[np.argsort(finds.start[cues], kind="stable")]
        slot = np.searchsorted(finds.start[cues], finds.start[tracks])
        # The nearest cue before and the nearest after; those of other sentences fall out.
        for step in (-1, 0):
            here = slot + step
            inside = np.flatnonzero((here >= 0) & (here < len(cues)))
            track, cue = tracks[inside], cues[here[inside]]
            same = sentence[track] == sentence[cue]
            track, cue = track[same], cue[same]
            low = np.minimum(finds.start[track], finds.start[cue])
            high = np.maximum(finds.end[track], finds.end[cue])
            inner = np.minimum(finds.end[track], finds.end[cue])
            outer = np.maximum(finds.start[track], finds.start[cue])
            breaks = passages.clause_breaks
            apart = np.searchsorted(breaks, np.minimum(inner, outer)) != np.searchsorted(breaks, outer)
            distance = np.maximum(outer - inner, 0) + apart * span
            smaller = np.minimum(model.weight[finds.row[track]], model.weight[finds.row[cue]]) / UNIT
            rows.append((sentence[track], found.label[track], np.full(len(track), mode), distance, found.text[track],
                         low, high, smaller * np.where(apart, 0.5, 1.0)))  # fmt: skip
    if not rows:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none, none, none, np.zeros(0))
    whole = [np.concatenate(part) for part in zip(*rows, strict=True)]
    key, track, mode, distance, text, low, high, score = whole
    order = np.lexsort((low, distance, mode, track, key))
    first = np.ones(len(order), bool)
    first[1:] = (
        (key[order][1:] != key[order][:-1])
        | (track[order][1:] != track[order][:-1])
        | (mode[order][1:] != mode[order][:-1])
    )
    pick = order[first]
    pick = pick[np.lexsort((mode[pick], track[pick], low[pick]))]
    return Pairs(text[pick], track[pick], mode[pick], low[pick], high[pick], score[pick])
