"""Batches of texts in several processes, by joblib: results in order, work never far ahead of the reader."""

import gc
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import cached_property, partial
from itertools import chain, cycle, islice
from operator import index
from typing import Any, NamedTuple

import numpy as np

from trackclf.errors import ModelError, WorkerError

Batch = Sequence[str]

_WORTH = 1 << 22  # characters done here first: about what is done while workers start
_BY_FILE = 1 << 14  # bytes from which joblib hands an array to all workers as one file
_KEPT = 4  # objects that a worker process keeps


def checked(jobs: Any) -> int | None:
    """`jobs` as an int, or None.

    Raises
    ------
    TypeError, ValueError
        It is no whole number; it is 0.
    """
    if jobs is None:
        return None
    if isinstance(jobs, bool) or not hasattr(jobs, "__index__"):
        raise TypeError(f"jobs must be a whole number or None, got {type(jobs).__name__}")
    if index(jobs) == 0:
        raise ValueError("jobs must not be 0; 1 is one process, -1 is all cores")
    return index(jobs)


def run(owner: Any, method: str, batches: Iterator[Batch], jobs: int | None, *args: Any) -> Iterator[tuple[Batch, Any]]:
    """Each batch with what `owner.<method>(batch, *args)` gives for it, in order.

    Batches are pulled in the reader's own thread. What joblib's `parallel_config` says as of this call holds; with `jobs`
    None it says how many jobs, too.

    Parameters
    ----------
    owner : picklable object with a `stamp`
    batches : iterator of sequences of str
        An error that it raises comes after the results of what came before it.
    jobs : int or None
        As joblib's `n_jobs`.

    Raises
    ------
    WorkerError
        A worker process died.
    """
    setup = None
    if jobs != 1 and "joblib" in sys.modules:
        setup = _set_up(jobs)
        jobs = setup.jobs
    elif jobs is None:  # nothing can be configured yet
        jobs = 1
    return _run(owner, method, batches, jobs, setup, args) if jobs != 1 else _in_turn(owner, method, batches, args)


def _in_turn(owner: Any, method: str, batches: Iterable[Batch], args: Any) -> Iterator[tuple[Batch, Any]]:
    call = getattr(owner, method)
    return ((batch, call(batch, *args)) for batch in batches)


def _run(
    owner: Any, method: str, batches: Iterator[Batch], jobs: int, setup: "_Setup | None", args: Any
) -> Iterator[tuple[Batch, Any]]:
    """Begin here: a small input is done before a worker could have started. What is left goes to workers."""
    errors: list[Exception] = []
    batches = _until_error(batches, errors)
    size = 0
    while size < _WORTH:
        batch = next(batches, None)
        if batch is None:
            break
        yield from _in_turn(owner, method, [batch], args)
        size += sum(map(len, batch))
    left = list(islice(batches, 1))
    if left:
        setup = setup or _set_up(jobs)
        everything = chain(left, batches)
        if setup.jobs == 1:
            yield from _in_turn(owner, method, everything, args)
        else:
            yield from _windows(setup, _Shared(owner), method, everything, args)
    if errors:
        raise errors[0]


def _until_error(batches: Iterator[Batch], errors: list[Exception]) -> Iterator[Batch]:
    try:
        yield from batches
    except Exception as error:
        errors.append(error)


class _Setup(NamedTuple):
    """How many jobs joblib will use, whether they are threads, and two `Parallel` to take turns."""

    jobs: int
    threads: bool
    parallels: tuple[Any, Any]


def _set_up(jobs: int | None) -> _Setup:
    from inspect import signature

    from joblib import Parallel, effective_n_jobs
    from joblib.parallel import get_active_backend

    options: dict[str, Any] = {"return_as": "generator", "pre_dispatch": "all", "batch_size": 1, "max_nbytes": _BY_FILE}
    backend = get_active_backend()[0]
    threads = getattr(backend, "supports_sharedmem", False)
    if type(backend).__name__ == "LokyBackend" and "backend_kwargs" in signature(Parallel).parameters:  # joblib 1.5
        options |= {"initializer": _end_with, "initargs": (os.getpid(),)}
    return _Setup(effective_n_jobs(jobs), threads, (Parallel(jobs, **options), Parallel(jobs, **options)))


def _windows(
    setup: _Setup, owner: "_Shared", method: str, batches: Iterator[Batch], args: Any
) -> Iterator[tuple[Batch, Any]]:
    """Windows of batches, each a call to joblib, which by itself would run ahead of the reader without bound.

    For each result that is read a batch is pulled, and the next window starts when the last `jobs` results of the one
    before it are due. So workers do not wait, and 2 * jobs + 1 batches are in flight: as many as loky keeps in the queue
    of its workers, since an interrupt finds it at a loss with more.
    """
    from concurrent.futures.process import BrokenProcessPool

    from joblib import delayed

    jobs, work = setup.jobs, delayed(_work)
    turns = cycle(setup.parallels)
    running: deque[tuple[deque[Batch], Iterator[Any]]] = deque()

    def start(window: list[Batch]) -> None:
        with nullcontext() if setup.threads else _interrupts_held():
            running.append((deque(window), next(turns)([work(owner, method, batch, args) for batch in window])))

    with setup.parallels[0], setup.parallels[1]:
        try:
            start(list(islice(batches, 2 * jobs)))
            coming: list[Batch] = []
            while running:
                due, outputs = running[0]
                while due:
                    coming += islice(batches, 1)
                    if coming and len(due) <= jobs and len(running) == 1:
                        start(coming)
                        coming = []
                    output = next(outputs)
                    yield due.popleft(), output
                next(outputs, None)  # joblib ends the call
                running.popleft()
        except BrokenProcessPool as error:
            raise WorkerError(
                "a worker process died: it was killed, or memory ran out. Try fewer jobs, or jobs=1"
            ) from error
        finally:
            # A reader that stops early waits for what is in flight: to abort, joblib would kill workers that others may use.
            for _, outputs in running:
                with suppress(Exception):
                    deque(outputs, maxlen=0)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes begun inside never see Ctrl-C, which a terminal sends to all; the caller does, afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # starting it later would let interrupts through
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _Shared:
    """An object as part of a task: itself between threads; between processes pickled once, and made once by each."""

    def __init__(self, value: Any) -> None:
        self.value = value

    @cached_property
    def _pickled(self) -> tuple[str, dict[str, str], Any]:
        import hashlib
        import pickle

        blob, stamp = pickle.dumps(self.value), self.value.stamp
        key = hashlib.sha256(blob + repr(stamp).encode()).hexdigest()
        return key, stamp, np.frombuffer(blob, np.uint8)  # joblib hands a large array to all workers as one file

    def __call__(self) -> Any:
        return self.value

    def __reduce__(self) -> tuple[Any, ...]:
        return partial, (_made, *self._pickled, os.getpid())


_values: dict[str, Any] = {}


def _made(key: str, stamp: dict[str, str], blob: Any, sender: int) -> Any:
    """What a worker keeps by `key`, made for the first task that asks for it."""
    if key not in _values:
        import pickle

        if not _values:  # an older joblib begins workers without it
            _end_with(sender)

        value = pickle.loads(blob)  # noqa: S301  # the caller's own
        if value.stamp != stamp:
            raise ModelError("the files that the tagger was made from have changed since; make the tagger again")
        while len(_values) >= _KEPT:
            del _values[next(iter(_values))]
        _values[key] = value
        gc.freeze()  # it stays; and loky's workers collect garbage every second, 40 ms each time for a tagger's strings
    return _values[key]


def _end_with(sender: int) -> None:
    """See to it that a worker ends when the process that began it does: loky's waits for ever for one that was killed."""
    from multiprocessing import current_process

    def watch() -> None:
        while os.getppid() == sender:
            time.sleep(1)
        os._exit(1)

    mine = getattr(current_process(), "_parent_pid", None) == sender  # not on another machine
    if os.name == "posix" and mine:
        threading.Thread(target=watch, daemon=True).start()


def _work(owner: Callable[[], Any], method: str, batch: Batch, args: Any) -> Any:
    return getattr(owner(), method)(batch, *args)
