"""How often the tagger is wrong on the texts that `rank_for_review` chooses, beside all of them.

python benchmarks/review.py LABELLED... [-n 50]
"""

import argparse
import time
from pathlib import Path

import numpy as np

from trackclf import Tagger, rank_for_review
from trackclf._evaluation import judge
from trackclf._labelled import read_rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", nargs="+")
    parser.add_argument("-n", type=int, nargs="*", default=[25, 50, 100, 200])
    options = parser.parse_args()
    rows = [row for path in options.path for row in read_rows(Path(path))]
    tagger = Tagger()
    judged = judge(tagger, rows)
    wrong = ((judged.truth >= 0) & (judged.got != (judged.truth == 1))).any(1)
    print(f"{len(rows)} texts, a mistake in {wrong.mean():.3f}")
    for n in options.n:
        begin = time.perf_counter()
        items = rank_for_review([row["text"] for row in rows], n, tagger)
        took = time.perf_counter() - begin
        of = {
            reason: wrong[[item.index for item in items if item.reason == reason]]
            for reason in sorted({item.reason for item in items})
        }
        parts = ", ".join(f"{reason} {mistakes.sum()} of {len(mistakes)}" for reason, mistakes in of.items())
        labels = len({item.label for item in items} - {None})
        share = np.mean(wrong[[item.index for item in items]])
        print(f"n {n:4}: a mistake in {share:.3f}  ({parts}); {labels} labels; {took:.2f} s")


if __name__ == "__main__":
    main()
