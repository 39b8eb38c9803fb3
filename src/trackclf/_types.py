"""The records that leave the library: frozen, slotted, and plain to print or serialise."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of label.

    Attributes
    ----------
    id : str
        "track", "mode", or what a taxonomy declares.
    folder : str
        Where its labels' files are, and the key of its tags in records: "tracks", "modes".
    name, name_en : str
        Name in Chinese and in English.
    """

    id: str
    folder: str
    name: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Label:
    """A track, a mode, or a label of another kind that the taxonomy declares.

    Attributes
    ----------
    id : str
        Identity; never reused.
    kind : str
        "track", "mode", or the id of another kind.
    name, name_en : str
        Name in Chinese and in English.
    status : str
        "named" (in the published sentence), "headline" (seen in a headline on the list), "provisional" (a
        reconstruction, not official) or "candidate" (to stand in for a provisional one; not active by default).
    parent : str
        Id of the label that its evidence counts for too; "" for none.
    """

    id: str
    kind: str
    name: str
    name_en: str
    status: str
    parent: str = ""


class Trigger(NamedTuple):
    """A word or mark that makes evidence planned, denied or quoted: 拟, 暂无, 《.

    Attributes
    ----------
    start, end : int
        Code points in the caller's own string; `text == caller_text[start:end]`.
    text : str
    """

    start: int
    end: int
    text: str


class Evidence(NamedTuple):
    """One term at one place, with what it added to the score.

    A named tuple, because there are many: it is made in an eighth of a frozen dataclass's time.

    Attributes
    ----------
    start, end : int
        Code points in the caller's own string; `text == caller_text[start:end]`.
    text : str
        What stands there, as written.
    term : str
        The taxonomy's string: `normalise(text) == normalise(term)`.
    kind : str
        "core", "strong", "entity" or "weak".
    contribution : float
        Log-odds that it added; the contributions of a tag and the label's bias sum to its score.
    cue : str
        The whole cue where the term is one piece of a cue with gaps, otherwise "".
    inherited : str
        Id of the label below whose term it is, where a parent has it from there; otherwise "".
    voice : str
        "asserted"; "planned" (intended, urged or expected, but not yet so); "denied"; or "quoted" (in a title, or in a
        question put by somebody).
    trigger : Trigger or None
        What stands there that makes it planned, denied or quoted; None for what is asserted.
    """

    start: int
    end: int
    text: str
    term: str
    kind: str
    contribution: float
    cue: str = ""
    inherited: str = ""
    voice: str = "asserted"
    trigger: Trigger | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output; `cue`, `inherited` and `trigger` only where there are any."""
        out = self._asdict()
        for name in ("cue", "inherited"):
            if not out[name]:
                del out[name]
        out["trigger"] = self.trigger and self.trigger._asdict()
        if not self.trigger:
            del out["trigger"]
        return out


@dataclass(frozen=True, slots=True)
class Tag:
    """A label that is present in a text.

    Attributes
    ----------
    id, name, status : str
        As in `Label`.
    score : float
        Log-odds, unbounded: the label's bias plus the contributions of `evidence`.
    probability : float
        In [0, 1].
    level : int
        2: the text is about it; 1: it is named. A kind of label with one level, as modes are, has always 1.
    evidence : tuple of Evidence
        In the order of the text: terms of the taxonomy and, between them, what was learned of their context.
    kind : str
        As in `Label`.
    """

    id: str
    name: str
    status: str
    score: float
    probability: float
    level: int
    evidence: tuple[Evidence, ...]
    kind: str = "track"

    @property
    def inherited(self) -> bool:
        """Whether all its terms are those of labels below."""
        return all(item.inherited for item in self.terms)

    @property
    def terms(self) -> tuple[Evidence, ...]:
        """The evidence that is terms of the taxonomy; there is always some."""
        return tuple(item for item in self.evidence if item.kind != "learned")

    @property
    def context(self) -> tuple[Evidence, ...]:
        """The evidence that was learned, the most telling first."""
        learned = [item for item in self.evidence if item.kind == "learned"]
        return tuple(sorted(learned, key=lambda item: (-abs(item.contribution), item.start)))

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output; `inherited` only where it is true."""
        out: dict[str, Any] = {
            name: getattr(self, name) for name in ("id", "name", "status", "score", "probability", "level")
        }
        if self.inherited:
            out["inherited"] = True
        return out | {"evidence": [item.to_dict() for item in self.evidence]}


@dataclass(frozen=True, slots=True)
class Denied:
    """A label that a text denies somewhere, present elsewhere in it or not.

    Attributes
    ----------
    id, kind : str
        As in `Label`.
    evidence : tuple of Evidence
        What is denied, in the order of the text: its voice is "denied", its contribution 0.
    """

    id: str
    kind: str
    evidence: tuple[Evidence, ...]

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return {"id": self.id, "kind": self.kind, "evidence": [item.to_dict() for item in self.evidence]}


@dataclass(frozen=True, slots=True)
class Pair:
    """A track that goes with a mode in one sentence, from the first piece of evidence to the last.

    Attributes
    ----------
    track, mode : str
        Label ids; of the first and the second kind, where a taxonomy declares pairs of other kinds.
    start, end : int
        Code points in the caller's own string.
    score : float
        The smaller of the two contributions; halved where a clause lies between them.
    """

    track: str
    mode: str
    start: int
    end: int
    score: float

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return {name: getattr(self, name) for name in ("track", "mode", "start", "end", "score")}


@dataclass(frozen=True, slots=True)
class Segment:
    """A sentence or a paragraph that carries evidence, scored in the same pass as its text.

    Attributes
    ----------
    start, end : int
        Code points in the caller's own string.
    scores : dict of str to float
        Label id to the log-odds that the segment's evidence adds (without the label's bias).
    """

    start: int
    end: int
    scores: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output."""
        return {"start": self.start, "end": self.end, "scores": dict(self.scores)}


@dataclass(frozen=True, slots=True)
class Result:
    """All tags of one text.

    Attributes
    ----------
    text : str
        The caller's string, itself.
    tags : tuple of Tag
        Those present, of all kinds, in the order of the taxonomy: tracks, then modes.
    pairs : tuple of Pair
        One for each track, mode and sentence.
    segments : tuple of Segment, or None
        Only where segments were asked for.
    abstained : str or None
        Why nothing is present: "no_evidence", "below_threshold", "denied_only", "too_short"
        or "not_chinese"; None where something is.
    denied : tuple of Denied
        What the text denies, in the order of the taxonomy. A label that is only denied is not among the tags.
    nearest : tuple of (str, float), or None
        Where evidence stayed below the threshold: the label that came nearest, and how many log-odds it lacks.
    stamp : dict of str to str
        Version and digests by which this result can be repeated.
    """

    text: str
    tags: tuple[Tag, ...]
    pairs: tuple[Pair, ...]
    abstained: str | None
    stamp: dict[str, str]
    segments: tuple[Segment, ...] | None = None
    nearest: tuple[str, float] | None = None
    denied: tuple[Denied, ...] = ()
    labels: tuple[Label, ...] = field(default=(), repr=False)
    kinds: tuple[Kind, ...] = field(default=(), repr=False)

    @property
    def tracks(self) -> tuple[Tag, ...]:
        """The tags of kind "track"."""
        return self.of("track")

    @property
    def modes(self) -> tuple[Tag, ...]:
        """The tags of kind "mode"."""
        return self.of("mode")

    def of(self, kind: str) -> tuple[Tag, ...]:
        """The tags of a kind, given by its id."""
        return tuple(tag for tag in self.tags if tag.kind == kind)

    def pair_matrix(self, first: str = "track", second: str = "mode") -> list[list[float]]:
        """Sum of pair scores, one row a track and one column a mode (or of other kinds), in the order of the taxonomy."""
        rows = {label.id: i for i, label in enumerate(x for x in self.labels if x.kind == first)}
        columns = {label.id: i for i, label in enumerate(x for x in self.labels if x.kind == second)}
        out = [[0.0] * len(columns) for _ in rows]
        for pair in self.pairs:
            if pair.track in rows and pair.mode in columns:
                out[rows[pair.track]][columns[pair.mode]] += pair.score
        return out

    def to_dict(self, id: Any = None) -> dict[str, Any]:
        """The record of the JSON Lines output; `id` is the caller's name for the text.

        The tags stand kind by kind, under the kind's folder: `tracks`, `modes`.
        """
        out: dict[str, Any] = {"id": id}
        out |= {kind.folder: [tag.to_dict() for tag in self.of(kind.id)] for kind in self.kinds}
        out |= {
            "pairs": [pair.to_dict() for pair in self.pairs],
            "abstained": self.abstained,
            "stamp": dict(self.stamp),
        }
        if self.nearest is not None:
            out["nearest"] = {"id": self.nearest[0], "distance": self.nearest[1]}
        if self.denied:
            out["denied"] = [item.to_dict() for item in self.denied]
        if self.segments is not None:
            out["segments"] = [segment.to_dict() for segment in self.segments]
        return out

    def __repr__(self) -> str:
        tags = ", ".join(f"{tag.id} {tag.probability:.2f}" for tag in self.tags)
        text = self.text if len(self.text) <= 24 else self.text[:23] + "…"
        return f"<Result {text!r}: {tags or 'none: ' + str(self.abstained)}>"

    def marks(self) -> Iterator[tuple[int, int, tuple[Tag, ...]]]:
        """Stretches of the text, in order and without gap, each with the tags whose terms cover it."""
        edges: dict[int, list[tuple[int, int]]] = {}
        for n, tag in enumerate(self.tags):
            for item in tag.terms:
                edges.setdefault(item.start, []).append((n, 1))
                edges.setdefault(item.end, []).append((n, -1))
        depth = [0] * len(self.tags)
        last, carried = 0, [False] * len(self.tags)
        for at in [*sorted(edges), len(self.text)]:
            for n, step in edges.get(at, ()):
                depth[n] += step
            now = [n > 0 for n in depth]
            if at > last and (now != carried or at == len(self.text)):
                yield last, at, tuple(tag for tag, mine in zip(self.tags, carried, strict=True) if mine)
                last = at
            if at == last:
                carried = now

    def to_html(self, full: bool = False, lang: str = "zh") -> str:
        """The tags, then the text with its evidence marked, as HTML; all text is escaped.

        Parameters
        ----------
        full : bool
            A whole page that fetches nothing and runs no script, rather than a fragment to put into one.
        lang : "zh" or "en"

        Returns
        -------
        str; lone surrogates of the text are replaced by U+FFFD, so it can be written as UTF-8.
        """
        from trackclf._html import document, fragment

        return document(self, lang) if full else fragment(self, lang)

    def _repr_html_(self) -> str:
        """A notebook's view."""
        return self.to_html()
