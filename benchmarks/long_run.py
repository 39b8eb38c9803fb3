"""Long runs of `trackclf tag`: killed at a random moment and resumed, ten times; peak memory by the size of the input.

    python benchmarks/long_run.py [--json FILE] [--folder FOLDER]

Tables and a folder of generated text, about 100 characters a row and 2,000 a file; one row in a thousand is damaged. Each input is
tagged once without interruption: seconds by the clock, start included, and peak memory of the caller's process. Then, for some,
the run is killed (SIGKILL) at a random moment and resumed, ten times. Right means exit codes as they should be, a record for each
row, and after every kill the same output, byte for byte. The folder (default: a temporary one) needs 3 GB.
"""

import csv
import filecmp
import random
import subprocess
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from _common import SHARES, Report, generated, parser

DAMAGED = 1000  # one row in so many has a cell too many


def make_table(path: Path, rows: int) -> None:
    pool = generated(100, 1_000_000, SHARES["sparse"])
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "date", "text"])
        for n, text in enumerate(islice(cycle(pool), rows)):
            writer.writerow([n, f"2026-{n % 12 + 1:02}-01", text, *(["?"] if n % DAMAGED == 7 else [])])


def make_folder(path: Path, files: int) -> None:
    pool = generated(2000, 2000 * files, SHARES["sparse"])
    for n, text in enumerate(islice(cycle(pool), files)):
        place = path / f"{n % 10}" / f"{n}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


class Run:
    """A run of the command line, and its peak memory so far."""

    def __init__(self, *args: object) -> None:
        self.start, self.peak_mb = time.monotonic(), 0.0
        command = [sys.executable, "-m", "trackclf", "tag", *map(str, args)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")

    def wait(self, seconds: float = float("inf")) -> float:
        """Wait for its end, or so long; returns the seconds since its start."""
        while self.process.poll() is None and time.monotonic() - self.start < seconds:
            try:
                status = Path(f"/proc/{self.process.pid}/status").read_text()
                lines = [line.split() for line in status.splitlines()]
                self.peak_mb = next((int(line[1]) * 1024 / 1e6 for line in lines if line[0] == "VmHWM:"), self.peak_mb)
            except OSError:
                pass  # it has just ended; or the system has no such file
            time.sleep(0.02)
        return time.monotonic() - self.start

    def end(self) -> int:
        """Kill it, if it still runs; returns the exit code."""
        self.process.kill()
        self.process.communicate()
        return self.process.returncode


def killed_and_resumed(args: list[object], whole: Path, out: Path, seconds: float, code: int) -> tuple[int, int, float]:
    """Whether it was killed, whether all was right, and the peak memory of the second run."""
    first = Run(*args, "-o", out)
    first.wait(random.uniform(0.1, 1) * seconds)
    first.end()
    if out.exists():  # it was quicker than the run before
        out.unlink()
        return 0, 1, 0.0
    second = Run(*args, "-o", out, "--resume")
    second.wait()
    right = second.end() == code and filecmp.cmp(out, whole, shallow=False)
    right = right and not out.with_name(out.name + ".part").exists()
    out.unlink(missing_ok=True)
    return 1, right, second.peak_mb


def measure(report: Report, folder: Path, what: str, path: Path, records: int, jobs: int, kills: int) -> None:
    table = path.suffix == ".csv"
    args: list[object] = [path, "--to", "csv" if table else "jsonl", "--jobs", jobs]
    whole, out = folder / "whole", folder / "out"
    run = Run(*args, "-o", whole)
    seconds = run.wait()
    code = 1 if table else 0
    right = run.end() == code
    with whole.open(encoding="utf-8", newline="") as lines:
        right = right and sum(1 for _ in lines) == records + table
    resumed_mb = 0.0
    done = 0
    while right and done < kills:
        killed, right, peak_mb = killed_and_resumed(args, whole, out, seconds, code)
        done, resumed_mb = done + killed, max(resumed_mb, peak_mb)
    whole.unlink()
    figures = {"seconds": seconds, "peak_mb": run.peak_mb} | ({"resumed_peak_mb": resumed_mb} if kills else {})
    files = [path] if table else path.rglob("*.txt")
    size = sum(file.stat().st_size for file in files) / 1e6
    report.add(bool(right), figures, what=what, records=records, input_mb=size, jobs=jobs, kills=done)


def main() -> None:
    options = parser(__doc__, with_corpus=False)
    options.add_argument("--folder", metavar="FOLDER", help="where the files go for the time being")
    options = options.parse_args()
    columns = {"what": "<8", "records": "11,d", "input_mb": "8.1f", "jobs": "d", "kills": "d"}
    report = Report(options, columns | {"seconds": "7.1f", "peak_mb": ".0f", "resumed_peak_mb": ".0f"})
    sizes = (2000, 5000) if options.quick else (300_000, 1_000_000, 3_000_000)
    kills = 1 if options.quick else 10
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        make_folder(folder / "texts", 20 if options.quick else 1000)
        Run(folder / "texts", "-o", folder / "warm").wait()  # the word lists lie compiled in the cache from now on
        measure(report, folder, "folder", folder / "texts", 20 if options.quick else 1000, 1, kills)
        for rows in sizes:
            path = folder / "rows.csv"
            make_table(path, rows)
            measure(report, folder, "table", path, rows, 1, kills if rows == sizes[1] else 0)
            if rows != sizes[1]:
                measure(report, folder, "table", path, rows, 2, 0)
    report.close()


if __name__ == "__main__":
    main()
