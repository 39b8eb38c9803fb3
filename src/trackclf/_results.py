"""Contributions to results: arrays for a batch of texts, which travel between processes, then the records themselves."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import CLASS_MEMBERS, IDEOGRAPH_RANGES, SENTENCE
from trackclf._lexicon import Lexicon
from trackclf._model import UNIT, Model
from trackclf._scoring import Contributions, Pairs, Sums
from trackclf._text import Ints, Passages
from trackclf._types import Evidence, Pair, Result, Segment, Tag

Floats = NDArray[np.float64]
Table = tuple[NDArray[Any], ...]  # columns of one length; the first is the index of the text, ascending unless said

# Why nothing is present; None where something is.
ABSTAINED = (None, "no_evidence", "below_threshold", "denied_only", "too_short", "not_chinese")
_NO_EVIDENCE, _BELOW, _DENIED, _SHORT, _FOREIGN = range(1, len(ABSTAINED))
_IDEOGRAPH = re.compile(f"[{''.join(f'{chr(low)}-{chr(high)}' for low, high in IDEOGRAPH_RANGES)}]")
_SPELT = f"[^{re.escape(''.join(CLASS_MEMBERS.values()))}]"
_ENOUGH = re.compile(
    f"{_SPELT}.*?{_SPELT}", re.DOTALL
)  # two characters that spell are the least that may say something


@dataclass(frozen=True, slots=True)
class Placed:
    """What counts in some texts, with places in the caller's strings.

    Attributes
    ----------
    evidence : text, label, start, end, term, units
        In no order; `term` is `row * len(lexicon.strings) + string`.
    pairs : text, track, mode, start, end, score
    segments : text, start, end, label, units
        A row for each segment and label, in their order.
    """

    evidence: Table
    pairs: Table
    segments: Table | None


@dataclass(frozen=True, slots=True)
class ResultArrays:
    """All that the results of a batch hold, but for the texts.

    Attributes
    ----------
    abstained : int8 (n_texts,)
        Index in ABSTAINED.
    nearest, lack : int64, float64 (n_texts,)
        The label that came nearest, -1 where none did, and how much it lacks.
    tracks, modes : int64 (n_texts,)
        How many are present.
    tags : label, score, probability, level, number of pieces of evidence
        In the order of the texts and labels.
    evidence : start, end, term, units
        In the order of the tags and places.
    pairs, segments : as in `Placed`
        Pairs of labels that are present.
    """

    abstained: NDArray[np.int8]
    nearest: Ints
    lack: Floats
    tracks: Ints
    modes: Ints
    tags: Table
    evidence: Table
    pairs: Table
    segments: Table | None


def place(
    passages: Passages, found: Contributions, pairs: Pairs, offset: int, lexicon: Lexicon, segments: str | None
) -> Placed:
    """Tables of what counts in `passages`, which start `offset` code points inside their text."""
    finds = found.finds

    def places(start: Ints, end: Ints, text: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        base = passages.starts[text] - offset
        return (
            (passages.place(start) - base).astype(np.int32),
            (passages.place(end - 1) + 1 - base).astype(np.int32),
        )

    term = finds.row * np.int64(len(lexicon.strings)) + finds.string
    evidence = found.text, found.label, *places(finds.start, finds.end, found.text), term, found.units
    beside = pairs.text, pairs.track, pairs.mode, *places(pairs.start, pairs.end, pairs.text), pairs.score
    return Placed(evidence, beside, _segments(passages, found, offset, segments) if segments else None)


def _segments(passages: Passages, found: Contributions, offset: int, by: str) -> Table:
    breaks = passages.sentence_breaks if by == "sentence" else passages.paragraph_breaks
    width = int(found.label.max(initial=0)) + 1
    cell, inverse = np.unique(np.searchsorted(breaks, found.finds.start) * width + found.label, return_inverse=True)
    number, label = cell // width, cell % width
    units = np.bincount(inverse, found.units, len(cell)).astype(np.int64)
    text = passages.sentence_texts[passages.sentence_numbers[breaks[number]]]
    base = passages.starts[text]
    start = passages.place(np.where(number > 0, breaks[number - 1] + 1, 0)) - base
    end = passages.place(breaks[number]) - base + (passages.symbols[breaks[number]] == SENTENCE)
    last = passages.starts[text + 1] - base - 1
    return text, np.maximum(start, 0) + offset, np.minimum(end, last) + offset, label, units


def summarise(texts: Sequence[str], sums: Sums, parts: Sequence[Placed], model: Model, tracks: Ints) -> ResultArrays:
    """Which labels are present in each text, with what they rest on; `tracks` are the columns of the tracks."""
    scores = sums.scores(model)
    present = (scores >= model.threshold) & (sums.units != 0)
    text, label = np.nonzero(present)
    abstained, nearest, lack = _abstained(texts, present, scores, sums, model)
    segments = _joined([part.segments for part in parts if part.segments is not None]) if parts[0].segments else None
    if not len(text):  # most texts of most kinds; nothing else to do
        zeros, none = np.zeros(len(texts), np.int64), (text[:0],) * 6
        return ResultArrays(abstained, nearest, lack, zeros, zeros, none[:5], none[:4], none, segments)
    score = scores[text, label]
    first = np.diff(text, prepend=-1) > 0
    probability = model.probability(scores[text[first]])[np.cumsum(first) - 1, label]
    lengths = np.log(np.fromiter((max(len(texts[n]), 1) for n in text.tolist()), np.float64, len(text)))
    a, b, c = model.about[label].T
    level = 1 + (a + b * np.log1p(np.maximum(score - model.bias[label], 0)) + c * lengths >= 0)
    number = np.full(present.shape, -1)
    number[text, label] = np.arange(len(text))

    evidence = _joined([part.evidence for part in parts])
    tag = number[evidence[0], evidence[1]]
    order = np.flatnonzero(tag >= 0)
    order = order[np.lexsort((evidence[3][order], evidence[2][order], tag[order]))]
    pairs = _joined([part.pairs for part in parts])
    both = present[pairs[0], pairs[1]] & present[pairs[0], pairs[2]]
    counts = np.bincount(tag[order], minlength=len(text))
    tracked = np.zeros(present.shape[1], bool)
    tracked[tracks] = True
    is_track = tracked[label]
    return ResultArrays(
        abstained,
        nearest,
        lack,
        np.bincount(text[is_track], minlength=len(texts)),
        np.bincount(text[~is_track], minlength=len(texts)),
        (label, score, probability, level, counts),
        tuple(column[order] for column in evidence[2:]),
        tuple(column[both] for column in pairs),
        segments,
    )


def _joined(tables: Sequence[Table]) -> Table:
    return tables[0] if len(tables) == 1 else tuple(np.concatenate(columns) for columns in zip(*tables, strict=True))


def _abstained(
    texts: Sequence[str], present: NDArray[np.bool_], scores: NDArray[np.float32], sums: Sums, model: Model
) -> tuple[NDArray[np.int8], Ints, Floats]:
    """Why nothing is present, and the label that lacks least of those with any evidence."""
    reason = np.full(len(texts), _NO_EVIDENCE, np.int8)
    for facts, number in ((sums.best, _BELOW), (sums.denied, _DENIED), (sums.units, _BELOW), (present, 0)):
        reason[facts.any(1)] = number
    nothing = np.flatnonzero(reason == _NO_EVIDENCE)
    reason[nothing] = [_wanting(texts[n]) for n in nothing.tolist()]
    nearest, lack = np.full(len(texts), -1), np.zeros(len(texts))
    below = np.flatnonzero(reason == _BELOW)
    if not len(below):
        return reason, nearest, lack
    some = (sums.units[below] != 0) | (sums.best[below] > 0)
    missing = np.where(some, model.threshold - scores[below], np.inf)
    best = missing.argmin(1)
    at = np.arange(len(below))
    nearest[below] = np.where(some[at, best], best, -1)
    lack[below] = missing[at, best]
    return reason, nearest, lack


def _wanting(text: str) -> int:
    """Why there is no evidence."""
    if text and not _IDEOGRAPH.search(text):
        return _FOREIGN
    return _NO_EVIDENCE if _ENOUGH.search(text) else _SHORT


class ResultBuilder:
    """Turns arrays into results; shared between threads."""

    __slots__ = ("_labels", "_stamp", "_terms")

    def __init__(self, lexicon: Lexicon, stamp: dict[str, str]) -> None:
        self._labels = lexicon.labels
        self._stamp = stamp
        self._terms = _Terms(lexicon)

    def results(self, texts: Sequence[str], arrays: ResultArrays) -> Iterator[Result]:
        """The results of `texts`, in order; each holds the caller's own string."""
        labels = self._labels
        tags = self._tags(texts, arrays)
        pairs = self._pairs(arrays.pairs)
        segments = self._segments(arrays.segments) if arrays.segments else None
        for n, (text, reason, nearest, lack, tracks, modes) in enumerate(
            zip(
                texts,
                arrays.abstained.tolist(),
                arrays.nearest.tolist(),
                arrays.lack.tolist(),
                arrays.tracks.tolist(),
                arrays.modes.tolist(),
                strict=True,
            )
        ):
            yield Result(
                text,
                tuple(islice(tags, tracks)) if tracks else (),
                tuple(islice(tags, modes)) if modes else (),
                tuple(pairs.get(n, ())),
                ABSTAINED[reason],
                self._stamp,
                None if segments is None else tuple(segments.get(n, ())),
                None if nearest < 0 else (labels[nearest].id, lack),
                labels,
            )

    def _tags(self, texts: Sequence[str], arrays: ResultArrays) -> Iterator[Tag]:
        of_tag = np.repeat(np.arange(len(texts)), arrays.tracks + arrays.modes)
        start, end, term, units = arrays.evidence
        rows = zip(
            np.repeat(of_tag, arrays.tags[-1]).tolist(),
            start.tolist(),
            end.tolist(),
            map(self._terms.__getitem__, term.tolist()),
            (units / UNIT).tolist(),
            strict=True,
        )
        new, cls = tuple.__new__, Evidence  # a quarter of the time of calling Evidence
        evidence = (new(cls, (a, b, texts[n][a:b], term, kind, x, cue)) for n, a, b, (term, kind, cue), x in rows)
        for column, score, probability, level, count in zip(*(values.tolist() for values in arrays.tags), strict=True):
            label = self._labels[column]
            yield Tag(label.id, label.name, label.status, score, probability, level, tuple(islice(evidence, count)))

    def _pairs(self, table: Table) -> dict[int, list[Pair]]:
        labels = self._labels
        out: dict[int, list[Pair]] = {}
        for n, track, mode, *rest in zip(*(values.tolist() for values in table), strict=True):
            out.setdefault(n, []).append(Pair(labels[track].id, labels[mode].id, *rest))
        return out

    def _segments(self, table: Table) -> dict[int, list[Segment]]:
        out: dict[int, list[Segment]] = {}
        rows = zip(*(values.tolist() for values in table), strict=True)
        for (n, start, end), group in groupby(rows, key=itemgetter(0, 1, 2)):
            scores = {self._labels[label].id: units / UNIT for *_, label, units in group}
            out.setdefault(n, []).append(Segment(start, end, scores))
        return out


class _Terms(dict[int, tuple[str, str, str]]):
    """Term, kind and cue to show for each pair of a row and a string, worked out at the first time."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def __missing__(self, key: int) -> tuple[str, str, str]:
        lexicon = self._lexicon
        row, number = divmod(key, len(lexicon.strings))
        whole, string = lexicon.texts[row], lexicon.strings[number]
        cue = lexicon.parts[row] > 1
        shown = whole if number == lexicon.own[row] else string
        self[key] = shown, lexicon.kind_name(row), whole if cue else ""
        return self[key]
