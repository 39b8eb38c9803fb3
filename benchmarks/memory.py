"""Peak memory, each row a process of its own. On one core.

    python benchmarks/memory.py [--corpus PATH] [--json FILE]

Texts come from a generator and results are let go of, so what grows with their number is what the library keeps: for
`scores` that is its answer, 4 bytes a label and text. The generator goes through a pool of texts again and again; right
means that scores, tags and pieces of evidence are those of the pool behind neutral sentences. Peak memory is resident
memory as the system counts it, in MB of 10^6 bytes.
"""

from itertools import cycle, islice
from typing import Any

from _common import SHARES, Report, corpus, generated, in_process, options_or_point, parser, peak_mb, shifted


def found(result: Any) -> tuple[int, int]:
    return len(result.tags), sum(len(tag.evidence) for tag in result.tags)


def measure(what: str, count: int, corpus_path: str | None) -> dict[str, Any]:
    if what == "python":
        return {"right": True, "peak_mb": peak_mb()}
    if what == "import numpy":
        import numpy

        return {"right": bool(numpy.__version__), "peak_mb": peak_mb()}
    import trackclf

    if what == "import trackclf":
        return {"right": bool(trackclf.__version__), "peak_mb": peak_mb()}
    tagger = trackclf.Tagger()
    if what == "load a Tagger":
        peak = peak_mb()
        return {"right": [tag.id for tag in tagger.tag("脑机接口").tags] == ["bci"], "peak_mb": peak}
    import numpy as np

    pool = list(corpus(corpus_path, 200_000)) if corpus_path else generated(100, 200_000, SHARES["sparse"])
    if what.startswith("one text"):
        text = "\n".join(islice(cycle(pool), count))  # here a number of pool texts
        if what.endswith("scores"):
            got: Any = tagger.scores([text])
        else:
            got = found(tagger.tag(text))
        peak = peak_mb()
        other = tagger.scores([shifted(text)]) if what.endswith("scores") else found(tagger.tag(shifted(text)))
        return {"right": bool(np.all(got == other)), "characters": len(text), "peak_mb": peak}
    if what == "scores":
        rows = tagger.scores(islice(cycle(pool), count))
        peak = peak_mb()
        once = tagger.scores([shifted(text) for text in pool[:count]])
        right = all(np.array_equal(rows[n : n + len(pool)], once[: count - n]) for n in range(0, count, len(pool)))
    else:
        tags = evidence = 0
        for result in tagger.tag_many(islice(cycle(pool), count)):
            more = found(result)
            tags, evidence = tags + more[0], evidence + more[1]
        peak = peak_mb()
        each = np.array([found(result) for result in tagger.tag_many(map(shifted, pool))])
        rounds, rest = divmod(count, len(pool))
        right = [tags, evidence] == (rounds * each.sum(0) + each[:rest].sum(0)).tolist()
    return {"right": right, "characters": sum(map(len, islice(cycle(pool), count))), "peak_mb": peak}


def main() -> None:
    options = parser(__doc__)
    options = options_or_point(options, measure)
    report = Report(options, {"what": "<18", "texts": "9,d", "characters": "11,d", "peak_mb": ".0f"})
    counts = (100,) if options.quick else (1000, 10_000, 100_000)
    rows = [(what, None) for what in ("python", "import numpy", "import trackclf", "load a Tagger")]
    rows += [(what, count) for what in ("scores", "tag_many") for count in counts]
    rows += [(what, counts[-1]) for what in ("one text, scores", "one text, tag")]
    for what, count in rows:
        point = in_process(__file__, {"what": what, "count": count or 0, "corpus_path": options.corpus})
        figures = {"peak_mb": point.pop("peak_mb")}
        texts = {"texts": 1 if what.startswith("one text") else count} if count else {}
        report.add(point.pop("right"), figures, what=what, corpus=bool(options.corpus), **texts, **point)
    report.close()


if __name__ == "__main__":
    main()
