"""Choosing what to label next: texts that a tagger is unsure of, near misses first, each unlike those before it.

Uncertainty is margin sampling against each label's own threshold (Lewis and Gale 1994; Settles 2009, section 3.1); diversity
is the greedy choice of what is farthest from all that is chosen (k-center: Gonzalez 1985; Sener and Savarese 2018) over
hashed character n-grams.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappush, heappushpop
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackclf._batching import batches
from trackclf._characters import normalise
from trackclf._parallel import checked, run
from trackclf._tagger import Tagger, default_tagger
from trackclf.errors import InputError

Floats = NDArray[np.float64]

UNCERTAIN, NEAR_MISS, DIVERSE = "uncertain", "near_miss", "diverse"
_POOL = 20_000  # couples of a text and a label that are kept, at most
_EACH = 4  # candidates kept for each text asked for
_CLOSE = 0.25  # of a threshold; 1 is at it, 0 is certain
_SAME = 0.8  # cosine from which two texts are the same question
_STEP = 10  # of so many texts one is chosen for being unlike the others alone
_NUMBER = re.compile(r"(?<![a-z\d])\d[\d.,%]*(?![a-z])")


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A text worth labelling, and why.

    Attributes
    ----------
    index : int
        Its place among the texts that were given.
    text : str
    label : str or None
        Id of the label in question; None where nothing speaks for any.
    probability : float
        Of that label, in [0, 1]; of the most probable one where `label` is None.
    reason : str
        "near_miss": no tag, and this label just below its threshold; "uncertain": the label is near its threshold, in a text
        with tags; "diverse": unlike the texts before it, whatever its probabilities.
    """

    index: int
    text: str
    label: str | None
    probability: float
    reason: str


class _Candidate(NamedTuple):
    """A text that may be chosen; `label` is -1 where there is no evidence."""

    text: str
    note: Any
    key: str
    abstains: bool
    label: int
    probability: float


def rank_for_review(
    texts: Iterable[str],
    n: int,
    tagger: Tagger | None = None,
    labels: Iterable[str] | None = None,
    jobs: int | None = 1,
) -> list[ReviewItem]:
    """The texts worth labelling next, the best first.

    Labels take turns, so that each gets its share; each takes near misses and uncertain texts by turns, and those first in
    which most labels are near their thresholds. Of texts that are nearly the same one is chosen.
    The same texts in the same order give the same choice.

    Parameters
    ----------
    texts : iterable of str
        Read once, lazily; what is kept is at most about 20,000 candidates, however many there are.
    n : int
        How many to choose; fewer come back where there are fewer that differ.
    tagger : Tagger, optional
        By default the shipped one.
    labels : iterable of str, optional
        Ids of the labels in question; by default all of the tagger's.
    jobs : int or None
        As in `Tagger.tag_many`.

    Raises
    ------
    InputError
        `n` is below 1; a label is unknown, or none is given.
    TypeError
        `texts` is one string, or holds something else than strings; `n` is no whole number.

    >>> robots = "机器人走进课堂，孩子们围着机器人，有的给机器人画像，有的问机器人几岁，机器人都不生气"
    >>> texts = ["今天下了一场小雨。", robots + "。", robots + "！"]
    >>> [(item.index, item.label, item.reason) for item in rank_for_review(texts, 3)]
    [(1, 'embodied-ai', 'near_miss'), (0, None, 'diverse')]
    """
    if isinstance(texts, str):
        raise TypeError("texts must be an iterable of str, got one str; wrap it: rank_for_review([text], n)")
    return [item for item, _ in choose(zip(texts, repeat(None)), n, tagger, labels, jobs)]


def columns_of(tagger: Tagger, labels: Iterable[str] | None) -> list[int]:
    """Columns of some labels, in the tagger's order.

    Raises
    ------
    InputError
        A label is unknown, or none is given.
    """
    ids = [label.id for label in tagger.labels]
    if labels is None:
        return list(range(len(ids)))
    wanted = [labels] if isinstance(labels, str) else list(labels)
    for id in wanted:
        if id not in ids:
            raise InputError(f"no label {id!r} in this taxonomy; it has: {', '.join(ids)}")
    if not wanted:
        raise InputError("no label is given; leave `labels` out for all of them")
    return [n for n, id in enumerate(ids) if id in wanted]


def choose(
    rows: Iterable[tuple[str, Any]],
    n: int,
    tagger: Tagger | None = None,
    labels: Iterable[str] | None = None,
    jobs: int | None = 1,
) -> list[tuple[ReviewItem, Any]]:
    """`rank_for_review` of texts that come with a note each, which comes back beside the item."""
    if not isinstance(n, int | np.integer) or isinstance(n, bool):
        raise TypeError(f"n must be a whole number, got {type(n).__name__}")
    if n < 1:
        raise InputError(f"n must be at least 1, got {n}")
    tagger = default_tagger() if tagger is None else tagger
    columns = columns_of(tagger, labels)
    notes: deque[Any] = deque()
    model, pool = tagger._model, _Pool(len(columns), n)
    at_threshold = _probability(tagger, model.threshold[None])[:, columns]
    bias = model.bias.astype(np.float32)
    for batch, scores in run(tagger, "_scores", batches(_passing(rows, notes), "rank_for_review"), checked(jobs)):
        probability = _probability(tagger, scores)[:, columns]
        evidence = (scores != bias)[:, columns]
        close = np.where(probability < at_threshold, probability / at_threshold, (1 - probability) / (1 - at_threshold))
        abstains = (~((scores >= model.threshold) & (scores != bias))).all(1)
        pool.add(batch, notes, np.where(evidence, close, 0.0), probability, abstains)
    ids = [tagger.labels[column].id for column in columns]
    out = []
    for index, label, probability_of, reason in _select(pool, n):
        candidate = pool.candidates[index]
        item = ReviewItem(index, candidate.text, ids[label] if label >= 0 else None, probability_of, reason)
        out.append((item, candidate.note))
    return out


def _probability(tagger: Tagger, scores: NDArray[Any]) -> Floats:
    return np.clip(tagger._model.probability(scores).astype(np.float64), 1e-6, 1 - 1e-6)


def _passing(rows: Iterable[tuple[str, Any]], notes: deque[Any]) -> Iterator[str]:
    for text, note in rows:
        notes.append(note)
        yield text


class _Pool:
    """What may be chosen: for each label the texts closest to its threshold, and a fair sample of all."""

    def __init__(self, labels: int, n: int) -> None:
        self.candidates: dict[int, _Candidate] = {}
        self.heaps: list[list[tuple[float, int, float]]] = [[] for _ in range(labels + 1)]  # the last is the sample
        self._keys: set[str] = set()
        self._sizes = [max(4, min(_EACH * n, _POOL // labels))] * labels + [_EACH * n]
        self._chance = np.random.default_rng(0)
        self._read = 0

    def add(
        self, batch: Sequence[str], notes: deque[Any], close: Floats, probability: Floats, abstains: NDArray[np.bool_]
    ) -> None:
        """Take what is closer than what is held, and let go of what is no longer held by any label."""
        mine = [notes.popleft() for _ in batch]
        worth = np.column_stack([np.where(close >= _CLOSE, close, 0.0), self._chance.random(len(batch))])
        floor = [heap[0][0] if len(heap) == size else 0.0 for heap, size in zip(self.heaps, self._sizes, strict=True)]
        for row, place in np.argwhere(worth > floor).tolist():
            index, heap = self._read + row, self.heaps[place]
            entry = (
                float(worth[row, place]),
                -index,
                float(probability[row, place]) if place < close.shape[1] else 0.0,
            )
            if len(heap) == self._sizes[place] and entry < heap[0]:
                continue
            if index not in self.candidates:
                key = _NUMBER.sub("0", normalise(batch[row]))
                if key in self._keys or len(key) < 2:
                    continue
                self._keys.add(key)
                best = int(close[row].argmax())
                label = best if close[row, best] > 0 else -1
                shown = float(probability[row, best] if label >= 0 else probability[row].max())
                self.candidates[index] = _Candidate(batch[row], mine[row], key, bool(abstains[row]), label, shown)
            if len(heap) < self._sizes[place]:
                heappush(heap, entry)
            else:
                heappushpop(heap, entry)
        self._read += len(batch)
        held = {-index for heap in self.heaps for _, index, _ in heap}
        for index in self.candidates.keys() - held:
            self._keys.remove(self.candidates.pop(index).key)


def _select(pool: _Pool, n: int) -> Iterator[tuple[int, int, float, str]]:
    """Index, label (-1 for none), probability and reason of up to `n` candidates, the best first."""
    from sklearn.feature_extraction.text import HashingVectorizer

    if not pool.candidates:
        return
    indices = np.array(sorted(pool.candidates))
    vectors = HashingVectorizer(
        analyzer="char", ngram_range=(2, 3), n_features=1 << 20, binary=True, alternate_sign=False, lowercase=False
    ).transform(pool.candidates[index].key.encode("utf-8", "replace").decode() for index in indices.tolist())
    *heaps, sample = pool.heaps
    couples = [
        (-index, label, close, chance)
        for label, heap in enumerate(heaps)
        for close, index, chance in sorted(heap, reverse=True)
    ]
    table = np.array(couples, np.float64).reshape(-1, 4)
    place = np.searchsorted(indices, table[:, 0])
    label, close = table[:, 1].astype(np.int64), table[:, 2]
    total = np.bincount(place, close)[place]  # of all labels in question: one reading settles them together
    near = np.array([pool.candidates[index].abstains for index in indices.tolist()])[place]
    sampled = np.searchsorted(indices, sorted(-index for _, index, _ in sample))
    taken, missed = np.zeros((2, len(heaps)), np.int64)  # of each label; near misses among them
    alike = np.zeros(len(indices))  # to the most similar of those chosen
    for number in range(n):
        new = np.where(alike < _SAME, 1 - alike, 0.0)
        due = np.where(near == (2 * missed <= taken)[label], 1.0, 0.5)
        value = total * new[place] * due
        stands = np.flatnonzero(value)
        unlike = new[sampled]
        if len(stands) and (number % _STEP != _STEP - 1 or not unlike.any()):
            turn = stands[taken[label[stands]] == taken[label[stands]].min()]
            best = turn[value[turn].argmax()]
            chosen, mine = place[best], label[best]
            taken[mine] += 1
            missed[mine] += near[best]
            yield int(indices[chosen]), int(mine), float(table[best, 3]), NEAR_MISS if near[best] else UNCERTAIN
        elif unlike.any():
            chosen = sampled[unlike.argmax()]
            candidate = pool.candidates[int(indices[chosen])]
            yield int(indices[chosen]), candidate.label, candidate.probability, DIVERSE
        else:
            return
        alike = np.maximum(alike, (vectors @ vectors[chosen].T).toarray()[:, 0])
        alike[chosen] = 1.0
