"""How long it takes to start: processes, then the first calls inside one. On one core.

    python benchmarks/startup.py [--json FILE]

Best of several rounds, the processes taking turns. Word lists come compiled from a cache folder of this run's own, but for the
row that has none. Right means that a process ends well and prints what it should.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from _common import Report, one_core, parser

LINE = "本市前瞻布局脑机接口产业。"
ASKING = "我国大力推进量子研究。"  # 量子 may straddle two words: the segmenter is asked, and loaded then
INSIDE = f"""
import json, time
import numpy
from trackclf import Tagger
clock = [time.perf_counter()]
tagger = Tagger()
clock.append(time.perf_counter())
first = tagger.tag({LINE!r})
clock.append(time.perf_counter())
asking = tagger.tag({ASKING!r})
clock.append(time.perf_counter())
print(json.dumps([[b - a for a, b in zip(clock, clock[1:])], [tag.id for tag in first.tracks + asking.tracks]]))
"""
STEPS = ("load a Tagger", "first tag", "first tag that asks the segmenter")


def main() -> None:
    options = parser(__doc__, with_corpus=False).parse_args()
    one_core()
    rounds = 1 if options.quick else 15
    report = Report(options, {"what": "<52", "milliseconds": ".1f"})
    python = sys.executable
    script = Path(python).with_name("trackclf")
    command = [str(script)] if script.exists() else [python, "-m", "trackclf"]
    # What is run, and a piece of what it prints.
    processes = {
        "python -c pass": ([python, "-c", "pass"], ""),
        'python -c "import numpy"': ([python, "-c", "import numpy"], ""),
        'python -c "import trackclf"': ([python, "-c", "import trackclf"], ""),
        "trackclf --help": ([*command, "--help"], "taxonomy"),
        "trackclf tag --text, one line": ([*command, "tag", "--text", LINE], "脑机接口"),
    }
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"TRACKCLF_CACHE": folder, "PYTHONIOENCODING": "utf-8"}
        env.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode

        def run(args: list[str], **changes: str) -> tuple[float, str | None]:
            start = time.perf_counter()
            done = subprocess.run(args, capture_output=True, text=True, encoding="utf-8", env=env | changes)
            return time.perf_counter() - start, None if done.returncode else done.stdout

        run(processes["trackclf tag --text, one line"][0])  # fills the cache, and Python's own
        least = dict.fromkeys(processes, float("inf"))
        right = dict.fromkeys(processes, True)
        for _ in range(rounds):
            for name, (args, expected) in processes.items():
                seconds, out = run(args)
                least[name] = min(least[name], seconds)
                right[name] &= out is not None and expected in out
        for name, seconds in least.items():
            report.add(right[name], {"milliseconds": seconds * 1e3}, what=name, kind="process")
        for kind, cache in {"cache": folder, "no cache": "off"}.items():
            times: list[list[float]] = []
            answers: list[Any] = []
            for _ in range(rounds if cache == folder else min(rounds, 3)):
                _, out = run([python, "-c", INSIDE], TRACKCLF_CACHE=cache)
                seconds_of, ids = json.loads(out) if out else ([float("inf")] * len(STEPS), [])
                times.append(seconds_of)
                answers.append(ids == ["bci", "quantum"])
            for name, column in zip(STEPS, zip(*times, strict=True), strict=True):
                if kind == "cache" or name == STEPS[0]:
                    report.add(all(answers), {"milliseconds": min(column) * 1e3}, what=f"{name}, {kind}", kind="inside")
    report.close()


if __name__ == "__main__":
    main()
