import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import count, islice

import numpy as np
import pytest
from conftest import ROOT

from trackclf import ModelError, Tagger, TrackclfError, WorkerError, _batching, _parallel, tag_many
from trackclf._resources import model_dir
from trackclf._weights import load_weights
from trackclf.cli import main

DEMO = (ROOT / "fixtures" / "demo.txt").read_text(encoding="utf-8")
TEXTS = [
    "本市前瞻布局脑机接口和量子计算，已有三家初创公司落地。",
    "",
    "公司暂无脑机接口业务。",
    DEMO,
    "今天下了一场小雨。",
    "机器人",
    "No Chinese here.",
] * 40
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals")


class Owner:
    """Stands for a tagger; what it does is in the text."""

    def __init__(self, stamp="here", remade="here"):
        self.stamp, self.remade = {"made": stamp}, remade

    def __reduce__(self):
        return Owner, (self.remade, self.remade)

    def work(self, batch, folder=None):
        if "die" in batch[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        if folder:
            (folder / batch[0]).touch()
        return os.getpid(), threading.get_ident()


@pytest.fixture
def many(monkeypatch):
    """Workers for any input, and many batches of few texts."""
    monkeypatch.setattr(_parallel, "_WORTH", 0)
    monkeypatch.setattr(_batching, "BATCH", 2000)


@pytest.mark.parametrize("segments", [None, "sentence", "paragraph"])
def test_results_are_those_of_one_process(many, tagger, segments):
    expected = list(tagger.tag_many(TEXTS, segments))
    for jobs in (2, -1):
        found = list(tagger.tag_many(iter(TEXTS), segments, jobs=jobs))
        assert found == expected
        assert all(result.text is text for result, text in zip(found, TEXTS, strict=True))
        assert [result.to_dict() for result in found] == [result.to_dict() for result in expected]
    assert list(tag_many(TEXTS, segments, jobs=2)) == expected


def test_scores_are_those_of_one_process(many, tagger):
    assert np.array_equal(tagger.scores(TEXTS, jobs=2), tagger.scores(TEXTS))
    assert np.array_equal(tagger.probabilities(TEXTS, jobs=2), tagger.probabilities(TEXTS))
    assert tagger.scores([], jobs=2).shape == (0, len(tagger.labels))


def test_taggers_of_objects_reach_the_workers(many, small, tagger):
    for mine in (small, Tagger(tagger.taxonomy, weights=load_weights(model_dir())), Tagger(weights=None)):
        assert np.array_equal(mine.scores(TEXTS, jobs=2), mine.scores(TEXTS))


def test_input_is_pulled_by_the_reader_and_not_far_ahead(many, tagger):
    pulled, threads = [], set()

    def source():
        for n in count():
            pulled.append(n)
            threads.add(threading.get_ident())
            yield "天" * 1500  # a batch each

    results = tagger.tag_many(source(), jobs=2)
    assert not pulled
    for n, _ in enumerate(islice(results, 20)):
        assert len(pulled) <= n + 8  # what is in flight, the one that is read and the one that ended the last batch
    results.close()
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_the_input_comes_after_the_results_before_it(many, tagger, jobs):
    def source():
        yield from TEXTS[:50]
        raise KeyError("the cursor is gone")

    results = tagger.tag_many(source(), jobs=jobs)
    assert [next(results).text for _ in range(50)] == TEXTS[:50]
    with pytest.raises(KeyError, match="cursor"):
        next(results)
    results = tagger.tag_many([*TEXTS[:50], 3], jobs=jobs)
    assert len(list(islice(results, 50))) == 50
    with pytest.raises(TypeError, match="got int at index 50"):
        next(results)


def test_an_early_end_leaves_no_work(many, tmp_path):
    batches = ([str(n)] for n in count())
    results = _parallel.run(Owner(), "work", batches, 2, tmp_path)
    worker = next(results)[1][0]
    assert worker != os.getpid()
    results.close()
    done = set(os.listdir(tmp_path))
    assert len(done) <= 6
    time.sleep(0.2)
    assert set(os.listdir(tmp_path)) == done
    assert worker in {pid for _, (pid, _) in _parallel.run(Owner(), "work", iter([["a"]] * 20), 2)}  # still at hand


def test_what_joblib_is_told_holds(many, tagger):
    from joblib import parallel_config

    with parallel_config(backend="threading", n_jobs=2):
        results = _parallel.run(Owner(), "work", iter([["a"]] * 20), None)
        found = tagger.tag_many(TEXTS, jobs=None)
        again = tagger.scores(TEXTS, jobs=3)
    where = [answer for _, answer in results]  # read when the setting is over: it held at the call
    assert {pid for pid, _ in where} == {os.getpid()}
    assert threading.get_ident() not in {thread for _, thread in where}
    assert list(found) == list(tagger.tag_many(TEXTS))
    assert np.array_equal(again, tagger.scores(TEXTS))
    with parallel_config(n_jobs=1):
        results = _parallel.run(Owner(), "work", iter([["a"]] * 20), None)
    assert {answer for _, answer in results} == {(os.getpid(), threading.get_ident())}
    results = _parallel.run(Owner(), "work", iter([["a"]] * 20), None)
    assert {pid for _, (pid, _) in results} == {os.getpid()}


@pytest.mark.parametrize(("jobs", "error"), [(0, ValueError), (1.5, TypeError), ("2", TypeError), (True, TypeError)])
def test_jobs_must_be_a_number(tagger, jobs, error):
    for call in (tagger.tag_many, tagger.scores, tagger.probabilities):
        with pytest.raises(error, match="jobs must"):
            call(["文本"], jobs=jobs)


def test_little_text_stays_in_the_process():
    code = (
        "import sys, trackclf; results = list(trackclf.tag_many(['脑机接口'] * 100, jobs=2));"
        "assert len(results) == 100; assert 'joblib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@posix
def test_a_dead_worker_is_an_error(many):
    batches = iter([["a"], ["b"], ["die"], *([["c"]] * 50)])
    with pytest.raises(WorkerError, match="Try fewer jobs"):
        list(_parallel.run(Owner(), "work", batches, 2))
    assert issubclass(WorkerError, TrackclfError)
    assert len(list(_parallel.run(Owner(), "work", iter([["a"]] * 20), 2))) == 20


def test_a_worker_that_finds_other_files_says_so(many):
    with pytest.raises(ModelError, match="make the tagger again"):
        list(_parallel.run(Owner("old", "new"), "work", iter([["a"]] * 20), 2))


def test_command_line(many, tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    rows = [json.dumps({"id": n, "text": text}, ensure_ascii=False) for n, text in enumerate(TEXTS)]
    path.write_text("\n".join([*rows[:90], "{oops", *rows[90:]]), encoding="utf-8")
    for command in (["tag", "--to", "jsonl"], ["tag", "--to", "csv"], ["explain"]):
        shown = []
        for jobs in ([], ["--jobs", "2"]):
            assert main([*command, *jobs, str(path)]) == 1
            shown.append(capsys.readouterr().out)
        assert shown[0] == shown[1]
    assert main(["tag", "--jobs", "0", str(path)]) == 2
    assert "--jobs must not be 0" in capsys.readouterr().err


@posix
@pytest.mark.parametrize(("send", "number", "result"), [("killpg", "SIGINT", 130), ("kill", "SIGTERM", 143)])
def test_a_signal_ends_all_processes(tmp_path, send, number, result):
    code = (  # a shell may have told its background jobs to ignore interrupts
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from trackclf.cli import main; sys.exit(main(['tag', '--from', 'lines', '--jobs', '2', '-']))"
    )
    out, errors = tmp_path / "out", tmp_path / "errors"
    with out.open("wb") as stdout, errors.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, start_new_session=True
        )

    def feed():  # more than workers are started for; the input stays open
        with suppress(BrokenPipeError):
            process.stdin.write((f"{'今天下了一场小雨。' * 100}\n" * 12_000).encode())
            process.stdin.flush()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        assert within(60, lambda: out.stat().st_size)  # workers have given results
        getattr(os, send)(process.pid, getattr(signal, number))
        assert process.wait(timeout=60) == result
        assert errors.read_bytes() == b""
        assert within(10, lambda: not alive(process.pid)), "a child is left"
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        feeder.join()
        with suppress(BrokenPipeError):
            process.stdin.close()


def within(seconds, done):
    end = time.monotonic() + seconds
    while not done() and time.monotonic() < end:
        time.sleep(0.05)
    return done()


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
