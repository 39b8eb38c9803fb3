"""The numbers behind a score, compiled for a lexicon.

Weights are whole multiples of 1/256, so that sums are exact and depend neither on order nor on batches.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNIT = 256
NEVER = np.iinfo(np.int32).max  # a gate that no sum of units reaches

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """Weights for a lexicon.

    Attributes
    ----------
    weight : int32 (n_rows,)
        Log-odds of each row, in units of 1/256.
    gate, gate_alone : int64 (n_labels,)
        Units that a sentence must add up to for it to count, with and without a core, strong or entity term.
    bias, threshold, slope, intercept : float64 (n_labels,)
        Score without evidence; score from which a label is present; probability of a score.
    about : float64 (n_labels, 3)
        A text is about a track where about @ (1, log(1 + score - bias), log(length)) >= 0, where the length is that
        of what matching sees: layout, zero-width characters and notes of pinyin do not count.
    digest : str
        First 12 hex digits of the sha256 of the arrays.
    """

    weight: NDArray[np.int32]
    gate: NDArray[np.int64]
    gate_alone: NDArray[np.int64]
    bias: Floats
    threshold: Floats
    slope: Floats
    intercept: Floats
    about: Floats
    digest: str

    def probability(self, score: NDArray[np.float32], label: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """float32, the shape of `score` (..., n_labels), each in [0, 1]; or of scores of one label each."""
        slope, intercept = self.slope, self.intercept
        if label is not None:
            slope, intercept = slope[label], intercept[label]
        logit = np.clip(score * slope + intercept, -60, 60)
        return (1 / (1 + np.exp(-logit))).astype(np.float32)
