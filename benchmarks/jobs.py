"""`tag_many` over one and two processes: texts a second, and the memory of the caller's own process.

    python benchmarks/jobs.py [--corpus PATH] [--json FILE]

Each row is a process of its own with its workers, not pinned to a core; the time is that on the clock, with the workers started
and the tagger loaded before. Right means that the results equal those of one process, field for field, and that as many
tags and pieces of evidence were found in all.
"""

import inspect
import time
from itertools import cycle, islice
from typing import Any

from _common import SHARES, Report, corpus, generated, in_process, options_or_point, parser, peak_mb

from trackclf import Tagger


def measure(jobs: int, count: int, corpus_path: str | None) -> dict[str, Any]:
    tagger = Tagger()
    pool = list(corpus(corpus_path, 1_000_000)) if corpus_path else generated(150, 1_000_000, SHARES["sparse"])
    alone = list(tagger.tag_many(pool))
    right = list(tagger.tag_many(pool, jobs=jobs)) == alone  # starts the workers too
    each = [(len(result.tags), sum(len(tag.evidence) for tag in result.tags)) for result in alone]
    del alone
    tags = evidence = 0
    start = time.perf_counter()
    for result in tagger.tag_many(islice(cycle(pool), count), jobs=jobs):
        tags += len(result.tags)
        evidence += sum(len(tag.evidence) for tag in result.tags)
    seconds = time.perf_counter() - start
    expected = tuple(map(sum, zip(*islice(cycle(each), count), strict=True)))
    return {
        "right": right and (tags, evidence) == expected,
        "characters": sum(map(len, islice(cycle(pool), count))),
        "seconds": seconds,
        "texts_a_second": count / seconds,
        "peak_mb": peak_mb(),
    }


def main() -> None:
    options = parser(__doc__)
    options = options_or_point(options, measure, pinned=False)
    report = Report(
        options,
        {
            "jobs": ">4d",
            "texts": "9,d",
            "characters": "11,d",
            "seconds": "7.2f",
            "texts_a_second": ",.0f",
            "peak_mb": ".0f",
        },
    )
    for count in (300,) if options.quick else (50_000, 1_000_000):
        for jobs in (1, 2):
            row = {"jobs": jobs, "texts": count, "corpus": bool(options.corpus)}
            if "jobs" not in inspect.signature(Tagger.tag_many).parameters:
                report.skip("this version's tag_many has no jobs", **row)
                continue
            point = in_process(__file__, {"jobs": jobs, "count": count, "corpus_path": options.corpus})
            measured = {name: point.pop(name) for name in ("seconds", "texts_a_second", "peak_mb")}
            report.add(point.pop("right"), measured, **row, **point)
    report.close()


if __name__ == "__main__":
    main()
