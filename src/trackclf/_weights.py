"""Learned weights as they lie in the model folder, and how they become a `Model` for a lexicon.

`_store.py` says what a model folder holds. Labels that the model does not know,
and taxonomies of one's own, take the prior weights that the taxonomy states. A tagger from a compiled file needs none
of this.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf import _store
from trackclf._lexicon import LEARNED, NOT, Lexicon
from trackclf._model import NEVER, UNIT, Floats, Model
from trackclf._setting_faults import prior_faults
from trackclf._taxonomy import Taxonomy
from trackclf._taxonomy_files import KINDS
from trackclf.errors import ModelError

KIND = "weights"
_LARGEST = 1e6  # log-odds
SPEC: _store.Spec = {
    "kind_weight": ("f8", ("labels", 4)),
    "term": ("U", ("terms",)),
    "term_label": ("i8", ("terms",)),
    "term_weight": ("f8", ("terms",)),
    "learned": ("U", ("learned",)),
    "learned_label": ("i8", ("learned",)),
    "learned_weight": ("f8", ("learned",)),
    **dict.fromkeys(("bias", "gate", "gate_alone", "slope", "intercept"), ("f8", ("labels",))),
    "about": ("f8", (3,)),
    "curve_score": ("f4", ("texts", "labels")),
    "curve_truth": ("i1", ("texts", "labels")),
}


@dataclass(frozen=True, slots=True)
class Weights:
    """Learned numbers, by label and learned string.

    Attributes
    ----------
    kind_weight : float64 (n_labels, 4)
        Log-odds of a core, strong, entity and weak term.
    term, term_label, term_weight : str (n_terms,), int64, float64
        Terms of the taxonomy, as written there, and what is added to the weight of their kind.
    learned, learned_label, learned_weight : str (n_learned,), int64, float64
        Strings learned from text; they count in sentences that hold a term of their label.
    bias, gate, gate_alone, slope, intercept : float64 (n_labels,)
        Score without evidence; what a sentence must add up to for it to count, with and without a core, strong or
        entity term; probability = 1 / (1 + exp(-slope * score - intercept)).
    about : float64 (3,)
        See `Model`, for all tracks.
    curve_score, curve_truth : float32, int8 (n_texts, n_labels)
        Held-out scores and labels (1, 0, -1 unknown), from which thresholds are promised.
    """

    kind_weight: Floats
    term: NDArray[np.str_]
    term_label: NDArray[np.int64]
    term_weight: Floats
    learned: NDArray[np.str_]
    learned_label: NDArray[np.int64]
    learned_weight: Floats
    bias: Floats
    gate: Floats
    gate_alone: Floats
    slope: Floats
    intercept: Floats
    about: Floats
    curve_score: NDArray[np.float32]
    curve_truth: NDArray[np.int8]
    manifest: dict[str, Any] = field(repr=False)

    @property
    def labels(self) -> list[str]:
        """Label ids, in the order of the arrays."""
        return list(self.manifest["labels"])

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Learned strings with their labels' ids, as a lexicon takes them."""
        ids = self.labels
        return [(text, ids[n]) for text, n in zip(self.learned.tolist(), self.learned_label.tolist(), strict=True)]

    def save(self, folder: Path) -> None:
        """Write a model folder, in place of the one that is there; see `_store.save`."""
        arrays = {name: getattr(self, name) for name in SPEC}
        _store.save(folder, KIND, arrays, self.manifest)


def load_weights(folder: Path) -> Weights:
    """Read a model folder.

    Raises
    ------
    ModelError
        Something is missing, damaged, or of another format; the message says what to do.
    """
    return checked_weights(folder, *_store.load(folder, KIND, SPEC))


def checked_weights(folder: Path, arrays: _store.Arrays, facts: dict[str, Any]) -> Weights:
    """Weights from what a folder held, if its numbers and facts fit together."""
    labels = facts.get("labels")
    if not isinstance(labels, list) or not all(isinstance(id, str) for id in labels) or len(set(labels)) < len(labels):
        raise ModelError(f"{folder}: its labels are no list of ids. Train it again")
    if len(labels) != len(arrays["bias"]):
        raise ModelError(f"{folder}: {len(labels)} labels, but numbers for {len(arrays['bias'])}. Train it again")
    for name in ("term_label", "learned_label"):
        if ((arrays[name] < 0) | (arrays[name] >= len(labels))).any():
            raise ModelError(f"{folder}: {name} names labels that are not there. Train it again")
    return Weights(**arrays, manifest=facts)


def compile_model(taxonomy: Taxonomy, lexicon: Lexicon, weights: Weights | None, promise: str | None = None) -> Model:
    """Numbers for every row and label of a lexicon: learned where there are any, otherwise the taxonomy's prior.

    With a promise the thresholds are those that keep it, and the digest is theirs too.
    """
    for kind, values in taxonomy.prior.items():
        if fault := next(prior_faults(values), None):
            raise ModelError(f"taxonomy.toml: prior.{kind}.{fault}")
    by_kind = [taxonomy.prior[label.kind] for label in taxonomy.labels]
    table = np.array([[values[kind] for kind in KINDS[:NOT]] for values in by_kind], np.float64).reshape(-1, NOT)
    columns = {
        name: np.array([values[name] for values in by_kind], np.float64) for name in ("bias", "threshold", "slope")
    }
    columns["intercept"] = -columns["slope"] * columns["threshold"]
    gate, alone = np.full(len(by_kind), 1 / UNIT), np.full(len(by_kind), np.inf)
    # The prior's level: a score from which a text is about its label, whatever its length.
    about = np.array([[-np.log1p(max(values["about"] - values["bias"], 0.0)), 1.0, 0.0] for values in by_kind]).reshape(
        -1, 3
    )
    about[~np.isfinite(about[:, 0])] = (-1.0, 0.0, 0.0)
    rows = np.zeros(len(lexicon.label))
    if weights is not None:
        place = {label.id: n for n, label in enumerate(taxonomy.labels)}
        at = [(place[id], n) for n, id in enumerate(weights.labels) if id in place]
        mine, theirs = (
            (np.array(side, np.int64) for side in zip(*at, strict=True)) if at else (np.zeros(0, np.int64),) * 2
        )
        table[mine] = weights.kind_weight[theirs]
        columns["threshold"][mine] = 0.0
        for name in ("bias", "slope", "intercept"):
            columns[name][mine] = getattr(weights, name)[theirs]
        gate[mine], alone[mine] = weights.gate[theirs], weights.gate_alone[theirs]
        tracks = [n for n in mine.tolist() if np.isfinite(taxonomy.prior[taxonomy.labels[n].kind]["about"])]
        about[tracks] = weights.about
        # The lexicon took the learned strings in this order, but for those of labels that it does not have.
        known = [id in place for _, id in weights.pairs]
        rows[lexicon.kind == LEARNED] = weights.learned_weight[known]
    plain = lexicon.kind < NOT
    rows[plain] = table[lexicon.label[plain], lexicon.kind[plain]]
    if weights is not None and len(weights.term):
        row_of = dict(zip(zip(lexicon.label.tolist(), lexicon.texts, strict=True), range(len(rows)), strict=True))
        labels = [place.get(id, -1) for id in weights.labels]
        for text, label, more in zip(
            weights.term.tolist(), weights.term_label.tolist(), weights.term_weight, strict=True
        ):
            row = row_of.get((labels[label], text), -1)
            if row >= 0 and plain[row]:
                rows[row] += more
    if not (np.abs(rows) < _LARGEST).all() or not (np.minimum(gate, alone) > -_LARGEST).all():
        raise ModelError("a weight or gate is not a number within a million; correct [prior] or train again")
    weight = np.round(rows * UNIT).astype(np.int32)
    columns["bias"] = np.round(columns["bias"] * UNIT) / UNIT
    if promise is not None:
        kept = promised(weights, promise, [label.id for label in taxonomy.labels])
        columns["threshold"] = np.array([row["threshold"] for row in kept.values()])
    gates = [np.round(np.minimum(g * UNIT, NEVER)).astype(np.int64) for g in (gate, alone)]
    sha = hashlib.sha256(weight.tobytes())
    for array in (*gates, about, *columns.values()):
        sha.update(np.ascontiguousarray(array).tobytes())
    return Model(
        weight=weight,
        gate=gates[0],
        gate_alone=gates[1],
        bias=columns["bias"],
        threshold=columns["threshold"],
        slope=columns["slope"],
        intercept=columns["intercept"],
        about=about,
        digest=sha.hexdigest()[:12],
    )


def parse_promise(promise: str) -> tuple[str, float]:
    """What is promised, and at least how much of it."""
    if not isinstance(promise, str):
        raise TypeError(f"a promise is a str as 'precision>=0.95' or 'recall>=0.9', got {promise!r}")
    match = re.fullmatch(r"\s*(precision|recall)\s*>=\s*(0?\.\d+|0|1(?:\.0*)?)\s*", promise)
    if not match:
        raise ValueError(f"a promise is 'precision>=0.95' or 'recall>=0.9', got {promise!r}")
    return match[1], float(match[2])


def promised(weights: Weights | None, promise: str, ids: list[str]) -> dict[str, dict[str, float]]:
    """See `Tagger.thresholds`."""
    if weights is None:
        raise ModelError("a promise needs learned weights; this tagger has only the taxonomy's prior")
    what, least = parse_promise(promise)
    out = {}
    for id in ids:
        if id not in weights.labels:
            raise ModelError(f"the model has not learned {id!r}, so it cannot promise for it")
        column = weights.labels.index(id)
        known = weights.curve_truth[:, column] >= 0
        score, truth = weights.curve_score[known, column], weights.curve_truth[known, column] == 1
        at = np.unique(np.append(score[score > weights.bias[column]], 0.0))
        rows = []
        for threshold in at.tolist():
            tagged = (score >= threshold) & (score > weights.bias[column])
            right = int((tagged & truth).sum())
            precision = right / max(int(tagged.sum()), 1) if tagged.any() else 1.0
            rows.append(
                (threshold, precision, right / max(int(truth.sum()), 1), tagged.sum().item() / max(len(tagged), 1))
            )
        kept = [row for row in rows if row[1 if what == "precision" else 2] >= least]
        if kept:
            best = min(kept) if what == "precision" else max(kept)
        else:
            best = max(rows, key=lambda row: row[1 if what == "precision" else 2])
        out[id] = dict(zip(("threshold", "precision", "recall", "coverage"), best, strict=True))
    return out
