"""Texts in batches of about one size, and long texts in pieces."""

from collections.abc import Iterable, Iterator, Sequence

from trackclf._characters import SENTENCE
from trackclf._text import class_table, code_points

BATCH = 1 << 20  # code points in flight: few enough for the caches, many enough to hide numpy's own cost
_MOST = 1 << 14  # texts in a batch: what a caller keeps beside each may be larger than the text
PIECE = 1 << 19  # code points of a long text in flight
_LONGEST_SENTENCE = 1 << 22


def batches(texts: Iterable[str], name: str) -> Iterator[list[str]]:
    """Lists of texts of about BATCH code points together. Checks the argument at once, the items as they come."""
    if isinstance(texts, str):
        raise TypeError(f"texts must be an iterable of str, got one str; wrap it: {name}([text])")
    return _batch(iter(texts))


def _batch(texts: Iterator[str]) -> Iterator[list[str]]:
    done = size = 0
    batch: list[str] = []
    failed: Exception | None = None
    try:
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"texts must hold str, got {type(text).__name__} at index {done + len(batch)}")
            length = len(text)
            if batch and (size + length > BATCH or len(batch) == _MOST):
                yield batch
                done += len(batch)
                batch, size = [], 0
            batch.append(text)
            size += length + 1
    except Exception as error:  # after the results of what came before it
        failed = error
    if batch:
        yield batch
    if failed:
        raise failed


def pieces_of(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Split a batch that one long text fills, where a sentence ends: offset in it, pieces.

    A sentence bounds everything that looks around itself, so the pieces add up to the whole.
    """
    if len(texts) != 1 or len(texts[0]) <= BATCH:
        yield 0, texts
        return
    text = texts[0]
    at = 0
    while at < len(text):
        end = min(at + PIECE, len(text))
        if end < len(text):
            stops = class_table()[code_points(text[end : at + _LONGEST_SENTENCE])] == SENTENCE
            end = end + int(stops.argmax()) + 1 if stops.any() else min(at + _LONGEST_SENTENCE, len(text))
        yield at, [text[at:end]]
        at = end
