"""The records that leave the library: frozen, slotted, and plain to print or serialise."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Label:
    """A track or a mode.

    Attributes
    ----------
    id : str
        Identity; never reused.
    kind : str
        "track" or "mode".
    name, name_en : str
        Name in Chinese and in English.
    status : str
        "named" (in the published sentence), "headline" (seen in a headline on the list), "provisional" (a
        reconstruction, not official) or "candidate" (to stand in for a provisional one; not active by default).
    """

    id: str
    kind: str
    name: str
    name_en: str
    status: str


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
    """

    start: int
    end: int
    text: str
    term: str
    kind: str
    contribution: float
    cue: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The record of the JSON Lines output; `cue` only where there is one."""
        out = self._asdict()
        if not self.cue:
            del out["cue"]
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
        2: the text is about it; 1: it is named. Modes are always 1.
    evidence : tuple of Evidence
        In the order of the text: terms of the taxonomy and, between them, what was learned of their context.
    """

    id: str
    name: str
    status: str
    score: float
    probability: float
    level: int
    evidence: tuple[Evidence, ...]

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
        """The record of the JSON Lines output."""
        return {
            "id": self.id,
            "name": self.name,
            "status": self.status,
            "score": self.score,
            "probability": self.probability,
            "level": self.level,
            "evidence": [item.to_dict() for item in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """A track that goes with a mode in one sentence, from the first piece of evidence to the last.

    Attributes
    ----------
    track, mode : str
        Label ids.
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
    tracks, modes : tuple of Tag
        Those present, in the order of the taxonomy.
    pairs : tuple of Pair
        One for each track, mode and sentence.
    segments : tuple of Segment, or None
        Only where segments were asked for.
    abstained : str or None
        Why nothing is present: "no_evidence", "below_threshold", "denied_only", "too_short"
        or "not_chinese"; None where something is.
    nearest : tuple of (str, float), or None
        Where evidence stayed below the threshold: the label that came nearest, and how many log-odds it lacks.
    stamp : dict of str to str
        Version and digests by which this result can be repeated.
    """

    text: str
    tracks: tuple[Tag, ...]
    modes: tuple[Tag, ...]
    pairs: tuple[Pair, ...]
    abstained: str | None
    stamp: dict[str, str]
    segments: tuple[Segment, ...] | None = None
    nearest: tuple[str, float] | None = None
    labels: tuple[Label, ...] = field(default=(), repr=False)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Tracks, then modes."""
        return self.tracks + self.modes

    def pair_matrix(self) -> list[list[float]]:
        """Sum of pair scores, one row a track and one column a mode, in the order of the taxonomy."""
        rows = {label.id: i for i, label in enumerate(x for x in self.labels if x.kind == "track")}
        columns = {label.id: i for i, label in enumerate(x for x in self.labels if x.kind == "mode")}
        out = [[0.0] * len(columns) for _ in rows]
        for pair in self.pairs:
            out[rows[pair.track]][columns[pair.mode]] += pair.score
        return out

    def to_dict(self, id: Any = None) -> dict[str, Any]:
        """The record of the JSON Lines output; `id` is the caller's name for the text."""
        out: dict[str, Any] = {
            "id": id,
            "tracks": [tag.to_dict() for tag in self.tracks],
            "modes": [tag.to_dict() for tag in self.modes],
            "pairs": [pair.to_dict() for pair in self.pairs],
            "abstained": self.abstained,
            "stamp": dict(self.stamp),
        }
        if self.nearest is not None:
            out["nearest"] = {"id": self.nearest[0], "distance": self.nearest[1]}
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

    def _repr_html_(self) -> str:
        """A notebook's view: the tags, then the text with its evidence marked; all text escaped."""
        from html import escape

        order = {label.id: n for n, label in enumerate(self.labels)}

        def colour(tag: Tag, alpha: float) -> str:
            return f"hsla({order.get(tag.id, 0) * 137 % 360},70%,50%,{alpha})"

        chips = "".join(
            f'<span title="{escape(tag.id)} · {escape(tag.status)} · score {tag.score:.2f}" '
            f'style="background:{colour(tag, 0.25)};border-radius:4px;padding:1px 6px;margin-right:6px">'
            f"{escape(tag.name)} {tag.probability:.2f}</span>"
            for tag in self.tags
        )
        body = "".join(
            f'<mark title="{escape(", ".join(tag.name for tag in tags))}" '
            f'style="background:{colour(tags[0], 0.3)};color:inherit">{escape(self.text[start:end])}</mark>'
            if tags
            else escape(self.text[start:end])
            for start, end, tags in self.marks()
        )
        head = chips or f"<em>{escape(str(self.abstained))}</em>"
        return f'<div><p>{head}</p><p style="white-space:pre-wrap;line-height:1.8">{body}</p></div>'
