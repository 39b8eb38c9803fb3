"""Damage and hostile folders: loading answers with ModelError, or gives what can be used; nothing else.

The suite runs a few hundred; `make fuzz` mutates such folders for longer.
"""

import copy
import io
import json
import warnings
import zipfile

import numpy as np
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from trackclf import ModelError, Tagger, TrackClassifier, _store
from trackclf._classifier_store import FITTED
from trackclf._saving import TAXONOMY
from trackclf._weights import SPEC, Weights

TEXTS = ["公司暂无量子计算业务。由旧向新转型,产业升级。", "芯片与计算机,6G large model 天算", ""]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from([10**400, "core"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def some_weights(ids):
    """Weights of every sort, for small taxonomies."""
    sizes = {"labels": len(ids), "terms": 2, "learned": 3, "texts": 6}
    arrays = {}
    for n, (name, (dtype, shape)) in enumerate(SPEC.items()):
        size = [sizes.get(dim, dim) for dim in shape]
        arrays[name] = np.arange(np.prod(size), dtype="f8").reshape(size) % (n + 2) / 4
        arrays[name] = arrays[name].astype(dtype)
    arrays["term"] = np.array(["6G", "芯片"])
    arrays["term_label"] = np.array([0, 1])
    arrays["learned"], arrays["learned_label"] = np.array(["公司", "旧向", "与计"]), np.array([0, 2, 1])
    arrays["kind_weight"] += 2
    for name, value in {"slope": 1, "bias": -2, "gate": 0.25, "gate_alone": 4, "intercept": 0}.items():
        arrays[name][:] = value
    return Weights(**arrays, manifest={"labels": list(ids), "measured": {"f1": 0.5}})


def members_of(blob):
    """Names and bytes of an archive's members."""
    with zipfile.ZipFile(io.BytesIO(blob)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def pack(members, method=zipfile.ZIP_DEFLATED):
    """An archive of any members, of one name too."""
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")  # a name that stands twice
        for name, raw in members:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), raw, method)
    return out.getvalue()


def npy(array, version=(1, 0), **options):
    """An array as it stands in an archive."""
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version, **options)
    return out.getvalue()


def sign(folder, manifest, blob):
    """Write a folder whose digests are right, whatever it holds."""
    digest = _store.hashlib.sha256(blob).hexdigest()
    manifest = {**manifest, "files": {_store._archive_name(digest): digest}}
    manifest.pop("sha256", None)
    manifest["sha256"] = _store._digest(manifest)
    folder.mkdir(exist_ok=True)
    (folder / _store._archive_name(digest)).write_bytes(blob)
    (folder / _store.MANIFEST).write_bytes(json.dumps(manifest).encode())


def read(folder):
    """Manifest, name of the archive, its bytes."""
    (path,) = folder.glob("*.npz")
    return json.loads((folder / _store.MANIFEST).read_bytes()), path.name, path.read_bytes()


@st.composite
def harmed(draw, blob):
    """Bytes cut, flipped, overwritten or moved."""
    how = draw(st.sampled_from(["cut", "flip", "fill", "insert", "drop"]))
    at = draw(st.integers(0, len(blob) - 1))
    size = draw(st.integers(1, 64))
    some = draw(st.binary(min_size=1, max_size=8))
    return {
        "cut": blob[:at],
        "flip": blob[:at] + bytes([blob[at] ^ 1 << size % 8]) + blob[at + 1 :],
        "fill": blob[:at] + some + blob[at + len(some) :],
        "insert": blob[:at] + some + blob[at:],
        "drop": blob[:at] + blob[at + size :],
    }[how]


def nodes(value, path=()):
    """Paths to every value inside JSON."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from nodes(item, (*path, key))


@st.composite
def mangled(draw, value):
    """JSON with a few values replaced, removed or doubled."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from([path for path in nodes(value) if path] or [()]))
        if not path:
            return draw(JSON)
        parent = value
        for key in path[:-1]:
            parent = parent[key]
        how = draw(st.sampled_from(["replace", "remove", "double", "swap"]))
        if how == "remove":
            del parent[path[-1]]
        elif how == "double" and isinstance(parent, list):
            parent.append(parent[path[-1]])
        elif how == "swap":
            other = draw(st.sampled_from([path for path in nodes(value) if path]))
            found = value
            for key in other:
                found = found[key]
            parent[path[-1]] = copy.deepcopy(found)
        else:
            parent[path[-1]] = draw(JSON)
    return value


@st.composite
def odd_array(draw, array):
    """An array of another dtype, shape, order or content, as bytes."""
    how = draw(st.sampled_from(["object", "dtype", "shape", "nan", "fortran", "version", "huge", "header", "number"]))
    if how == "object":
        return npy(np.array([array.shape, None], object), allow_pickle=True)
    if how == "dtype":
        kind = draw(st.sampled_from(["f2", "i4", "u8", "c16", "S3", "U9", "?", "M8[s]", "V4", "i8,f8"]))
        return npy(np.zeros(array.shape, kind))
    if how == "shape":
        return npy(np.zeros(draw(st.lists(st.integers(0, 5), max_size=3)), array.dtype))
    if how == "fortran":
        return npy(np.asfortranarray(np.ones((2, 3))))
    if how == "version":
        return npy(array, draw(st.sampled_from([(2, 0), (3, 0)])))
    if how == "header":
        return draw(harmed(npy(array)[:140])) + npy(array)[140:]
    if how == "huge":
        size = draw(st.sampled_from([10**9, 10**18, 10**30, -1, 2**63]))
        return npy(array).replace(b"'shape': (", f"'shape': ({size}, ".encode())
    array = array.copy()
    if array.size:
        if array.dtype.kind == "U":
            array.reshape(-1).view(np.uint32)[0] = draw(st.integers(0, 2**32 - 1))
        elif array.dtype.kind == "f":
            array.flat[0] = np.nan if how == "nan" else draw(st.floats(width=32))
        else:
            array.flat[0] = draw(st.integers(0, 127))
    return npy(array)


@st.composite
def hostile(draw, wholes, folder):
    """Write a damaged or hostile folder; its sort, and whether nothing but the layout of the manifest can differ."""
    (manifest, name, blob), other = draw(st.permutations(wholes))[:2]
    sort = draw(st.sampled_from(["damage", "swap", "archive", "member", "names", "bomb", "facts", "json", "taxonomy"]))
    members = members_of(blob)
    at = draw(st.integers(0, len(members) - 1))
    if sort in ("damage", "swap"):
        folder.mkdir(exist_ok=True)
        head = json.dumps(manifest).encode()
        which = draw(st.booleans())
        if sort == "swap":
            blob = other[2]
        elif which:
            head = draw(harmed(head))
        else:
            blob = draw(harmed(blob))
        (folder / name).write_bytes(blob)
        (folder / _store.MANIFEST).write_bytes(head)
        return sort
    if sort == "archive":
        blob = draw(harmed(blob))
    elif sort == "member":
        spec = {"taxonomy": TAXONOMY, **SPEC, **FITTED}
        array = np.load(io.BytesIO(members[at][1]), allow_pickle=False)
        assert members[at][0].removesuffix(".npy") in spec
        members[at] = members[at][0], draw(odd_array(array))
        blob = pack(members, draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])))
    elif sort == "names":
        names = [
            "../bias.npy",
            "/etc/passwd",
            "bias.npy",
            "..\\bias.npy",
            "x.npy",
            "",
            "bias",
            "C:\\x.npy",
            "bias.npy/",
        ]
        how = draw(st.sampled_from(["add", "double", "lose", "rename"]))
        new = draw(st.sampled_from(names)), members[at][1]
        if how == "add":
            members.append(new)
        elif how == "double":
            members.append(members[at])
        elif how == "lose":
            del members[at]
        else:
            members[at] = new
        blob = pack(members)
    elif sort == "bomb":
        raw = members[at][1]
        members[at] = members[at][0], raw + bytes(draw(st.sampled_from([1, 1 << 20, 1 << 24])))
        blob = pack(members)
        if draw(st.booleans()):  # a size that lies
            full, said = len(members[at][1]).to_bytes(4, "little"), len(raw).to_bytes(4, "little")
            blob = blob.replace(full, draw(st.sampled_from([said, b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"])))
    elif sort == "facts":
        kind, manifest = manifest["kind"], draw(mangled(manifest))
        if not isinstance(manifest, dict):
            manifest = {"format": _store.FORMAT, "kind": kind, "facts": manifest}
    elif sort == "json":
        folder.mkdir(exist_ok=True)
        deep = draw(st.sampled_from([10, 1000, 100_000]))
        pairs = ["[" * deep, "[" * deep + "]" * deep, '{"a":' * deep + "1" + "}" * deep, "9" * deep, "-1e" + "9" * deep]
        value = draw(st.sampled_from(pairs))
        facts = json.dumps(manifest)[:-1]
        text = draw(st.sampled_from([value, f'{facts}, "x": {value}}}', f'{facts}, "format": {value}}}']))
        (folder / name).write_bytes(blob)
        (folder / _store.MANIFEST).write_text(text)
        return sort
    else:
        place = [name for name, _ in members].index("taxonomy.npy")
        raw = np.load(io.BytesIO(members[place][1]), allow_pickle=False).tobytes()
        raw = json.dumps(draw(mangled(json.loads(raw)))).encode() if draw(st.integers(0, 9)) else draw(harmed(raw))
        members[place] = "taxonomy.npy", npy(np.frombuffer(raw, np.uint8))
        blob = pack(members)
    sign(folder, manifest, blob)
    return sort


def mark(loaded):
    """What tells a tagger or a classifier from another."""
    return loaded.stamp if isinstance(loaded, Tagger) else loaded.coef_.tobytes()


def check(data, wholes, marks, folder, seen):
    """One hostile folder."""
    kind = wholes[0][0]["kind"]
    for path in folder.glob("*"):
        path.unlink()
    sort = data.draw(hostile(wholes, folder))
    try:
        loaded = use(folder, kind)
    except ModelError as error:
        assert str(folder) in str(error)
        seen[kind, sort, "refused"] += 1
        return
    seen[kind, sort, "read"] += 1
    if sort in ("damage", "swap"):
        assert mark(loaded) in marks


def use(folder, kind):
    """What a folder holds, loaded and used."""
    loaded = {"tagger": Tagger, "classifier": TrackClassifier}[kind].load(folder)
    if kind == "classifier":
        shape = len(TEXTS), len(loaded.classes_)
        assert loaded.predict(TEXTS).shape == loaded.predict_proba(TEXTS).shape == shape
        assert len(loaded.get_feature_names_out()) == loaded.coef_.shape[1]
    else:
        for result in loaded.tag_many(TEXTS):
            result.to_dict()
    return loaded


def make(folder, taxonomy):
    """Two whole taggers and two classifiers: of each kind what `read` gives, and their marks."""
    weights = some_weights([label.id for label in taxonomy.labels])
    y = [["new"], ["new"], [], []]
    made = [
        [Tagger(taxonomy, weights=None), Tagger(taxonomy, "recall>=0.5", weights)],
        [
            TrackClassifier(taxonomy, None).fit(["甲乙丙", "甲乙丁", "戊己庚", "6G"], y),
            TrackClassifier(taxonomy, weights, labels=["new", "a"]).fit([*TEXTS, "芯片"], y),
        ],
    ]
    for kind, objects in enumerate(made):
        for n, one in enumerate(objects):
            one.save(folder / f"{kind}{n}")
    return [([read(folder / f"{kind}{n}") for n in range(2)], list(map(mark, made[kind]))) for kind in range(2)]


def fuzz(wholes, marks, folder, examples, start, seen):
    """Run `check` on some examples."""

    @seed(start)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def run(data):
        check(data, wholes, marks, folder, seen)

    run()
