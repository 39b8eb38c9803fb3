"""Precision, recall and F1 of the shipped tagger on labelled text, and of baselines beside it.

    python benchmarks/quality.py FILE... [--errors LABEL] [--json] [--baselines CORPORA]

FILE is JSON Lines, one passage a line: `text`, and `tracks` and `modes` as objects from label id to level. A level of 1 or
2 (or "1-2") is present, "?" is not scored, and what is not listed is absent. With `--errors`, the passages that a label
gets wrong are printed with their evidence. With `--baselines`, four rivals learn from the same votes of the curated terms
over the same corpora, and with `--labelled` from the same labelled passages too: a plain keyword list, jieba words and
character n-grams with TF-IDF and one-vs-rest logistic regression, and fastText (floret, in the extra `bench`).
"""

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trackclf import Tagger, normalise
from trackclf._context import read_corpora
from trackclf._evaluation import counts, evaluate, f1, judge
from trackclf._evaluation_page import table
from trackclf._labelled import read_rows, truth_of
from trackclf._training import labelled_rows

Predict = Callable[[Sequence[str]], np.ndarray]


def keyword_list(texts: list[str], votes: np.ndarray, tagger: Tagger) -> Predict:
    """The dozen core terms of each label that are most frequent in the corpora."""
    joined = "\n".join(normalise(text) for text in texts)
    words = []
    for entry in tagger.taxonomy.entries:
        core = [
            term.slots[0].text for term in entry.terms if term.kind == "core" and len(term.slots) == 1 and not term.near
        ]
        words.append(sorted(core, key=joined.count, reverse=True)[:12])

    def predict(new: Sequence[str]) -> np.ndarray:
        folded = [normalise(text) for text in new]
        return np.array([[any(word in text for word in mine) for mine in words] for text in folded])

    return predict


def tfidf(**options: Any) -> Callable[[list[str], np.ndarray, Tagger], Predict]:
    """TF-IDF and one-vs-rest logistic regression."""

    def fit(texts: list[str], votes: np.ndarray, tagger: Tagger) -> Predict:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier

        vectorizer = TfidfVectorizer(min_df=3, max_features=200_000, sublinear_tf=True, dtype=np.float32, **options)
        model = OneVsRestClassifier(LogisticRegression(solver="liblinear", C=10.0))
        model.fit(vectorizer.fit_transform(texts), votes)
        return lambda new: np.asarray(model.predict(vectorizer.transform(new))).astype(bool)

    return fit


def words(text: str) -> list[str]:
    import jieba

    return [word for word in jieba.cut(normalise(text)) if word.strip()]


def fasttext(texts: list[str], votes: np.ndarray, tagger: Tagger) -> Predict:
    """Supervised fastText over jieba words, one-versus-all loss."""
    import floret

    ids = [label.id for label in tagger.labels]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        with path.open("w", encoding="utf-8") as out:
            for text, row in zip(texts, votes, strict=True):
                tags = [f"__label__{ids[n]}" for n in np.flatnonzero(row)] or ["__label__none"]
                out.write(" ".join([*tags, *words(text)]).replace("\n", " ") + "\n")
        model = floret.train_supervised(
            str(path), loss="ova", epoch=15, wordNgrams=2, dim=64, lr=0.5, thread=2, verbose=0
        )

    def predict(new: Sequence[str]) -> np.ndarray:
        out = np.zeros((len(new), len(ids)), bool)
        for n, text in enumerate(new):
            line = " ".join(words(text)).replace("\n", " ")
            for _, name in model.f.predict(line, -1, 0.5, "strict"):
                if name.removeprefix("__label__") in ids:
                    out[n, ids.index(name.removeprefix("__label__"))] = True
        return out

    return predict


BASELINES: dict[str, Callable[[list[str], np.ndarray, Tagger], Predict]] = {
    "keyword list": keyword_list,
    "jieba words, TF-IDF, LR": tfidf(tokenizer=words, token_pattern=None, lowercase=False),
    "characters 1-4, TF-IDF, LR": tfidf(analyzer="char", ngram_range=(1, 4), preprocessor=normalise),
    "fastText": fasttext,
}


def summary(got: np.ndarray, truth: np.ndarray, kinds: Sequence[str]) -> list[float]:
    """Micro and macro F1 of each kind."""
    tally = counts(got, truth)
    out = []
    for kind in dict.fromkeys(kinds):
        mine = np.array(kinds) == kind
        out += [float(f1(tally[:, mine].sum(1))), float(f1(tally[:, mine]).mean())]
    return out


def side_by_side(
    rows: list[dict[str, Any]], tagger: Tagger, corpora: Path, limit: int, labelled: list[Path]
) -> list[tuple[str, list[float]]]:
    """The shipped tagger, the term lists alone, and each baseline, on the same passages."""
    judged = judge(tagger, rows)
    kinds = [label.kind for label in tagger.labels]
    prior = Tagger(weights=None)
    texts = [row["text"] for _, row in read_corpora(corpora, limit, [row["text"] for row in rows], 0)]
    votes = (prior.scores(texts) >= prior._model.threshold).astype(int)
    passages = [row for row in labelled_rows(labelled, corpora) if row.get("split") != "test"]
    if passages:
        texts += [row["text"] for row in passages]
        votes = np.concatenate([votes, truth_of(passages, [label.id for label in tagger.labels]) == 1])
    out = [("trackclf", summary(judged.got, judged.truth, kinds))]
    out.append(("trackclf, term lists alone", summary(judge(prior, rows).got, judged.truth, kinds)))
    for name, fit in BASELINES.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            predict = fit(texts, votes, tagger)
            out.append((name, summary(predict([row["text"] for row in rows]), judged.truth, kinds)))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path, nargs="+")
    parser.add_argument("--split", help="only rows whose field split is this")
    parser.add_argument("--model", help="a folder that trackclf train wrote, or none (default: the shipped model)")
    parser.add_argument("--errors", metavar="LABEL", help="print the passages that this label gets wrong")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--baselines", type=Path, metavar="CORPORA", help="train and measure the baselines")
    parser.add_argument("--limit", type=int, default=8000, help="texts of each corpus that the baselines learn from")
    parser.add_argument(
        "--labelled", type=Path, nargs="*", default=[], help="labelled passages that they learn from too"
    )
    options = parser.parse_args()
    rows = [row for path in options.path for row in read_rows(path)]
    rows = [row for row in rows if options.split in (None, row.get("split"))]
    tagger = Tagger(weights=None if options.model == "none" else options.model or "shipped")
    report = evaluate(tagger, rows)
    if options.json:
        print(json.dumps(report, ensure_ascii=False))
    elif options.errors:
        judged = judge(tagger, rows)
        n = [label.id for label in tagger.labels].index(options.errors)
        for row, result, truth in zip(rows, judged.results, judged.truth[:, n], strict=True):
            tag = next((tag for tag in result.tags if tag.id == options.errors), None)
            if truth >= 0 and (tag is not None) != (truth == 1):
                print("\n" + ("MISSED " if tag is None else "WRONG ") + str(row.get("id", "")), row.get("genre", ""))
                print(row["text"])
                if tag:
                    print("   ", [(e.text, e.cue, e.kind, e.contribution) for e in tag.evidence])
    else:
        print(table(report))
    if options.baselines:
        print(f"{'':28}{'tracks micro':>13}{'macro':>8}{'modes micro':>13}{'macro':>8}")
        for name, figures in side_by_side(rows, tagger, options.baselines, options.limit, options.labelled):
            print(f"{name:28}{figures[0]:13.3f}{figures[1]:8.3f}{figures[2]:13.3f}{figures[3]:8.3f}")


if __name__ == "__main__":
    main()
