"""Threads on one shared `Tagger`, adversarial strings: errors, warnings, answers that drift, memory that grows.

    python benchmarks/load.py [--threads N] [--minutes N] [--strings N] [--seed N]

First one thread tags every string, in batches, and keeps a digest of each record. Then a fresh tagger is shared by all threads, which
go through the strings again and again, block by block, each by another call, until all were done and the time is over. Right means:
each record, JSON byte for byte, and each score is what the one thread gave, and so is each explanation and each prediction of a
classifier (of the first 10,000 strings). A warning is an error, of numpy's arithmetic too. Memory is flat if the median of the last
minute is no more than a twentieth above that of the second (of short runs, tenths).
"""

import argparse
import hashlib
import io
import itertools
import json
import random
import statistics
import sys
import threading
import time
import warnings
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from _common import machine, peak_mb  # before numpy: one thread each
from _strings import Strings

BLOCK = 64  # strings of one call
EXPLAINED = 10_000  # strings at most whose explanation and prediction are kept
FLAT = 0.05
TRAINING = [("量子计算机下线。", ["q"]), ("首台量子芯片发布。", ["q"]), ("天气很好。", []), ("今天下了一场雨。", [])]


def digest(*parts: str | bytes) -> int:
    whole = hashlib.blake2b(digest_size=8)
    for part in parts:
        whole.update(part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part)
    return int.from_bytes(whole.digest())


def record(result: Any) -> int:
    """Digest of a result's record; segments, which only some calls ask for, aside."""
    out = result.to_dict()
    out.pop("segments", None)
    return digest(json.dumps(out))


def explanation(result: Any) -> int:
    from trackclf._records import Record
    from trackclf._terminal import write_explanation

    out = io.StringIO()
    write_explanation([(Record("text", result.text), result)], out, "zh", True)
    return digest(result.to_html(full=True), out.getvalue(), repr(result))


def calls(tagger: Any, classifier: Any) -> dict[str, Callable[[Sequence[str]], Iterator[tuple[str, list[int]]]]]:
    """Ways to ask for some texts: by name what gives pairs of a kind of answer and its digests."""

    def tag(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        yield "record", [record(tagger.tag(text)) for text in texts]

    def tag_many(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        yield "record", [record(result) for result in tagger.tag_many(texts)]

    def segments(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        yield "record", [record(result) for result in tagger.tag_many(iter(texts), "sentence")]

    def scores(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        yield "scores", [digest(row.tobytes()) for row in tagger.scores(texts)]

    def explain(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        yield "explanation", [explanation(tagger.tag(text)) for text in texts]

    def predict(texts: Sequence[str]) -> Iterator[tuple[str, list[int]]]:
        rows = zip(classifier.predict(texts), classifier.decision_function(texts), strict=True)
        yield "prediction", [digest(one.tobytes(), two.tobytes()) for one, two in rows]

    return {call.__name__: call for call in (tag, tag_many, segments, scores, explain, predict)}


def resident_mb() -> float:
    """Resident memory now in MB (10^6 bytes); where the system does not say, its peak."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024 / 1e6
    except (OSError, StopIteration):
        return peak_mb()


class Load:
    """Strings by number, and the digests that one thread gave."""

    def __init__(self, strings: int, seed: int) -> None:
        from trackclf import Tagger, TrackClassifier

        texts, y = zip(*TRAINING, strict=True)
        self.classifier = TrackClassifier(labels=["q"]).fit(texts, y)
        one, self.tagger = self.classifier.tagger_, Tagger()
        self._make, self._seed, self.count = Strings(one), seed, strings
        self.expected = {name: array("Q") for name in ("record", "scores", "explanation", "prediction")}
        self.characters = 0
        ways = calls(one, self.classifier)
        for at in range(0, strings, 1024):
            texts = self.texts(at, at + 1024)
            self.characters += sum(map(len, texts))
            for name in ("tag_many", "scores", *(("explain", "predict") if at < EXPLAINED else ())):
                for kind, digests in ways[name](texts):
                    self.expected[kind].extend(digests)
        self._calls = calls(self.tagger, self.classifier)
        self._next, self._lock = itertools.count(), threading.Lock()
        self.done, self.wrong, self.failed = Counter[str](), Counter[str](), Counter[str]()
        self.first: list[str] = []

    def texts(self, low: int, high: int) -> list[str]:
        """The strings of some numbers, the same each time."""
        numbers = range(low, min(high, self.count))
        return [self._make(random.Random(f"{self._seed} {n}")) for n in numbers]

    def work(self, over: Callable[[], bool]) -> None:
        """What each thread does until it is over."""
        import numpy as np

        names = list(self._calls)
        with np.errstate(all="raise"):
            while not over():
                with self._lock:
                    number = next(self._next)
                # Round by round each block has another call.
                at, turn = number * BLOCK % self.count, number * BLOCK // self.count
                name = names[(at // BLOCK + turn) % len(names)]
                if name in ("explain", "predict"):
                    at %= max(len(self.expected["explanation"]) - BLOCK, 1)
                self._check(name, at, self.texts(at, at + BLOCK))

    def _check(self, name: str, at: int, texts: list[str]) -> None:
        try:
            for kind, digests in self._calls[name](texts):
                differ = [n for n, one in enumerate(digests) if one != self.expected[kind][at + n]]
                with self._lock:
                    self.done[name] += len(texts)
                    self.wrong[name] += len(differ) + abs(len(texts) - len(digests))
                    self.first += [f"{name}, another answer: {texts[n]!a}" for n in differ[:3]]
        except Exception as error:
            with self._lock:
                self.failed[name] += 1
                self.first.append(f"{name}, {error!r}: one of strings {at} to {at + len(texts)}")


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--threads", type=int, default=8)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--strings", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    warnings.simplefilter("error")
    begun = time.monotonic()
    load = Load(asked.strings, asked.seed)
    print(f"{json.dumps(machine())}, Python {sys.version.split()[0]}, {json.dumps(load.tagger.stamp)}")
    print(f"{load.count:,} strings, {load.characters:,} characters; one thread took {time.monotonic() - begun:.0f} s")
    begun, end = time.monotonic(), threading.Event()
    threads = [threading.Thread(target=load.work, args=(end.is_set,), daemon=True) for _ in range(asked.threads)]
    for thread in threads:
        thread.start()
    seconds = asked.minutes * 60
    memory = [(0.0, resident_mb())]
    while (now := time.monotonic() - begun) < seconds or load.done.total() < load.count:
        memory.append((now, resident_mb()))
        if now // 60 > memory[-2][0] // 60:
            print(f"{now:5.0f} s  {load.done.total():10,} strings  {memory[-1][1]:6.1f} MB", flush=True)
        time.sleep(min(1, seconds / 100))
    end.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - begun
    minute = max(round(len(memory) * min(60 / took, 0.1)), 1)
    second, last = (
        statistics.median(mb for _, mb in some) for some in (memory[minute : 2 * minute] or memory, memory[-minute:])
    )
    growth = last / second - 1
    for name in load.done:
        print(f"{name:10} {load.done[name]:10,} strings  {load.wrong[name]} wrong  {load.failed[name]} errors")
    print(*load.first[:10], sep="\n", end="\n" if load.first else "")
    print(f"{load.done.total():,} strings by {asked.threads} threads in {took:.0f} s, seed {asked.seed}: ", end="")
    print(
        f"{load.wrong.total()} wrong, {load.failed.total()} errors or warnings; resident memory {second:.1f} MB, ",
        end="",
    )
    print(f"at the end {last:.1f} MB ({growth:+.1%}), peak {peak_mb():.1f} MB")
    sys.exit(1 if load.wrong.total() or load.failed.total() or growth > FLAT else 0)


if __name__ == "__main__":
    main()
