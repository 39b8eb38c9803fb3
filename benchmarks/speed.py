"""Characters a second of `scores`, `tag_many` and pairs, on one core.

    python benchmarks/speed.py [--corpus PATH] [--json FILE]

With the shipped model and with the taxonomy alone. Generated texts are short, medium or very long, and sparse or dense in
terms. "One text" is about 200 characters a call, some hundred calls with different texts. Right means: every text gives
the same scores, tags, evidence and pairs behind neutral sentences, which move it to other places of other batches; and tags
have the very scores of `scores`.
"""

from collections.abc import Sequence
from typing import Any

from _common import SHARES, Report, best, corpus, generated, one_core, parser, shifted

from trackclf import Result, Tagger


def contents(result: Result, by: int = 0) -> list[Any]:
    """All that a result says, with places moved back."""
    tags = [
        (tag.id, tag.score, [(e.start - by, e.end - by, e.text, e.contribution) for e in tag.evidence])
        for tag in result.tags
    ]
    return [tags, [(p.track, p.mode, p.start - by, p.end - by, p.score) for p in result.pairs]]


def check(tagger: Tagger, texts: Sequence[str]) -> tuple[dict[str, bool], dict[str, int]]:
    """Whether each call is right, and what was found."""
    import numpy as np

    scores = tagger.scores(texts)
    moved = [shifted(text) for text in texts]
    right = {"scores": np.array_equal(scores, tagger.scores(moved)), "tag_many": True, "pairs": True}
    found = {"tags": 0, "evidence": 0, "pairs": 0}
    column = {label.id: n for n, label in enumerate(tagger.labels)}
    for text, other, row, result, again in zip(
        texts, moved, scores, tagger.tag_many(texts), tagger.tag_many(moved), strict=True
    ):
        tags, pairs = contents(result)
        tags_again, pairs_again = contents(again, len(other) - len(text))
        same = all(row[column[id]] == score for id, score, _ in tags)
        spans = all(text[a:b] == piece for _, _, evidence in tags for a, b, piece, _ in evidence)
        right["tag_many"] &= tags == tags_again and same and spans
        right["pairs"] &= pairs == pairs_again
        found["tags"] += len(tags)
        found["evidence"] += sum(len(evidence) for _, _, evidence in tags)
        found["pairs"] += len(pairs)
    present = (scores >= tagger._model.threshold) & (scores > tagger._model.bias)
    right["tag_many"] &= found["tags"] == int(present.sum())
    return right, found


def main() -> None:
    options = parser(__doc__).parse_args()
    one_core()
    report = Report(
        options,
        {
            "texts": "<17",
            "model": "<8",
            "call": "<18",
            "count": ",d",
            "characters": "10,d",
            "evidence": "9,d",
            "million_characters_a_second": ".2f",
            "microseconds": ".0f",
        },
    )
    size, runs = (5_000, 1) if options.quick else (600_000, 5)
    if options.corpus:
        sets = {"own": list(corpus(options.corpus, 5_000 if options.quick else None))}
    else:
        sets = {
            f"{name}, {density}": generated(length, size, share)
            for density, share in SHARES.items()
            for name, length in {"short": 20, "medium": 200, "very long": size}.items()
        }
    if options.corpus:
        singles = {"one text, own": [text for text in sets["own"] if 180 <= len(text) <= 220][:200] or sets["own"][:1]}
    else:
        singles = {f"one text, {density}": generated(200, 20_000, share) for density, share in SHARES.items()}
    for model, weights in {"shipped": "shipped", "none": None}.items():
        tagger = Tagger(weights=weights)
        for name, texts in sets.items():
            right, found = check(tagger, texts)
            characters = sum(map(len, texts))
            calls = {
                "scores": lambda tagger=tagger, texts=texts: tagger.scores(texts),
                "tag_many": lambda tagger=tagger, texts=texts: sum(
                    len(tag.evidence) for result in tagger.tag_many(texts) for tag in result.tags
                ),
                "pairs": lambda tagger=tagger, texts=texts: [result.pair_matrix() for result in tagger.tag_many(texts)],
            }
            for call, run in calls.items():
                seconds = best(run, runs)
                figures = {"seconds": seconds, "million_characters_a_second": characters / seconds / 1e6}
                row = {"texts": name, "model": model, "call": call, "count": len(texts), "characters": characters}
                report.add(right[call], figures, **row, **found)
        for name, texts in singles.items():
            right, found = check(tagger, texts)
            for call, run in {
                "scores": lambda tagger=tagger, texts=texts: [tagger.scores([text]) for text in texts],
                "tag": lambda tagger=tagger, texts=texts: [tagger.tag(text) for text in texts],
            }.items():
                seconds = best(run, 1 if options.quick else 20) / len(texts)
                row = {"texts": name, "model": model, "call": call, "count": len(texts)}
                row["characters"] = sum(map(len, texts))
                is_right = right["scores" if call == "scores" else "tag_many"]
                report.add(is_right, {"microseconds": seconds * 1e6}, **row, **found)
    report.close()


if __name__ == "__main__":
    main()
