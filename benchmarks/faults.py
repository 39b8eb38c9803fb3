"""Faults put into runs of `trackclf tag`, again and again: what was said, what was lost after --resume, what was left behind.

    python benchmarks/faults.py [--times N] [--only NAME ...] [--seed N]

A table of generated text, 10,000 rows of which one in a hundred is damaged, is tagged to CSV with two workers (the last fault: from an
empty cache, by twenty processes at once). Each fault strikes at a random moment or measure; then the run goes on with --resume until it is
done. Right means: the output is that of an undisturbed run, byte for byte; the exit code and the count of damaged rows are, too; no
traceback on standard error; nothing beside the output at the end. So that short runs have many marks, one is made every 0.05 s.
"""

import argparse
import csv
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from _common import SHARES, generated

ROWS, DAMAGED = 10_000, 100
PROGRAM = """import sys; from trackclf import _batching, _parallel, _resuming, cli
_resuming._EVERY, _batching.BATCH, _parallel._WORTH = 0.05, 50_000, 200_000
sys.exit(cli.main())"""


class Place:
    """Input, the output of an undisturbed run, and where disturbed ones write."""

    def __init__(self, folder: Path) -> None:
        self.source, self.whole, self.work = folder / "in.csv", folder / "whole.csv", folder / "work"
        self.work.mkdir()
        pool = generated(100, 300_000, SHARES["sparse"])
        with self.source.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(["id", "text"])
            for n, text in enumerate(islice(cycle(pool), ROWS)):
                writer.writerow([n, text, *(["?"] if n % DAMAGED == 7 else [])])
        for again in ("", "--force"):  # the second without a cold start
            begun = time.monotonic()
            done = self.start(self.whole, *again.split())
            _, self.said = done.communicate()
            self.seconds = time.monotonic() - begun
            if done.returncode != 1:
                sys.exit(self.said)

    def start(self, out: Path, *more: str, limits: tuple[tuple[int, int], ...] = ()) -> subprocess.Popen[str]:
        """Begin a run under limits, as `setrlimit` takes them."""

        def limited() -> None:
            for what, most in limits:
                resource.setrlimit(what, (most, most))

        jobs = "1" if resource.RLIMIT_AS in dict(limits) else "2"  # joblib's threads may not outlive such a limit
        command = [
            sys.executable,
            "-c",
            PROGRAM,
            "tag",
            "--quiet",
            "--jobs",
            jobs,
            str(self.source),
            "-o",
            str(out),
            *more,
        ]
        return subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8", preexec_fn=limited)


def workers(process: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(n) for n in children if b"popen_loky" in Path(f"/proc/{n}/cmdline").read_bytes()]


def strike(name: str, place: Place, out: Path, again: list[str]) -> tuple[int, str]:
    """One run with a fault in it: exit code, and what it said."""
    size, limits = place.whole.stat().st_size, ()
    if name == "full disk":
        limits = ((resource.RLIMIT_FSIZE, random.randrange(size // 10, size)),)
    elif name == "limit of memory":
        limits = ((resource.RLIMIT_AS, random.randrange(100, 170) << 20),)
    process = place.start(out, *again, limits=limits)
    if not limits:
        time.sleep(random.uniform(0.1, 0.8) * place.seconds)
        try:
            if name == "killed worker":
                os.kill(random.choice(workers(process)), signal.SIGKILL)
            else:
                process.send_signal({"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM}[name])
        except (IndexError, OSError):
            pass  # it was too early or too late
    _, said = process.communicate()
    return process.returncode, said


def disturb(name: str, place: Place) -> dict[str, int]:
    """A run that is disturbed three times at most, then left alone."""
    out = place.work / "out.csv"
    seen = dict.fromkeys(("faults", "kept", "tracebacks", "wrong", "left behind"), 0)
    code, said, again = 1, place.said, []
    for _ in range(3):
        if out.exists():
            break
        code, said = strike(name, place, out, again)
        again = ["--resume"]
        seen["faults"] += code != 1 or not out.exists()
        seen["tracebacks"] += "Traceback" in said
        seen["kept"] += out.with_name("out.csv.journal").exists()
    if not out.exists():
        process = place.start(out, *again)
        said, code = process.communicate()[1], process.returncode
    counted = said.strip().splitlines()[-1:] == place.said.strip().splitlines()[-1:]
    seen["wrong"] += not (out.exists() and out.read_bytes() == place.whole.read_bytes() and code == 1 and counted)
    if seen["wrong"]:
        print(f"{name}: code {code}, {sorted(path.name for path in place.work.iterdir())}: {said}")
    out.unlink(missing_ok=True)
    seen["left behind"] += len(list(place.work.iterdir()))
    for path in place.work.iterdir():
        path.unlink()
    return seen


def start_at_once(place: Place, processes: int = 20) -> dict[str, int]:
    """Many first starts with one empty cache: one answer, one whole file."""
    with tempfile.TemporaryDirectory() as cache:
        env = os.environ | {"TRACKCLF_CACHE": cache}
        command = [sys.executable, "-m", "trackclf", "tag", "--to", "jsonl", "--text", "本市前瞻布局脑机接口产业。"]
        started = [
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(processes)
        ]
        answers = [process.communicate() for process in started]
        wrong = len({out for out, _ in answers}) - 1 + sum(process.returncode != 0 for process in started)
        tracebacks = sum(b"Traceback" in error for _, error in answers)
        left = [path for path in Path(cache).iterdir() if path.suffix != ".bin"]
        return {"faults": processes, "kept": 0, "tracebacks": tracebacks, "wrong": wrong, "left behind": len(left)}


FAULTS = ("kill -9", "SIGTERM", "killed worker", "full disk", "limit of memory")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--times", type=int, default=10, help="runs of each fault (default: 10)")
    options.add_argument("--only", nargs="*", default=[*FAULTS, "at once"], metavar="NAME")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    random.seed(given.seed)
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        for name in given.only:
            found = [start_at_once(place) if name == "at once" else disturb(name, place) for _ in range(given.times)]
            total = {key: sum(each[key] for each in found) for key in found[0]}
            bad += total["tracebacks"] + total["wrong"] + total["left behind"]
            print(
                f"{name:16} {len(found):3} runs  " + "  ".join(f"{n:3} {key}" for key, n in total.items()), flush=True
            )
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
