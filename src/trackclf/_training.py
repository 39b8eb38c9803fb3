"""Learning weights: context from large unlabelled text, then from labelled passages.

A passage carries a mode where one of its sentences does. Sentences of labelled passages teach, by logistic regression, what
each kind of term, each frequent term, the votes' context and each character n-gram says of a label. Labels without
context keep the taxonomy's prior weights. Scores of passages that the fit has not seen give probabilities (Platt 1999) and
thresholds.

scikit-learn is imported where it is used, as in `_context`.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import normalise
from trackclf._context import (
    NGRAM,
    Progress,
    Sentences,
    corpus_files,
    learn_context,
    read_corpora,
    sentences,
    version_of,
)
from trackclf._evaluation import evaluate
from trackclf._fitting import Cells, Floats, Ints, best_shift, fit, out_of_fold, platt
from trackclf._labelled import FOLDERS, labels_of, read_labelled, read_rows, truth_of, with_parents
from trackclf._lexicon import NOT, Lexicon
from trackclf._model import NEVER, UNIT
from trackclf._tagger import Tagger
from trackclf._taxonomy import Taxonomy, load_taxonomy
from trackclf._taxonomy_files import KINDS
from trackclf._types import Label
from trackclf._version import __version__
from trackclf._weights import Weights
from trackclf.errors import InputError

# Scales of the features beside n-grams, which have 1: the larger, the less the penalty holds a weight down.
_SCALES = {"kind": 3.0, "votes": 2.0, "term": 2.0}
_SEEN = 4  # sentences that an n-gram or a term must stand in
_ENOUGH = 50  # passages that must carry a label for it to be learned
_UNCERTAIN = "uncertain"  # field `drawn` of passages that were chosen because a tagger was unsure: no fair sample


def labelled_rows(paths: Sequence[Path], corpora: Path, folders: Sequence[str] = FOLDERS) -> list[dict[str, Any]]:
    """Labelled rows with their texts: `text` itself, or `id`, `start` and `end` of a text of the corpora.

    Rows whose text is not among the corpora are left out. `folders` are those of the kinds of label.
    """
    rows = [(path, row) for path in paths for row in read_labelled(path, folders)]
    for path, row in rows:
        if "text" not in row and [type(row.get(key)) for key in ("id", "start", "end")] != [str, int, int]:
            raise InputError(f"{path}: the row {row.get('id')!r} has neither a text nor a place")
    wanted = {row["id"] for _, row in rows if "text" not in row}
    texts: dict[str, str] = {}
    if wanted:
        every = (row for path in corpus_files(corpora) for row in read_rows(path))
        texts = {row["id"]: row["text"] for row in every if row.get("id") in wanted}
    out = []
    for _, row in rows:
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
    taxonomy: Taxonomy | None = None,
) -> Weights:
    """Learn the weights of a taxonomy, by default the shipped one.

    Parameters
    ----------
    corpora : Path
        Folder of JSON Lines: `text`, and where there are any `subjects` or `keywords`. Files with "_unrelated" in their
        names hold text that carries no label.
    labelled : sequence of Path
        Labelled passages; those with `split` "test" are not learned from, those with `drawn` "uncertain" are learned
        from but say nothing of probabilities.
    held_out : sequence of Path
        Labelled passages that are never learned from: what shares a run of text with them is left out of the corpora.
    thresholds : sequence of Path
        Labelled passages that the thresholds of learned labels (best F1) and all probabilities are chosen on; by default
        the labelled ones, out of fold.
    context_kinds : sequence of str
        Kinds of label that learn context. For tracks it did not help; see docs/measurements.md.
    limit : int
        Rows read of each file.
    seed : int
        The same seed, data and library versions give the same weights, to the bit.
    """
    tagger = Tagger(taxonomy, weights=None)
    ids = [label.id for label in tagger.labels]
    folders = [kind.folder for kind in tagger.kinds]
    passages = labelled_rows(labelled, corpora, folders)
    chosen_on = labelled_rows(thresholds, corpora, folders)
    kept_out = labelled_rows(held_out, corpora, folders) + chosen_on
    tests = [row for row in passages if row.get("split") == "test"]
    train_rows = [row for row in passages if row.get("split") != "test"]
    if len(train_rows) < 100:
        raise InputError("fewer than 100 labelled passages to learn from")
    progress("reading", 0, 1)
    rows = list(read_corpora(corpora, limit, [row["text"] for row in kept_out + tests], seed))
    truth = _truth(tagger, train_rows)
    learnt = [
        n
        for n, label in enumerate(tagger.labels)
        if label.kind in context_kinds and (truth[:, n] == 1).sum() >= _ENOUGH
    ]
    context = learn_context(tagger, rows, [ids[n] for n in learnt], seed, progress)
    arrays = _weigh(tagger, train_rows, truth, context, learnt, seed, progress)
    if chosen_on:
        _choose_thresholds(arrays, learnt, chosen_on, taxonomy)
    digest = hashlib.sha256()
    for name, row in rows:
        digest.update(f"{name}\0{row['text']}\0".encode("utf-8", "surrogatepass"))
    strings = arrays["learned_label"].tolist()
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
        "learned": {ids[n]: strings.count(n) for n in learnt},
        "libraries": {name: ".".join(map(str, version_of(name))) for name in ("numpy", "scipy", "sklearn")},
    }
    progress("measuring", 0, 1)
    weights = Weights(**arrays, manifest=manifest)
    manifest["measured"] = _measured(weights, tests, kept_out, taxonomy)
    progress("done", 1, 1)
    return weights


def _truth(tagger: Tagger, rows: Sequence[dict[str, Any]]) -> NDArray[np.int8]:
    ids, folders = [label.id for label in tagger.labels], [kind.folder for kind in tagger.kinds]
    return with_parents(truth_of(rows, ids, folders), tagger.labels)


def _measured(
    weights: Weights, tests: list[dict[str, Any]], kept_out: list[dict[str, Any]], taxonomy: Taxonomy | None
) -> dict[str, Any]:
    """Figures on what was not learned from: the test halves, and the held-out files; the prior's beside them."""
    sure = [row for row in tests if "start" in row and row.get("drawn") != _UNCERTAIN]
    sets = {
        "written passages, test half": [row for row in tests if "start" not in row],
        "real passages, test part": sure,
        "real passages that a tagger was unsure of, test part": [
            row for row in tests if row.get("drawn") == _UNCERTAIN
        ],
        "real passages that thresholds were chosen on": kept_out,
    }
    taggers = Tagger(taxonomy, weights=weights), Tagger(taxonomy, weights=None)
    out = {}
    for name, rows in sets.items():
        if rows:
            report, prior = (evaluate(tagger, rows) for tagger in taggers)
            out[name] = {key: report[key] for key in ("passages", "labels", "kinds", "levels")}
            out[name]["prior"] = {kind: figures["micro"]["f1"] for kind, figures in prior["kinds"].items()}
    return out


def _choose_thresholds(
    arrays: dict[str, Any], learnt: Sequence[int], passages: Sequence[dict[str, Any]], taxonomy: Taxonomy | None
) -> None:
    """Move the bias of each learned label to the best F1 on other passages, and calibrate all probabilities there."""
    ids = [label.id for label in (taxonomy or load_taxonomy()).labels]
    tagger = Tagger(taxonomy, weights=Weights(**arrays, manifest={"labels": ids}))
    score = tagger.scores([row["text"] for row in passages]).astype(np.float64)
    truth = _truth(tagger, passages)
    for column in learnt:
        score[:, column] += _move(arrays, column, best_shift(score[:, column], truth[:, column]))
    _calibrate(arrays, score, truth, tagger.labels)


def _move(arrays: dict[str, Any], column: int, shift: float) -> float:
    """Add to the bias of a learned label, whole units; a sentence counts where it alone would carry the label."""
    shift = float(np.round(shift * UNIT) / UNIT)
    arrays["bias"][column] += shift
    arrays["curve_score"][:, column] += shift
    arrays["gate"][column] = arrays["gate_alone"][column] = -arrays["bias"][column]
    return shift


def _calibrate(arrays: dict[str, Any], score: Floats, truth: NDArray[np.int8], labels: Sequence[Label]) -> None:
    """Slopes and intercepts of the probabilities, by label."""
    for kind in dict.fromkeys(label.kind for label in labels):
        columns = [n for n, label in enumerate(labels) if label.kind == kind]
        pooled = platt(score[:, columns].ravel(), truth[:, columns].ravel(), None)
        for n in columns:
            arrays["slope"][n], arrays["intercept"][n] = platt(score[:, n], truth[:, n], pooled)


def _weigh(
    tagger: Tagger,
    passages: Sequence[dict[str, Any]],
    truth: NDArray[np.int8],
    context: dict[str, dict[str, float]],
    learnt: Sequence[int],
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Arrays of `Weights`: the taxonomy's prior, and what labelled passages teach of the labels in `learnt`."""
    from sklearn.feature_extraction.text import CountVectorizer

    labels, lexicon = tagger.labels, tagger._resolver.lexicon
    texts = [row["text"] for row in passages]
    size = len(labels)
    prior = [tagger.taxonomy.prior[label.kind] for label in labels]
    arrays: dict[str, Any] = {
        "kind_weight": np.array([[values[kind] for kind in KINDS[:NOT]] for values in prior], np.float64),
        "bias": np.array([values["bias"] - values["threshold"] for values in prior], np.float64),
        "gate": np.full(size, 1 / UNIT),
        "gate_alone": np.full(size, NEVER / UNIT),
        "slope": np.ones(size),
        "intercept": np.zeros(size),
    }
    score = (tagger.scores(texts) - tagger._model.threshold).astype(np.float64)
    terms: list[tuple[str, int, float]] = []
    learned: list[tuple[str, int, float]] = []
    if learnt:
        found = sentences(tagger, texts)
        counter = CountVectorizer(analyzer="char", ngram_range=(2, 4), min_df=_SEEN, binary=True, lowercase=False)
        ngrams = counter.fit_transform(found.strings)
        names = counter.get_feature_names_out().astype(str)
        good = np.flatnonzero([NGRAM.fullmatch(name) is not None for name in names])
        good = good[_distinct(ngrams[:, good], names[good], seed)]
        ngrams, names = ngrams[:, good].astype(np.float64).tocsr(), names[good]
    for done, column in enumerate(learnt):
        progress("weighing", done, len(learnt))
        votes = context[labels[column].id]
        cells, rows = _cells(found, lexicon, column, votes, ngrams, truth[:, column])
        score[:, column] = out_of_fold(cells, len(names), seed)
        fitted = fit(cells, len(names), seed)
        weight = dict(zip(fitted.columns.tolist(), fitted.weight.tolist(), strict=True))
        arrays["kind_weight"][column] = [weight[n] * _SCALES["kind"] for n in range(NOT)]
        strings = {name: w * weight[NOT] * _SCALES["votes"] for name, w in votes.items()}
        first = NOT + 1 + len(rows)
        for n, w in weight.items():
            if n >= first:
                strings[names[n - first]] = strings.get(names[n - first], 0.0) + w
            elif n > NOT:
                terms.append((lexicon.texts[rows[n - NOT - 1]], column, w * _SCALES["term"]))
        learned += [(name, column, w) for name, w in sorted(strings.items())]
        arrays["bias"][column] = fitted.bias
    for name, items in (("term", terms), ("learned", learned)):
        items = [item for item in items if abs(item[2]) >= 0.5 / UNIT]
        arrays[name] = np.array([item[0] for item in items], dtype=np.str_)
        arrays[f"{name}_label"] = np.array([item[1] for item in items], np.int64)
        arrays[f"{name}_weight"] = np.array([round(item[2] * UNIT) / UNIT for item in items], np.float64)
    # What was chosen because a tagger was unsure is no sample of any text: it teaches, but promises nothing.
    fair = np.array([row.get("drawn") != _UNCERTAIN for row in passages])
    score, truth = score[fair], truth[fair]
    arrays["curve_score"], arrays["curve_truth"] = score.astype(np.float32), truth
    for column in learnt:
        trust = (truth[:, column] == 1).sum() / ((truth[:, column] == 1).sum() + 40)
        score[:, column] += _move(arrays, column, float(trust * best_shift(score[:, column], truth[:, column])))
    _calibrate(arrays, score, truth, labels)
    arrays["about"] = _level([row for row, keep in zip(passages, fair, strict=True) if keep], tagger, arrays)
    return arrays


def _distinct(ngrams: Any, names: NDArray[np.str_], seed: int) -> Ints:
    """Columns without those that stand in the same sentences as a longer one (业园 beside 产业园)."""
    mark = np.random.default_rng(seed).integers(1 << 62, size=ngrams.shape[0])
    key = ngrams.T.astype(np.int64) @ mark  # wraps; columns with the same sentences have the same key
    order = np.lexsort((-np.char.str_len(names), key))
    return np.sort(order[np.append(True, key[order][1:] != key[order][:-1])])


def _cells(
    found: Sentences, lexicon: Lexicon, column: int, votes: dict[str, float], ngrams: Any, truth: NDArray[np.int8]
) -> tuple[Cells, Ints]:
    """Features of one label: kinds of terms, votes' context, frequent terms (rows of the lexicon, returned too), n-grams."""
    from scipy import sparse
    from sklearn.feature_extraction.text import CountVectorizer

    names = sorted(votes)
    context = sparse.csr_matrix((len(found.strings), 1))
    if names:
        counter = CountVectorizer(analyzer="char", ngram_range=(2, 4), vocabulary=names, binary=True, lowercase=False)
        weight = np.array([[votes[name]] for name in names])
        context = sparse.csr_matrix(counter.fit_transform(found.strings) @ weight)
    kinds = found.counts[:, column].astype(np.float64)
    mine = (lexicon.label == column) & (lexicon.kind < NOT)
    rows = np.flatnonzero(mine & (np.bincount(found.find_row, minlength=len(mine)) >= _SEEN))
    place = np.full(len(mine), -1)
    place[rows] = np.arange(len(rows))
    at = np.flatnonzero(place[found.find_row] >= 0)
    share = 1 / lexicon.parts[found.find_row[at]]
    terms = sparse.csr_matrix(
        (share, (found.find_sentence[at], place[found.find_row[at]])), (len(found.strings), len(rows))
    )
    parts = [
        sparse.csr_matrix(kinds * _SCALES["kind"]),
        context * _SCALES["votes"],
        terms * _SCALES["term"],
        ngrams,
    ]
    return Cells(found.text, sparse.hstack(parts).tocsr(), kinds.sum(1) > 0, truth), rows


def _level(passages: Sequence[dict[str, Any]], tagger: Tagger, arrays: dict[str, Any]) -> Floats:
    """Weights of the level: 2 against 1, from how much is carried and how long the text is."""
    from sklearn.linear_model import LogisticRegression

    folders = [kind.folder for kind in tagger.kinds]
    x, y = [], []
    for n, passage in enumerate(passages):
        levels = labels_of(passage, folders)
        for column, label in enumerate(tagger.labels):
            level = levels.get(label.id) if label.kind == "track" else None
            carried = arrays["curve_score"][n, column] - arrays["bias"][column]
            if level in (1, 2) and carried > 0 and isinstance(level, int):
                x.append((np.log1p(carried), np.log(len(normalise(passage["text"])))))
                y.append(level == 2)
    if len(set(y)) < 2:  # no levels are labelled: the prior's
        abouts = [about for about in tagger._model.about.tolist() if about[1]]
        return np.array(abouts[0] if abouts else (-1.0, 0.0, 0.0))
    model = LogisticRegression(C=10.0).fit(np.array(x), np.array(y))
    return np.array([model.intercept_[0], *model.coef_[0]])
