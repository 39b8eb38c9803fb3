"""Contributions to results: arrays for a batch of texts, which travel between processes, then the records themselves."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import CLASS_MEMBERS, IDEOGRAPH_RANGES, SENTENCE, normalise
from trackclf._finds import Finds
from trackclf._lexicon import Lexicon
from trackclf._matching import numbered
from trackclf._model import UNIT, Model
from trackclf._scoring import Contributions, Pairs, Sums, index_of
from trackclf._text import Bools, Ints, Passages
from trackclf._types import Denied, Evidence, Pair, Result, Segment, Tag, Trigger
from trackclf._voices import DENIED, VOICES, voices_of

Floats = NDArray[np.float64]
Table = tuple[NDArray[Any], ...]  # columns of one length; the first is the index of the text, ascending unless said

# Why nothing is present; None where something is.
ABSTAINED = (None, "no_evidence", "below_threshold", "denied_only", "too_short", "not_chinese")
_NO_EVIDENCE, _BELOW, _DENIED, _SHORT, _FOREIGN = range(1, len(ABSTAINED))
# Patterns that few texts need are compiled by the first of them.
_IDEOGRAPH = f"[{''.join(f'{chr(low)}-{chr(high)}' for low, high in IDEOGRAPH_RANGES)}]"
_SPELT = f"[^{re.escape(''.join(CLASS_MEMBERS.values()))}]"
_TWO, _ENOUGH = (
    f"(?s:{one}.*?{one})" for one in (_IDEOGRAPH, _SPELT)
)  # two that spell are the least that may say something


class Placed(NamedTuple):
    """What counts in some texts, with places in the caller's strings.

    Attributes
    ----------
    evidence : text, label, start, end, term, units, voice, start and end of its trigger
        In no order; `term` is `row * len(lexicon.strings) + string`; the trigger's places are -1 where there is none.
    pairs : text, track, mode, start, end, score
    segments : text, start, end, label, units
        A row for each segment and label, in their order.
    lengths : int64 (n_texts,)
        Characters of each text, or piece of one, after closing up.
    """

    evidence: Table
    pairs: Table
    segments: Table | None
    lengths: Ints


class ResultArrays(NamedTuple):
    """All that the results of a batch hold, but for the texts.

    Attributes
    ----------
    abstained : int8 (n_texts,)
        Index in ABSTAINED.
    nearest, lack : int64, float64 (n_texts,)
        The label that came nearest, -1 where none did, and how much it lacks.
    present : int64 (n_texts,)
        How many labels are present.
    tags : label, score, probability, level, number of pieces of evidence
        In the order of the texts and labels.
    evidence : start, end, term, units, voice, start and end of its trigger
        In the order of the tags and places.
    denied : text, label, then as in `evidence`
        In the order of the texts, labels and places.
    pairs, segments : as in `Placed`
        Pairs of labels that are present.
    """

    abstained: NDArray[np.int8]
    nearest: Ints
    lack: Floats
    present: Ints
    tags: Table
    evidence: Table
    denied: Table
    pairs: Table
    segments: Table | None


def place(
    passages: Passages,
    found: Contributions,
    denied: Finds,
    pairs: Pairs,
    offset: int,
    lexicon: Lexicon,
    segments: str | None,
) -> Placed:
    """Tables of what counts, and of what is denied, in `passages`, which start `offset` code points inside their text."""

    def places(start: Ints, end: Ints, text: Ints) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        base = passages.starts[text] - offset
        return (
            (passages.place(start) - base).astype(np.int32),
            (passages.place(end - 1) + 1 - base).astype(np.int32),
        )

    finds, text, label, units = found.finds, found.text, found.label, found.units
    if len(denied.row):
        finds = Finds.concatenate([finds, denied])
        of_denied = passages.sentence_texts.take(passages.sentence_numbers.take(denied.start))
        text, label = np.append(text, of_denied), np.append(label, lexicon.label.take(denied.row))
        units = np.append(units, np.zeros(len(of_denied), np.int64))
    term = finds.row * np.int64(len(lexicon.strings)) + finds.string
    voices = voices_of(lexicon, passages, finds)
    there = np.flatnonzero(voices.voice)
    trigger = np.full((2, len(text)), -1, np.int32)
    trigger[:, there] = places(voices.start.take(there), voices.end.take(there), text.take(there))
    evidence = text, label, *places(finds.start, finds.end, text), term, units, voices.voice, *trigger
    beside = pairs.text, pairs.track, pairs.mode, *places(pairs.start, pairs.end, pairs.text), pairs.score
    within = _segments(passages, found, offset, segments) if segments else None
    return Placed(evidence, beside, within, passages.lengths)


def _segments(passages: Passages, found: Contributions, offset: int, by: str) -> Table:
    breaks = passages.sentence_breaks if by == "sentence" else passages.paragraph_breaks
    width = int(found.label.max(initial=0)) + 1
    cell, inverse = numbered(np.searchsorted(breaks, found.finds.start) * width + found.label)
    number, label = cell // width, cell % width
    units = np.bincount(inverse, found.units, len(cell)).astype(np.int64)
    text = passages.sentence_texts[passages.sentence_numbers[breaks[number]]]
    base = passages.starts[text]
    start = passages.place(np.where(number > 0, breaks[number - 1] + 1, 0)) - base
    end = passages.place(breaks[number]) - base + (passages.symbols[breaks[number]] == SENTENCE)
    last = passages.starts[text + 1] - base - 1
    return text, np.maximum(start, 0) + offset, np.minimum(end, last) + offset, label, units


def summarise(texts: Sequence[str], sums: Sums, parts: Sequence[Placed], model: Model) -> ResultArrays:
    """Which labels are present in each text, with what they rest on."""
    scores = sums.scores(model)
    present = (scores >= model.threshold.take(sums.label)) & (sums.units != 0)
    at = np.flatnonzero(present)
    text, label, score = sums.text.take(at), sums.label.take(at), scores.take(at)
    abstained, nearest, lack = _abstained(texts, present, scores, sums, model)
    segments = _joined([part.segments for part in parts if part.segments is not None]) if parts[0].segments else None
    evidence, pairs = (_joined([getattr(part, name) for part in parts]) for name in ("evidence", "pairs"))
    voice = evidence[6]
    denied = _ordered(evidence, np.flatnonzero(voice == DENIED), evidence[0] * sums.labels + evidence[1])
    count = np.bincount(text, minlength=len(texts))
    if not len(text):  # most texts of most kinds; nothing else to do
        none = (text[:0],) * 6
        return ResultArrays(abstained, nearest, lack, count, none[:5], (text[:0],) * 7, denied, none, segments)
    probability = model.probability(score, label)
    lengths = np.log(np.sum([part.lengths for part in parts], axis=0).take(text))
    a, b, c = model.about[label].T
    level = 1 + (a + b * np.log1p(np.maximum(score - model.bias[label], 0)) + c * lengths >= 0)
    keys, bound = text * sums.labels + label, sums.texts * sums.labels
    tag = index_of(evidence[0] * sums.labels + evidence[1], keys, bound)
    counts = np.flatnonzero((tag >= 0) & (voice != DENIED))
    one, two = (index_of(pairs[0] * sums.labels + side, keys, bound) for side in pairs[1:3])
    both = (one >= 0) & (two >= 0)
    return ResultArrays(
        abstained,
        nearest,
        lack,
        count,
        (label, score, probability, level, np.bincount(tag[counts], minlength=len(text))),
        _ordered(evidence, counts, tag)[2:],
        denied,
        tuple(column[both] for column in pairs),
        segments,
    )


def _ordered(evidence: Table, some: Ints, owner: Ints) -> Table:
    """Some of the rows, by their owner, then by place."""
    order = some[np.lexsort((evidence[3][some], evidence[2][some], owner[some]))]
    return tuple(column[order] for column in evidence)


def _joined(tables: Sequence[Table]) -> Table:
    return tables[0] if len(tables) == 1 else tuple(np.concatenate(columns) for columns in zip(*tables, strict=True))


def _abstained(
    texts: Sequence[str], present: Bools, scores: NDArray[np.float32], sums: Sums, model: Model
) -> tuple[NDArray[np.int8], Ints, Floats]:
    """Why nothing is present, and the label that lacks least of those with any evidence."""
    reason = np.full(len(texts), _NO_EVIDENCE, np.int8)
    for facts, number in ((sums.best != 0, _BELOW), (sums.denied, _DENIED), (sums.units != 0, _BELOW), (present, 0)):
        reason[sums.text[facts]] = number
    nothing = np.flatnonzero(reason == _NO_EVIDENCE)
    reason[nothing] = [_wanting(texts[n]) for n in nothing.tolist()]
    nearest, lack = np.full(len(texts), -1), np.zeros(len(texts))
    some = np.flatnonzero(((sums.units != 0) | (sums.best > 0)) & (reason.take(sums.text) == _BELOW))
    missing = model.threshold.take(sums.label.take(some)) - scores.take(some)
    order = np.lexsort((missing, sums.text.take(some)))[
        ::-1
    ]  # the least comes last, and stays; of equal ones the first
    nearest[sums.text[some[order]]] = sums.label[some[order]]
    lack[sums.text[some[order]]] = missing[order]
    return reason, nearest, lack


def _wanting(text: str) -> int:
    """Why there is no evidence."""
    if re.search(_TWO, text):
        return _NO_EVIDENCE
    text = normalise(text)  # its notes of pinyin say nothing, and what looks like an ideograph may be a radical
    if text and not re.search(_IDEOGRAPH, text):
        return _FOREIGN
    return _NO_EVIDENCE if re.search(_ENOUGH, text) else _SHORT


class ResultBuilder:
    """Turns arrays into results; shared between threads."""

    __slots__ = ("_kinds", "_labels", "_stamp", "_terms")

    def __init__(self, lexicon: Lexicon, stamp: dict[str, str]) -> None:
        self._labels, self._kinds = lexicon.labels, lexicon.declared
        self._stamp = stamp
        self._terms = _Terms(lexicon)

    def results(self, texts: Sequence[str], arrays: ResultArrays) -> Iterator[Result]:
        """The results of `texts`, in order; each holds the caller's own string."""
        labels = self._labels
        tags = self._tags(texts, arrays)
        pairs = self._pairs(arrays.pairs)
        segments = self._segments(arrays.segments) if arrays.segments else None
        denied = self._denied(texts, arrays.denied)
        for n, (text, reason, nearest, lack, count) in enumerate(
            zip(
                texts,
                arrays.abstained.tolist(),
                arrays.nearest.tolist(),
                arrays.lack.tolist(),
                arrays.present.tolist(),
                strict=True,
            )
        ):
            yield Result(
                text,
                tuple(islice(tags, count)) if count else (),
                tuple(pairs.get(n, ())),
                ABSTAINED[reason],
                self._stamp,
                None if segments is None else tuple(segments.get(n, ())),
                None if nearest < 0 else (labels[nearest].id, lack),
                tuple(denied.get(n, ())),
                labels,
                self._kinds,
            )

    def _tags(self, texts: Sequence[str], arrays: ResultArrays) -> Iterator[Tag]:
        of_tag = np.repeat(np.arange(len(texts)), arrays.present)
        evidence = self._evidence(texts, np.repeat(of_tag, arrays.tags[-1]), arrays.evidence)
        for column, score, probability, level, count in zip(*(values.tolist() for values in arrays.tags), strict=True):
            label = self._labels[column]
            mine = tuple(islice(evidence, count))
            yield Tag(label.id, label.name, label.status, score, probability, level, mine, label.kind)

    def _evidence(self, texts: Sequence[str], of_text: Ints, table: Table) -> Iterator[Evidence]:
        start, end, term, units, voice, low, high = table
        rows = zip(
            of_text.tolist(),
            start.tolist(),
            end.tolist(),
            map(self._terms.__getitem__, term.tolist()),
            (units / UNIT).tolist(),
            map(VOICES.__getitem__, voice.tolist()),
            low.tolist(),
            high.tolist(),
            strict=True,
        )
        new, cls = tuple.__new__, Evidence  # a quarter of the time of calling Evidence
        return (
            new(
                cls,
                (
                    a,
                    b,
                    texts[n][a:b],
                    term,
                    kind,
                    x,
                    cue,
                    below,
                    voice,
                    Trigger(c, d, texts[n][c:d]) if d >= 0 else None,
                ),
            )
            for n, a, b, (term, kind, cue, below), x, voice, c, d in rows
        )

    def _denied(self, texts: Sequence[str], table: Table) -> dict[int, list[Denied]]:
        out: dict[int, list[Denied]] = {}
        text, column, *rest = table
        rows = zip(text.tolist(), column.tolist(), self._evidence(texts, text, tuple(rest)), strict=True)
        for (n, label), group in groupby(rows, key=itemgetter(0, 1)):
            found = self._labels[label]
            out.setdefault(n, []).append(Denied(found.id, found.kind, tuple(item for *_, item in group)))
        return out

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


class _Terms(dict[int, tuple[str, str, str, str]]):
    """Term, kind, cue and the label below to show for each pair of a row and a string, worked out at the first time."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    def __missing__(self, key: int) -> tuple[str, str, str, str]:
        lexicon = self._lexicon
        row, number = divmod(key, len(lexicon.strings))
        whole, string = lexicon.texts[row], lexicon.strings[number]
        cue = lexicon.parts[row] > 1
        shown = whole if number == lexicon.own[row] else string
        below = lexicon.labels[lexicon.origin[row]].id if lexicon.origin[row] >= 0 else ""
        self[key] = shown, lexicon.kind_name(row), whole if cue else "", below
        return self[key]
