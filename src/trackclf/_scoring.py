"""Finds to numbers: contributions, sums over any span, pairs of tracks and modes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._model import UNIT, Model
from trackclf._resolving import WEAK, Finds, Lexicon
from trackclf._text import Bools, Ints, Passages

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contributions:
    """Finds with what each part adds.

    Attributes
    ----------
    finds : Finds
    text : int64 (n_parts,)
        Index of the text.
    label : int64 (n_parts,)
        Column of the label.
    units : int64 (n_parts,)
        Log-odds in units of 1/256; the parts of a cue share its weight without remainder.
    weak : bool (n_parts,)
    """

    finds: Finds
    text: Ints
    label: Ints
    units: Ints
    weak: Bools

    def __getitem__(self, keep: Bools | Ints) -> "Contributions":
        return Contributions(self.finds[keep], self.text[keep], self.label[keep], self.units[keep], self.weak[keep])


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over texts: int64 (n_texts, n_labels), in units of 1/256."""

    sure: Ints
    weak: Ints
    denied: Bools

    def add(self, contributions: Contributions, first_text: int) -> None:
        """Add what texts from `first_text` on contribute."""
        count, labels = self.sure.shape
        cell = (contributions.text + first_text) * labels + contributions.label
        denied = contributions.finds.denied
        for target, mine in ((self.sure, ~contributions.weak & ~denied), (self.weak, contributions.weak & ~denied)):
            low = first_text * labels
            size = count * labels - low
            flat = np.bincount(cell[mine] - low, contributions.units[mine], size)
            target.reshape(-1)[low:] += flat.astype(np.int64)
        self.denied.reshape(-1)[cell[denied]] = True

    def scores(self, model: Model) -> NDArray[np.float32]:
        """float32 (n_texts, n_labels): bias plus contributions; weak ones only beside others."""
        total = self.sure + self.weak * (self.sure > 0)
        return (model.bias + total / UNIT).astype(np.float32)


def empty_sums(texts: int, labels: int) -> Sums:
    """Sums of nothing."""
    shape = texts, labels
    return Sums(np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool))


def contribute(passages: Passages, finds: Finds, lexicon: Lexicon, model: Model) -> Contributions:
    """What each find adds, and where."""
    parts = lexicon.parts[finds.row].astype(np.int64)
    weight = model.weight[finds.row].astype(np.int64)
    units = weight // parts + (finds.share < weight % parts)
    kind = lexicon.kind[finds.row]
    return Contributions(
        finds, passages.text_of(finds.start), lexicon.label[finds.row].astype(np.int64), units, kind == WEAK
    )


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
    sure = ~found.weak & ~finds.denied
    sentence = np.searchsorted(passages.sentence_breaks, finds.start)
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
