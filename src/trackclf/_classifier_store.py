"""A fitted classifier in one folder (see `_store`): the tagger's parts, and what was learned on top."""

from pathlib import Path
from typing import Any

import numpy as np

from trackclf import _store
from trackclf._saving import TAXONOMY, _nothing, taxonomy_array, taxonomy_of
from trackclf._tagger import Tagger, _folder, _learned
from trackclf._weights import SPEC, checked_weights
from trackclf.errors import ModelError

KIND = "classifier"
FITTED: _store.Spec = {
    "classes": ("U", ("classes",)),
    "used": ("?", ("classes",)),
    "coef": ("f8", ("classes", "features")),
    "fit_intercept": ("f8", ("classes",)),
    "fit_slope": ("f8", ("classes",)),
    "fit_offset": ("f8", ("classes",)),
    "ngrams": ("U", ("ngrams",)),
    "ngram_weight": ("f8", ("ngrams",)),
}


def save_classifier(folder: Path, fitted: Any) -> None:
    """Write a fitted `TrackClassifier`."""
    tagger, features = fitted.tagger_, fitted._features
    weights = _learned(_folder(tagger._arguments[2]))
    arrays = {name: getattr(weights, name) if weights else np.zeros(*_nothing(name)) for name in SPEC}
    arrays |= {
        "taxonomy": taxonomy_array(tagger.taxonomy),
        "classes": fitted.classes_,
        "used": fitted.learned_,
        "coef": fitted.coef_,
        "fit_intercept": fitted.intercept_,
        "fit_slope": fitted._slope,
        "fit_offset": fitted._offset,
        "ngrams": np.array(features.strings) if features.strings else np.zeros(0, "U1"),
        "ngram_weight": features.weight,
    }
    seed = fitted.random_state
    parameters = {
        "labels": None if fitted.labels is None else [str(id) for id in fitted.labels],
        "C": float(fitted.C),
        "ngram_range": [int(size) for size in features.ngram_range],
        "max_features": int(fitted.max_features),
        "cv": int(fitted.cv),
        "random_state": int(seed) if isinstance(seed, int | np.integer) else None,
    }
    facts = {"weights": weights.manifest if weights else None, "parameters": parameters}
    _store.save(folder, KIND, arrays, facts)


def load_classifier(folder: Path) -> tuple[dict[str, Any], Tagger, _store.Arrays]:
    """Parameters, the tagger, and the arrays that `FITTED` names."""
    arrays, facts = _store.load(folder, KIND, {"taxonomy": TAXONOMY, **SPEC, **FITTED})
    fitted = {name: arrays.pop(name) for name in FITTED}
    try:
        for name in ("classes", "ngrams"):
            if len(set(fitted[name].tolist())) < len(fitted[name]):
                raise ValueError(f"{name} holds the same string twice")
        taxonomy = taxonomy_of(arrays.pop("taxonomy"))
        parameters = _parameters(facts["parameters"])
        if not isinstance(facts["weights"], dict | None):
            raise TypeError("weights must be facts or null")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: no classifier can be made of it: {error}. Save it again") from error
    weights = None if facts["weights"] is None else checked_weights(folder, arrays, facts["weights"])
    try:
        tagger = Tagger(taxonomy, weights=weights)
    except Exception as error:  # right digests do not make it right: anything may have been written with them
        raise ModelError(f"{folder}: no classifier can be made of it: {error}. Save it again") from error
    return parameters | {"taxonomy": taxonomy, "weights": weights}, tagger, fitted


def _parameters(values: Any) -> dict[str, Any]:
    """Parameters of the estimator, each of its own type."""
    labels, seed = values["labels"], values["random_state"]
    low, high = values["ngram_range"]
    sizes = [low, high, values["max_features"], values["cv"]]
    if labels is not None and not (isinstance(labels, list) and all(isinstance(id, str) for id in labels)):
        raise ValueError("labels must be a list of ids or null")
    if not all(type(size) is int for size in sizes) or not 1 <= low <= high <= 16:
        raise ValueError("ngram_range, max_features and cv must be whole numbers")
    if type(values["C"]) is not float or not (seed is None or type(seed) is int):
        raise ValueError("C must be a number, random_state a whole number or null")
    names = ("labels", "C", "max_features", "cv", "random_state")
    return {name: values[name] for name in names} | {"ngram_range": (low, high)}
