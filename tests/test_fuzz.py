"""What the fuzzer begins with is sound, and what it has found stays mended."""

import random
import time

import pytest
from fuzz import mutating, run, targets

FOUND = sorted(run.FOUND.iterdir())


@pytest.mark.parametrize("name", targets.TARGETS)
def test_seeds_are_sound_and_small(name):
    target = targets.TARGETS[name]
    for data in target.seeds():
        assert targets.run(name, data)
        assert len(data) <= target.longest


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found(path):
    start = time.monotonic()
    targets.run(path.name.rpartition("-")[0], path.read_bytes())
    assert time.monotonic() - start < run.LONGEST


@pytest.mark.parametrize("name", targets.TARGETS)
def test_some_mutations(name):
    """Far fewer than `make fuzz` tries, and without a guide; the mutators are those that it uses."""
    target, chance = targets.TARGETS[name], random.Random(name)  # noqa: S311
    words = [word.encode("utf-8", "surrogatepass") for word in target.words()]

    def flip(data, most):
        at = chance.randrange(len(data) + 1)
        return (data[:at] + chance.randbytes(chance.randrange(4)) + data[at + chance.randrange(4) :])[:most]

    for seed in target.seeds():
        for n in range(4):
            data = mutating.mutated(seed, target.longest, n, flip, words)
            assert len(data) <= target.longest
            targets.run(name, data)


def test_a_finding_is_told_and_made_small(monkeypatch):
    def broken(data):
        for record in targets.read("a.zip", data):
            assert "\0" not in record.text

    monkeypatch.setitem(targets.TARGETS, "broken", targets.Target(broken, tuple))
    data = mutating.pack([("a.txt", "前后".encode()), ("b.txt", b"some\0text"), ("c.csv", b"text\n")])
    what = run.fault("broken", data)
    assert what[0][0] is AssertionError
    less = mutating.smallest(data, lambda less: run.fault("broken", less) == what, 20)
    assert mutating.members(less) == [("b.txt", b"\0")]
    assert run.fault("broken", mutating.pack([("a.txt", b"")])) is None


def test_warnings_logs_and_own_errors_are_findings(monkeypatch):
    import logging
    import warnings

    from trackclf import _lines

    for does in (lambda data: warnings.warn("w", stacklevel=1), lambda data: logging.getLogger("some").warning("l")):
        monkeypatch.setitem(targets.TARGETS, "noisy", targets.Target(does, tuple))
        with pytest.raises(targets.Finding):
            targets.run("noisy", b"")
    monkeypatch.setattr(_lines, "row_record", lambda *args: {}["own"])
    monkeypatch.setattr(targets, "OWN", __file__)
    with pytest.raises(targets.Finding, match="KeyError"):
        targets.run("lines", b'{"text": ""}\n')
