"""trackclf tags Chinese text by technology track and development mode, and shows why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trackclf._version import __version__

if TYPE_CHECKING:
    from trackclf._characters import normalise
    from trackclf._tagger import Tagger, tag, tag_many
    from trackclf._taxonomy import Taxonomy, load_taxonomy
    from trackclf._types import Evidence, Kind, Label, Pair, Result, Segment, Tag
    from trackclf.errors import InputError, ModelError, TaxonomyError, TrackclfError, WorkerError

_HOMES = {
    "Evidence": "_types",
    "InputError": "errors",
    "Kind": "_types",
    "Label": "_types",
    "ModelError": "errors",
    "Pair": "_types",
    "Result": "_types",
    "Segment": "_types",
    "Tag": "_types",
    "Tagger": "_tagger",
    "Taxonomy": "_taxonomy",
    "TaxonomyError": "errors",
    "TrackclfError": "errors",
    "WorkerError": "errors",
    "load_taxonomy": "_taxonomy",
    "normalise": "_characters",
    "tag": "_tagger",
    "tag_many": "_tagger",
}

__all__ = [
    "Evidence",
    "InputError",
    "Kind",
    "Label",
    "ModelError",
    "Pair",
    "Result",
    "Segment",
    "Tag",
    "Tagger",
    "Taxonomy",
    "TaxonomyError",
    "TrackclfError",
    "WorkerError",
    "__version__",
    "load_taxonomy",
    "normalise",
    "tag",
    "tag_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trackclf' has no attribute {name!r}")
    value = getattr(import_module(f"trackclf.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
