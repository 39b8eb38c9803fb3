"""TrackClassifier: the tagger's scores and what labelled texts add to them, as a scikit-learn estimator.

For each label a logistic regression over one sparse matrix (`_features`). Where the taxonomy has terms for a label, what was
learned takes the place of the tagger's score only if cross-validation shows that it mends more than it breaks (a
one-sided McNemar test, 1947), so few examples change nothing for the worse. Where it has none, its scope stands by: the
clauses of name, definition and what is present serve as faint examples, and as negative ones of the other labels (Chang
et al. 2008), and n-grams of the scope are held down less.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from trackclf._classifier_store import load_classifier, save_classifier
from trackclf._features import Features, Floats, only_texts, tagger_of, texts_of
from trackclf._fitting import platt
from trackclf._lexicon import NOT
from trackclf._tagger import SHIPPED
from trackclf._targets import Truth, targets
from trackclf._taxonomy import Taxonomy
from trackclf._weights import Weights
from trackclf.errors import ModelError

_EVIDENCE = 0.2  # evidence is log-odds, in tens; so much of it weighs as an n-gram does
_SCOPE = 4.0  # how much less the penalty holds n-grams of the label's scope down
_FAINT = 1.0  # weight of an example from a scope
_SILENT = 30.0  # weight of the empty text as an example of none
_CLAUSES = re.compile(r"[、，；：。“”（）(),;]\s*")
_MIDDLE = 0.75  # of the way to the middle between unseen examples of both kinds, where the threshold goes
_SURE = 1.645  # standard errors by which more must be mended than broken


def _f1(got: NDArray[np.bool_], truth: Truth, weight: Floats) -> float:
    """Weighted F1 of one label over what is known; 1 where there is nothing to find and nothing was found."""
    right = weight[got & (truth == 1)].sum()
    total = weight[got & (truth >= 0)].sum() + weight[truth == 1].sum()
    return float(2 * right / total) if total > 0 else 1.0


class TrackClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multi-label classifier over raw texts that starts from a taxonomy and learns from labelled texts.

    Parameters
    ----------
    taxonomy : Taxonomy, str, Path or None
        A taxonomy or its folder; by default the shipped one.
    weights : Weights, str, Path or None
        As in `Tagger`: the model that the learning starts from.
    labels : sequence of str, optional
        Label ids, of the taxonomy or new: the columns of y. By default the columns of a table; the taxonomy's labels for
        another matrix; those that occur for lists of ids.
    C : float
        Inverse strength of the L2 penalty.
    ngram_range : (int, int)
        Lengths of the runs of ideographs that are features.
    max_features : int
        Most n-grams that are kept, the most frequent ones.
    cv : int
        Folds that decide whether what was learned is used.
    random_state : int, RandomState or None
        Of the folds. The same seed, data and versions give the same model.

    Attributes
    ----------
    classes_ : str (n_labels,)
        Label ids, in the order of the columns.
    coef_ : float64 (n_labels, n_features)
        A row for each label; where nothing was learned, 1 for the label's own evidence and 0 elsewhere.
    intercept_ : float64 (n_labels,)
    learned_ : bool (n_labels,)
        Whether what was learned is used.
    tagger_ : Tagger

    Examples
    --------
    >>> classifier = TrackClassifier().fit(["量子计算机下线。", "天气很好。"], [["quantum"], []])
    >>> classifier.predict(["量子通信干线开通。"]).tolist(), classifier.classes_.tolist()
    ([[1]], ['quantum'])
    """

    def __init__(
        self,
        taxonomy: Taxonomy | str | Path | None = None,
        weights: Weights | str | Path | None = SHIPPED,
        *,
        labels: Sequence[str] | None = None,
        C: float = 10.0,  # noqa: N803
        ngram_range: tuple[int, int] = (2, 4),
        max_features: int = 50_000,
        cv: int = 5,
        random_state: Any = 0,
    ) -> None:
        self.taxonomy = taxonomy
        self.weights = weights
        self.labels = labels
        self.C = C
        self.ngram_range = ngram_range
        self.max_features = max_features
        self.cv = cv
        self.random_state = random_state

    def fit(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> Self:  # noqa: N803
        """Learn from labelled texts.

        Parameters
        ----------
        X : iterable of str
            n_texts raw texts.
        y : matrix (n_texts, n_labels), or n_texts lists or sets of str
            1 present, 0 absent, -1 or NaN unknown (ignored for that label), dense, sparse or a table; or the ids of the
            labels that are present, all others being absent.
        sample_weight : (n_texts,), optional
            Weight of each text; 0 leaves it out.

        Raises
        ------
        TypeError, ValueError
            X or y is something else, they differ in length, or a parameter is out of range.
        TaxonomyError, ModelError
            The taxonomy or the model cannot be used.
        """
        texts = self._texts(X)
        if not texts:
            raise ValueError("X holds no text: 0 sample(s), while a minimum of 1 is required")
        if not (isinstance(self.cv, int) and self.cv >= 2) or not self.C > 0:
            raise ValueError(f"cv must be a whole number from 2, and C above 0; got cv={self.cv!r}, C={self.C!r}")
        tagger = tagger_of(self.taxonomy, self.weights)
        known = [label.id for label in tagger.labels]
        ids, truth = self._columns(y, self.labels, known)
        if len(truth) != len(texts):
            raise ValueError(f"X has {len(texts)} texts, y has {len(truth)} rows")
        if len(set(ids)) != len(ids) or not ids:
            raise ValueError("the labels must be at least one, and each another")
        weight = _check_sample_weight(sample_weight, np.zeros((len(texts), 1)), dtype=np.float64)
        if (weight < 0).any() or not weight.any():
            raise ValueError("sample_weight must not be negative, and not 0 everywhere")
        kept = np.flatnonzero(weight)
        texts, truth, weight = [texts[n] for n in kept], truth[kept], weight[kept]
        scopes = [(entry.label.id, text) for entry in tagger.taxonomy.entries for text in _scope(entry)]
        learned_from = [*texts, *(text for _, text in scopes), ""]  # the last says nothing, and carries no label
        self._features = Features.learn(tagger, learned_from, self.ngram_range, self.max_features)
        features = self._features(learned_from)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        self.tagger_ = tagger
        self.classes_ = np.array(ids)
        self.coef_ = np.zeros((len(ids), features.shape[1]))
        self.intercept_ = np.full(len(ids), -1.0)
        self.learned_ = np.zeros(len(ids), bool)
        self._slope, self._offset = np.ones((2, len(ids)))
        lexicon, model = tagger._resolver.lexicon, tagger._model
        termed = np.bincount(lexicon.label[lexicon.kind < NOT], minlength=len(known)) > 0
        for n, id in enumerate(ids):
            scope = np.array([of == id for of, _ in scopes], bool)
            place = known.index(id) if id in known else -1
            if place >= 0:
                self.coef_[n, place] = 1.0
                self.intercept_[n] = model.bias[place] - model.threshold[place]
                self._slope[n] = model.slope[place]
                self._offset[n] = model.slope[place] * model.threshold[place] + model.intercept[place]
            self._learn(n, features, truth[:, n], weight, scope, place >= 0 and bool(termed[place]), seed)
        return self

    def _learn(
        self,
        n: int,
        features: sparse.csr_matrix,
        truth: Truth,
        weight: Floats,
        scope: NDArray[np.bool_],
        termed: bool,
        seed: int,
    ) -> None:
        """Fit a label, and use what it says where that is better. `scope` marks the label's own scope texts."""
        size = len(truth)
        rows = np.flatnonzero(truth >= 0)
        fewest = min((truth == 1).sum(), (truth == 0).sum())
        if fewest < 2:
            return
        scopes = size + np.arange(len(scope) + 1)
        # A label sees its own evidence, its own terms and all n-grams; the terms of other labels only mislead few examples.
        first = features.shape[1] - len(self._features.strings)
        scale = np.ones(features.shape[1])
        scale[:first] = self._features.label[:first] == self.classes_[n]
        own = np.unique(features[size + np.flatnonzero(scope)].indices)
        scale[own[own >= first]] = _SCOPE
        scale[: len(self.tagger_.labels)] *= _EVIDENCE
        scaled = features[:, first:] @ sparse.diags(scale[first:])
        scale[first:] /= np.sqrt(max(scaled.power(2).sum() / scaled.shape[0], 1e-9))
        scaled = features @ sparse.diags(scale)
        target = np.concatenate([truth, scope, [0]])
        heft = np.concatenate([weight, np.full(len(scope), _FAINT), [_SILENT]])

        def fitted(some: NDArray[np.int64]) -> tuple[Floats, float]:
            mine = np.concatenate([some, scopes])
            regression = LogisticRegression(C=self.C, solver="liblinear", dual=True, max_iter=1000, random_state=seed)
            regression.fit(scaled[mine], target[mine], sample_weight=heft[mine])
            return regression.coef_[0] * scale, float(regression.intercept_[0])

        unseen = np.zeros(size)
        folds = StratifiedKFold(min(self.cv, int(fewest)), shuffle=True, random_state=seed)
        for some, others in folds.split(rows, truth[rows]):
            coef, intercept = fitted(rows[some])
            unseen[rows[others]] = features[rows[others]] @ coef + intercept
        truth, weight, unseen = truth[rows], weight[rows], unseen[rows]
        # Few examples are not as many as they come, and unseen ones score lower; so the threshold moves most of the way
        # to the middle between the two kinds.
        middle = np.mean([np.average(unseen[truth == value], weights=weight[truth == value]) for value in (0, 1)])
        unseen -= _MIDDLE * middle
        if termed:
            base = features[rows] @ self.coef_[n] + self.intercept_[n] >= 0
            new = unseen >= 0
            mended = weight * ((new == (truth == 1)).astype(int) - (base == (truth == 1)))
            better = mended.sum() >= _SURE * np.sqrt((mended**2).sum()) and mended.any()
            if not better or _f1(new, truth, weight) <= _f1(base, truth, weight):
                return
        self.coef_[n], self.intercept_[n] = fitted(rows)
        self.intercept_[n] -= _MIDDLE * middle
        self._slope[n], self._offset[n] = platt(unseen, truth, (1.0, 0.0))
        self.learned_[n] = True

    def decision_function(self, X: Iterable[str]) -> Floats:  # noqa: N803
        """float64 (n_texts, n_labels): log-odds above the threshold; a label is present from 0 on."""
        check_is_fitted(self, "coef_")
        decision: Floats = self._features(self._texts(X)) @ self.coef_.T + self.intercept_
        return decision

    def predict(self, X: Iterable[str]) -> NDArray[np.int64]:  # noqa: N803
        """int64 (n_texts, n_labels): 1 where the label is present, columns as `classes_`."""
        return (self.decision_function(X) >= 0).astype(np.int64)

    def predict_proba(self, X: Iterable[str]) -> Floats:  # noqa: N803
        """float64 (n_texts, n_labels) in [0, 1]; rows need not sum to 1.

        The tagger's own calibration where nothing was learned, otherwise Platt's (1999), over folds. Thresholds are those
        with the best F1, so a label may be present below 0.5.
        """
        logit = np.clip(self.decision_function(X) * self._slope + self._offset, -60, 60)
        probability: Floats = 1 / (1 + np.exp(-logit))
        return probability

    def score(self, X: Iterable[str], y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Macro-F1: the mean over all labels of F1 over the texts for which the label is known.

        1 for a label where there is nothing to find and nothing was found.
        """
        got = self.predict(X) == 1
        _, truth = self._columns(y, self.classes_.tolist(), ())
        if len(truth) != len(got):
            raise ValueError(f"X has {len(got)} texts, y has {len(truth)} rows")
        weight = _check_sample_weight(sample_weight, got, dtype=np.float64)
        return float(np.mean([_f1(mine, right, weight) for mine, right in zip(got.T, truth.T, strict=True)]))

    def save(self, folder: str | Path) -> None:
        """Write the fitted classifier, with its taxonomy and weights, as `Tagger.save` does.

        Raises
        ------
        ModelError
            The folder cannot be written, or holds a manifest of something else.
        NotFittedError
            There is nothing to save yet.
        """
        check_is_fitted(self, "coef_")
        save_classifier(Path(folder), self)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read a classifier that `save` wrote; nothing in the folder is run.

        Raises
        ------
        ModelError
            The folder is missing, damaged, or of another kind or format; the message says what to do.
        """
        parameters, tagger, fitted = load_classifier(Path(folder))
        self = cls(**parameters)
        self.tagger_ = tagger
        self.classes_, self.learned_ = fitted["classes"], fitted["used"]
        self.coef_, self.intercept_ = fitted["coef"], fitted["fit_intercept"]
        self._slope, self._offset = fitted["fit_slope"], fitted["fit_offset"]
        strings = fitted["ngrams"].tolist()
        self._features = Features(tagger, strings, fitted["ngram_weight"], parameters["ngram_range"])
        if len(self._features.label) + len(strings) != self.coef_.shape[1]:
            raise ModelError(f"{folder}: the parts do not fit together. Save it again")
        return self

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Names of the columns of `coef_`: "label:ID", "term:ID:TERM", "ngram:STRING"."""
        check_is_fitted(self, "coef_")
        return np.array(self._features.names, object)

    def _texts(self, X: Iterable[str]) -> list[str]:  # noqa: N803
        return texts_of(X)

    def _columns(self, y: Any, labels: Sequence[str] | None, known: Sequence[str]) -> tuple[list[str], Truth]:
        return targets(y, labels, known)

    def _more_tags(self) -> dict[str, Any]:  # scikit-learn < 1.6
        return {"X_types": ["string"], "multilabel": True, "multioutput_only": True, "requires_y": True}

    def __sklearn_tags__(self) -> Any:
        tags = only_texts(super().__sklearn_tags__())
        tags.target_tags.multi_output, tags.target_tags.single_output = True, False
        tags.classifier_tags.multi_label, tags.classifier_tags.multi_class = True, False
        return tags


def _scope(entry: Any) -> list[str]:
    """What a label file says of a label's scope, clause by clause."""
    said = (entry.label.name, entry.definition, *entry.present)
    return [clause for text in said for clause in _CLAUSES.split(text) if len(clause) > 1]
