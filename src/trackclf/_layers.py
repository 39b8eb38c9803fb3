"""A taxonomy on top of another: what it extends, kinds of label, parents, and all of it merged as one.

`extends` in `taxonomy.toml` names the taxonomy below, a folder or "shipped". Only folders hold it together: what is
merged here is what stands in the files, so that all else sees one taxonomy.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trackclf import _resources
from trackclf._setting_faults import hint
from trackclf._taxonomy_faults import but_order, faults
from trackclf._taxonomy_files import (
    CANDIDATES,
    DEFAULT_PAIRS,
    VOICES,
    Files,
    cue_key,
    kind_by_folder,
    kinds_of,
    label_files,
    parse,
    parse_cue,
    parse_top,
    part,
    short_name,
    sort_key,
)
from trackclf.errors import TaxonomyError

SHIPPED = "shipped"


def folders(folder: Path) -> list[Path]:
    """All folders that a taxonomy consists of: what it extends, from the bottom up, then its own.

    Raises
    ------
    TaxonomyError
        One is no taxonomy, or extends itself.
    """
    chain = [folder]
    while True:
        below = _below(chain[-1], next(iter(parse_top(chain[-1])[0].values()), {}))
        if below is None:
            return chain[::-1]
        if any(below.resolve() == other.resolve() for other in chain):
            raise TaxonomyError(
                f"{chain[-1]}: extends = ... leads in a circle to {below}; a taxonomy cannot extend itself"
            )
        if not (below / "taxonomy.toml").is_file():
            raise TaxonomyError(f"{chain[-1]}: extends names {below}, which is no taxonomy: it has no taxonomy.toml")
        chain.append(below)


def _below(folder: Path, top: dict[str, Any]) -> Path | None:
    name = top.get("extends")
    if not isinstance(name, str):
        return None
    return _resources.taxonomy_dir() if name == SHIPPED else folder / name


def read(folder: Path) -> tuple[Files, list[str]]:
    """All files of a taxonomy merged with what it extends, and every fault; without a fault, the files are whole.

    The shipped taxonomy is taken as it is.
    """
    base: Files = {}
    wrong: list[str] = []
    for place in folders(folder):
        own, broken = parse(place, kinds_of(part(base, "taxonomy.toml")) if base else None)
        if base or place != _resources.taxonomy_dir() or place == folder:
            broken += faults(own, base)
        if not but_order(broken):
            own = merge(base, own)
            broken += parent_faults(own, place)
        wrong += broken if place == folder else [f"{place}: {fault}" for fault in broken]
        if but_order(broken):
            return own, wrong
        base = own
    return base, wrong


def parent_faults(files: Files, folder: Path) -> Iterator[str]:
    """Faults of `parent` in the files of a folder, once all is merged."""
    labels = {data["id"]: data for _, data in label_files(files)}
    own = {data["id"]: path for path, data in label_files(files) if path.parent.parent == folder}
    for path, data in label_files(files):
        if "parent" not in data or data["status"] == "retired":
            continue
        id = data["parent"]
        name, parent = short_name(path), labels.get(id)
        if data["id"] not in own:
            if id in own and labels[id]["status"] == "retired":
                yield f"{short_name(own[id])}: retired, but it is the parent of {data['id']!r}; give that another parent"
        elif parent is None:
            yield f"{name}: parent {id!r} is no label's id{hint(id, labels)}"
        elif parent["kind"] != data["kind"]:
            yield f"{name}: parent {id!r} is a {parent['kind']}; it must be a {data['kind']} too"
        elif parent["status"] == "retired":
            yield f"{name}: parent {id!r} is retired"
        else:
            seen = {data["id"]}
            while id in labels and id not in seen:
                seen.add(id)
                id = labels[id].get("parent")
            if id == data["id"]:
                yield f"{name}: parent leads in a circle: {' > '.join([*seen, id])}"


def merge(base: Files, own: Files) -> Files:
    """One taxonomy of two: `own` adds to `base`, takes terms away (`remove`), and its values stand before base's."""
    folder = next(iter(own)).parent
    top, below = part(own, "taxonomy.toml"), part(base, "taxonomy.toml")
    kinds = kinds_of(top, kinds_of(below) if base else None)
    whole = below | top | {"kinds": kinds}
    whole["pairs"] = whole.get("pairs") or [couple for couple in DEFAULT_PAIRS if {*couple} <= {*kinds}]
    whole["prior"] = dict(below.get("prior", {}))
    for kind, values in top.get("prior", {}).items():
        whole["prior"][kind] = whole["prior"].get(kind, {}) | values
    for name, sides in VOICES.items():
        said, more = below.get(name, {}), top.get(name, {})
        whole[name] = said | more | {side: [*said.get(side, ()), *more.get(side, ())] for side in sides}
    classes = {name: dict(item) for name, item in part(base, "classes.toml").items()}
    for name, item in part(own, "classes.toml").items():
        known = classes.get(name, {"terms": []})
        terms = list(dict.fromkeys([*known["terms"], *item["terms"]]))
        classes[name] = known | item | {"terms": terms}
    words = part(base, "regional.toml").get("words", {}) | part(own, "regional.toml").get("words", {})
    out: Files = {
        folder / "taxonomy.toml": whole,
        folder / "classes.toml": classes,
        folder / "regional.toml": {"words": words},
    }
    labels = {data["id"]: (path, data) for path, data in label_files(base)}
    folders = kind_by_folder(kinds)
    if "active" in below and "active" not in top:  # what is added is active
        first = folders[CANDIDATES]
        added = [
            d["id"] for p, d in label_files(own) if folders[p.parent.name] == first and p.parent.name != CANDIDATES
        ]
        whole["active"] = list(dict.fromkeys([*below["active"], *added]))
    for path, data in label_files(own):
        before = labels.get(data["id"], (path, {}))[1]
        gone = {cue_key(parse_cue(text)) for text in data.get("remove", ())}
        kept = [item for item in before.get("terms", ()) if not gone or cue_key(parse_cue(item["t"])) not in gone]
        terms = [*kept, *data.get("terms", ())]
        if kept and "terms" in data:
            terms.sort(key=sort_key)
        data = {"kind": folders[path.parent.name]} | before | data | {"terms": terms}
        labels[data["id"]] = path, data
    return out | dict(labels.values())
