"""How right the tags are on labelled text: metrics with intervals, calibration, levels, spans, pairs, worst misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._labelled import FOLDERS, labels_of, truth_of, with_parents
from trackclf._tagger import Tagger
from trackclf._types import Result
from trackclf.errors import InputError

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """Tags beside labels.

    Attributes
    ----------
    rows : list of dict
        The labelled passages.
    results : list of Result
    truth : int8 (n_rows, n_labels)
        1 present, 0 absent, -1 not scored.
    got : bool (n_rows, n_labels)
    probability : float32 (n_rows, n_labels)
    """

    rows: Sequence[dict[str, Any]]
    results: list[Result]
    truth: NDArray[np.int8]
    got: Bools
    probability: NDArray[np.float32]


def judge(tagger: Tagger, rows: Sequence[dict[str, Any]]) -> Judged:
    """Tag labelled passages: each has `text`, and `tracks` and `modes` from label id to level; other kinds likewise.

    Raises
    ------
    InputError
        A row has no text, or a label that the taxonomy does not know.
    """
    ids = [label.id for label in tagger.labels]
    column = {id: n for n, id in enumerate(ids)}
    folders = [kind.folder for kind in tagger.kinds]
    for n, row in enumerate(rows):
        if not isinstance(row.get("text"), str):
            raise InputError(f"row {n + 1} has no text")
        for id in labels_of(row, {*folders, *FOLDERS}):
            if id not in column:
                raise InputError(f"row {n + 1}: no label {id!r} in this taxonomy; it has: {', '.join(ids)}")
    truth = with_parents(truth_of(rows, ids, folders), tagger.labels)
    texts = [row["text"] for row in rows]
    results = list(tagger.tag_many(texts))
    got = np.zeros(truth.shape, bool)
    for n, result in enumerate(results):
        got[n, [column[tag.id] for tag in result.tags]] = True
    return Judged(rows, results, truth, got, tagger.probabilities(texts))


def counts(got: Bools, truth: NDArray[np.int8]) -> NDArray[np.int64]:
    """int64 (3, n_labels): true positives, false positives, misses."""
    return np.array([(got & (truth == 1)).sum(0), (got & (truth == 0)).sum(0), (~got & (truth == 1)).sum(0)])


def f1(tally: NDArray[np.int64]) -> Floats:
    """F1 of (3, ...) counts; 1 where there is nothing to find and nothing was found."""
    total = 2 * tally[0] + tally[1] + tally[2]
    return np.where(total > 0, 2 * tally[0] / np.maximum(total, 1), 1.0)


def _rates(tally: NDArray[np.int64]) -> dict[str, float]:
    tp, fp, fn = (int(part) for part in tally)
    return {
        "precision": tp / (tp + fp) if tp + fp else 1.0,
        "recall": tp / (tp + fn) if tp + fn else 1.0,
        "f1": float(f1(tally)),
        "tp": tp,
        "fp": fp,
        "fn": fn,
    }


def evaluate(
    tagger: Tagger, rows: Sequence[dict[str, Any]], by: str | None = None, resamples: int = 1000, seed: int = 0
) -> dict[str, Any]:
    """Everything that labelled passages say of a tagger, as plain JSON values.

    Parameters
    ----------
    rows : sequence of dict
        See `judge`; `evidence` (label id to substrings) and `pairs` ([track, mode]) are used where there are any.
    by : str, optional
        A field of the rows to break the figures down by.
    resamples : int
        Bootstrap samples of passages for the 95 % intervals (percentile method; Efron 1979).
    """
    judged = judge(tagger, rows)
    tally = counts(judged.got, judged.truth)
    kinds = {kind.id: np.array([label.kind == kind.id for label in tagger.labels], bool) for kind in tagger.kinds}
    kinds = {kind: mine for kind, mine in kinds.items() if mine.any()}
    chance = np.random.default_rng(seed)
    samples = [
        counts(judged.got[pick], judged.truth[pick])
        for pick in (chance.integers(0, len(rows), len(rows)) for _ in range(resamples if len(rows) else 0))
    ]
    label_samples = np.array([f1(sample) for sample in samples]).reshape(-1, len(tagger.labels))
    out: dict[str, Any] = {"passages": len(rows), "stamp": tagger.stamp, "labels": {}, "kinds": {}}
    for n, label in enumerate(tagger.labels):
        row = _rates(tally[:, n]) | {"present": int((judged.truth[:, n] == 1).sum()), "kind": label.kind}
        out["labels"][label.id] = row | {"f1_interval": _interval(label_samples[:, n])}
    for kind, mine in kinds.items():
        micro = np.array([f1(sample[:, mine].sum(1)) for sample in samples])
        out["kinds"][kind] = {
            "micro": _rates(tally[:, mine].sum(1)) | {"f1_interval": _interval(micro)},
            "macro_f1": float(f1(tally[:, mine]).mean()),
            "macro_f1_interval": _interval(label_samples[:, mine].mean(1)) if len(samples) else None,
            "calibration": _calibration(judged, mine),
        }
    if by is not None:
        out["by"] = {"field": by, "values": _by(judged, by, kinds)}
    out["levels"] = {"auc": level_auc(judged)}
    out["spans"] = _spans(judged)
    out["pairs"] = _pairs(judged)
    out["worst"] = _worst(judged, tagger)
    return out


def _interval(values: Floats) -> list[float] | None:
    return [float(x) for x in np.quantile(values, (0.025, 0.975))] if len(values) else None


def _calibration(judged: Judged, mine: Bools) -> dict[str, Any]:
    """Reliability by equal bins of probability, and the expected calibration error (Naeini et al. 2015)."""
    known = judged.truth[:, mine] >= 0
    probability, truth = judged.probability[:, mine][known], judged.truth[:, mine][known] == 1
    place = np.minimum((probability * BINS).astype(int), BINS - 1)
    bins = []
    error = 0.0
    for n in range(BINS):
        here = place == n
        if here.any():
            mean, rate = float(probability[here].mean()), float(truth[here].mean())
            bins.append({"probability": mean, "observed": rate, "count": int(here.sum())})
            error += abs(mean - rate) * here.mean()
    return {"expected_error": float(error), "bins": bins}


def _by(judged: Judged, field: str, kinds: dict[str, Bools]) -> dict[str, Any]:
    values = np.array([str(row.get(field, "")) for row in judged.rows])
    return {
        value: {"passages": int((values == value).sum())}
        | {
            kind: _rates(counts(judged.got[values == value], judged.truth[values == value])[:, mine].sum(1))
            for kind, mine in kinds.items()
        }
        for value in sorted(set(values.tolist()))
    }


def level_auc(judged: Judged) -> float | None:
    """Share of couples of a level 2 and a level 1 whose scores stand in that order; None without both."""
    scores: dict[int, list[float]] = {1: [], 2: []}
    for row, result in zip(judged.rows, judged.results, strict=True):
        for tag in result.tracks:
            level = row.get("tracks", {}).get(tag.id)
            if level in (1, 2):
                scores[level].append(tag.score)
    two, one = np.array(scores[2]), np.array(scores[1])
    if not len(one) or not len(two):
        return None
    return float((two[:, None] > one).mean() + (two[:, None] == one).mean() / 2)


def _spans(judged: Judged) -> dict[str, Any] | None:
    """Characters of the evidence that fall on the substrings that labellers gave, for tags that are right."""
    shared = mine = theirs = touched = tags = 0
    for row, result in zip(judged.rows, judged.results, strict=True):
        for tag in result.tags:
            given = row.get("evidence", {}).get(tag.id)
            if not given:
                continue
            gold: set[int] = set()
            for text in given:
                at = row["text"].find(text)
                if at >= 0:
                    gold |= set(range(at, at + len(text)))
            found = {n for item in tag.evidence if item.kind != "weak" for n in range(item.start, item.end)}
            tags += 1
            touched += bool(gold & found)
            shared, mine, theirs = shared + len(gold & found), mine + len(found), theirs + len(gold)
    if not tags:
        return None
    return {
        "tags": tags,
        "touching": touched / tags,
        "character_precision": shared / max(mine, 1),
        "character_recall": shared / max(theirs, 1),
    }


def _pairs(judged: Judged) -> dict[str, float] | None:
    tally = np.zeros(3, np.int64)
    labelled = False
    for row, result in zip(judged.rows, judged.results, strict=True):
        if "pairs" in row:
            labelled = True
            gold = {tuple(pair) for pair in row["pairs"]}
            found = {(pair.track, pair.mode) for pair in result.pairs}
            tally += (len(gold & found), len(found - gold), len(gold - found))
    return _rates(tally) if labelled else None


def _worst(judged: Judged, tagger: Tagger, most: int = 50) -> list[dict[str, Any]]:
    """The mistakes that the tagger is surest of."""
    wrong = ((judged.got & (judged.truth == 0)) | (~judged.got & (judged.truth == 1))).nonzero()
    sureness = np.abs(judged.probability[wrong] - 0.5)
    out = []
    for n in np.argsort(-sureness, kind="stable")[:most].tolist():
        row, column = int(wrong[0][n]), int(wrong[1][n])
        label, result = tagger.labels[column], judged.results[row]
        tag = next((tag for tag in result.tags if tag.id == label.id), None)
        out.append(
            {
                "id": judged.rows[row].get("id", row + 1),
                "label": label.id,
                "mistake": "wrong" if tag else "missed",
                "probability": float(judged.probability[row, column]),
                "text": result.text,
                "evidence": [item.to_dict() for item in tag.evidence] if tag else [],
            }
        )
    return out
