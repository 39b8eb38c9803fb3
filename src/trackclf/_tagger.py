"""Tagger: texts in, scores or tags with evidence out."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackclf._characters import SENTENCE
from trackclf._compiled import key_of, read, write
from trackclf._lexicon import Lexicon
from trackclf._model import UNIT, Model
from trackclf._resolving import Resolver
from trackclf._resources import model_dir
from trackclf._scoring import (
    Contributions,
    Pairs,
    Sums,
    contribute,
    empty_sums,
    find_pairs,
)
from trackclf._text import (
    Passages,
    Segmenter,
    class_table,
    code_points,
    ideograph_table,
)
from trackclf._types import Evidence, Label, Pair, Result, Segment, Tag
from trackclf._version import __version__

if TYPE_CHECKING:
    from trackclf._taxonomy import Taxonomy
    from trackclf._weights import Weights

BATCH = 1 << 18  # code points in flight: small enough for the caches, large enough to hide numpy's own cost
_LONGEST_SENTENCE = 1 << 22
_SHORTEST = 2
SHIPPED = "shipped"


class Tagger:
    """Tags texts by a taxonomy: load once, share between threads, pickle at will.

    Parameters
    ----------
    taxonomy : Taxonomy, optional
        By default the shipped one.
    threshold : str or None
        A promise to keep by label, as "precision>=0.95" or "recall>=0.9", measured on the model's held-out texts; by
        default the thresholds with the best F1. See `thresholds`.
    weights : Weights, str, Path or None
        Learned numbers, or the folder of a model that `trackclf train` wrote; labels that it does not know take the
        taxonomy's prior. "shipped" is the model of the package, None the prior alone.

    Attributes
    ----------
    labels : tuple of Label
        In column order: tracks, then modes.
    """

    __slots__ = ("_arguments", "_columns", "_model", "_resolver", "_stamp", "labels")

    labels: tuple[Label, ...]
    _arguments: tuple[Any, ...]
    _columns: dict[str, Any]
    _model: Model
    _resolver: Resolver
    _stamp: dict[str, str]

    def __init__(
        self,
        taxonomy: "Taxonomy | None" = None,
        threshold: str | None = None,
        weights: "Weights | str | Path | None" = SHIPPED,
    ) -> None:
        arguments = (taxonomy, threshold, weights)
        folder = _folder(weights)
        key = None
        if taxonomy is None and threshold is None and (folder is None or isinstance(folder, Path)):
            key = key_of(folder)
        compiled = read(key) if key else None
        if compiled is None:
            # What reads and compiles is imported only where it is needed: it takes longer than a compiled file.
            from trackclf._taxonomy import load_taxonomy
            from trackclf._weights import compile_model

            taxonomy = load_taxonomy() if taxonomy is None else taxonomy
            learned = _learned(folder)
            lexicon = Lexicon(taxonomy, learned.pairs if learned else ())
            compiled = lexicon, compile_model(taxonomy, lexicon, learned, threshold), taxonomy.digest
            if key:
                write(key, compiled)
        lexicon, model, digest = compiled
        columns: dict[str, Any] = {"track": [], "mode": []}
        for n, label in enumerate(lexicon.labels):
            columns[label.kind].append(n)
        values = {
            "labels": lexicon.labels,
            "_arguments": arguments,
            "_columns": {kind: np.array(at, np.int64) for kind, at in columns.items()},
            "_model": model,
            "_resolver": Resolver(lexicon, Segmenter()),
            "_stamp": {"trackclf": __version__, "taxonomy": digest, "model": model.digest},
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Tagger does not change; make another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Tagger does not change; make another")

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), self._arguments

    @property
    def taxonomy(self) -> "Taxonomy":
        """What the tagger was made from; the shipped one is read when asked for."""
        from trackclf._taxonomy import load_taxonomy

        taxonomy: Taxonomy | None = self._arguments[0]
        return load_taxonomy() if taxonomy is None else taxonomy

    @property
    def stamp(self) -> dict[str, str]:
        """Version and digests that each result carries."""
        return dict(self._stamp)

    def __repr__(self) -> str:
        return f"<Tagger: {len(self.labels)} labels, {' '.join(f'{k} {v}' for k, v in self._stamp.items())}>"

    def scores(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Log-odds of every label for every text.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        float32 (n_texts, n_labels), columns as `labels`; unbounded.

        Raises
        ------
        TypeError
            `texts` is one string, or holds something else than strings.
        """
        sums = [self._sums(batch) for batch in _batches(texts, "scores")]
        rows = [item.scores(self._model) for item in sums]
        return np.concatenate(rows) if rows else np.zeros((0, len(self.labels)), np.float32)

    def probabilities(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """Probability of every label for every text.

        float32 (n_texts, n_labels), columns as `labels`, each in [0, 1]; rows need not sum to 1.
        """
        probability: NDArray[np.float32] = self._model.probability(self.scores(texts))
        return probability

    def thresholds(self, promise: str) -> dict[str, dict[str, float]]:
        """Thresholds that keep a promise on the model's held-out texts, and what they cost.

        Parameters
        ----------
        promise : str
            "precision>=0.95" takes for each label the lowest threshold that keeps it (the widest coverage),
            "recall>=0.9" the highest.

        Returns
        -------
        dict by label id: `threshold` (log-odds), `precision`, `recall` and `coverage` (share of texts tagged) there;
        where the promise cannot be kept, the threshold that comes nearest.

        Raises
        ------
        ValueError
            The promise is not understood.
        ModelError
            There are no learned weights to promise by.
        """
        from trackclf._weights import promised

        return promised(_learned(_folder(self._arguments[2])), promise, [label.id for label in self.labels])

    def tag(self, text: str, segments: str | None = None) -> Result:
        """Tag one text; see `tag_many`."""
        if not isinstance(text, str):
            raise TypeError(f"text must be str, got {type(text).__name__}; for several: tag_many(texts)")
        return next(self.tag_many([text], segments))

    def tag_many(self, texts: Iterable[str], segments: str | None = None) -> Iterator[Result]:
        """Tag texts, lazily and in order; memory is bounded by the characters in flight.

        Parameters
        ----------
        texts : iterable of str
        segments : "sentence" or "paragraph", optional
            Add the scores of these to each result.

        Raises
        ------
        TypeError
            `texts` is one string, or holds something else than strings.
        ValueError
            `segments` is something else.
        """
        if segments not in (None, "sentence", "paragraph"):
            raise ValueError(f"segments must be 'sentence' or 'paragraph', got {segments!r}")
        batches = _batches(texts, "tag_many")
        return (result for batch in batches for result in self._results(batch, segments))

    def _find(self, texts: Sequence[str]) -> tuple[Passages, Contributions]:
        lexicon = self._resolver.lexicon
        passages = Passages(texts, lexicon.symbols)
        return passages, contribute(passages, self._resolver.find(passages), lexicon, self._model)

    def _sums(self, texts: Sequence[str]) -> Sums:
        sums = empty_sums(len(texts), len(self.labels))
        for first, _, pieces in _pieces(texts):
            _, found = self._find(pieces)
            sums.add(found, first)
        return sums

    def _results(self, texts: Sequence[str], segments: str | None) -> Iterator[Result]:
        sums = empty_sums(len(texts), len(self.labels))
        evidence: list[dict[int, list[Evidence]]] = [{} for _ in texts]
        pairs: list[list[Pair]] = [[] for _ in texts]
        parts: list[list[Segment]] = [[] for _ in texts]
        for first, offset, pieces in _pieces(texts):
            passages, found = self._find(pieces)
            sums.add(found, first)
            found = found[found.counts]
            self._add_evidence(passages, found, first, offset, evidence)
            self._add_pairs(passages, find_pairs(passages, found, self._model, self._columns), first, offset, pairs)
            if segments:
                self._add_segments(passages, found, first, offset, parts, segments)
        scores = sums.scores(self._model)
        probabilities = self._model.probability(scores).tolist()
        lengths = np.log(np.array([max(len(text), 1) for text in texts]))
        carried = np.log1p(np.maximum(scores - self._model.bias, 0))
        a, b, c = self._model.about.T
        levels = (1 + (a + b * carried + c * lengths[:, None] >= 0)).tolist()
        present = (scores >= self._model.threshold) & (sums.units != 0)
        for n, text in enumerate(texts):
            columns = np.flatnonzero(present[n]).tolist()
            tags = {
                c: Tag(
                    label.id,
                    label.name,
                    label.status,
                    float(scores[n, c]),
                    probabilities[n][c],
                    levels[n][c],
                    tuple(sorted(evidence[n][c], key=lambda item: (item.start, item.end))),
                )
                for c, label in ((c, self.labels[c]) for c in columns)
            }
            ids = {tag.id for tag in tags.values()}
            reason = None if tags else _reason(text, sums, n)
            yield Result(
                text,
                tuple(tag for c, tag in tags.items() if self.labels[c].kind == "track"),
                tuple(tag for c, tag in tags.items() if self.labels[c].kind == "mode"),
                tuple(pair for pair in pairs[n] if pair.track in ids and pair.mode in ids),
                reason,
                self._stamp,
                tuple(parts[n]) if segments else None,
                None if tags or reason != "below_threshold" else self._nearest(scores[n], sums, n),
                self.labels,
            )

    def _nearest(self, scores: NDArray[np.float32], sums: Sums, n: int) -> tuple[str, float] | None:
        """The label that lacks least, of those with any evidence."""
        some = np.flatnonzero((sums.units[n] != 0) | (sums.best[n] > 0))
        if not len(some):
            return None
        lack = self._model.threshold[some] - scores[some]
        best = int(lack.argmin())
        return self.labels[int(some[best])].id, float(lack[best])

    def _add_evidence(
        self, passages: Passages, found: Contributions, first: int, offset: int, out: list[dict[int, list[Evidence]]]
    ) -> None:
        lexicon, finds = self._resolver.lexicon, found.finds
        start = passages.place(finds.start)
        end = passages.place(finds.end - 1) + 1
        base = passages.starts[found.text]
        # A string is made once a batch: those of a compiled file are not in memory yet.
        strings = {n: lexicon.strings[n] for n in set(finds.string.tolist())}
        texts = {n: lexicon.texts[n] for n in set(finds.row.tolist())}
        for text, label, a, b, string, row, is_cue, as_listed, units in zip(
            found.text.tolist(),
            found.label.tolist(),
            (start - base).tolist(),
            (end - base).tolist(),
            finds.string.tolist(),
            finds.row.tolist(),
            (lexicon.parts[finds.row] > 1).tolist(),
            (lexicon.own[finds.row] == finds.string).tolist(),
            found.units.tolist(),
            strict=True,
        ):
            item = Evidence(
                a + offset,
                b + offset,
                passages.texts[text][a:b],
                texts[row] if as_listed else strings[string],
                lexicon.kind_name(row),
                units / UNIT,
                texts[row] if is_cue else "",
            )
            out[text + first].setdefault(label, []).append(item)

    def _add_pairs(self, passages: Passages, found: Pairs, first: int, offset: int, out: list[list[Pair]]) -> None:
        base = passages.starts[found.text] - offset
        starts = (passages.place(found.start) - base).tolist()
        ends = (passages.place(found.end - 1) + 1 - base).tolist()
        rows = zip(
            found.text.tolist(),
            found.track.tolist(),
            found.mode.tolist(),
            starts,
            ends,
            found.score.tolist(),
            strict=True,
        )
        for text, track, mode, start, end, score in rows:
            out[text + first].append(Pair(self.labels[track].id, self.labels[mode].id, start, end, score))

    def _add_segments(
        self, passages: Passages, found: Contributions, first: int, offset: int, out: list[list[Segment]], by: str
    ) -> None:
        breaks = passages.sentence_breaks if by == "sentence" else passages.paragraph_breaks
        which = np.searchsorted(breaks, found.finds.start)
        order = np.argsort(which, kind="stable")
        rows = zip(
            which[order].tolist(),
            found.text[order].tolist(),
            found.label[order].tolist(),
            found.units[order].tolist(),
            strict=True,
        )
        for (number, text), group in groupby(rows, key=lambda row: row[:2]):
            totals: dict[str, int] = {}
            for _, _, label, units in group:
                id = self.labels[label].id
                totals[id] = totals.get(id, 0) + units
            low = int(breaks[number - 1]) + 1 if number else 0
            ends = passages.place(np.array([low, int(breaks[number])]))
            base = int(passages.starts[text])
            start = max(int(ends[0]) - base, 0)
            end = min(
                int(ends[1]) - base + (int(passages.symbols[breaks[number]]) == SENTENCE), len(passages.texts[text])
            )
            out[text + first].append(Segment(start + offset, end + offset, {k: v / UNIT for k, v in totals.items()}))


def _folder(weights: "Weights | str | Path | None") -> "Weights | Path | None":
    """The folder that a name or path of a model stands for."""
    if isinstance(weights, str | Path):
        return model_dir() if weights == SHIPPED else Path(weights)
    return weights


def _learned(weights: "Weights | Path | None") -> "Weights | None":
    if not isinstance(weights, Path):
        return weights
    from trackclf._weights import load_weights

    return load_weights(weights)


def _reason(text: str, sums: Sums, n: int) -> str:
    """Why nothing is present."""
    if sums.units[n].any():
        return "below_threshold"
    if sums.denied[n].any():
        return "denied_only"
    if sums.best[n].any():
        return "below_threshold"
    codes = code_points(text)
    if not ideograph_table()[codes].any() and len(codes):
        return "not_chinese"
    if (class_table()[codes] == 0).sum() < _SHORTEST:
        return "too_short"
    return "no_evidence"


def _batches(texts: Iterable[str], name: str) -> Iterator[list[str]]:
    """Lists of texts of about BATCH code points together. Checks the argument at once, the items as they come."""
    if isinstance(texts, str):
        raise TypeError(f"texts must be an iterable of str, got one str; wrap it: {name}([text])")
    return _batch(iter(texts))


def _batch(texts: Iterator[str]) -> Iterator[list[str]]:
    done = size = 0
    batch: list[str] = []
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"texts must hold str, got {type(text).__name__} at index {done + len(batch)}")
        length = len(text)
        if size + length > BATCH and batch:
            yield batch
            done += len(batch)
            batch, size = [], 0
        batch.append(text)
        size += length + 1
    if batch:
        yield batch


def _pieces(texts: Sequence[str]) -> Iterator[tuple[int, int, Sequence[str]]]:
    """Split a batch that one long text fills, where a sentence ends: first text, offset in it, pieces.

    A sentence bounds everything that looks around itself, so the pieces add up to the whole.
    """
    if len(texts) != 1 or len(texts[0]) <= 2 * BATCH:
        yield 0, 0, texts
        return
    text = texts[0]
    at = 0
    while at < len(text):
        end = min(at + BATCH, len(text))
        if end < len(text):
            stops = class_table()[code_points(text[end : at + _LONGEST_SENTENCE])] == SENTENCE
            end = end + int(stops.argmax()) + 1 if stops.any() else min(at + _LONGEST_SENTENCE, len(text))
        yield 0, at, [text[at:end]]
        at = end


@lru_cache(maxsize=1)
def default_tagger() -> Tagger:
    """The tagger behind `trackclf.tag`: made at the first call, then kept."""
    return Tagger()


def tag(text: str) -> Result:
    """Tag one text by the shipped taxonomy.

    >>> [tag.id for tag in tag("我国脑机接口产业化提速。").tracks]
    ['bci']
    """
    return default_tagger().tag(text)


def tag_many(texts: Iterable[str]) -> Iterator[Result]:
    """Tag texts by the shipped taxonomy, lazily and in order: any iterable in, an iterator out."""
    return default_tagger().tag_many(texts)
