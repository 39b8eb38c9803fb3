"""What fitting a `TrackClassifier` gains on labelled text: against the shipped model, and for a track without terms.

    python benchmarks/estimator.py FILE [--seeds 5] [--pool FILE...] [--examples 30] [--weights none]

FILE is JSON Lines as `benchmarks/quality.py` reads them. Halves: a random half is fitted on, the other half measured, and
the other way round; macro-F1 over all labels, beside the shipped model's on the same texts. Recovery: a taxonomy from which all
terms of one track are gone (in its own file and by `also` in others; name, definition and scope stay) is fitted on
30 examples of `--pool` (by default the passages written for the project, training part): half positive, half negative, drawn
at random, only that track's label being known; F1 of that track is measured on all of FILE.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from trackclf import Tagger, TrackClassifier, load_taxonomy
from trackclf._evaluation import counts, f1
from trackclf._labelled import read_rows, truth_of

FIXTURES = sorted((Path(__file__).parent.parent / "fixtures" / "labelled").glob("*.jsonl"))


def without_terms(taxonomy, id):
    """The taxonomy without any term that counts for a label."""
    entries = []
    for entry in taxonomy.entries:
        terms = () if entry.label.id == id else entry.terms
        also = [replace(term, also=tuple(other for other in term.also if other != id)) for term in terms]
        entries.append(replace(entry, terms=tuple(also)))
    return replace(taxonomy, entries=tuple(entries))


def halves(texts, truth, ids, seeds, weights):
    """Rows of seed, macro-F1 of the tagger and of the fit, and the labels for which something was learned."""
    tagger = Tagger(weights=weights)
    tags = np.array([[tag.id in (t.id for t in r.tags) for tag in tagger.labels] for r in tagger.tag_many(texts)])
    rows = []
    for seed in range(seeds):
        half = np.random.default_rng(seed).permutation(len(texts)) % 2
        for side in (0, 1):
            train, test = np.flatnonzero(half == side), np.flatnonzero(half != side)
            fitted = TrackClassifier(weights=weights, labels=ids).fit([texts[n] for n in train], truth[train])
            got = fitted.predict([texts[n] for n in test]) == 1
            before, after = (float(f1(counts(x, truth[test])).mean()) for x in (tags[test], got))
            rows.append((seed, before, after, [id for id, new in zip(ids, fitted.learned_, strict=True) if new]))
    return rows


def recovery(texts, truth, pool, pool_truth, ids, seeds, examples):
    """F1 by track, (n_seeds, n_tracks)."""
    taxonomy = load_taxonomy()
    tracks = [label.id for label in taxonomy.labels if label.kind == "track"]
    out = np.zeros((seeds, len(tracks)))
    for k, id in enumerate(tracks):
        column = ids.index(id)
        bare = without_terms(taxonomy, id)
        for seed in range(seeds):
            draw = np.random.default_rng(seed).permutation(len(pool))
            half = examples // 2
            chosen = np.concatenate([draw[pool_truth[draw, column] == value][:half] for value in (1, 0)])
            fitted = TrackClassifier(bare, labels=[id])
            fitted.fit([pool[n] for n in chosen], pool_truth[chosen][:, [column]])
            got = fitted.predict(texts) == 1
            out[seed, k] = f1(counts(got, truth[:, [column]]))[0]
    return tracks, out


def main():
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weights", default="shipped", help="what halves start from; none: the term lists alone")
    parser.add_argument("--examples", type=int, default=30)
    parser.add_argument("--pool", type=Path, nargs="+", default=FIXTURES)
    parser.add_argument("--only", choices=["halves", "recovery"])
    options = parser.parse_args()
    ids = [label.id for label in load_taxonomy().labels]
    rows = list(read_rows(options.path))
    texts, truth = [row["text"] for row in rows], truth_of(rows, ids)
    if options.only != "recovery":
        for seed, before, after, learned in halves(
            texts, truth, ids, options.seeds, None if options.weights == "none" else options.weights
        ):
            print(
                f"half, seed {seed}: tagger {before:.3f}, fitted {after:.3f}; learned: {', '.join(learned) or '-'}",
                flush=True,
            )
    if options.only != "halves":
        pool = [row for path in options.pool for row in read_rows(path) if row.get("split") != "test" and "text" in row]
        found = recovery(
            texts, truth, [row["text"] for row in pool], truth_of(pool, ids), ids, options.seeds, options.examples
        )
        for id, column in zip(found[0], found[1].T, strict=True):
            print(f"{id:22} F1 {column.mean():.2f} ({column.min():.2f} to {column.max():.2f})")
        print(f"{'mean':22} F1 {found[1].mean():.2f}")


if __name__ == "__main__":
    main()
