"""trackclf beside other tools, on the same texts in one run, on one core.

    python benchmarks/rivals.py [--corpus PATH] [--json FILE]

Three tasks, and what is right in each:

- trackclf: the tags; every text gives the same scores behind neutral sentences.
- learn: rivals that learn trackclf's tags from one half of the texts and predict the other half. Right is a micro-F1 of
  at least 0.1 above the best constant guess. Timed is the prediction, from string to labels.
- find: the table of trackclf alone, and rivals, that find the plain terms of the taxonomy, in all their spellings, and count
  them by label. Right means exactly the counts of a plain loop over a dict: all occurrences that overlap, but for `re`,
  which can only find the longest at the first place and goes on behind it, and must find exactly those. They get texts
  that are normalised already, and do less than trackclf as a whole: no word ends, conditions, cues, denials, or learned
  context.
"""

import re
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

from _common import SHARES, Report, best, corpus, generated, one_core, parser, shifted, version

# isort: split
# numpy after the number of its threads is set
import numpy as np

from trackclf import Tagger, normalise
from trackclf._evaluation import counts, f1

MARGIN = 0.1
Predict = Callable[[Sequence[str]], np.ndarray]
Terms = dict[str, tuple[int, ...]]


def linear(vectorizer: Any, classifier: Any) -> Callable[[Sequence[str], np.ndarray], Predict]:
    """A vectoriser and one linear classifier a label."""
    from sklearn.multiclass import OneVsRestClassifier

    def fit(texts: Sequence[str], labels: np.ndarray) -> Predict:
        model = OneVsRestClassifier(classifier).fit(vectorizer.fit_transform(texts), labels)
        return lambda new: np.asarray(model.predict(vectorizer.transform(new))).astype(bool)

    return fit


def jieba_words(texts: Sequence[str], labels: np.ndarray) -> Predict:
    import jieba
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    jieba.setLogLevel("WARNING")
    words = TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, sublinear_tf=True)
    return linear(words, LogisticRegression(solver="liblinear", C=100.0))(texts, labels)


def characters(texts: Sequence[str], labels: np.ndarray) -> Predict:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    return linear(grams, LogisticRegression(solver="liblinear", C=100.0))(texts, labels)


def hashing(texts: Sequence[str], labels: np.ndarray) -> Predict:
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier

    grams = HashingVectorizer(analyzer="char", ngram_range=(1, 3), n_features=1 << 18)
    return linear(grams, SGDClassifier(loss="modified_huber", alpha=1e-5, random_state=0))(texts, labels)


def fasttext(texts: Sequence[str], labels: np.ndarray) -> Predict:
    """Characters with spaces between, so that it needs no segmenter."""
    import floret

    def spaced(text: str) -> str:
        return " ".join(text.replace("\n", ""))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        lines = [
            " ".join([*(f"__label__{n}" for n in np.flatnonzero(row)), spaced(text)])
            for text, row in zip(texts, labels, strict=True)
            if row.any()
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        model = floret.train_supervised(
            str(path), loss="ova", epoch=50, lr=0.5, dim=32, wordNgrams=3, bucket=200_000, thread=1, verbose=0
        )

    def predict(new: Sequence[str]) -> np.ndarray:
        out = np.zeros((len(new), labels.shape[1]), bool)
        for n, text in enumerate(new):
            for _, name in model.f.predict(spaced(text), -1, 0.5, "strict"):
                out[n, int(name.removeprefix("__label__"))] = True
        return out

    return predict


def pyahocorasick(terms: Terms) -> Predict:
    import ahocorasick

    automaton = ahocorasick.Automaton()
    for term, columns in terms.items():
        automaton.add_word(term, columns)
    automaton.make_automaton()
    return counting(terms, lambda text: (columns for _, columns in automaton.iter(text)))


def ahocorasick_rs(terms: Terms) -> Predict:
    import ahocorasick_rs

    automaton, columns = ahocorasick_rs.AhoCorasick(list(terms)), list(terms.values())
    return counting(
        terms, lambda text: (columns[n] for n, _, _ in automaton.find_matches_as_indexes(text, overlapping=True))
    )


def daachorse(terms: Terms) -> Predict:
    import daachorse

    automaton, columns = daachorse.CharwiseDoubleArrayAhoCorasick(list(terms)), list(terms.values())
    return counting(terms, lambda text: (columns[n] for _, _, n in automaton.find_overlapping(text)))


def own_table(terms: Terms) -> Predict:
    """The part of trackclf that does the same: its table of strings, with batches of a few thousand texts."""
    from trackclf._matching import Alphabet, Fan, Table
    from trackclf._text import Passages

    alphabet = Alphabet(terms)
    table = Table(list(terms), alphabet)
    columns = Fan(len(terms), [(n, column) for n, some in enumerate(terms.values()) for column in some])
    width = 1 + max(column for some in terms.values() for column in some)

    def count(texts: Sequence[str]) -> np.ndarray:
        out = []
        for first in range(0, len(texts), 4096):
            batch = texts[first : first + 4096]
            passages = Passages(batch, alphabet.symbols)
            hits = table.occurrences(passages.symbols)
            index, column = columns(hits.string)
            text = passages.sentence_texts.take(passages.sentence_numbers.take(hits.start.take(index)))
            out.append(np.bincount(text * width + column, minlength=len(batch) * width).reshape(-1, width))
        return np.concatenate(out)

    return count


def spacy(terms: Terms) -> Predict:
    """Tokens are characters. They do not know spaces, so what they find is compared with the term."""
    import spacy
    from spacy.matcher import PhraseMatcher

    blank = spacy.blank("zh")
    matcher = PhraseMatcher(blank.vocab)
    names = {}
    for term in terms:
        matcher.add(term, [blank.make_doc(term)])
        names[blank.vocab.strings[term]] = term

    def find(text: str) -> Any:
        doc = blank.make_doc(text)
        return (terms[names[key]] for key, start, end in matcher(doc) if doc[start:end].text == names[key])

    return counting(terms, find)


def alternation(terms: Terms) -> Predict:
    pattern = re.compile("|".join(map(re.escape, sorted(terms, key=len, reverse=True))))
    return counting(terms, lambda text: (terms[match.group()] for match in pattern.finditer(text)))


def counting(terms: Terms, find: Callable[[str], Any]) -> Predict:
    """What finds, with a count a label."""
    width = 1 + max(column for columns in terms.values() for column in columns)

    def count(texts: Sequence[str]) -> np.ndarray:
        out = []
        for text in texts:
            row = [0] * width
            for columns in find(text):
                for column in columns:
                    row[column] += 1
            out.append(row)
        return np.array(out)

    return count


def plain_loop(terms: Terms, overlapping: bool) -> Predict:
    """The reference: every length at every place."""
    lengths = sorted({len(term) for term in terms}, reverse=True)

    def find(text: str) -> Any:
        at = 0
        while at < len(text):
            step = 1
            for length in lengths:
                piece = text[at : at + length]
                if len(piece) == length and piece in terms:
                    yield terms[piece]
                    if not overlapping:
                        step = length
                        break
            at += step

    return counting(terms, find)


def plain_terms(tagger: Tagger) -> Terms:
    """Plain terms of the taxonomy in all spellings, with the columns of their labels."""
    taxonomy, out = tagger.taxonomy, {}
    column = {label.id: n for n, label in enumerate(tagger.labels)}
    for entry in taxonomy.entries:
        for term in entry.terms:
            if len(term.slots) == 1 and term.kind != "not":
                for id in (entry.label.id, *term.also):
                    for text in taxonomy.spellings(term.slots[0].text, id):
                        out.setdefault(text, set()).add(column[id])
    return {text: tuple(sorted(columns)) for text, columns in out.items()}


def micro_f1(got: np.ndarray, truth: np.ndarray) -> float:
    return float(f1(counts(got, truth.astype(np.int8)).sum(1)))


def constant_guess(truth: np.ndarray) -> float:
    """Best micro-F1 of the same labels for every text."""
    order = np.argsort(-truth.sum(0))
    guesses = [np.isin(np.arange(truth.shape[1]), order[:k]) for k in range(1, truth.shape[1] + 1)]
    return max(micro_f1(np.broadcast_to(guess, truth.shape), truth) for guess in guesses)


# Packages, whose versions are written down, and how it learns.
LEARNERS: dict[str, tuple[tuple[str, ...], Callable[[Sequence[str], np.ndarray], Predict]]] = {
    "jieba words, TF-IDF, one-vs-rest LR": (("scikit-learn", "jieba"), jieba_words),
    "characters 1-3, TF-IDF, one-vs-rest LR": (("scikit-learn",), characters),
    "characters 1-3, hashed, one-vs-rest SGD": (("scikit-learn",), hashing),
    "fastText, characters (floret)": (("floret",), fasttext),
}
# Packages, what share of the texts is timed (one in so many), and how it is made.
FINDERS: dict[str, tuple[tuple[str, ...], int, Callable[[Terms], Predict]]] = {
    "trackclf, its table alone": (("trackclf",), 1, own_table),
    "pyahocorasick": (("pyahocorasick",), 1, pyahocorasick),
    "ahocorasick_rs": (("ahocorasick-rs",), 1, ahocorasick_rs),
    "daachorse": (("daachorse",), 1, daachorse),
    "spaCy PhraseMatcher": (("spacy",), 1, spacy),
    "re, alternation": ((), 20, alternation),
}


def missing(packages: Sequence[str]) -> str:
    """Why these cannot be measured, or nothing."""
    for name in packages:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            return f"{name} is not installed: pip install 'trackclf[bench]'"
    return ""


def main() -> None:
    options = parser(__doc__).parse_args()
    one_core()
    warnings.simplefilter("ignore")  # labels without any text in the half that is learned from
    size, runs = (40_000, 1) if options.quick else (1_000_000, 3)
    # Quick: few terms, short texts, so that little text teaches them.
    made = (30, size, SHARES["dense"], 30) if options.quick else (150, size, 4 * SHARES["sparse"])
    texts = list(corpus(options.corpus, size)) if options.corpus else generated(*made)
    seen, new = texts[::2], texts[1::2]
    report = Report(
        options,
        {
            "task": "<8",
            "tool": "<39",
            "characters": "10,d",
            "micro_f1": ".3f",
            "seconds_to_make": ".2f",
            "million_characters_a_second": ".3f",
        },
    )
    tagger = Tagger()
    bar = tagger._model.threshold

    def add(
        task: str,
        tool: str,
        packages: tuple[str, ...],
        texts: Sequence[str],
        call: Callable[[], Any],
        right: bool,
        **row: Any,
    ) -> None:
        size = sum(map(len, texts))
        figures = {"seconds_to_make": row.pop("seconds_to_make")} if "seconds_to_make" in row else {}
        if right:
            figures["seconds"] = best(call, runs)
            figures["million_characters_a_second"] = size / figures["seconds"] / 1e6
        about = {"task": task, "tool": tool, "packages": {name: version(name) for name in packages}}
        report.add(
            right,
            figures,
            task != "trackclf",
            **about,
            texts=len(texts),
            characters=size,
            corpus=bool(options.corpus),
            **row,
        )

    scores = tagger.scores(new)
    right = np.array_equal(scores, tagger.scores([shifted(text) for text in new]))
    truth, labels = scores >= bar, tagger.scores(seen) >= bar
    add("trackclf", "scores", ("trackclf",), new, lambda: tagger.scores(new), right)
    results = [{tag.id for tag in result.tags} for result in tagger.tag_many(new)]
    right &= results == [{tagger.labels[n].id for n in np.flatnonzero(row)} for row in truth]
    add("trackclf", "tag_many", ("trackclf",), new, lambda: [r.tags for r in tagger.tag_many(new)], right)

    floor = constant_guess(truth)
    for tool, (packages, fit) in LEARNERS.items():
        if why := missing(packages):
            report.skip(why, task="learn", tool=tool)
            continue
        start = time.process_time()
        predict = fit([normalise(text) for text in seen], labels)
        making = time.process_time() - start
        folded = [normalise(text) for text in new]
        reached = micro_f1(predict(folded), truth)
        add(
            "learn", tool, packages, new, lambda predict=predict, folded=folded: predict(folded), reached >= floor + MARGIN,
            micro_f1=reached, seconds_to_make=making, constant_guess=floor,
        )  # fmt: skip

    strings = plain_terms(tagger)
    folded = [normalise(text) for text in new]
    all_counts = plain_loop(strings, overlapping=True)(folded)
    for tool, (packages, share, make) in FINDERS.items():
        if why := missing(packages):
            report.skip(why, task="find", tool=tool)
            continue
        some = list(islice(folded, 0, None, share))
        start = time.process_time()
        count = make(strings)
        making = time.process_time() - start
        overlapping = make is not alternation
        expected = all_counts[::share] if overlapping else plain_loop(strings, overlapping=False)(some)
        right = np.array_equal(count(some), expected)
        add(
            "find", tool, packages, some, lambda count=count, some=some: count(some), right,
            seconds_to_make=making, terms=len(strings), found=int(expected.sum()), overlapping=overlapping,
        )  # fmt: skip
    report.close()


if __name__ == "__main__":
    main()
