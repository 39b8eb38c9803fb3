"""trackclf tags Chinese text by technology track and development mode, and shows why."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trackclf._version import __version__

if TYPE_CHECKING:
    from trackclf._arrow import to_table
    from trackclf._authoring import new_taxonomy, tag_changes, taxonomy_changes
    from trackclf._characters import normalise
    from trackclf._estimator import TrackClassifier
    from trackclf._features import TermFeaturizer
    from trackclf._readers import read
    from trackclf._records import Record
    from trackclf._review import ReviewItem, rank_for_review
    from trackclf._suggesting import suggest_terms
    from trackclf._tagger import Tagger, tag, tag_many
    from trackclf._taxonomy import Taxonomy, load_taxonomy
    from trackclf._types import Denied, Evidence, Kind, Label, Pair, Result, Segment, Tag, Trigger
    from trackclf.errors import InputError, ModelError, TaxonomyError, TrackclfError, WorkerError

_HOMES = {
    "Denied": "_types",
    "Evidence": "_types",
    "InputError": "errors",
    "Kind": "_types",
    "Label": "_types",
    "ModelError": "errors",
    "Pair": "_types",
    "Record": "_records",
    "Result": "_types",
    "ReviewItem": "_review",
    "Segment": "_types",
    "Tag": "_types",
    "Tagger": "_tagger",
    "Taxonomy": "_taxonomy",
    "TaxonomyError": "errors",
    "TermFeaturizer": "_features",
    "TrackClassifier": "_estimator",
    "Trigger": "_types",
    "TrackclfError": "errors",
    "WorkerError": "errors",
    "load_taxonomy": "_taxonomy",
    "new_taxonomy": "_authoring",
    "normalise": "_characters",
    "suggest_terms": "_suggesting",
    "rank_for_review": "_review",
    "read": "_readers",
    "tag": "_tagger",
    "tag_changes": "_authoring",
    "tag_many": "_tagger",
    "taxonomy_changes": "_authoring",
    "to_table": "_arrow",
}

__all__ = [
    "Denied",
    "Evidence",
    "InputError",
    "Kind",
    "Label",
    "ModelError",
    "Pair",
    "Record",
    "Result",
    "ReviewItem",
    "Segment",
    "Tag",
    "Tagger",
    "Taxonomy",
    "TaxonomyError",
    "TermFeaturizer",
    "TrackClassifier",
    "TrackclfError",
    "Trigger",
    "WorkerError",
    "__version__",
    "load_taxonomy",
    "new_taxonomy",
    "normalise",
    "rank_for_review",
    "read",
    "suggest_terms",
    "tag",
    "tag_changes",
    "tag_many",
    "taxonomy_changes",
    "to_table",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'trackclf' has no attribute {name!r}")
    value = getattr(import_module(f"trackclf.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
