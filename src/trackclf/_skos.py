"""Taxonomies as SKOS, in Turtle and JSON-LD, by rdflib.

What SKOS has a word for is said in SKOS, and read from there; the rest is TOML in one literal a resource (`trackclf:toml`).
"""

import json
import re
from typing import Any
from urllib.parse import quote

from trackclf._exchange import Content, to_toml
from trackclf._taxonomy_files import parse_cue
from trackclf.errors import InputError

BASE = "urn:trackclf:taxonomy:"
PREFIXES = {
    "dct": "http://purl.org/dc/terms/",
    "owl": "http://www.w3.org/2002/07/owl#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "trackclf": "urn:trackclf:vocabulary#",
    "xkos": "http://rdf-vocabulary.ddialliance.org/xkos#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
SPDX = "https://spdx.org/licenses/"
# Keys of a label file and of taxonomy.toml that are said in SKOS or Dublin Core.
_SAID = {"id", "kind", "name", "name_en", "status", "source", "definition", "definition_en", "present", "absent"}
_SAID |= {"parent"}
_SAID_TOP = {"version", "date", "title", "title_en", "license"}


def new_graph() -> tuple[Any, Any]:
    """An empty graph, and a function from `prefix:name` to a URI."""
    try:
        from rdflib import Graph, URIRef
    except ImportError as error:
        raise InputError('SKOS needs rdflib: pip install "trackclf[skos]"') from error
    graph = Graph(bind_namespaces="none")
    for prefix, uri in PREFIXES.items():
        graph.bind(prefix, uri)

    def name(short: str) -> URIRef:
        prefix, _, local = short.partition(":")
        return URIRef(PREFIXES[prefix] + local)

    return graph, name


def to_skos(content: Content, to: str, base: str = BASE) -> str:
    """A taxonomy as SKOS: the same input gives the same bytes.

    Parameters
    ----------
    to : str
        "turtle" or "jsonld".
    base : str
        A label's URI is this and its id; without its last `/`, `#` or `:` it is the scheme's.

    Raises
    ------
    InputError
        rdflib is not installed, or `base` is no URI.
    """
    graph, name = new_graph()
    from rdflib import XSD, Literal, URIRef

    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+[/#:]", base):
        raise InputError(f"--base {base!r} is no URI that ends in /, # or :")

    def add(subject: Any, predicate: str, *objects: Any) -> None:
        for value in objects:
            graph.add((subject, name(predicate), value))

    def texts(data: dict[str, Any], key: str) -> list[Any]:
        pairs = ((data.get(key), "zh"), (data.get(f"{key}_en"), "en"))
        return [Literal(text, lang=lang) for text, lang in pairs if text]

    top, scheme = content.top, URIRef(base[:-1])
    add(scheme, "rdf:type", name("skos:ConceptScheme"))
    add(scheme, "dct:title", *texts(top, "title"))
    add(scheme, "skos:prefLabel", *texts(top, "title"))  # Skosify looks for the scheme's name there
    add(scheme, "owl:versionInfo", Literal(top["version"]))
    add(scheme, "dct:issued", Literal(top["date"]))
    if license := top.get("license"):
        add(scheme, "dct:license", URIRef(license if "://" in license else SPDX + quote(license)))
    rest = {"taxonomy": {key: value for key, value in top.items() if key not in _SAID_TOP}}
    rest |= {"classes": content.classes} if content.classes else {}
    rest |= {"regional": content.regional} if content.regional else {}
    add(scheme, "trackclf:toml", Literal(to_toml(rest)))

    uris = {label["id"]: URIRef(base + quote(label["id"], safe="")) for label in content.labels}
    names = plain_names(content.labels)
    for label in content.labels:
        concept = uris[label["id"]]
        add(concept, "rdf:type", name("skos:Concept"))
        add(concept, "skos:inScheme", scheme)
        add(concept, "skos:notation", Literal(label["id"]))
        add(concept, "skos:prefLabel", *texts(label, "name"))
        add(concept, "skos:definition", *texts(label, "definition"))
        add(concept, "dct:source", Literal(label["source"], lang="zh"))
        add(concept, "trackclf:kind", Literal(label["kind"]))
        add(concept, "trackclf:status", Literal(label["status"]))
        if label["status"] == "retired":
            add(concept, "owl:deprecated", Literal("true", datatype=XSD.boolean))
        for key, note in (("present", "inclusion"), ("absent", "exclusion")):
            if label[key]:
                add(concept, f"xkos:{note}Note", Literal("\n".join(label[key]), lang="zh"))
        add(concept, "skos:related", *(uris[id] for id in label["related"] if id in uris))
        if label.get("parent") in uris:
            add(concept, "skos:broader", uris[label["parent"]])
        else:
            add(concept, "skos:topConceptOf", scheme)
            add(scheme, "skos:hasTopConcept", concept)
        said = {label["name"], label["name_en"]}
        for text in names[label["id"]].keys() - said:
            add(concept, "skos:altLabel", Literal(text, lang="en" if text.isascii() else "zh"))
        more = {key: label[key] for key in label if key not in _SAID}
        add(concept, "trackclf:toml", Literal(to_toml(more)))
    if to == "turtle":
        return str(graph.serialize(format="turtle"))
    context: dict[str, Any] = {prefix: uri for prefix, uri in PREFIXES.items() if prefix != "xsd"}
    for key in ("dct:title", "skos:prefLabel", "skos:altLabel", "skos:definition"):
        context[key.split(":")[1]] = {"@id": key, "@container": "@language"}
    document = _in_order(json.loads(graph.serialize(format="json-ld", context=context)))
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def _in_order(value: Any) -> Any:
    """JSON-LD whose sets are sorted, so that it does not change from run to run."""
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return sorted(map(_in_order, value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def is_plain(item: dict[str, Any]) -> bool:
    """Whether a term is a name that stands by itself: no gap, class or condition, and neither weak nor a denial."""
    if item["k"] in ("weak", "not") or item.get("near") or item.get("far"):
        return False
    slots = parse_cue(item["t"])
    return len(slots) == 1 and not slots[0].word_class


def plain_names(labels: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """By label: plain names as written, to the id of the label whose file has them."""
    names: dict[str, dict[str, str]] = {label["id"]: {} for label in labels}
    for label in labels:
        for item in label["terms"]:
            if is_plain(item):
                for id in (label["id"], *item.get("also", ())):
                    names[id].setdefault(item["t"].strip(), label["id"])
    return names
