"""SKOS as a taxonomy: our own export, also after a vocabulary tool has worked on it, and vocabularies from elsewhere."""

import datetime
import json
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from trackclf._characters import normalise
from trackclf._exchange import ID, Content, check_types
from trackclf._skos import BASE, SPDX, is_plain, new_graph, plain_names
from trackclf._taxonomy_files import LABEL_KEYS, PUNCTUATION, cue_key, from_toml, kinds_of, parse_cue
from trackclf.errors import InputError

LONGEST = 200  # code points of a name; a longer one is a sentence, or meant ill
_XL = "http://www.w3.org/2008/05/skos-xl#"
_FORMATS = {"turtle": "turtle", "jsonld": "json-ld"}


def from_skos(data: bytes, name: str, to: str) -> Content:
    """Read SKOS, of our own export or from elsewhere.

    Parameters
    ----------
    name : str
        What to call the file in messages.
    to : str
        "turtle" or "jsonld".

    Raises
    ------
    InputError
        rdflib is not installed, the file cannot be parsed, has no concept, or names a context that would have to be fetched.
    """
    graph, uri = new_graph()
    try:
        text = data.decode("utf-8-sig")
        if to == "jsonld":
            document = json.loads(text)
            _refuse_remote(document, name)
            text = json.dumps(document)
        with _quiet():
            graph.parse(data=text, format=_FORMATS[to], publicID=BASE)
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8") from error
    except InputError:
        raise
    except Exception as error:  # rdflib raises of many kinds, RecursionError among them
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{name} is no {to}: {reason[0][:200]}") from error
    return _Reading(graph, uri, name).content()


@contextmanager
def _quiet() -> Iterator[None]:
    """Without rdflib's warnings about its own classes, and its log of literals and URIs that it doubts."""
    log = logging.getLogger("rdflib")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.setLevel(level)


def _refuse_remote(value: Any, name: str) -> None:
    """A context by name would be fetched from the net or from the disk."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            context = item.get("@context")
            named = [c for c in (context if isinstance(context, list) else [context]) if isinstance(c, str)]
            if named or "@import" in item:
                raise InputError(
                    f"{name} takes its context from {str(named[0] if named else item['@import'])[:100]!r}, which is never "
                    "fetched; put the context itself into the file, or convert it to Turtle"
                )
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


class _Reading:
    """One pass over a graph."""

    def __init__(self, graph: Any, uri: Any, name: str) -> None:
        self.graph, self.uri, self.name = graph, uri, name
        self.out = Content()
        xl = type(uri("skos:Concept"))(_XL)
        for kind in (
            "prefLabel",
            "altLabel",
            "hiddenLabel",
        ):  # the form of a label of SKOS-XL is the label (S55 to S57)
            for concept, label in list(graph.subject_objects(xl + kind)):
                for form in graph.objects(label, xl + "literalForm"):
                    graph.add((concept, uri(f"skos:{kind}"), form))

    def content(self) -> Content:
        concepts = sorted(set(self.graph.subjects(self.uri("rdf:type"), self.uri("skos:Concept"))))
        if not concepts:
            raise InputError(f"{self.name} has no skos:Concept")
        self._scheme()
        labels = self._labels(concepts)
        self._names(labels)
        self._links(labels)
        order = list(LABEL_KEYS)
        self.out.labels = [
            {key: label[key] for key in sorted(label, key=lambda key: order.index(key) if key in order else len(order))}
            for label in labels.values()
        ]
        return self.out

    def _literals(self, subject: Any, *predicates: str, lang: str = "") -> list[str]:
        """Texts in a language, its regions and scripts included; those without a language come last."""
        from rdflib import Literal

        found = []
        for rank, predicate in enumerate(predicates):
            for value in self.graph.objects(subject, self.uri(predicate)):
                tag = (value.language or "").lower() if isinstance(value, Literal) else None
                if tag is not None and (not lang or not tag or tag.split("-")[0] == lang):
                    # zh and zh-Hans stand before zh-Hant
                    found.append(
                        (not tag, rank, {lang: 0, "zh-hans": 1, "zh-cn": 2}.get(tag, 3), tag, str(value).strip())
                    )
        return [text for *_, text in sorted(found) if text]

    def _first(self, subject: Any, *predicates: str, lang: str = "") -> str:
        return next(iter(self._literals(subject, *predicates, lang=lang)), "")

    def _toml(self, subject: Any, what: str) -> dict[str, Any]:
        text = self._first(subject, "trackclf:toml")
        try:
            return from_toml(text)
        except ValueError as error:
            raise InputError(f"{self.name}: trackclf:toml of {what} is no TOML: {error}") from error

    def _scheme(self) -> None:
        schemes = sorted(set(self.graph.subjects(self.uri("rdf:type"), self.uri("skos:ConceptScheme"))))
        schemes.sort(key=lambda scheme: (scheme, self.uri("trackclf:toml"), None) not in self.graph)
        for scheme in schemes[1:]:
            self.out.note("other_scheme", str(scheme))
        if not schemes:
            return
        rest = self._toml(schemes[0], "the scheme")
        parts = [rest.get(key, {}) for key in ("taxonomy", "classes", "regional")]
        if not all(isinstance(part, dict) for part in parts):
            raise InputError(f"{self.name}: trackclf:toml of the scheme needs tables: taxonomy, classes, regional")
        top, self.out.classes, self.out.regional = parts
        for key, lang in (("title", "zh"), ("title_en", "en")):
            if text := self._first(schemes[0], "dct:title", "skos:prefLabel", lang=lang):
                top[key] = text
        for license in self.graph.objects(schemes[0], self.uri("dct:license")):
            top["license"] = unquote(str(license).removeprefix(SPDX))
        if version := self._first(schemes[0], "owl:versionInfo"):
            top["version"] = version
        if issued := self._first(schemes[0], "dct:issued"):
            try:
                top["date"] = datetime.date.fromisoformat(issued)
            except ValueError:
                top["date"] = issued
        first = ("schema", "version", "date", "title", "title_en", "license")
        self.out.top = {key: top[key] for key in (*(k for k in first if k in top), *(k for k in top if k not in first))}

    def _labels(self, concepts: list[Any]) -> dict[Any, dict[str, Any]]:
        """By concept: what stands in its file, but for names and links of concepts from elsewhere."""
        labels: dict[Any, dict[str, Any]] = {}
        taken: set[str] = set()
        for concept in concepts:
            notation = self._first(concept, "skos:notation")
            id = notation or unquote(re.split(r"[/#:]", str(concept).rstrip("/#"))[-1])
            if not ID.fullmatch(id):
                id = re.sub(r"[^\w-]+", "-", id).strip("-")[:80] or "concept"
            n, free = 1, id
            while free.casefold() in taken:
                n += 1
                free = f"{id}-{n}"
            if free != (notation or free):
                self.out.note("changed_id", f"{notation} = {free}")
            taken.add(free.casefold())
            types = LABEL_KEYS | {"folder": str}
            label = check_types(self._toml(concept, free), types, f"{self.name}: trackclf:toml of {free}")
            label["id"] = free
            for key, predicate, lang in (
                ("name", "skos:prefLabel", "zh"),
                ("name_en", "skos:prefLabel", "en"),
                ("definition", "skos:definition", "zh"),
                ("definition_en", "skos:definition", "en"),
                ("source", "dct:source", ""),
                ("kind", "trackclf:kind", ""),
                ("status", "trackclf:status", ""),
            ):
                text = self._first(concept, predicate, lang=lang)
                if key.startswith("name") and len(text) > LONGEST:
                    self.out.note("too_long", text)
                elif text:
                    label[key] = text
            if "name" not in label and "name_en" not in label:
                label["name"] = next((t for t in self._literals(concept, "skos:prefLabel") if len(t) <= LONGEST), free)
                self.out.note("no_name", free)
            for key, predicate in (("present", "xkos:inclusionNote"), ("absent", "xkos:exclusionNote")):
                label[key] = [line for text in self._literals(concept, predicate) for line in re.split(r"\r?\n", text)]
            if self._first(concept, "owl:deprecated").lower() in ("true", "1"):
                label["status"] = "retired"
            label.setdefault("source", str(concept))
            labels[concept] = label
        # Labels of our own come in their order, others behind them.
        kinds = list(kinds_of(self.out.top))

        def place(pair: tuple[Any, dict[str, Any]]) -> tuple[int, float]:
            kind, order = pair[1].get("kind", kinds[0]), pair[1].get("order")
            return kinds.index(kind) if kind in kinds else len(kinds), order if isinstance(order, int) else float("inf")

        return dict(sorted(labels.items(), key=place))

    def _names(self, labels: dict[Any, dict[str, Any]]) -> None:
        """Terms: of our own labels as they are, but for names that were added or taken away since; of others from their names."""
        own = [label for label in labels.values() if "terms" in label]
        for label in own:
            self._check_terms(label, {other["id"] for other in own})
        expected = plain_names(own)
        by_id = {label["id"]: label for label in own}
        homes: dict[str, tuple[str, dict[str, Any]]] = {}
        for label in own:
            for item in label["terms"]:
                if item["k"] != "not":
                    homes.setdefault(cue_key(parse_cue(item["t"])), (label["id"], item))
        for concept, label in labels.items():
            found = dict(self._candidates(concept))
            for text, home in expected.get(label["id"], {}).items():
                if text not in found and text not in (label.get("name"), label.get("name_en")):
                    self.out.note("taken_away", f"{label['id']}: {text}")
                    _take_away(by_id[home]["terms"], text, label["id"], home)
        fresh = [
            (kind != "core", label, text, kind)
            for concept, label in labels.items()
            for text, kind in self._candidates(concept)
            if text not in expected.get(label["id"], {}) and not (kind == "core" and "terms" in label)
        ]
        for label in labels.values():
            label.setdefault("terms", [])
        for predicate in ("skos:prefLabel", "skos:altLabel", "skos:hiddenLabel"):
            for concept, value in self.graph.subject_objects(self.uri(predicate)):
                language = getattr(value, "language", None) or "zh"
                if concept in labels and language.split("-")[0].lower() not in ("zh", "en"):
                    self.out.note("other_language", f"{value}@{language}")
        for _, label, text, kind in sorted(fresh, key=lambda row: row[0]):
            self._add(label, text, kind, homes)

    def _check_terms(self, label: dict[str, Any], ids: set[str]) -> None:
        """Whether terms can be compared with names at all; `check` finds what else is wrong with them."""
        try:
            for item in label["terms"]:
                parse_cue(item["t"])
                is_plain(item)
                if not set(item.get("also", ())) <= ids:
                    raise ValueError(f"also = {item['also']}, which are not all ids of this file")
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InputError(f"{self.name}: a term of {label['id']} cannot be read: {error!r}") from error

    def _candidates(self, concept: Any) -> Iterator[tuple[str, str]]:
        """Names in Chinese, English or no language, each with the kind of term that it makes."""
        for predicates, kind in ((("skos:prefLabel",), "core"), (("skos:altLabel", "skos:hiddenLabel"), "strong")):
            for lang in ("zh", "en"):
                for text in self._literals(concept, *predicates, lang=lang):
                    yield text, kind

    def _add(self, label: dict[str, Any], text: str, kind: str, homes: dict[str, tuple[str, dict[str, Any]]]) -> None:
        key = normalise(text)
        if len(text) > LONGEST:
            self.out.note("too_long", text)
        elif len(key) < 2 or PUNCTUATION.search(key) or re.search(r"[…{}]", text) or key in _denied(label):
            self.out.note("no_term", text)
        elif key not in homes:
            item = {"t": text, "k": kind}
            homes[key] = label["id"], item
            label["terms"].append(item)
            if "order" in label:
                self.out.note("added", f"{label['id']}: {text}")
        elif homes[key][0] != label["id"]:
            also = homes[key][1].setdefault("also", [])
            if label["id"] not in also:
                also.append(label["id"])

    def _links(self, labels: dict[Any, dict[str, Any]]) -> None:
        broader: dict[Any, Any] = {}
        for concept, label in labels.items():
            related = set(self.graph.objects(concept, self.uri("skos:related")))
            ids = [other["id"] for uri, other in labels.items() if uri in related and uri != concept]
            before = label.get("related", [])  # the order as it was; additions behind
            label["related"] = [id for id in before if id in ids] + [id for id in ids if id not in before]
            above = set(self.graph.objects(concept, self.uri("skos:broader")))
            above |= set(self.graph.subjects(self.uri("skos:narrower"), concept))
            for uri in sorted(
                uri for uri in above if labels.get(uri, {"status": "retired"}).get("status") == "retired"
            ):
                self.out.note("no_concept", f"{label['id']}: {uri}")
            known = [uri for uri in labels if uri in above and labels[uri].get("status") != "retired"]
            for uri in known[1:]:
                self.out.note("second_parent", f"{label['id']}: {labels[uri]['id']}")
            if known:
                broader[concept] = known[0]
        for concept in list(broader):
            seen, at = {concept}, broader[concept]
            while at in broader and at not in seen:
                seen.add(at)
                at = broader[at]
            if at == concept:
                self.out.note("circle", f"{labels[concept]['id']}: {labels[broader.pop(concept)]['id']}")
        for concept, above in broader.items():
            labels[concept]["parent"] = labels[above]["id"]


def _denied(label: dict[str, Any]) -> set[str]:
    return {cue_key(parse_cue(item["t"])) for item in label["terms"] if item["k"] == "not"}


def _take_away(terms: list[dict[str, Any]], text: str, id: str, home: str) -> None:
    """A name that was taken from a concept: its term goes, or counts no longer for that label."""
    for item in [item for item in terms if item["t"].strip() == text and is_plain(item)]:
        if id == home:
            terms.remove(item)
        else:
            item["also"] = [other for other in item["also"] if other != id]
            if not item["also"]:
                del item["also"]
