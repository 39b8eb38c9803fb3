"""Tagger: texts in, scores or tags with evidence out."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trackclf._batching import batches, pieces_of
from trackclf._compiled import key_of, read, write
from trackclf._finds import Finds, Learned
from trackclf._lexicon import Lexicon
from trackclf._model import Model
from trackclf._parallel import checked, run
from trackclf._resolving import Resolver
from trackclf._resources import model_dir
from trackclf._results import ResultArrays, ResultBuilder, place, summarise
from trackclf._scoring import Cells, add_up, contribute, find_pairs, sums_of
from trackclf._segmenting import Segmenter
from trackclf._short import FewCharacters
from trackclf._text import Passages
from trackclf._types import Kind, Label, Result
from trackclf._version import __version__
from trackclf.errors import ModelError, TaxonomyError

if TYPE_CHECKING:
    from trackclf._taxonomy import Taxonomy
    from trackclf._weights import Weights

SHIPPED = "shipped"


class Tagger:
    """Tags texts by a taxonomy: load once, share between threads, pickle at will.

    Parameters
    ----------
    taxonomy : Taxonomy, str or Path, optional
        A taxonomy or its folder; by default the shipped one.
    threshold : str or None
        A promise to keep by label, as "precision>=0.95" or "recall>=0.9", measured on the model's held-out texts; by
        default the thresholds with the best F1. See `thresholds`.
    weights : Weights, str, Path or None
        Learned numbers, or the folder of a model that `trackclf train` wrote; labels that it does not know take the
        taxonomy's prior. "shipped" is the model of the package, None the prior alone.
    tracks : sequence of str or "all", optional
        Ids of the tracks to look for, candidates among them; by default the active ones. Modes stay. Of a `Taxonomy`
        they are chosen when it is loaded.

    Raises
    ------
    TaxonomyError
        The taxonomy has no such track.
    ValueError
        `tracks` is given beside a `Taxonomy`.

    Attributes
    ----------
    labels : tuple of Label
        In column order: tracks, then modes; of another taxonomy kind by kind.
    """

    __slots__ = ("_arguments", "_builder", "_few", "_model", "_resolver", "_stamp", "labels")

    labels: tuple[Label, ...]
    _arguments: tuple[Any, ...]
    _builder: ResultBuilder
    _few: FewCharacters
    _model: Model
    _resolver: Resolver
    _stamp: dict[str, str]

    def __init__(
        self,
        taxonomy: "Taxonomy | str | Path | None" = None,
        threshold: str | None = None,
        weights: "Weights | str | Path | None" = SHIPPED,
        tracks: Sequence[str] | None = None,
    ) -> None:
        if tracks is not None and not (taxonomy is None or isinstance(taxonomy, str | Path)):
            raise ValueError("choose the tracks of a taxonomy when it is loaded: load_taxonomy(path, tracks)")
        taxonomy = Path(taxonomy).absolute() if isinstance(taxonomy, str | Path) else taxonomy
        arguments = (taxonomy, threshold, weights, tracks)
        folder = _folder(weights)
        key = None
        files = taxonomy is None or isinstance(taxonomy, Path)
        if files and threshold is None and tracks is None and (folder is None or isinstance(folder, Path)):
            key = key_of(folder, taxonomy)  # type: ignore[arg-type]
        compiled = read(key) if key else None
        if compiled is None:
            # What reads and compiles is imported only where it is needed: it takes longer than a compiled file.
            from trackclf._taxonomy import load_taxonomy
            from trackclf._weights import compile_model

            taxonomy = load_taxonomy(taxonomy, tracks) if taxonomy is None or isinstance(taxonomy, Path) else taxonomy
            learned = _learned(folder)
            lexicon = Lexicon(taxonomy, learned.pairs if learned else ())
            compiled = lexicon, compile_model(taxonomy, lexicon, learned, threshold), taxonomy.digest
            if key:
                write(key, compiled)
        lexicon, model, digest = compiled
        straddles = Segmenter().straddles
        stamp = {"trackclf": __version__, "taxonomy": digest, "model": model.digest}
        values = {
            "labels": lexicon.labels,
            "_arguments": arguments,
            "_builder": ResultBuilder(lexicon, stamp),
            "_model": model,
            "_few": FewCharacters(lexicon, model, straddles),
            "_resolver": Resolver(lexicon, straddles),
            "_stamp": stamp,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_taxonomy(
        cls, path: str | Path, threshold: str | None = None, weights: "Weights | str | Path | None" = SHIPPED
    ) -> "Tagger":
        """A tagger for a folder of labels of your own; see docs/taxonomy.md.

        What it compiles to is kept in the user's cache. Learned weights hold for the labels that they know; the others take
        the prior that the taxonomy states.

        Parameters
        ----------
        path : str or Path
            The folder that holds `taxonomy.toml`.
        threshold, weights
            As for `Tagger`.

        Raises
        ------
        TaxonomyError
            The folder is no taxonomy or has faults; `.faults` lists them all.
        ModelError
            The weights cannot be used.
        """
        return cls(path, threshold, weights)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Tagger does not change; make another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Tagger does not change; make another")

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return type(self), self._arguments

    def save(self, folder: str | Path) -> None:
        """Write all that is needed to tag the same elsewhere: the taxonomy, the weights and the promise.

        Parameters
        ----------
        folder : str or Path
            Made where it is missing; a tagger saved there before is replaced, and a crash leaves either whole.

        Raises
        ------
        ModelError
            The folder cannot be written, or holds a manifest of something else.
        """
        from trackclf._saving import save_tagger

        save_tagger(Path(folder), self.taxonomy, self._arguments[1], _learned(_folder(self._arguments[2])))

    @classmethod
    def load(cls, folder: str | Path, threshold: str | None = None) -> "Tagger":
        """Read a tagger that `save` wrote. The shipped taxonomy and model are not asked, and nothing in it is run.

        Parameters
        ----------
        folder : str or Path
        threshold : str, optional
            Another promise than the one that was saved.

        Raises
        ------
        ModelError
            The folder is missing, damaged, or of another kind or format; the message says what to do.
        ValueError
            The promise is not understood.
        """
        from trackclf._saving import load_tagger
        from trackclf._weights import parse_promise

        taxonomy, saved, weights = load_tagger(Path(folder))
        if threshold is not None:
            parse_promise(threshold)
        try:
            return cls(taxonomy, saved if threshold is None else threshold, weights)
        except Exception as error:  # right digests do not make it right: anything may have been written with them
            raise ModelError(f"{folder}: no tagger can be made of it: {error}. Save it again") from error

    @property
    def taxonomy(self) -> "Taxonomy":
        """What the tagger was made from; files are read when asked for.

        Raises
        ------
        TaxonomyError
            The files are no longer those that the tagger was made from.
        """
        from trackclf._taxonomy import load_taxonomy

        taxonomy: Taxonomy | Path | None = self._arguments[0]
        if isinstance(taxonomy, Path):
            path, taxonomy = taxonomy, load_taxonomy(taxonomy, self._arguments[3])
            if taxonomy.digest != self._stamp["taxonomy"]:
                raise TaxonomyError(f"{path} has changed since this tagger was made; make another")
        return load_taxonomy(tracks=self._arguments[3]) if taxonomy is None else taxonomy

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of label, in their order."""
        return self._resolver.lexicon.declared

    @property
    def stamp(self) -> dict[str, str]:
        """Version and digests that each result carries."""
        return dict(self._stamp)

    def __repr__(self) -> str:
        return f"<Tagger: {len(self.labels)} labels, {' '.join(f'{k} {v}' for k, v in self._stamp.items())}>"

    def scores(self, texts: Iterable[str], jobs: int | None = 1) -> NDArray[np.float32]:
        """Log-odds of every label for every text.

        Parameters
        ----------
        texts : iterable of str
        jobs : int or None
            As in `tag_many`.

        Returns
        -------
        float32 (n_texts, n_labels), columns as `labels`; unbounded.

        Raises
        ------
        TypeError, ValueError, WorkerError
            As in `tag_many`.
        """
        rows = [rows for _, rows in run(self, "_scores", batches(texts, "scores"), checked(jobs))]
        return np.concatenate(rows) if rows else np.zeros((0, len(self.labels)), np.float32)

    def probabilities(self, texts: Iterable[str], jobs: int | None = 1) -> NDArray[np.float32]:
        """Probability of every label for every text.

        float32 (n_texts, n_labels), columns as `labels`, each in [0, 1]; rows need not sum to 1.
        """
        probability: NDArray[np.float32] = self._model.probability(self.scores(texts, jobs))
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

    def tag_many(self, texts: Iterable[str], segments: str | None = None, jobs: int | None = 1) -> Iterator[Result]:
        """Tag texts, lazily and in order; memory is bounded by the characters in flight.

        Parameters
        ----------
        texts : iterable of str
            Pulled in the reader's own thread. An error that it raises comes after the results of the texts before it.
        segments : "sentence" or "paragraph", optional
            Add the scores of these to each result.
        jobs : int or None
            Processes to work in, as joblib's `n_jobs`: -1 is all cores, None what `joblib.parallel_config` says, otherwise
            one. Its choice of a backend, threads for example, always holds. The first four million characters are done in
            this process, sooner than a worker would have started.

        Raises
        ------
        TypeError
            `texts` is one string, or holds something else than strings; `jobs` is no whole number.
        ValueError
            `segments` is something else; `jobs` is 0.
        WorkerError
            A worker process died.
        """
        if segments not in (None, "sentence", "paragraph"):
            raise ValueError(f"segments must be 'sentence' or 'paragraph', got {segments!r}")
        done = run(self, "_arrays", batches(texts, "tag_many"), checked(jobs), segments)
        build = self._builder.results
        return (result for batch, arrays in done for result in build(batch, arrays))

    def _find(self, texts: Sequence[str]) -> tuple[Passages, Finds, Learned | None, Cells]:
        lexicon = self._resolver.lexicon
        passages = Passages(texts, lexicon.symbols)
        finds = self._resolver.find(passages)
        learned = self._resolver.learned(passages, finds)
        return passages, finds, learned, add_up(passages, finds, learned, lexicon, self._model)

    def _scores(self, texts: Sequence[str]) -> NDArray[np.float32]:
        few = self._few(texts)
        if few is not None:
            return few.scores(texts)
        cells = [self._find(pieces)[-1] for _, pieces in pieces_of(texts)]
        return sums_of(cells, len(texts), len(self.labels)).matrix(self._model)

    def _arrays(self, texts: Sequence[str], segments: str | None) -> ResultArrays:
        few = None if segments else self._few(texts)
        if few is not None:
            sums, placed = few.placed(texts)
            return summarise(texts, sums, [placed], self._model)
        parts, every = [], []
        for offset, pieces in pieces_of(texts):
            passages, finds, learned, cells = self._find(pieces)
            every.append(cells)
            found = contribute(passages, finds, learned, cells, self._resolver.lexicon, self._model)
            pairs = find_pairs(passages, found, self._resolver.lexicon, self._model)
            parts.append(
                place(passages, found, finds.take(finds.denied), pairs, offset, self._resolver.lexicon, segments)
            )
        return summarise(texts, sums_of(every, len(texts), len(self.labels)), parts, self._model)


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


def tag_many(texts: Iterable[str], segments: str | None = None, jobs: int | None = 1) -> Iterator[Result]:
    """Tag texts by the shipped taxonomy, lazily and in order; see `Tagger.tag_many`."""
    return default_tagger().tag_many(texts, segments, jobs)
