"""How time and peak memory grow: with texts, with characters, with terms, with labels. On one core.

    python benchmarks/scaling.py [--corpus PATH] [--json FILE]

Each point is a process of its own that streams its texts from a generator into `Tagger.scores`. Along texts and
characters, a pool of texts is gone through again and again; right means that every row has the scores of its text as they
are behind neutral sentences. Along terms and labels, taxonomies are generated; right means that exactly those labels are
present that have one of their terms in the text, as a plain loop finds them. Peak memory includes Python, numpy, the tagger,
the pool and the scores, 4 bytes a label and text.
"""

import random
import time
from dataclasses import replace
from itertools import accumulate, cycle, islice
from typing import Any

from _common import (
    SHARES,
    Report,
    best,
    corpus,
    generated,
    in_process,
    options_or_point,
    parser,
    peak_mb,
    sentences,
    shifted,
    texts_of,
)

AXES = {
    "texts": [10**n for n in range(7)],
    "characters": [10**n for n in range(3, 9)],
    "terms": [10**n for n in range(6)],
    "labels": [1, 5, 20, 50, 100, 200, 500],
}
QUICK = {"texts": [10], "characters": [1000], "terms": [100], "labels": [20]}
TERMS = 20_000  # shared out among the labels of the last axis
LABELS = 18  # of the axis of terms, as in the shipped taxonomy
LENGTHS = (3, 4, 5, 6)
RUNS, ENOUGH = 100, 1.5  # runs, and seconds after which there is no further one


def along_texts(axis: str, value: int, path: str | None) -> dict[str, Any]:
    """So many texts of a sentence or two, or so many characters in texts of about 200."""
    import numpy as np

    from trackclf import Tagger

    length = 20 if axis == "texts" else 200
    pool = list(corpus(path, 300_000)) if path else generated(length, 300_000, SHARES["sparse"])
    sizes = list(map(len, pool))
    if axis == "texts":
        count = value
    else:
        rounds, rest = divmod(value, sum(sizes))
        count = rounds * len(pool) + sum(size < rest for size in accumulate(sizes)) + (rest > 0)
    tagger = Tagger()
    expected = tagger.scores([shifted(text) for text in pool[:count]])
    got = np.zeros(0)

    def run() -> None:
        nonlocal got
        got = np.zeros(0)
        got = tagger.scores(islice(cycle(pool), count))

    seconds = best(run, RUNS, ENOUGH)
    peak = peak_mb()
    right = all(np.array_equal(got[n : n + len(pool)], expected[: count - n]) for n in range(0, count, len(pool)))
    characters = sum(map(len, islice(cycle(pool), count)))
    return {"texts": count, "characters": characters, "right": right and len(got) == count} | figures(
        seconds, characters, peak
    )


def along_terms(terms: int, labels: int) -> dict[str, Any]:
    """A generated taxonomy of so many plain terms and labels, on text that holds some of them."""
    import numpy as np

    from trackclf import Label, Tagger, load_taxonomy, normalise
    from trackclf._taxonomy import Entry, Term
    from trackclf._taxonomy_files import Slot

    rng = random.Random(1)
    # The 3,755 common characters of GB 2312, those that stay as they are.
    common = bytes(b for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) for b in (high, low))
    common_text = normalise(common.decode("gb2312", "ignore"))
    strings: dict[str, None] = {}
    while len(strings) < terms:
        strings.setdefault("".join(rng.choices(common_text, k=rng.choice(LENGTHS))))
    column = {text: n % labels for n, text in enumerate(strings)}
    entries = [
        Entry(
            Label(f"label-{n}", "track", f"标签{n}", f"Label {n}", "named"), n, "", "", "", (), (), (),
            tuple(Term(text, "core", (Slot(text),)) for text, mine in column.items() if mine == n),
        )
        for n in range(labels)
    ]  # fmt: skip
    taxonomy = replace(load_taxonomy(), entries=tuple(entries), classes={}, denial={}, regional={})
    pool = sentences(2 * SHARES["sparse"], list(strings), rng)
    texts = texts_of(pool, 200, 300_000, rng)
    start = time.process_time()
    tagger = Tagger(taxonomy, weights=None)
    making = time.process_time() - start
    seconds = best(lambda: tagger.scores(texts), RUNS, ENOUGH)
    peak = peak_mb()
    got = tagger.scores(texts) >= tagger._model.threshold
    expected = np.zeros_like(got)
    for n, text in enumerate(texts):
        for length in LENGTHS:
            for at in range(len(text) - length + 1):
                found = column.get(text[at : at + length])
                if found is not None:
                    expected[n, found] = True
    characters = sum(map(len, texts))
    return {
        "texts": len(texts),
        "characters": characters,
        "present": int(expected.sum()),
        "right": np.array_equal(got, expected),
        "seconds_to_make": making,
    } | figures(seconds, characters, peak)


def figures(seconds: float, characters: int, peak: float) -> dict[str, float]:
    return {"seconds": seconds, "nanoseconds_a_character": seconds / characters * 1e9, "peak_mb": peak}


def measure(axis: str, value: int, corpus: str | None) -> dict[str, Any]:
    if axis == "terms":
        return along_terms(value, min(LABELS, value))
    if axis == "labels":
        return along_terms(TERMS, value)
    return along_texts(axis, value, corpus)


def main() -> None:
    options = parser(__doc__)
    options = options_or_point(options, measure)
    report = Report(
        options,
        {
            "axis": "<10",
            "value": "11,d",
            "texts": "9,d",
            "characters": "11,d",
            "seconds_to_make": ".2f",
            "seconds": ".4f",
            "nanoseconds_a_character": ",.0f",
            "peak_mb": ".0f",
        },
    )
    for axis, values in (QUICK if options.quick else AXES).items():
        for value in values:
            point = in_process(__file__, {"axis": axis, "value": value, "corpus": options.corpus})
            measured = {k: point.pop(k) for k in list(point) if isinstance(point[k], float)}
            report.add(point.pop("right"), measured, axis=axis, value=value, corpus=bool(options.corpus), **point)
    report.close()


if __name__ == "__main__":
    main()
