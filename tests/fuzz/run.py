"""Run the coverage-guided fuzzer (atheris, libFuzzer) on the targets, one after another.

What is found is made smaller and kept in `tests/fuzz/found`; `make test` does all of it again. The corpus grows in
`.fuzz/corpus`, so a later run begins where this one has ended.
"""

import argparse
import hashlib
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORK = ROOT / ".fuzz"
FOUND = HERE / "found"
LONGEST = 30  # seconds for one input
MEMORY = 2048  # MB of a process
ROUND = 60  # seconds of a process: the fuzzer's own notes grow by some 10 MB a second


def fuzz(name, seconds):
    """One target in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=["trackclf"]):
        import trackclf

        for module in pkgutil.iter_modules(trackclf.__path__, "trackclf."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
        from fuzz import mutating, targets
    target = targets.TARGETS[name]
    words = [word.encode("utf-8", "surrogatepass") for word in target.words()]
    corpus, before = WORK / "corpus" / name, WORK / f"{name}-"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds():
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
        targets.run(name, seed)  # what is made once takes no input's time

    def mutate(data, most, seed):
        return mutating.mutated(bytes(data), most, seed, atheris.Mutate, words)

    bounds = f"-max_len={target.longest} -timeout={LONGEST} -rss_limit_mb={MEMORY} -max_total_time={seconds}".split()
    ends = ["-print_final_stats=1", f"-artifact_prefix={before}", "-verbosity=1", str(corpus)]
    atheris.Setup([sys.argv[0], *bounds, *ends], lambda data: targets.run(name, data), custom_mutator=mutate)
    atheris.Fuzz()


def fault(name, data):
    """Which error, and where; None where there is none."""
    from fuzz import targets

    try:
        targets.run(name, data)
    except BaseException as error:
        return [(type(e), *traceback.extract_tb(e.__traceback__)[-1][:2]) for e in (error, error.__cause__) if e]
    return None


def keep(name, seconds):
    """Make what was found small, and keep it."""
    from fuzz import mutating

    FOUND.mkdir(exist_ok=True)
    for path in WORK.glob(f"{name}-*-*"):
        kept = path.rename(FOUND / f"{name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}")
        print(f"{name}: found {kept.relative_to(ROOT)}, {kept.stat().st_size} bytes", flush=True)
        if "crash" in path.name and (what := fault(name, kept.read_bytes())):  # others take too long to do it often
            data = mutating.smallest(kept.read_bytes(), lambda less, what=what: fault(name, less) == what, seconds)
            kept.unlink()
            kept = FOUND / f"{name}-{hashlib.sha256(data).hexdigest()[:8]}"
            kept.write_bytes(data)
            print(f"{name}: made smaller: {kept.relative_to(ROOT)}, {len(data)} bytes")


def main():
    """Run targets, each in a process of its own; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", help="names (default: all)")
    parser.add_argument("--seconds", type=int, default=200, help="for each target (default: 200, an hour in all)")
    parser.add_argument("--inside", choices=("fuzz", "keep"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        {"fuzz": fuzz, "keep": keep}[options.inside](options.targets[0], options.seconds)
        return 0
    from fuzz.targets import TARGETS

    names = options.targets or list(TARGETS)
    found = executions = 0
    start = time.monotonic()
    for name in names:
        with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as place:  # noqa: S108
            env = os.environ | {"TMPDIR": place}
            call = [sys.executable, __file__, name, "--seconds"]
            began = time.monotonic()
            WORK.mkdir(exist_ok=True)
            done = code = 0
            for left in range(options.seconds, 0, -ROUND):
                with (WORK / f"{name}.log").open("wb") as log:
                    inside = [*call, str(min(left, ROUND)), "--inside", "fuzz"]
                    code = subprocess.run(inside, env=env, stdout=log, stderr=log).returncode
                said = (WORK / f"{name}.log").read_text("utf-8", "replace")
                done += int((re.findall(r"^(?:#|stat::number_of_executed_units: *)(\d+)", said, re.M) or [0])[-1])
                if code:
                    break
            executions += done
            what = "FOUND" if code else ""
            print(f"{name:14}{done:10,} executions {time.monotonic() - began:6.0f} s  {what}", flush=True)
            if code:
                found += 1
                print("\n".join(said.splitlines()[-40:]))
                subprocess.run([*call, "60", "--inside", "keep"], env=env)
    print(f"{executions:,} executions in {time.monotonic() - start:.0f} s, {found} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)
    sys.exit(main())
