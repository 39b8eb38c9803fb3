"""Fits of one label on labelled sentences: which features to weigh, and scores as probabilities.

scikit-learn is imported where it is used.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._evaluation import counts, f1

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_SELECT, _WEIGH = 0.05, 0.1  # inverse penalties of the fit that selects n-grams and of the one that weighs them
_PRESENT = 1.5  # weight of a sentence that shows the label
_KEPT = 2500  # n-grams a label
_FOLDS = 5
_ABSENT = -8.0  # score of a passage without any term of the label


@dataclass(frozen=True, slots=True)
class Cells:
    """Labelled passages as sentences, for one label.

    Attributes
    ----------
    text : int64 (n_sentences,)
        Index of the passage.
    features : sparse float64 (n_sentences, n_features)
    beside : bool (n_sentences,)
        Whether a term of the label stands in the sentence.
    truth : int8 (n_passages,)
        1 present, 0 absent, -1 unknown.
    """

    text: Ints
    features: Any
    beside: Bools
    truth: NDArray[np.int8]

    def part(self, passages: Bools) -> "Cells":
        """Those of some passages."""
        place = np.cumsum(passages) - 1
        mine = passages[self.text]
        return Cells(place[self.text[mine]], self.features[mine], self.beside[mine], self.truth[passages])

    def best(self, score: Floats) -> Floats:
        """float64 (n_passages,): the best score of a sentence beside a term."""
        out = np.full(len(self.truth), _ABSENT)
        np.maximum.at(out, self.text[self.beside], score[self.beside])
        return out


@dataclass(frozen=True, slots=True)
class _Fit:
    """Weights of some features, and the bias."""

    columns: Ints
    weight: Floats
    bias: float

    def score(self, cells: Cells) -> Floats:
        """float64 (n_passages,)."""
        return cells.best(cells.features[:, self.columns] @ self.weight + self.bias)


def _regress(cells: Cells, columns: Ints, inverse_penalty: float, seed: int, rounds: int = 4) -> _Fit:
    """Weigh features so that passages that carry the label have a sentence that shows it, and others none.

    Multiple-instance learning: all sentences of a passage with the label stand for it at first, then those that
    score best (Andrews et al. 2003).
    """
    from sklearn.linear_model import LogisticRegression

    x, text = cells.features[:, columns], cells.text
    positive = cells.truth[text] == 1
    chosen = positive
    for _ in range(rounds):
        keep = ~positive | chosen
        model = LogisticRegression(C=inverse_penalty, solver="liblinear", max_iter=300, random_state=seed)
        model.fit(x[keep], chosen[keep], sample_weight=np.where(chosen[keep], _PRESENT, 1.0))
        score = x @ model.coef_[0] + model.intercept_[0]
        best = np.full(len(cells.truth), -np.inf)
        np.maximum.at(best, text, score)
        chosen = positive & (score >= np.minimum(best[text], 0.5))
    return _Fit(columns, np.asarray(model.coef_[0]), float(model.intercept_[0]))


def fit(cells: Cells, ngrams: int, seed: int) -> _Fit:
    """Select the n-grams (the last `ngrams` features) that weigh most over all sentences, then weigh again."""
    cells = cells.part(cells.truth >= 0)
    every = np.arange(cells.features.shape[1])
    first = _regress(cells, every, _SELECT, seed)
    seen = np.asarray((cells.features != 0).sum(0)).ravel()
    worth = np.abs(first.weight) * np.sqrt(seen)
    tail = every[len(every) - ngrams :]
    kept = tail[np.argsort(-worth[tail], kind="stable")[:_KEPT]]
    return _regress(cells, np.append(every[: len(every) - ngrams], np.sort(kept)), _WEIGH, seed)


def out_of_fold(cells: Cells, ngrams: int, seed: int) -> Floats:
    """float64 (n_passages,): scores by fits that have not seen the passage."""
    fold = np.random.default_rng(seed).permutation(len(cells.truth)) % _FOLDS
    out = np.zeros(len(cells.truth))
    for number in range(_FOLDS):
        fitted = fit(cells.part(fold != number), ngrams, seed)
        out[fold == number] = fitted.score(cells.part(fold == number))
    return out


def best_shift(score: Floats, truth: NDArray[np.int8], span: float = 2.0) -> float:
    """What to add to a score so that zero is the threshold with the best F1; the middle of the best stretch."""
    grid = np.linspace(-span, span, 81)
    quality = np.array([f1(counts(score + shift >= 0, truth)) for shift in grid])
    best = grid[quality >= quality.max() - 1e-9]
    return float(best[np.argmin(np.abs(best - np.median(best)))])


def platt(score: Floats, truth: NDArray[np.int8], pooled: tuple[float, float] | None) -> tuple[float, float]:
    """Slope and intercept of a label's probability; few examples shrink it to the pooled one (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    known = truth >= 0
    x, y = np.clip(score[known], -8, 8)[:, None], truth[known]
    if pooled is None and (not len(y) or y.min() == y.max()):
        return 1.0, 0.0
    if pooled is None:
        model = LogisticRegression(C=10.0).fit(x, y)
        return float(max(model.coef_[0, 0], 0.05)), float(model.intercept_[0])
    if not len(y) or y.min() == y.max():
        return pooled
    logit = pooled[0] * x[:, 0] + pooled[1]
    model = LogisticRegression(C=0.5).fit(np.column_stack([logit]), y)
    slope, intercept = float(max(model.coef_[0, 0], 0.05)), float(model.intercept_[0])
    trust = y.sum() / (y.sum() + 40.0)
    slope, intercept = trust * slope + (1 - trust), trust * intercept
    return slope * pooled[0], slope * pooled[1] + intercept
