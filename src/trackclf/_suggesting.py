"""What a corpus says about a taxonomy: terms that may be missing, and terms that are dead, clashing or over-firing.

A candidate is a run of words (by jieba) that goes with the sentences that hold a label's terms: the terms themselves are
masked, and the rest is ranked by the log-likelihood ratio of its counts there and elsewhere (Dunning 1993, "Accurate
Methods for the Statistics of Surprise and Coincidence", Computational Linguistics 19(1)). A sentence counts once, however
often it is reprinted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._batching import batches
from trackclf._corpus import EXAMPLES, Corpus
from trackclf._lexicon import NOT, WEAK
from trackclf._tagger import Tagger
from trackclf._taxonomy import Taxonomy
from trackclf.errors import InputError

TOP, MIN_COUNT = 20, 3  # by default: most to name of each, least count
REASONS = ("unseen", "unmet", "shared", "cancelled", "covered", "everywhere", "alone")
EVERYWHERE = 0.05  # a term in so large a share of all sentences is over-firing
ALONE = 0.8  # so is one that stands in so large a share of its texts without any other term of its label
SURE = 10.83  # least log-likelihood ratio of a candidate: chance gives as much once in a thousand times
TIMES = 4  # it is at least so many times as frequent in the label's sentences as elsewhere
_REPEATED = 0.8  # a run that is part of another in so large a share of its sentences says the same


@dataclass(frozen=True, slots=True)
class Candidate:
    """A string that may be a term of a label.

    Attributes
    ----------
    text : str
        Normalised.
    count, others : int
        Different sentences that hold it: those with a core, strong or entity term of the label, and all others.
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


@dataclass(frozen=True, slots=True)
class Doubt:
    """A term that does not do what a term is for, in this corpus.

    Attributes
    ----------
    text : str
        The term, as written.
    problem : str
        "dead", "clashing" or "over-firing".
    reason : str
        dead: "unseen" (never occurs) or "unmet" (occurs, but its conditions or word boundaries never let it
        stand, or it is denied); clashing: "shared" (another label has the same string), "cancelled" (always inside a `not`) or "covered"
        (always inside a longer term of the label); over-firing: "everywhere" (in too many sentences) or "alone" (mostly in
        texts without any other term of the label).
    count, total : int
        shared: 0 and 0; unseen: 0 and all sentences, reprints too; unmet, cancelled, covered: occurrences of that reason and all
        occurrences; everywhere: sentences with the term and all sentences; alone: texts where it is alone and texts with it.
    by : tuple of str
        shared: ids of the other labels; cancelled and covered: the string that does it.
    examples : tuple of str
        Sentences that hold the term, as written.
    """

    text: str
    problem: str
    reason: str
    count: int
    total: int
    by: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """What a corpus says about one label.

    Attributes
    ----------
    label : str
        Its id.
    sentences : int
        Different ones that hold a core, strong or entity term of it.
    total : int
        All different sentences.
    candidates : tuple of Candidate
        The most associated first.
    doubts : tuple of Doubt
        By problem and reason, the most frequent first.
    found : dict of str to int
        How many doubts there are for each reason; `doubts` may name fewer.
    """

    label: str
    sentences: int
    total: int
    candidates: tuple[Candidate, ...]
    doubts: tuple[Doubt, ...]
    found: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return asdict(self)


def suggest_terms(
    taxonomy: Taxonomy,
    texts: Iterable[str],
    labels: Sequence[str] | None = None,
    top: int = TOP,
    min_count: int = MIN_COUNT,
) -> list[Advice]:
    """Candidate terms for the labels of a taxonomy, and terms to doubt, by a corpus.

    The same texts give the same answer. Runs of words that the lists have already, in any spelling, are no candidates. Of
    more than a million different runs the rarest are dropped as the corpus is read, so that `others` of rare ones may fall
    short; what is kept beside grows with the sentences that hold terms.

    Parameters
    ----------
    taxonomy : Taxonomy
    texts : iterable of str
        Read once, lazily.
    labels : sequence of str, optional
        Ids; by default all, in their order.
    top : int
        At most so many candidates a label, and doubts of each reason.
    min_count : int
        Least number of the label's sentences that hold a candidate; a term that occurs less often is in no doubt for it.

    Raises
    ------
    TaxonomyError
        A label is unknown.
    InputError
        `top` or `min_count` is below 1, or there is no text.
    """
    for name, value in (("top", top), ("min_count", min_count)):
        if value < 1:
            raise InputError(f"{name} must be 1 or more, got {value}")
    entries = [taxonomy[id] for id in labels] if labels is not None else taxonomy.entries
    corpus = Corpus(Tagger(taxonomy, weights=None))
    for batch in batches(texts, "suggest_terms"):
        corpus.read(batch)
    if not corpus.sentences:
        raise InputError("the corpus holds no sentence; give a file with texts")
    column = {label.id: n for n, label in enumerate(taxonomy.labels)}
    shared = _shared(taxonomy)
    known = _known(taxonomy)
    out = []
    for entry in entries:
        label = column[entry.label.id]
        doubts = _doubts(corpus, label, shared, min_count)
        found = Counter(doubt.reason for doubt in doubts)
        kept = [doubt for doubt, rank in zip(doubts, _ranks(doubts), strict=True) if rank < top]
        candidates = _candidates(corpus, label, known, top, min_count)
        out.append(Advice(entry.label.id, corpus.tagged[label], len(corpus.seen), candidates, tuple(kept), dict(found)))
    return out


def _known(taxonomy: Taxonomy) -> frozenset[str]:
    """All plain terms in every spelling."""
    slots = (term.slots for entry in taxonomy.entries for term in entry.terms)
    return frozenset(other for (first, *rest) in slots if not rest for other in taxonomy.spellings(first.text))


def _candidates(corpus: Corpus, label: int, known: frozenset[str], top: int, min_count: int) -> tuple[Candidate, ...]:
    places = corpus.runs_of[label]
    names = sorted(
        (run for run, at in places.items() if len(at) >= min_count and run not in known),
        key=lambda run: (-len(run), run),  # of equals the longest comes first
    )
    inside = np.array([len(places[run]) for run in names], np.float64)
    outside = np.array([max(corpus.runs[run] - len(places[run]), 0) for run in names], np.float64)
    n_inside, n_outside = corpus.tagged[label], len(corpus.seen) - corpus.tagged[label]
    ratio = log_likelihood_ratio(inside, outside, n_inside, n_outside)
    kept: list[int] = []
    for n in np.argsort(-ratio, kind="stable").tolist():
        if ratio[n] < SURE or len(kept) == top:
            break
        if inside[n] * n_outside >= TIMES * outside[n] * n_inside and not any(
            _says_the_same(names[n], names[other], places, corpus.runs) for other in kept
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


def _shared(taxonomy: Taxonomy) -> dict[tuple[str, str], tuple[str, ...]]:
    """Labels that have the string of a label's term too, in some spelling, by a line of their own."""
    homes: dict[str, dict[str, None]] = {}
    spelt = [
        (entry.label.id, term.text, taxonomy.spellings(term.slots[0].text, entry.label.id))
        for entry in taxonomy.entries
        for term in entry.terms
        if len(term.slots) == 1 and term.kind != "not"
    ]
    for id, _, texts in spelt:
        for text in texts:
            homes.setdefault(text, {})[id] = None
    out = {}
    for id, text, texts in spelt:
        others = tuple(dict.fromkeys(other for string in texts for other in homes[string] if other != id))
        if others:
            out[id, text] = others
    return out


def _doubts(corpus: Corpus, label: int, shared: dict[tuple[str, str], tuple[str, ...]], min_count: int) -> list[Doubt]:
    lexicon, id = corpus.lexicon, corpus.lexicon.labels[label].id
    out = []
    for n in np.flatnonzero(lexicon.label == label).tolist():
        text, kind, cue = lexicon.texts[n], lexicon.kind[n], lexicon.parts[n] > 1
        examples = tuple(corpus.examples.get(n, ()))
        if others := shared.get((id, text)):
            out.append(Doubt(text, "clashing", "shared", 0, 0, others))
        seen, found = int(corpus.occurrences[n]), int(corpus.finds[n])
        if kind == NOT:
            if not cue and not seen:
                out.append(Doubt(text, "dead", "unseen", 0, corpus.sentences))
        elif not found:
            out.append(_never(corpus, n, text, seen))
        elif kind < WEAK:
            sentences, texts, alone = (int(some[n]) for some in (corpus.in_sentences, corpus.in_texts, corpus.alone))
            if sentences >= max(min_count, EVERYWHERE * corpus.sentences):
                out.append(Doubt(text, "over-firing", "everywhere", sentences, corpus.sentences, (), examples))
            if texts >= min_count and alone >= ALONE * texts:
                out.append(Doubt(text, "over-firing", "alone", alone, texts, (), examples))
    return sorted(out, key=lambda doubt: (REASONS.index(doubt.reason), -doubt.count, doubt.text))


def _never(corpus: Corpus, n: int, text: str, seen: int) -> Doubt:
    """Why a term never stands."""
    if not seen:
        return Doubt(text, "dead", "unseen", 0, corpus.sentences)
    cancelled, covered = int(corpus.cancelled[n]), int(corpus.covered[n])
    by, examples = (corpus.by[n],) if n in corpus.by else (), tuple(corpus.missed[n])
    if cancelled + covered < seen:
        return Doubt(text, "dead", "unmet", seen - cancelled - covered, seen, (), examples)
    reason, count = ("cancelled", cancelled) if cancelled >= covered else ("covered", covered)
    return Doubt(text, "clashing", reason, count, seen, by, examples)


def _ranks(doubts: Sequence[Doubt]) -> Iterator[int]:
    """Place of each doubt among those of its reason."""
    seen: Counter[str] = Counter()
    for doubt in doubts:
        yield seen[doubt.reason]
        seen[doubt.reason] += 1
