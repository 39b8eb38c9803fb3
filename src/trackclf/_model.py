"""The numbers behind a score: weights by row, bias and thresholds by label.

Until weights are learned they come from the taxonomy's prior: one weight a kind of term. Weights are whole
multiples of 1/256, so that sums are exact and do not depend on order or on batches.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackclf._resolving import NOT, Lexicon
from trackclf._taxonomy import Taxonomy
from trackclf._taxonomy_files import KINDS
from trackclf.errors import ModelError

UNIT = 256


@dataclass(frozen=True, slots=True)
class Model:
    """Weights for a lexicon.

    Attributes
    ----------
    weight : int32 (n_rows,)
        Log-odds of each row, in units of 1/256.
    bias, threshold, about, slope : float64 (n_labels,)
        Score without evidence; score from which a label is present, and from which a text is about it;
        probability = 1 / (1 + exp(-slope * (score - threshold))).
    digest : str
        First 12 hex digits of the sha256 of the arrays.
    """

    weight: NDArray[np.int32]
    bias: NDArray[np.float64]
    threshold: NDArray[np.float64]
    about: NDArray[np.float64]
    slope: NDArray[np.float64]
    digest: str

    def probability(self, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32, the shape of `score` (..., n_labels), each in [0, 1]."""
        logit = np.clip((score - self.threshold) * self.slope, -60, 60)
        return (1 / (1 + np.exp(-logit))).astype(np.float32)


def prior_model(taxonomy: Taxonomy, lexicon: Lexicon) -> Model:
    """The model that the taxonomy's `[prior]` states."""
    names = ("bias", "threshold", "about", "slope")
    for kind, values in taxonomy.prior.items():
        for name in (*names, *KINDS[:NOT]):
            if not isinstance(values.get(name), int | float):
                raise ModelError(f"taxonomy.toml: [prior.{kind}] needs a number for {name}")
    by_kind = [taxonomy.prior[label.kind] for label in taxonomy.labels]
    table = np.array([[values.get(kind, 0.0) for kind in KINDS] for values in by_kind]).reshape(-1, len(KINDS))
    weight = np.round(table[lexicon.label, lexicon.kind] * UNIT).astype(np.int32)
    columns = {name: np.array([values[name] for values in by_kind], np.float64) for name in names}
    columns["bias"] = np.round(columns["bias"] * UNIT) / UNIT
    sha = hashlib.sha256(weight.tobytes())
    for column in columns.values():
        sha.update(column.tobytes())
    return Model(weight, digest=sha.hexdigest()[:12], **columns)
