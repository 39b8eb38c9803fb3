"""Learning weights: context from large unlabelled text, and a few numbers a label from labelled passages.

On labelled passages a logistic regression by kind of label weighs the kinds of terms and the context. Each label gets its
bias and gates by best F1, and out-of-fold scores give probabilities (Platt 1999), levels and thresholds.

With `_context` this is the one home of scikit-learn, imported where it is used.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._context import (
    Progress,
    Sentences,
    corpus_files,
    learn_context,
    read_corpora,
    sentences,
    version_of,
)
from trackclf._evaluation import counts, evaluate, f1, labels_of, read_rows, truth_of
from trackclf._model import NEVER, UNIT, Weights
from trackclf._tagger import Tagger
from trackclf._version import __version__
from trackclf.errors import InputError

Floats = NDArray[np.float64]
_COPIES = 3  # of the labelled passages
_HIDDEN = 0.3  # share of the terms that each copy hides
_CLIP = np.array([3.0, 3.0, 3.0, 6.0, 25.0])


@dataclass(frozen=True, slots=True)
class _Cells:
    """Sentences of labelled passages for one kind of label.

    Attributes
    ----------
    text : int64 (n_sentences,)
    features : float64 (n_sentences, n_labels, 5)
        Core, strong, entity and weak terms, and the context's sum.
    truth : int8 (n_texts, n_labels)
        1 present, 0 absent, -1 unknown.
    """

    text: NDArray[np.int64]
    features: Floats
    truth: NDArray[np.int8]

    def sums(self, column: int, weight: Floats, gate: float, alone: float) -> Floats:
        """float64 (n_texts, 5): features of the sentences that count."""
        features = self.features[:, column]
        total = features @ weight
        sure = features[:, :3].sum(1) > 0
        enough = np.where(sure, total >= gate, total >= alone)
        out = np.zeros((len(self.truth), 5))
        np.add.at(out, self.text[enough], features[enough])
        return out

    def score(self, column: int, fit: "_Fit") -> Floats:
        """float64 (n_texts,): scores of one label."""
        return np.asarray(self.sums(column, fit.weight, fit.gate, fit.alone) @ fit.weight + fit.bias[column])

    def part(self, texts: NDArray[np.bool_]) -> "_Cells":
        """Those of some texts."""
        place = np.cumsum(texts) - 1
        mine = texts[self.text]
        return _Cells(place[self.text[mine]], self.features[mine], self.truth[texts])


@dataclass(frozen=True, slots=True)
class _Fit:
    weight: Floats
    gate: float
    alone: float
    bias: Floats


def _best_shift(score: Floats, truth: NDArray[np.int8], span: float = 2.0) -> float:
    """What to add to a score so that zero is the threshold with the best F1; the middle of the best stretch."""
    grid = np.linspace(-span, span, 81)
    quality = np.array([f1(counts(score + shift >= 0, truth)) for shift in grid])
    best = grid[quality >= quality.max() - 1e-9]
    return float(best[np.argmin(np.abs(best - np.median(best)))])


def _fit_kind(cells: _Cells, context: bool, seed: int) -> _Fit:
    """Weigh the kinds of terms and the context, pooled over the labels of a kind; gates by F1."""
    from sklearn.linear_model import LogisticRegression

    count = cells.truth.shape[1]
    fit = _Fit(
        np.array([4.0, 3.0, 3.0, 0.3, 0.3 * context]), 1 / UNIT, 3.0 if context else np.inf, np.full(count, -4.0)
    )
    for _ in range(4):
        x, y, own = [], [], []
        for column in range(count):
            known = cells.truth[:, column] >= 0
            x.append(np.clip(cells.sums(column, fit.weight, fit.gate, fit.alone)[known], -_CLIP, _CLIP))
            y.append(cells.truth[known, column])
            own.append(np.eye(count)[np.full(known.sum(), column)])
        features = np.vstack(x)
        features[:, 4] *= context
        model = LogisticRegression(C=0.3, max_iter=5000, random_state=seed)
        model.fit(np.hstack([features, np.vstack(own) / 2]), np.concatenate(y))
        weight = np.maximum(model.coef_[0][:5], 0)
        bias = model.intercept_[0] + model.coef_[0][5:] / 2
        best: tuple[float, float, float] = (-1.0, 0.0, 0.0)
        for gate in (1 / UNIT, -0.3 * float(model.intercept_[0])):
            for alone in (2.0, 3.0, 4.0, 6.0, np.inf) if context else (np.inf,):
                trial = _Fit(weight, gate, alone, bias)
                got = np.stack([cells.score(n, trial) >= 0 for n in range(count)], 1)
                best = max(best, (float(f1(counts(got, cells.truth).sum(1))), gate, alone))
        fit = _Fit(weight, best[1], best[2], bias)
    return fit


def _out_of_fold(cells: _Cells, context: bool, seed: int, folds: int = 5) -> Floats:
    """float64 (n_texts, n_labels): scores of texts by fits that have not seen them."""
    count = len(cells.truth) // _COPIES  # all copies of a passage fall into one fold
    fold = np.tile(np.random.default_rng(seed).permutation(count) % folds, _COPIES)
    out = np.zeros((len(cells.truth), cells.truth.shape[1]))
    for number in range(folds):
        fit = _fit_kind(cells.part(fold != number), context, seed)
        rest = cells.part(fold == number)
        for column in range(cells.truth.shape[1]):
            out[fold == number, column] = rest.score(column, fit)
    return out


def _platt(score: Floats, truth: NDArray[np.int8], pooled: tuple[float, float] | None) -> tuple[float, float]:
    """Slope and intercept of a label's probability; few examples shrink it to the pooled one (Platt 1999)."""
    from sklearn.linear_model import LogisticRegression

    known = truth >= 0
    x, y = np.clip(score[known], -8, 8)[:, None], truth[known]
    if pooled is None:
        model = LogisticRegression(C=10.0).fit(x, y)
        return float(max(model.coef_[0, 0], 0.05)), float(model.intercept_[0])
    if y.min() == y.max():
        return pooled
    logit = pooled[0] * x[:, 0] + pooled[1]
    model = LogisticRegression(C=0.5).fit(np.column_stack([logit]), y)
    slope, intercept = float(max(model.coef_[0, 0], 0.05)), float(model.intercept_[0])
    trust = y.sum() / (y.sum() + 40.0)
    slope, intercept = trust * slope + (1 - trust), trust * intercept
    return slope * pooled[0], slope * pooled[1] + intercept


def labelled_rows(paths: Sequence[Path], corpora: Path) -> list[dict[str, Any]]:
    """Labelled rows with their texts: `text` itself, or `id`, `start` and `end` of a text of the corpora.

    Rows whose text is not among the corpora are left out.
    """
    rows = [(path, row) for path in paths for row in read_rows(path)]
    wanted = {row["id"] for _, row in rows if "text" not in row and "start" in row}
    texts: dict[str, str] = {}
    if wanted:
        every = (row for path in corpus_files(corpora) for row in read_rows(path))
        texts = {row["id"]: row["text"] for row in every if row.get("id") in wanted}
    out = []
    for path, row in rows:
        if "text" not in row and "start" not in row:
            raise InputError(f"{path}: the row {row.get('id')!r} has neither a text nor a place")
        if "text" in row:
            out.append(row)
        elif row["id"] in texts:
            out.append(row | {"text": texts[row["id"]][row["start"] : row["end"]]})
    return out


def train(
    corpora: Path,
    labelled: Sequence[Path],
    held_out: Sequence[Path] = (),
    thresholds: Sequence[Path] = (),
    context_kinds: Sequence[str] = ("mode",),
    limit: int = 60_000,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Weights:
    """Learn the weights of the shipped taxonomy.

    Parameters
    ----------
    corpora : Path
        Folder of JSON Lines: `text`, and where there are any `subjects` or `keywords`. Files with "_unrelated" in their
        names hold text that carries no label.
    labelled : sequence of Path
        Labelled passages; those with `split` "test" are not learned from.
    held_out : sequence of Path
        Labelled passages that are never learned from: what shares a run of text with them is left out of the corpora.
    thresholds : sequence of Path
        Labelled passages that each label's threshold (best F1) and probabilities are chosen on; by default the labelled
        ones, out of fold.
    context_kinds : sequence of str
        Kinds of label that learn context. For tracks it did more harm than good; see docs/measurements.md.
    limit : int
        Rows read of each file.
    seed : int
        The same seed, data and library versions give the same weights, to the bit.
    """
    tagger = Tagger(weights=None)
    ids = [label.id for label in tagger.labels]
    passages = labelled_rows(labelled, corpora)
    chosen_on = labelled_rows(thresholds, corpora)
    kept_out = labelled_rows(held_out, corpora) + chosen_on
    tests = [row for row in passages if row.get("split") == "test"]
    train_rows = [row for row in passages if row.get("split") != "test"]
    if len(train_rows) < 100:
        raise InputError("fewer than 100 labelled passages to learn from")
    progress("reading", 0, 1)
    rows = list(read_corpora(corpora, limit, [row["text"] for row in kept_out + tests], seed))
    learnt = [label.id for label in tagger.labels if label.kind in context_kinds]
    context: dict[str, dict[str, float]] = {id: {} for id in ids} | learn_context(tagger, rows, learnt, seed, progress)
    arrays, chosen = _weigh(tagger, train_rows, context, seed, progress)
    if chosen_on:
        _choose_thresholds(arrays, ids, chosen_on)
    digest = hashlib.sha256()
    for name, row in rows:
        digest.update(f"{name}\0{row['text']}\0".encode("utf-8", "surrogatepass"))
    manifest = {
        "labels": ids,
        "trackclf": __version__,
        "taxonomy": tagger.taxonomy.digest,
        "seed": seed,
        "corpora": {
            "texts": len(rows),
            "sha256": digest.hexdigest(),
            "characters": sum(len(r["text"]) for _, r in rows),
        },
        "labelled": {"train": len(train_rows), "test": len(tests), "thresholds": len(chosen_on)},
        "context": chosen,
        "learned": len(arrays["learned"]),
        "libraries": {name: ".".join(map(str, version_of(name))) for name in ("numpy", "scipy", "sklearn")},
    }
    progress("measuring", 0, 1)
    weights = Weights(**arrays, manifest=manifest)
    manifest["measured"] = _measured(Tagger(weights=weights), tests, kept_out)
    progress("done", 1, 1)
    return weights


def _measured(tagger: Tagger, tests: list[dict[str, Any]], kept_out: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures on what was not learned from: the test halves, and the held-out files."""
    sets = {
        "written passages, test half": [row for row in tests if "start" not in row],
        "real passages, readings kept apart": [row for row in tests if "start" in row],
        "real passages, held out": kept_out,
    }
    reports = {name: evaluate(tagger, rows) for name, rows in sets.items() if rows}
    return {
        name: {key: report[key] for key in ("passages", "labels", "kinds", "levels")}
        for name, report in reports.items()
    }


def _choose_thresholds(arrays: dict[str, Any], ids: Sequence[str], passages: Sequence[dict[str, Any]]) -> None:
    """Move each label's bias to the best F1 on other passages, and calibrate its probabilities there."""
    tagger = Tagger(weights=Weights(**arrays, manifest={"labels": list(ids)}))
    score = tagger.scores([row["text"] for row in passages]).astype(np.float64)
    truth = truth_of(passages, ids)
    for kind in dict.fromkeys(label.kind for label in tagger.labels):
        columns = [n for n, label in enumerate(tagger.labels) if label.kind == kind]
        for column in columns:
            present = (truth[:, column] == 1).sum()
            trust = present / (present + 10)
            shift = np.round(trust * _best_shift(score[:, column], truth[:, column]) * UNIT) / UNIT
            arrays["bias"][column] += shift
            score[:, column] += shift
            arrays["curve_score"][:, column] += shift
        pooled = _platt(score[:, columns].ravel(), truth[:, columns].ravel(), None)
        for column in columns:
            arrays["slope"][column], arrays["intercept"][column] = _platt(score[:, column], truth[:, column], pooled)


def _weigh(
    tagger: Tagger,
    passages: Sequence[dict[str, Any]],
    context: dict[str, dict[str, float]],
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any], dict[str, bool]]:
    """The second step: arrays of `Weights`, and for which kinds context was learned."""
    from sklearn.feature_extraction.text import CountVectorizer

    labels = tagger.labels
    ids = [label.id for label in labels]
    # Lists are written with such passages in sight and know them too well. On unseen text some cues are missing: each copy
    # of the passages hides another share of the rows.
    chance = np.random.default_rng(seed)
    rows = len(tagger._resolver.lexicon.label)
    texts = [row["text"] for row in passages]
    copies = [sentences(tagger, texts, chance.random(rows) < _HIDDEN) for _ in range(_COPIES)]
    found = Sentences(
        np.concatenate([copy.text + n * len(texts) for n, copy in enumerate(copies)]),
        [string for copy in copies for string in copy.strings],
        np.concatenate([copy.counts for copy in copies]),
        [],
    )
    passages = list(passages) * _COPIES
    names = sorted({name for weights in context.values() for name in weights})
    table = np.array([[context[id].get(name, 0.0) for id in ids] for name in names]).reshape(-1, len(ids))
    sums = np.zeros((len(found.strings), len(ids)))
    if names:
        counter = CountVectorizer(analyzer="char", ngram_range=(2, 4), vocabulary=names)
        sums = np.asarray(counter.fit_transform(found.strings) @ table)
    features = np.concatenate([found.counts, sums[:, :, None]], 2).astype(np.float64)
    truth = truth_of(passages, ids)
    size = len(ids)
    arrays: dict[str, Any] = {
        "kind_weight": np.zeros((size, 4)),
        "bias": np.zeros(size),
        "gate": np.zeros(size),
        "gate_alone": np.zeros(size),
        "slope": np.zeros(size),
        "intercept": np.zeros(size),
        "curve_score": np.zeros(truth.shape, np.float32),
        "curve_truth": truth,
    }
    learned: list[tuple[str, int, float]] = []
    chosen = {}
    kinds = list(dict.fromkeys(label.kind for label in labels))
    for done, kind in enumerate(kinds):
        progress(f"weighing ({kind})", done, len(kinds))
        columns = np.array([n for n, label in enumerate(labels) if label.kind == kind])
        cells = _Cells(found.text, features[:, columns], truth[:, columns])
        use = any(context.get(ids[column]) for column in columns.tolist())
        chosen[kind] = use
        fit = _fit_kind(cells, use, seed)
        score = _out_of_fold(cells, use, seed)
        pooled = _platt(score.ravel(), cells.truth.ravel(), None)
        for n, column in enumerate(columns.tolist()):
            shift = _best_shift(score[:, n], cells.truth[:, n])
            trust = (cells.truth[:, n] == 1).sum() / ((cells.truth[:, n] == 1).sum() + 40)
            bias = fit.bias[n] + trust * shift
            arrays["bias"][column] = np.round(bias * UNIT) / UNIT
            arrays["curve_score"][:, column] = score[:, n] + trust * shift
            slope, intercept = _platt(score[:, n], cells.truth[:, n], pooled)
            arrays["slope"][column], arrays["intercept"][column] = slope, intercept - slope * trust * shift
            arrays["kind_weight"][column] = fit.weight[:4]
            arrays["gate"][column] = fit.gate
            arrays["gate_alone"][column] = min(fit.alone, NEVER / UNIT)
            if use:
                weights = context[ids[column]]
                learned += [(name, column, round(w * fit.weight[4], 4)) for name, w in sorted(weights.items())]
    learned = [item for item in learned if abs(item[2]) >= 4 / UNIT]
    arrays["learned"] = np.array([item[0] for item in learned], dtype=np.str_)
    arrays["learned_label"] = np.array([item[1] for item in learned], np.int64)
    arrays["learned_weight"] = np.array([item[2] for item in learned], np.float64)
    arrays["about"] = _level(passages, ids, arrays)
    return arrays, chosen


def _level(passages: Sequence[dict[str, Any]], ids: Sequence[str], arrays: dict[str, Any]) -> Floats:
    """Weights of the level: 2 against 1, from how much is carried and how long the text is."""
    from sklearn.linear_model import LogisticRegression

    x, y = [], []
    for n, passage in enumerate(passages):
        levels = labels_of(passage)
        for column, id in enumerate(ids):
            level = levels.get(id)
            carried = arrays["curve_score"][n, column] - arrays["bias"][column]
            if level in (1, 2) and carried > 0 and isinstance(level, int):
                x.append((np.log1p(carried), np.log(max(len(passage["text"]), 1))))
                y.append(level == 2)
    model = LogisticRegression(C=10.0).fit(np.array(x), np.array(y))
    return np.array([model.intercept_[0], *model.coef_[0]])
