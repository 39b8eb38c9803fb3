"""A saved tagger: its taxonomy as data, its learned weights and its promise, in one folder (see `_store`).

The taxonomy is the object itself, field by field, so that one with a folder and one without are saved alike, and a tagger
needs no other taxonomy where it is loaded.
"""

import json
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from trackclf import _store
from trackclf._characters import normalise
from trackclf._taxonomy import Taxonomy, Term
from trackclf._taxonomy_files import KINDS, VOICES, Slot, parse_cue
from trackclf._weights import SPEC, Weights, checked_weights, parse_promise
from trackclf.errors import ModelError

KIND = "tagger"
_LARGEST = 32 << 20  # bytes of a taxonomy
_MOST = 1 << 28  # what compiling may multiply the taxonomy to


def save_tagger(folder: Path, taxonomy: Taxonomy, threshold: str | None, weights: Weights | None) -> None:
    """Write what `load_tagger` reads; see `Tagger.save`."""
    arrays = {name: getattr(weights, name) if weights else np.zeros(*_nothing(name)) for name in SPEC}
    facts = {"threshold": threshold, "weights": weights.manifest if weights else None}
    _store.save(folder, KIND, {"taxonomy": taxonomy_array(taxonomy), **arrays}, facts)


def load_tagger(folder: Path) -> tuple[Taxonomy, str | None, Weights | None]:
    """Arguments of the tagger that was saved.

    Raises
    ------
    ModelError
        See `_store.load`; or the parts do not fit together.
    """
    arrays, facts = _store.load(folder, KIND, {"taxonomy": TAXONOMY, **SPEC})
    try:
        taxonomy = taxonomy_of(arrays.pop("taxonomy"))
        if facts["threshold"] is not None:
            parse_promise(facts["threshold"])
        if not isinstance(facts["weights"], dict | None):
            raise TypeError("weights must be facts or null")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{folder}: no tagger can be made of it: {error}. Save it again") from error
    weights = None if facts["weights"] is None else checked_weights(folder, arrays, facts["weights"])
    return taxonomy, facts["threshold"], weights


def _nothing(name: str) -> tuple[tuple[int, ...], str]:
    dtype, shape = SPEC[name]
    return tuple(size if isinstance(size, int) else 0 for size in shape), dtype


TAXONOMY: tuple[str, tuple[int | str, ...]] = ("u1", ("bytes",))  # how `taxonomy_array` stands in a spec


def taxonomy_array(taxonomy: Taxonomy) -> NDArray[np.uint8]:
    """A taxonomy as an array to save: uint8 (n_bytes,), JSON in ASCII. ModelError where it could not be read again."""
    if fault := next(_faults(taxonomy), None):
        raise ModelError(f"{fault}, so it cannot be saved")
    blob = json.dumps(_plain(taxonomy), separators=(",", ":")).encode()
    if len(blob) > _LARGEST:
        raise ModelError(f"this taxonomy is larger than {_LARGEST >> 20} MB and cannot be saved")
    return np.frombuffer(blob, np.uint8)


def taxonomy_of(array: NDArray[np.uint8]) -> Taxonomy:
    """The taxonomy that `taxonomy_array` gave, equal in every field.

    Raises
    ------
    ValueError
        The array holds something else, or a taxonomy that cannot be compiled.
    """
    if len(array) > _LARGEST:
        raise ValueError("the taxonomy is too large")
    try:
        taxonomy: Taxonomy = _made(Taxonomy, json.loads(array.tobytes()))
    except (TypeError, RecursionError) as error:  # a field is missing; or lists in lists without end
        raise ValueError(f"the taxonomy cannot be read: {error}") from error
    if fault := next(_faults(taxonomy), None):
        raise ValueError(fault)
    return taxonomy


def _plain(value: Any) -> Any:
    """An object of dataclasses as JSON; fields at their defaults are left out."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != _default(f)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _default(field: Any) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


@lru_cache(maxsize=64)
def _hints(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls)}


def _made(hint: Any, value: Any) -> Any:
    """A value of the annotated type, made of JSON; ValueError where it is of another."""
    if hint is Any:
        return value
    origin, args = get_origin(hint), get_args(hint)
    if is_dataclass(hint) and isinstance(value, dict):
        hints = _hints(hint)  # type: ignore[arg-type]
        if unknown := set(value) - set(hints):
            raise ValueError(f"the taxonomy has an unknown field {min(unknown)!r}")
        return hint(**{name: _made(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if origin is tuple and isinstance(value, list):
        of = args[:1] * len(value) if args[1:] == (...,) else args
        return tuple(_made(item, part) for item, part in zip(of, value, strict=True))
    if origin is dict and isinstance(value, dict):
        return {key: _made(args[1], item) for key, item in value.items()}
    if origin is UnionType and NoneType in args:
        return None if value is None else _made(next(arg for arg in args if arg is not NoneType), value)
    if type(value) is hint:
        return value
    raise ValueError(f"the taxonomy has {str(value)[:40]!r} where {hint} should be")


def _faults(taxonomy: Taxonomy) -> Iterator[str]:
    """What would keep a taxonomy from being compiled; the finer faults of a folder are no matter here."""
    kinds = {label.kind for label in taxonomy.labels}
    ids = {label.id for label in taxonomy.labels}
    if not ids or len(ids) < len(taxonomy.labels):
        yield "the taxonomy has no label, or two of one id"
    if not kinds <= {kind.id for kind in taxonomy.kinds} & {*taxonomy.prior}:
        yield "the taxonomy has a label of a kind that it does not declare or weigh"
    of = {label.id: label.kind for label in taxonomy.labels}
    for label in taxonomy.labels:
        if label.id in taxonomy.ancestors[label.id] or of.get(label.parent, label.kind) != label.kind:
            yield f"the taxonomy's label {label.id[:40]!r} has a parent that leads back to it or is of another kind"
    lists = [words for name in VOICES for words in getattr(taxonomy, name).values()]
    if not all(isinstance(words, list) for words in lists):
        yield "the taxonomy has a denial, plan or quotation that is no list"
    words = [*chain(*taxonomy.classes.values()), *chain(*lists), *chain(*taxonomy.regional.items())]
    if not all(isinstance(word, str) and normalise(word) for word in words):
        yield "the taxonomy has a class, a denial, plan or quotation, or a regional word that is empty"
    terms = [term for entry in taxonomy.entries for term in entry.terms]
    for term in terms:
        if term.kind not in KINDS or not _is_readable(term, kinds):
            yield f"the taxonomy's term {term.text[:40]!r} cannot be read"
    characters = sum(map(len, words)) + sum(len(term.text) for term in terms)
    longest = max((len(term.slots) for term in terms), default=0)
    conditions = {slots for term in terms for slots in (term.near, term.far)}
    asked = len(set(chain(*conditions))) + len(words)
    spelt = characters * max(map(len, taxonomy.regional.values()), default=1)
    if max(spelt, len(terms) * longest, len(conditions) * asked) > _MOST:
        yield "the taxonomy is too large to compile"


def _is_readable(term: Term, kinds: set[str]) -> bool:
    try:
        slots = parse_cue(term.text)
    except ValueError:
        return False
    conditions = all(slot == Slot(normalise(slot.text), slot.word_class) for slot in (*term.near, *term.far))
    return slots == term.slots and conditions and not all(slot.word_class in kinds for slot in slots)
