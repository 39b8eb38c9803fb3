"""What large unlabelled text teaches: votes of the curated terms, and the n-grams that go with them.

Every sentence of the corpora is a vote: for a label where its curated terms stand there, against it where neither they nor
the editors' topics or the authors' keywords speak for it. Absence is no proof, so votes against weigh little and sentences
in doubt are left out (positive-unlabelled learning; Elkan and Noto 2008). In most votes the terms are masked, so that
context is learned and not the list again. An L1-penalised logistic regression over character n-grams keeps few of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import normalise
from trackclf._labelled import read_rows
from trackclf._lexicon import NOT, WEAK
from trackclf._tagger import Tagger
from trackclf._text import Passages, to_string
from trackclf.errors import InputError

Progress = Callable[[str, int, int], None]

NGRAM = re.compile(r"[\u4e00-\u9fff]{2,4}")  # what may be learned: never a part of a number or of a foreign word
_HAN = re.compile(r"[^\u4e00-\u9fff]+")
_UNRELATED = "_unrelated"  # in a file's name: text that carries no label
_LONGEST = 1500  # code points of a text that are read
_RUN = 16  # Chinese characters that two texts may not share, where one is held out
_MASKED = 0.9  # share of votes whose terms are masked
_AGAINST = 0.3  # weight of a vote against
_CANDIDATES = 3000  # n-grams a label, before the penalty
_CAP = 3  # copies of one sentence
_SHORT = 3  # code points of a sentence that says nothing


@dataclass(frozen=True, slots=True)
class Sentences:
    """Sentences of many texts.

    Attributes
    ----------
    text : int64 (n_sentences,)
        Index of the text.
    strings : list of str
        Folded, closed up.
    counts : float32 (n_sentences, n_labels, 4)
        Core, strong, entity and weak terms.
    find_sentence, find_row : int64 (n_finds,)
        Terms, weak ones too: the sentence that each stands in, and its row of the lexicon.
    spans : list of list of (label, start, end)
        Places of the terms that are not weak, in `strings`.
    """

    text: NDArray[np.int64]
    strings: list[str]
    counts: NDArray[np.float32]
    find_sentence: NDArray[np.int64]
    find_row: NDArray[np.int64]
    spans: list[list[tuple[int, int, int]]]


def corpus_files(folder: Path) -> list[Path]:
    """All *.jsonl and *.jsonl.gz below a folder, in the order of their names."""
    files = sorted(path for path in folder.rglob("*") if path.name.endswith((".jsonl", ".jsonl.gz")))
    if not files:
        raise InputError(f"{folder} holds no .jsonl or .jsonl.gz")
    return files


def read_corpora(folder: Path, limit: int, held_out: Sequence[str], seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of all *.jsonl and *.jsonl.gz below a folder, up to `limit` a file: file name and row.

    Near-duplicates (the same first 20 Chinese characters) and rows that share a run with held-out text are left out.
    """
    runs = {run for text in held_out for run in _runs(text, 1)}
    for path in corpus_files(folder):
        rows = list(read_rows(path))
        order = np.random.default_rng(seed).permutation(len(rows))
        seen: set[str] = set()
        for n in order[:limit].tolist():
            text = rows[n].get("text", "")[:_LONGEST]
            key = _HAN.sub("", normalise(text))[:20]
            if not key or key in seen or (runs and any(run in runs for run in _runs(text, 4))):
                continue
            seen.add(key)
            yield path.name, rows[n] | {"text": text}


def _runs(text: str, step: int) -> Iterator[str]:
    letters = _HAN.sub("", normalise(text))
    return (letters[n : n + _RUN] for n in range(0, max(1, len(letters) - _RUN + 1), step))


def sentences(tagger: Tagger, texts: Sequence[str]) -> Sentences:
    """Cut texts into sentences, with what the curated terms say of each."""
    lexicon = tagger._resolver.lexicon
    index: list[NDArray[np.int64]] = []
    strings: list[str] = []
    counts: list[NDArray[np.float32]] = []
    finds: list[NDArray[np.int64]] = []
    spans: list[list[tuple[int, int, int]]] = []
    for first in range(0, len(texts), 2000):
        passages = Passages(texts[first : first + 2000], lexicon.symbols)
        found = tagger._resolver.find(passages)
        sentence, label = passages.sentence_numbers.take(found.start), lexicon.label.take(found.row)
        breaks = passages.sentence_breaks
        low = np.append(0, breaks[:-1] + 1)
        long = np.flatnonzero(breaks - low > _SHORT)
        number = np.full(len(breaks), -1)
        number[long] = np.arange(len(long))
        at = np.flatnonzero(~found.denied & (number[sentence] >= 0))
        at = at[lexicon.kind[found.row[at]] < NOT]
        row = found.row[at]
        mine = number[sentence[at]]
        count = np.zeros((len(long), len(tagger.labels), 4), np.float32)
        np.add.at(count, (mine, label[at], lexicon.kind[row]), 1 / lexicon.parts[row])
        here: list[list[tuple[int, int, int]]] = [[] for _ in long]
        base = low[long][mine]
        start, end = found.start[at] - base, found.end[at] - base
        sure = lexicon.kind[row] < WEAK
        for n, column, a, b in zip(*(part[sure].tolist() for part in (mine, label[at], start, end)), strict=True):
            here[n].append((column, a, b))
        folded = passages.folded(np.arange(len(passages.symbols)))
        for a, b in zip(low[long].tolist(), breaks[long].tolist(), strict=True):
            strings.append(to_string(folded[a:b]))
        finds.append(np.stack([mine + len(strings) - len(long), row]))
        index.append(passages.sentence_texts[long] + first)
        counts.append(count)
        spans += here
    find_sentence, find_row = np.concatenate(finds, 1)
    return Sentences(np.concatenate(index), strings, np.concatenate(counts), find_sentence, find_row, spans)


def votes(tagger: Tagger, rows: Sequence[tuple[str, dict[str, Any]]], found: Sentences) -> NDArray[np.int8]:
    """int8 (n_sentences, n_labels): 1 for the label, 0 against it, -1 in doubt.

    For: its terms stand in the sentence (a core one, or two others for a mode). In doubt: a weak term does, or the editors'
    topics or the authors' keywords name the label. Sentences of unrelated files are never in doubt.
    """
    modes = np.array([label.kind == "mode" for label in tagger.labels])
    single = found.counts[:, :, :3].sum(2) > 0.99
    double = found.counts[:, :, 0] + found.counts[:, :, 1:3].sum(2) / 2 > 0.99
    out = np.where(modes, double, single).astype(np.int8)
    doubt = found.counts.sum(2) > 0
    topics = [" 。".join(row.get("subjects") or row.get("keywords") or ()) for _, row in rows]
    named = tagger.scores(topics) >= tagger._model.threshold
    doubt |= named[found.text]
    unrelated = np.array([_UNRELATED in name for name, _ in rows])
    doubt &= ~unrelated[found.text][:, None]
    out[(out == 0) & doubt] = -1
    return np.asarray(out, np.int8)


def learn_context(
    tagger: Tagger, rows: Sequence[tuple[str, dict[str, Any]]], ids: Iterable[str], seed: int, progress: Progress
) -> dict[str, dict[str, float]]:
    """Weights of the n-grams that earn their place, by label id."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression

    found = sentences(tagger, [row["text"] for _, row in rows])
    vote = votes(tagger, rows, found)
    chance = np.random.default_rng(seed)
    positive = (vote == 1).any(1)
    rest = np.flatnonzero(~positive)
    keep = np.sort(np.concatenate([np.flatnonzero(positive), chance.choice(rest, min(len(rest), 200_000), False)]))
    masked = chance.random(len(found.strings)) < _MASKED
    wanted = list(ids)
    columns = {label.id: n for n, label in enumerate(tagger.labels)}
    out: dict[str, dict[str, float]] = {}
    kinds = list(dict.fromkeys(label.kind for label in tagger.labels if label.id in wanted))
    for kind in kinds:
        own = {n for n, label in enumerate(tagger.labels) if label.kind == kind}
        copies: dict[str, int] = {}
        places, strings = [], []
        for n in keep.tolist():
            text = _mask(found.strings[n], found.spans[n], own) if masked[n] else found.strings[n]
            copies[text] = copies.get(text, 0) + 1
            if copies[text] <= _CAP:
                places.append(n)
                strings.append(text)
        progress(f"counting n-grams ({kind})", 0, 1)
        counter = CountVectorizer(
            analyzer="char", ngram_range=(2, 4), min_df=25, max_df=0.03, binary=True, dtype=np.int32
        )
        matrix = counter.fit_transform(strings)
        names = counter.get_feature_names_out()
        good = np.array([NGRAM.fullmatch(name) is not None for name in names])
        matrix, names = matrix[:, good].tocsr(), names[good]
        mine = [id for id in wanted if tagger.labels[columns[id]].kind == kind]
        for done, id in enumerate(mine):
            progress(f"learning context ({kind})", done, len(mine))
            said = vote[places, columns[id]]
            known = np.flatnonzero(said >= 0)
            y = said[known] == 1
            if y.sum() < 50:
                out[id] = {}
                continue
            x = matrix[known]
            yes = np.asarray(x[y].sum(0)).ravel() + 0.5
            no = np.asarray(x.sum(0)).ravel() + 1 - yes
            odds = np.log(yes / (y.sum() + 1)) - np.log(no / ((~y).sum() + 1))
            best = np.sort(np.argsort(-np.abs(odds / np.sqrt(1 / yes + 1 / no)), kind="stable")[:_CANDIDATES])
            sparse = {"l1_ratio": 1} if version_of("sklearn") >= (1, 8) else {"penalty": "l1"}
            model = LogisticRegression(C=0.3, solver="liblinear", max_iter=200, random_state=seed, **sparse)
            model.fit(x[:, best], y, sample_weight=np.where(y, 1.0, _AGAINST))
            weight = model.coef_[0]
            out[id] = {str(names[best[n]]): float(weight[n]) for n in np.flatnonzero(weight)}
    return out


def _mask(text: str, spans: list[tuple[int, int, int]], labels: set[int]) -> str:
    chars = list(text)
    for label, start, end in spans:
        if label in labels:
            chars[start:end] = "\0" * (min(end, len(chars)) - start)
    return "".join(chars)


def version_of(name: str) -> tuple[int, ...]:
    from importlib.metadata import version

    parts = version({"sklearn": "scikit-learn"}.get(name, name)).split(".")[:2]
    return tuple(int(part) for part in parts)
