"""What a corpus says about a taxonomy: terms that may be missing, and terms that are dead, clashing or over-firing.

A candidate is a run of words (by jieba) that goes with the sentences that hold a label's terms (see `_ranking`): the terms
themselves are masked, and so is what touches them. A sentence counts once, however often it is reprinted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trackclf._batching import batches
from trackclf._corpus import Corpus
from trackclf._lexicon import NOT, WEAK
from trackclf._ranking import Candidate, known_terms, rank_candidates
from trackclf._tagger import Tagger
from trackclf._taxonomy import Taxonomy
from trackclf.errors import InputError

TOP, MIN_COUNT = 20, 3  # by default: most to name of each, least count
REASONS = ("unseen", "unmet", "shared", "cancelled", "covered", "everywhere", "alone")
EVERYWHERE = 0.05  # a term in so large a share of all sentences is over-firing
ALONE = 0.8  # so is one that stands in so large a share of its texts without any other term of its label


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
        The likeliest first.
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
        Least number of the label's sentences, and of texts, that hold a candidate; a term that occurs less often is in no
        doubt for it.

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
    known = known_terms(taxonomy)
    out = []
    for entry in entries:
        label = column[entry.label.id]
        doubts = _doubts(corpus, label, shared, min_count)
        found = Counter(doubt.reason for doubt in doubts)
        kept = [doubt for doubt, rank in zip(doubts, _ranks(doubts), strict=True) if rank < top]
        candidates = rank_candidates(corpus, label, known, top, min_count)
        out.append(Advice(entry.label.id, corpus.tagged[label], len(corpus.seen), candidates, tuple(kept), dict(found)))
    return out


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
