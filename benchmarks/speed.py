"""Characters a second of `scores` and `tag_many`, and peak memory, on one core.

    python benchmarks/speed.py PATH [--runs 5]

PATH is JSON Lines with a `text` in each line, gzipped or not. Best of several runs, with tags checked to be the same.
"""

import argparse
import os
import platform
import resource
import time
from pathlib import Path

import numpy as np

from trackclf import Tagger, __version__
from trackclf._evaluation import read_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", default="shipped", help="a model folder, or none for the taxonomy alone")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = [row["text"] for row in read_rows(options.path)]
    size = sum(map(len, texts))
    tagger = Tagger(weights=None if options.model == "none" else options.model)
    first = tagger.scores(texts)
    best = {"scores": float("inf"), "tag_many": float("inf")}
    for _ in range(options.runs):
        start = time.perf_counter()
        again = tagger.scores(texts)
        best["scores"] = min(best["scores"], time.perf_counter() - start)
        start = time.perf_counter()
        tags = sum(len(result.tags) for result in tagger.tag_many(texts))
        best["tag_many"] = min(best["tag_many"], time.perf_counter() - start)
        present = (again >= tagger._model.threshold) & (again > tagger._model.bias)
        if not np.array_equal(first, again) or tags != present.sum():
            raise SystemExit("answers differ between runs: no time is reported")
    print(f"trackclf {__version__}, Python {platform.python_version()}, numpy {np.__version__}, {platform.machine()}")
    print(f"{len(texts)} texts, {size / 1e6:.2f} million characters, {tags} tags, best of {options.runs}, one core")
    for name, seconds in best.items():
        print(f"{name:10} {size / seconds / 1e6:6.2f} million characters a second")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB, the texts included")


if __name__ == "__main__":
    main()
