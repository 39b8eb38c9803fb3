"""What a text holds as numbers, for scikit-learn: term counts, the tagger's scores, character n-grams.

Imported with `_estimator` alone, for it imports scikit-learn.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.utils.validation import check_is_fitted

from trackclf._batching import batches, pieces_of
from trackclf._characters import normalise
from trackclf._lexicon import NOT, Lexicon
from trackclf._scoring import sums_of
from trackclf._segmenting import Segmenter
from trackclf._tagger import Tagger
from trackclf._taxonomy import Taxonomy, load_taxonomy

Floats = NDArray[np.float64]

_IDEOGRAPHS = "㐀-鿿豈-﫿\U00020000-\U000323af"
_RUN = re.compile(f"[{_IDEOGRAPHS}]+|[^\\W_{_IDEOGRAPHS}]+")
_IDEOGRAPH = "㐀"  # the first; what stands before it is spelt in letters
_SCRAP, _NAME = 12.0, 18.0  # nats of what no dictionary has: ideographs, mostly scraps; letters, mostly names


def texts_of(X: Iterable[str]) -> list[str]:  # noqa: N803
    """Raw texts as a list.

    Raises
    ------
    TypeError
        It is one string, or holds something else than strings.
    """
    if isinstance(X, str):
        raise TypeError("X must be an iterable of str, got one str; wrap it: [text]")
    if hasattr(X, "columns"):
        raise TypeError("X must be texts, got a table; choose its column of texts: X['text']")
    texts = list(X)
    for n, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"X must hold str, one text a row, got {type(text).__name__} at index {n}")
    return texts


def tagger_of(taxonomy: Taxonomy | str | Path | None, weights: Any) -> Tagger:
    """A tagger for the parameters of an estimator."""
    return Tagger(load_taxonomy(taxonomy) if isinstance(taxonomy, str | Path) else taxonomy, weights=weights)


def term_rows(lexicon: Lexicon) -> NDArray[np.int64]:
    """Rows of the lexicon that a text can score by, in the order of the columns."""
    return np.flatnonzero(lexicon.kind < NOT)


def term_names(tagger: Tagger) -> list[str]:
    """A name for each column: the label's id, a colon, the term as written."""
    lexicon = tagger._resolver.lexicon
    return [f"{lexicon.labels[lexicon.label[row]].id}:{lexicon.texts[row]}" for row in term_rows(lexicon).tolist()]


def count_terms(tagger: Tagger, texts: Sequence[str]) -> tuple[NDArray[np.float32], sparse.csr_matrix]:
    """Scores float32 (n_texts, n_labels) and term counts int64 (n_texts, n_terms), in one pass.

    A cue with gaps counts once for each time it stands, what is denied does not count.
    """
    lexicon = tagger._resolver.lexicon
    rows = term_rows(lexicon)
    column = np.full(len(lexicon.label), -1)
    column[rows] = np.arange(len(rows))
    scores, text, term, done = [], [], [], 0
    for batch in batches(texts, "transform"):
        every = []
        for _, pieces in pieces_of(batch):
            passages, finds, _, cells = tagger._find(pieces)
            every.append(cells)
            counted = np.flatnonzero((finds.share == 0) & ~finds.denied)
            sentence = passages.sentence_numbers[finds.start[counted]]
            text.append(passages.sentence_texts[sentence] + done)
            term.append(column[finds.row[counted]])
        scores.append(sums_of(every, len(batch), len(lexicon.labels)).matrix(tagger._model))
        done += len(batch)
    if not scores:
        return np.zeros((0, len(lexicon.labels)), np.float32), sparse.csr_matrix((0, len(rows)), dtype=np.int64)
    place = np.concatenate(text), np.concatenate(term)
    counts = sparse.csr_matrix((np.ones(len(place[0]), np.int64), place), shape=(done, len(rows)))
    return np.concatenate(scores), counts


class TermFeaturizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Texts to counts of the taxonomy's terms, one column a term, for a model of one's own on top.

    Terms are found as the tagger finds them: conditions, longest match and denials hold.

    Parameters
    ----------
    taxonomy : Taxonomy, str, Path or None
        A taxonomy or its folder; by default the shipped one.
    binary : bool
        Whether a term stands in the text, instead of how often.
    sparse_output : bool
        A CSR matrix; False gives a dense array, which `set_output(transform="pandas")` needs.

    Attributes
    ----------
    tagger_ : Tagger

    Examples
    --------
    >>> featurizer = TermFeaturizer().fit([])
    >>> counts = featurizer.transform(["脑机接口临床，脑机接口植入", "天气很好"])
    >>> counts.shape == (2, len(featurizer.get_feature_names_out()))
    True
    >>> counts.sum(axis=1).tolist()
    [[2], [0]]
    """

    def __init__(
        self, taxonomy: Taxonomy | str | Path | None = None, binary: bool = False, sparse_output: bool = True
    ) -> None:
        self.taxonomy = taxonomy
        self.binary = binary
        self.sparse_output = sparse_output

    def fit(self, X: Iterable[str], y: Any = None) -> Self:  # noqa: N803
        """Read the taxonomy; nothing is learned from the texts.

        Raises
        ------
        TypeError
            X is one string, or holds something else than strings.
        TaxonomyError
            The taxonomy has faults.
        """
        texts_of(X)
        self.tagger_ = tagger_of(self.taxonomy, None)
        return self

    def transform(self, X: Iterable[str]) -> Any:  # noqa: N803
        """Count.

        Returns
        -------
        CSR matrix or ndarray, int64 (n_texts, n_terms)
        """
        check_is_fitted(self, "tagger_")
        _, counts = count_terms(self.tagger_, texts_of(X))
        if self.binary:
            counts.data[:] = 1
        return counts if self.sparse_output else counts.toarray()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns: label id, colon, term as written."""
        check_is_fitted(self, "tagger_")
        return np.array(term_names(self.tagger_), object)

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn < 1.6
        return {"X_types": ["string"], "requires_fit": True}

    def __sklearn_tags__(self) -> Any:
        return only_texts(super().__sklearn_tags__())


def only_texts(tags: Any) -> Any:
    """Tags of an estimator whose input is a list of strings."""
    tags.input_tags.two_d_array = False
    tags.input_tags.string = True
    return tags


def ngrams(text: str, low: int, high: int) -> list[str]:
    """Runs of `low` to `high` ideographs, and whole words of letters and digits."""
    out: list[str] = []
    for run in _RUN.findall(normalise(text)):
        if run[0] < _IDEOGRAPH:
            out.append(run)
        else:
            out += [run[n : n + size] for size in range(low, high + 1) for n in range(len(run) - size + 1)]
    return out


def _held(texts: Iterable[str], ngram_range: tuple[int, int]) -> list[set[str]]:
    return [set(ngrams(text, *ngram_range)) for text in texts]


class Features:
    """Texts as one sparse matrix: evidence of each label, terms, n-grams.

    Evidence is the tagger's score above the label's bias. A term counts once. An n-gram weighs what it says as a word of
    Chinese at large (-log of its frequency in jieba's dictionary), for few texts do not tell a rare word from a common
    one. Long texts are held down by the fourth root of how many n-grams they hold, learned or not.

    Attributes
    ----------
    tagger : Tagger
    strings : list of str
        The n-grams, sorted.
    weight : float64 (n_ngrams,)
    label : str (n_labels + n_terms,)
        Id of the label that each column of evidence and of a term is for.
    """

    def __init__(self, tagger: Tagger, strings: Sequence[str], weight: Floats, ngram_range: tuple[int, int]) -> None:
        self.tagger, self.strings, self.weight, self.ngram_range = tagger, list(strings), weight, ngram_range
        lexicon = tagger._resolver.lexicon
        ids = np.array([label.id for label in tagger.labels])
        self.label = np.concatenate([ids, ids[lexicon.label[term_rows(lexicon)]]])

    @classmethod
    def learn(cls, tagger: Tagger, texts: Sequence[str], ngram_range: tuple[int, int], max_features: int) -> "Features":
        """Choose the n-grams that stand most often, and weigh them."""
        found = cls._vectorizer(max_features=max_features)
        held = _held(texts, ngram_range)
        try:
            counts = found.fit_transform(held)
        except ValueError:  # no n-gram at all
            return cls(tagger, [], np.zeros(0), ngram_range)
        strings = found.get_feature_names_out().tolist()
        share = np.array(Segmenter().shares(strings))
        unknown = np.where([string < _IDEOGRAPH for string in strings], _NAME, _SCRAP)
        weight = np.where(share > 0, -np.log(np.where(share > 0, share, 1)), unknown)
        self = cls(tagger, strings, weight, ngram_range)
        # Rows of length one on the average, so that one penalty suits all data.
        mean = self._weighed(counts, held).power(2).sum() / len(texts)
        self.weight /= np.sqrt(max(mean, 1e-9))
        return self

    @staticmethod
    def _vectorizer(**options: Any) -> CountVectorizer:
        return CountVectorizer(analyzer=lambda held: held, binary=True, dtype=np.float64, **options)

    def _weighed(self, counts: sparse.csr_matrix, held: Sequence[set[str]]) -> sparse.csr_matrix:
        size = np.array([max(len(some), 1) for some in held])
        return sparse.csr_matrix(sparse.diags(size**-0.25) @ counts @ sparse.diags(self.weight))

    def __call__(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """float64 (n_texts, n_features)."""
        scores, terms = count_terms(self.tagger, texts)
        terms.data[:] = 1
        parts = [sparse.csr_matrix(scores - self.tagger._model.bias), terms.astype(np.float64)]
        if self.strings and texts:
            held = _held(texts, self.ngram_range)
            parts.append(self._weighed(self._vectorizer(vocabulary=self.strings).transform(held), held))
        elif self.strings:
            parts.append(sparse.csr_matrix((0, len(self.strings))))
        return sparse.hstack(parts, format="csr")

    @property
    def names(self) -> list[str]:
        """Names of the columns, each with what it is before a colon."""
        labels = [f"label:{label.id}" for label in self.tagger.labels]
        return [*labels, *(f"term:{name}" for name in term_names(self.tagger)), *(f"ngram:{s}" for s in self.strings)]
