"""Labels of texts, in the forms that people have them, as one matrix."""

import warnings
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Truth = NDArray[np.int8]

_CLOSE = 0.75  # similarity from which an unknown id looks like a slip: one wrong letter in four


def targets(y: Any, labels: Sequence[str] | None, known: Sequence[str]) -> tuple[list[str], Truth]:
    """Ids and int8 (n_texts, n_labels) 1, 0, -1 of an indicator matrix or of lists of ids.

    `labels` names the columns where it is given; `known` are the taxonomy's ids, in order.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None: give an indicator matrix or lists of ids")
    if sparse.issparse(y):
        y = y.toarray()
    columns = getattr(y, "columns", None)
    rows = y.to_numpy() if columns is not None else y if isinstance(y, np.ndarray) else list(y)
    nested = [row for row in rows if isinstance(row, list | tuple | set | frozenset)]
    if len(nested) == len(rows) and all(isinstance(id, str) for row in nested for id in row):
        return _of_ids(nested, labels, known)
    try:
        values = np.asarray(rows, np.float64)
    except (TypeError, ValueError):
        values = np.zeros(0)
    if values.ndim != 2:
        raise ValueError(
            "Unknown label type: y must be an indicator matrix (n_texts, n_labels), or for each text a list of label ids. "
            "One label alone is a matrix of one column: y.reshape(-1, 1)"
        )
    if not np.isin(values[~np.isnan(values)], (-1, 0, 1)).all():
        raise ValueError("Unknown label type: y must hold 1 (present), 0 (absent), and -1 or NaN (unknown) only")
    truth = np.where(np.isnan(values), -1, values).astype(np.int8)
    if columns is None:
        ids = list(known if labels is None else labels)
        if len(ids) != truth.shape[1]:
            whose = "the taxonomy has" if labels is None else "`labels` names"
            raise ValueError(f"y has {truth.shape[1]} columns, {whose} {len(ids)}; name each column: labels=[...]")
        return ids, truth
    names = [str(name) for name in columns]
    if labels is None:
        return names, truth
    if sorted(names) != sorted(labels):
        raise ValueError(f"y has the columns {', '.join(names)}; expected {', '.join(labels)}")
    return list(labels), truth[:, [names.index(id) for id in labels]]


def _of_ids(
    rows: Sequence[Iterable[str]], labels: Sequence[str] | None, known: Sequence[str]
) -> tuple[list[str], Truth]:
    seen = {id for row in rows for id in row}
    if labels is None:
        new = sorted(seen - set(known))
        _warn_of_misspelt(new, known)
        ids = [id for id in known if id in seen] + new
    elif strange := sorted(seen - set(labels)):
        raise ValueError(f"y has the label {strange[0]!r}, which is none of: {', '.join(labels)}")
    else:
        ids = list(labels)
    place = {id: n for n, id in enumerate(ids)}
    truth = np.zeros((len(rows), len(ids)), np.int8)
    for n, row in enumerate(rows):
        truth[n, [place[id] for id in row]] = 1
    return ids, truth


def _warn_of_misspelt(new: Sequence[str], known: Sequence[str]) -> None:
    folded = {id.casefold(): id for id in known}
    for id in new:
        if close := get_close_matches(id.casefold(), folded, 1, _CLOSE):
            warnings.warn(
                f"y has {id!r}, which the taxonomy does not have, and becomes a new label; is {folded[close[0]]!r} meant? "
                "If it is new, name the labels: labels=[...]",
                UserWarning,
                stacklevel=6,
            )
