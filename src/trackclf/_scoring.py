"""Finds to numbers: contributions, sums over any span, pairs of tracks and modes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._lexicon import WEAK, Lexicon
from trackclf._matching import Int32
from trackclf._model import UNIT, Model
from trackclf._resolving import Finds, Learned
from trackclf._text import Bools, Ints, Passages

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """Sums over the finds of one label in one sentence, where there are any.

    Attributes
    ----------
    text, sentence, label : int64 (n_cells,)
        Index of the text; index of the sentence; column of the label.
    units : int64 (n_cells,)
        Log-odds in units of 1/256, without what is denied.
    counts : bool (n_cells,)
        Whether the cell is part of its text's score: something is not denied, and that adds up to enough.
    denied : bool (n_cells,)
        Whether something is denied.
    rank : int32 (n_sentences * n_labels,)
        Index of the cell of each sentence and label that has one; anything for the others.
    """

    text: Ints
    sentence: Ints
    label: Ints
    units: Ints
    counts: Bools
    denied: Bools
    rank: Int32


@dataclass(frozen=True, slots=True)
class Contributions:
    """Finds that count, with what each part adds.

    Attributes
    ----------
    finds : Finds
    text, sentence, label : int64 (n_parts,)
        Index of the text; index of the sentence; column of the label.
    units : int64 (n_parts,)
        Log-odds in units of 1/256; the parts of a cue share its weight without remainder.
    sure : bool (n_parts,)
        Whether the part is of a core, strong or entity term.
    """

    finds: Finds
    text: Ints
    sentence: Ints
    label: Ints
    units: Ints
    sure: Bools


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

    def add(self, cells: Cells) -> None:
        """Add what the cells of the texts sum up to."""
        cell = cells.text * self.units.shape[1] + cells.label
        mine = np.flatnonzero(cells.counts)
        np.add.at(self.units.reshape(-1), cell.take(mine), cells.units.take(mine))
        self.denied.reshape(-1)[cell[cells.denied]] = True
        rest = np.flatnonzero(~cells.counts)
        np.maximum.at(self.best.reshape(-1), cell.take(rest), cells.units.take(rest))

    def scores(self, model: Model) -> NDArray[np.float32]:
        """float32 (n_texts, n_labels): bias plus what counts, or else the nearest miss."""
        scores = np.empty(self.units.shape, np.float32)
        scores[:] = model.bias
        text, label = np.nonzero((self.units != 0) | (self.best != 0))  # few of them
        units, bias = self.units[text, label], model.bias[label]
        miss = np.minimum(bias + self.best[text, label] / UNIT, model.threshold[label] - 1 / UNIT)
        scores[text, label] = np.where(units != 0, bias + units / UNIT, np.maximum(miss, bias))
        return scores


def empty_sums(texts: int, labels: int) -> Sums:
    """Sums of nothing."""
    shape = texts, labels
    return Sums(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool))


def add_up(passages: Passages, finds: Finds, learned: Learned | None, lexicon: Lexicon, model: Model) -> Cells:
    """Sums of the finds and of the learned strings beside them.

    A sentence counts for a label from `gate` on, or from `gate_alone` on where it holds none of the label's core, strong
    or entity terms; so weak terms and learned strings do not pile up over a long text.
    """
    labels = len(lexicon.labels)
    size = len(passages.sentence_breaks) * labels
    key = _keys(passages, finds, lexicon)
    there = np.zeros(size, bool)
    there[key] = True
    keys = np.flatnonzero(there)
    count = len(keys)
    rank = np.empty(size, np.int32)
    rank[keys] = np.arange(count)
    cell = rank.take(key)
    stands = np.flatnonzero(~finds.denied)
    total = np.bincount(cell.take(stands), _units(finds, lexicon, model).take(stands), count)
    if learned is not None:
        total += np.bincount(rank.take(learned.key), model.weight.take(learned.row), count)
    some, sure, denied = np.zeros((3, count), bool)
    some[cell.take(stands)] = True
    sure[cell[~finds.denied & (lexicon.kind.take(finds.row) < WEAK)]] = True
    denied[cell[finds.denied]] = True
    sentence, label = np.divmod(keys, labels)
    enough = total >= np.where(sure, model.gate.take(label), model.gate_alone.take(label))
    text = passages.sentence_texts.take(sentence)
    return Cells(text, sentence, label, total.astype(np.int64), some & enough, denied, rank)


def contribute(
    passages: Passages, finds: Finds, learned: Learned | None, cells: Cells, lexicon: Lexicon, model: Model
) -> Contributions:
    """What each find that counts adds, and where."""
    counts = ~finds.denied & cells.counts.take(cells.rank.take(_keys(passages, finds, lexicon)))
    finds = finds[counts]
    if learned is not None:
        counts = cells.counts.take(cells.rank.take(learned.key))
        finds = Finds.concatenate([finds, learned.finds(counts)])
    label = lexicon.label.take(finds.row).astype(np.int64)
    sentence = passages.sentence_numbers.take(finds.start).astype(np.int64)
    sure = lexicon.kind.take(finds.row) < WEAK
    text = passages.sentence_texts.take(sentence)
    return Contributions(finds, text, sentence, label, _units(finds, lexicon, model), sure)


def _keys(passages: Passages, finds: Finds, lexicon: Lexicon) -> Ints:
    """Number of the sentence and label of each find."""
    sentence = passages.sentence_numbers.take(finds.start)
    return sentence * np.int64(len(lexicon.labels)) + lexicon.label.take(finds.row)


def _units(finds: Finds, lexicon: Lexicon, model: Model) -> Ints:
    """What each part adds, in units of 1/256."""
    units = model.weight.take(finds.row).astype(np.int64)
    parts = lexicon.parts.take(finds.row)
    at = np.flatnonzero(parts > 1)
    share, rest = np.divmod(units.take(at), parts.take(at))
    units[at] = share + (finds.share.take(at) < rest)
    return units


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
    sure = found.sure
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
