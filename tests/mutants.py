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
from pathlib import Path

GOAL = 0.85
HERE = Path("mutants", "src", "trackclf")
KILLED, LOOPS = {1, 3, -9, -11}, {24, -24, 36, 152, 255}  # exit codes of mutmut's workers
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


def report(codes):
    """Print a row a module, the survivors and the share of the mutants with these exit codes; give the share."""
    killed = [name for name, code in codes.items() if code in KILLED | LOOPS]
    print(f"\n{'module':18} mutants  killed  of them loops without end")
    for module in sorted({name.split(".")[1] for name in codes}):
        mine = [code for name, code in codes.items() if name.split(".")[1] == module]
        loops = sum(code in LOOPS for code in mine)
        print(f"{module:18} {len(mine):7} {sum(code in KILLED for code in mine) + loops:7} {loops:7}")
    print("\nsurvivors (mutmut show NAME):", *(name for name in codes if name not in killed), sep="\n  ")
    share = len(killed) / len(codes)
    low, high = interval(share, len(codes))
    print(f"\n{len(killed)} of {len(codes)} killed, {share:.1%} (95 % interval {low:.1%} to {high:.1%})")
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
    codes = outcomes()
    print(f"\n{len(codes)} mutants in all")
    return 0 if report({name: codes[name] for name in names}) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
