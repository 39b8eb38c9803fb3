"""Finds to numbers: contributions, sums over any span, pairs of tracks and modes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._finds import Finds, Learned
from trackclf._lexicon import WEAK, Lexicon
from trackclf._matching import numbered, spread
from trackclf._model import UNIT, Model
from trackclf._text import Bools, Ints, Passages

Floats = NDArray[np.float64]

_DENSE = (
    1 << 23
)  # keys below this are told apart by noting them, larger ones by sorting: no array grows with the labels


class Cells(NamedTuple):
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
    of_find, of_learned : int64 (n_parts,), (n_learned,)
        Index of the cell of each find and of each learned string.
    """

    text: Ints
    sentence: Ints
    label: Ints
    units: Ints
    counts: Bools
    denied: Bools
    of_find: Ints
    of_learned: Ints


class Contributions(NamedTuple):
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


class Sums(NamedTuple):
    """Sums over texts, by label, where there is anything.

    Attributes
    ----------
    texts, labels : int
        How many there are.
    text, label : int64 (n_sums,)
        Index of the text, ascending; column of the label, ascending within the text.
    units : int64 (n_sums,)
        What counts, in units of 1/256.
    best : int64 (n_sums,)
        The largest sum of one sentence that does not count; 0 where there is none above.
    denied : bool (n_sums,)
    """

    texts: int
    labels: int
    text: Ints
    label: Ints
    units: Ints
    best: Ints
    denied: Bools

    def scores(self, model: Model) -> NDArray[np.float32]:
        """float32 (n_sums,): bias plus what counts, or else the nearest miss."""
        units, bias = self.units, model.bias.take(self.label)
        miss = np.minimum(bias + self.best / UNIT, model.threshold.take(self.label) - 1 / UNIT)
        return np.where(units != 0, bias + units / UNIT, np.maximum(miss, bias)).astype(np.float32)

    def matrix(self, model: Model) -> NDArray[np.float32]:
        """float32 (n_texts, n_labels): the scores, and the bias where there is nothing."""
        out = np.empty((self.texts, self.labels), np.float32)
        out[:] = model.bias
        out[self.text, self.label] = self.scores(model)
        return out


def sums_of(parts: Sequence[Cells], texts: int, labels: int) -> Sums:
    """What the cells of the texts sum up to."""
    text, label, units, counts, denied = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("text", "label", "units", "counts", "denied")
    )
    keys, number = distinct(text * labels + label, texts * labels)
    mine = np.flatnonzero(counts)
    total = np.bincount(number.take(mine), units.take(mine), len(keys)).astype(np.int64)
    best, no = np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    rest = np.flatnonzero(~counts)
    np.maximum.at(best, number.take(rest), units.take(rest))
    no[number[denied]] = True
    return Sums(texts, labels, *np.divmod(keys, labels), total, best, no)


def distinct(key: Ints, bound: int) -> tuple[Ints, Ints]:
    """Distinct keys below `bound`, ascending, and the index of each key among them."""
    if bound > _DENSE:
        return numbered(key)
    there = np.zeros(bound, bool)
    there[key] = True
    keys = np.flatnonzero(there)
    return keys, index_of(key, keys, bound)


def index_of(key: Ints, keys: Ints, bound: int) -> Ints:
    """Index of each key among `keys`, which ascend and are below `bound`; -1 where it is none of them."""
    if bound > _DENSE:
        slot = np.searchsorted(keys, key)
        there = slot < len(keys)
        there[there] = keys[slot[there]] == key[there]
        return np.where(there, slot, -1)
    rank = np.full(bound, -1, np.int32)
    rank[keys] = np.arange(len(keys))
    return rank.take(key).astype(np.int64)


def add_up(passages: Passages, finds: Finds, learned: Learned | None, lexicon: Lexicon, model: Model) -> Cells:
    """Sums of the finds and of the learned strings beside them.

    A sentence counts for a label from `gate` on, or from `gate_alone` on where it holds none of the label's core, strong
    or entity terms; so weak terms and learned strings do not pile up over a long text.
    """
    labels = len(lexicon.labels)
    size = len(passages.sentence_breaks) * labels
    keys, cell = distinct(_keys(passages, finds, lexicon), size)
    count = len(keys)
    stands = np.flatnonzero(~finds.denied)
    total = np.bincount(cell.take(stands), _units(finds, lexicon, model).take(stands), count)
    beside = np.zeros(0, np.int64)
    if learned is not None:
        beside = index_of(learned.key, keys, size)
        total += np.bincount(beside, model.weight.take(learned.row), count)
    some, sure, denied = np.zeros((3, count), bool)
    some[cell.take(stands)] = True
    sure[cell[~finds.denied & (lexicon.kind.take(finds.row) < WEAK)]] = True
    denied[cell[finds.denied]] = True
    sentence, label = np.divmod(keys, labels)
    enough = total >= np.where(sure, model.gate.take(label), model.gate_alone.take(label))
    text = passages.sentence_texts.take(sentence)
    return Cells(text, sentence, label, total.astype(np.int64), some & enough, denied, cell, beside)


def contribute(
    passages: Passages, finds: Finds, learned: Learned | None, cells: Cells, lexicon: Lexicon, model: Model
) -> Contributions:
    """What each find that counts adds, and where."""
    counts = ~finds.denied & cells.counts.take(cells.of_find)
    finds = finds.take(counts)
    if learned is not None:
        counts = cells.counts.take(cells.of_learned)
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


class Pairs(NamedTuple):
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


def find_pairs(passages: Passages, found: Contributions, lexicon: Lexicon, model: Model) -> Pairs:
    """For each sentence, track and mode that share it: the track's term with the nearest cue.

    Nearest means in the same clause first, then by distance, place, length and weight. The score is the smaller of the two
    terms' weights, halved where the two do not share a clause. Kinds of label other than tracks and modes as well, where
    the taxonomy declares pairs of them.
    """
    finds = found.finds
    sentence = found.sentence
    rows: list[tuple[NDArray[np.generic], ...]] = []
    span = len(passages.symbols) + 1
    group = np.where(found.sure, lexicon.label_group.take(found.label), -1)
    for tracks, second, cues in _couples(found, group, lexicon):
        # Only the tracks of sentences that hold such a cue.
        here = sentence[cues]
        here = here[np.flatnonzero(np.diff(here, prepend=-1))]
        low = np.searchsorted(sentence[tracks], here)
        tracks = tracks[spread(low, np.searchsorted(sentence[tracks], here, side="right") - low)[1]]
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
            rows.append((sentence[track], found.label[track], np.full(len(track), second), distance, found.text[track],
                         low, high, smaller * np.where(apart, 0.5, 1.0)))  # fmt: skip
    if not rows:
        none = np.zeros(0, np.int64)
        return Pairs(none, none, none, none, none, np.zeros(0))
    whole = [np.concatenate(part) for part in zip(*rows, strict=True)]
    key, track, mode, distance, text, low, high, score = whole
    order = np.lexsort((-score, high, low, distance, mode, track, key))
    first = np.ones(len(order), bool)
    first[1:] = (
        (key[order][1:] != key[order][:-1])
        | (track[order][1:] != track[order][:-1])
        | (mode[order][1:] != mode[order][:-1])
    )
    pick = order[first]
    pick = pick[np.lexsort((mode[pick], track[pick], low[pick]))]
    return Pairs(text[pick], track[pick], mode[pick], low[pick], high[pick], score[pick])


def _couples(found: Contributions, group: Ints, lexicon: Lexicon) -> Iterator[tuple[Ints, int, Ints]]:
    """Finds of the first kind by place, a label of the second kind, and its finds by place."""
    start = found.finds.start
    for first, second in lexicon.couples:
        tracks, cues = np.flatnonzero(group == first), np.flatnonzero(group == second)
        if len(tracks) and len(cues):
            tracks = tracks[np.argsort(start[tracks], kind="stable")]
            cues = cues[np.lexsort((found.finds.row[cues], found.finds.end[cues], start[cues], found.label[cues]))]
            mode = found.label[cues]
            at = np.flatnonzero(np.diff(mode, prepend=-1))
            for column, mine in zip(mode[at].tolist(), np.split(cues, at[1:]), strict=True):
                yield tracks, column, mine
