"""`make mutants`: small changes to the core, one at a time, and the share of them that the tests notice.

mutmut makes and runs them (`[tool.mutmut]` in pyproject.toml). There are thousands, so a random sample stands for them,
with the interval of its share (Wilson, 1927); `--all` runs every one, and goes on where it was interrupted.
"""

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

GOAL = 0.85
HERE = Path("mutants", "src", "trackclf")
FIRST = "trackclf._model.*_1"  # one mutant: running it makes all


def outcomes():
    """What has come of each mutant: its exit code, None before it runs."""
    return {
        name: code
        for path in sorted(HERE.glob("*.meta"))
        for name, code in json.loads(path.read_text("utf-8"))["exit_code_by_key"].items()
    }


def run(*names):
    environment = os.environ | {"TRACKCLF_CACHE": "off"}  # what is compiled would hide mutants of what compiles it
    subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", "1", *names], env=environment, check=True
    )


def interval(share, count, z=1.96):
    """The 95 % interval of a share of `count` draws."""
    middle, half = share + z * z / (2 * count), z * ((share * (1 - share) + z * z / (4 * count)) / count) ** 0.5
    return [(middle + sign * half) / (1 + z * z / count) for sign in (-1, 1)]


def report(sample, codes):
    """Print a row a module, the survivors and the share; give the share."""
    from mutmut.stats import status_by_exit_code

    status = {name: status_by_exit_code[codes[name]] for name in sample}
    dead = {"killed", "timeout", "segfault"}  # a loop without end is noticed too
    modules = {name: name.split(".")[1] for name in sample}
    print(f"\n{'module':18} mutants  killed  in time")
    for module in sorted({*modules.values()}):
        mine = Counter(status[name] for name in sample if modules[name] == module)
        killed = sum(mine[one] for one in dead)
        print(f"{module:18} {mine.total():7} {killed:7} {killed - mine['timeout']:8}")
    print("\nsurvivors (mutmut show NAME):")
    for name in sample:
        if status[name] not in dead:
            print(" ", name, "" if status[name] == "survived" else f"({status[name]})")
    killed = sum(one in dead for one in status.values())
    share = killed / len(sample)
    low, high = interval(share, len(sample))
    print(f"\n{killed} of {len(sample)} killed, {share:.1%} (95 % interval {low:.1%} to {high:.1%}); all: {len(codes)}")
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=200, help="mutants to run (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (%(default)s)")
    parser.add_argument("--all", action="store_true", help="run them all: hours")
    args = parser.parse_args()
    run(FIRST)
    names = sorted(outcomes())
    if args.all:
        run()
    else:
        names = sorted(random.Random(args.seed).sample(names, args.sample))  # noqa: S311  # no secret
        run(*names)
    return 0 if report(names, outcomes()) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
