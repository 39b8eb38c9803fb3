"""Which runs of words beside a label's terms may be terms themselves.

What merely goes with a topic is far more frequent than what names it, so the log-likelihood ratio (Dunning 1993, "Accurate
Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19(1)) only says what is no chance. What
is left is ranked by its root times the least share of a candidate's sentences that carry the label (Wilson 1927), and must
be more than common words, more frequent there than beside other labels, and whole: not always in one and the same longer
string (after the accessor variety of Feng et al. 2004).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import normalise
from trackclf._corpus import EXAMPLES, OUTER, Corpus
from trackclf._taxonomy import Taxonomy

SURE = 10.83  # least log-likelihood ratio of a candidate: chance gives as much once in a thousand times
TIMES = 4  # it is so many times as frequent in the label's sentences as elsewhere, and as beside other labels
_REPEATED = 0.8  # a run that is part of another in so large a share of its sentences says the same
_COMMON = 1 / 60_000  # share of the words that jieba's dictionary was counted on, from which one is common
_LOOKED_AT = 200  # sentences that tell what stands around a candidate
_Z = 1.96  # of an interval of 95 %


@dataclass(frozen=True, slots=True)
class Candidate:
    """A string that may be a term of a label.

    Attributes
    ----------
    text : str
        Normalised.
    count, others : int
        Different sentences that hold it: those with a core, strong or entity term of the label, where it touches no term,
        and all others.
    association : float
        Log-likelihood ratio (G2, at least SURE) of being in the former rather than in the latter.
    examples : tuple of str
        Sentences with a term of the label, as written.
    """

    text: str
    count: int
    others: int
    association: float
    examples: tuple[str, ...]


def known_terms(taxonomy: Taxonomy) -> frozenset[str]:
    """All plain terms in every spelling."""
    slots = (term.slots for entry in taxonomy.entries for term in entry.terms)
    return frozenset(other for (first, *rest) in slots if not rest for other in taxonomy.spellings(first.text))


def rank_candidates(
    corpus: Corpus, label: int, known: frozenset[str], top: int, min_count: int
) -> tuple[Candidate, ...]:
    """The best candidates of one label; `known` are strings that the lists have."""
    places = corpus.runs_of[label]
    texts = len({corpus.text_of[at] for at in set().union(*places.values())}) if places else 0
    least = min(min_count, texts)  # different texts: what one text says again and again is its own matter
    names = sorted(
        (
            run
            for run, at in places.items()
            if len(at) >= min_count and run not in known and len({corpus.text_of[n] for n in at}) >= least
        ),
        key=lambda run: (-len(run), run),  # of equals the longest comes first
    )
    inside = np.array([len(places[run]) for run in names], np.float64)
    outside = np.maximum(np.array([corpus.runs[run] for run in names], np.float64) - inside, 0)
    beside = np.array([corpus.beside[run] for run in names], np.float64) - inside
    n_inside, n_outside = corpus.tagged[label], len(corpus.seen) - corpus.tagged[label]
    n_beside = len(corpus.shown) - corpus.tagged[label]
    ratio = log_likelihood_ratio(inside, outside, n_inside, n_outside)
    purer = (inside * n_outside >= TIMES * outside * n_inside) & (inside * n_beside >= TIMES * beside * n_inside)
    value = np.where((ratio >= SURE) & purer, np.sqrt(ratio) * least_share(inside, inside + outside), 0)
    words = _Words(corpus, known)
    kept: list[int] = []
    for n in np.argsort(-value, kind="stable").tolist():
        if value[n] == 0 or len(kept) == top:
            break
        same = any(_says_the_same(names[n], names[other], places, corpus.runs) for other in kept)
        if (
            not same
            and words.is_name(names[n])
            and not _is_part(names[n], [corpus.shown[at] for at in places[names[n]]])
        ):
            kept.append(n)
    return tuple(
        Candidate(
            names[n],
            int(inside[n]),
            int(outside[n]),
            round(float(ratio[n]), 2),
            tuple(corpus.shown[at] for at in places[names[n]][:EXAMPLES]),
        )
        for n in kept
    )


class _Words:
    """Whether a run is more than common words put together."""

    def __init__(self, corpus: Corpus, known: frozenset[str]) -> None:
        self._runs, self._known, self._segmenter = corpus.runs, known, corpus.segmenter

    def is_name(self, run: str) -> bool:
        """Whether a word of it is no common one, and none at an end is merely put before or behind the rest."""
        words = [word for some in self._segmenter.words(run) for word in some]
        common = [share >= _COMMON for share in self._segmenter.shares(words)]
        ends = (common[0], "".join(words[1:])), (common[-1], "".join(words[:-1]))
        return not all(common) and not any(loose and self._stands(rest, run) for loose, rest in ends)

    def _stands(self, rest: str, run: str) -> bool:
        """Whether what is left without an end stands often without it."""
        return rest in self._known or self._runs[rest] * _REPEATED > self._runs[run]


def _is_part(run: str, sentences: Sequence[str]) -> bool:
    """Whether nearly always the same letter stands before a run, or behind it."""
    before: Counter[str] = Counter()
    after: Counter[str] = Counter()
    for text in map(normalise, sentences[:_LOOKED_AT]):
        at = text.find(run)
        while at >= 0:
            before[text[at - 1 : at]] += 1
            after[text[at + len(run) : at + len(run) + 1]] += 1
            at = text.find(run, at + 1)
    total = before.total()
    most = (char for side in (before, after) for char, n in side.most_common(1) if n >= _REPEATED * total)
    return any(char.isalnum() and char not in OUTER for char in most)


def _says_the_same(run: str, taken: str, places: dict[str, list[int]], runs: Counter[str]) -> bool:
    """Whether a run adds nothing to one that is taken.

    It stands in the same sentences, is a part of it that is hardly ever apart, or is longer and no purer for that.
    """
    mine, other = places[run], places[taken]
    if run in taken:
        return len(other) >= _REPEATED * len(mine)
    return mine == other or (taken in run and len(other) * runs[run] >= len(mine) * runs[taken])


def log_likelihood_ratio(
    inside: NDArray[np.float64], outside: NDArray[np.float64], n_inside: int, n_outside: int
) -> NDArray[np.float64]:
    """Dunning's G2 of two counts out of two totals; 0 where the share inside is not the larger.

    Parameters
    ----------
    inside, outside : float64 (n,)
        How many of `n_inside` and of `n_outside`.

    Returns
    -------
    float64 (n,), not below 0.
    """
    total = n_inside + n_outside
    both = inside + outside
    out = np.zeros(len(inside))
    for seen, row, column in (
        (inside, n_inside, both),
        (outside, n_outside, both),
        (n_inside - inside, n_inside, total - both),
        (n_outside - outside, n_outside, total - both),
    ):
        expected = row * column / total
        out += np.where(seen > 0, seen * np.log(np.maximum(seen, 1) / np.maximum(expected, 1e-300)), 0)
    return np.where(inside * n_outside > outside * n_inside, 2 * out, 0)


def least_share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lower end of Wilson's 95 % interval of a share.

    Parameters
    ----------
    part, whole : float64 (n,)
        Counts, `whole` above 0.

    Returns
    -------
    float64 (n,), from 0 to 1.
    """
    share, square = part / whole, _Z**2 / whole
    return (share + square / 2 - np.sqrt(share * (1 - share) * square + square**2 / 4)) / (1 + square)
