import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from trackclf import Tagger, _short, load_taxonomy

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

settings.register_profile(
    "default", deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# For `make mutants`: the same few examples each time, and no search for the smallest that fails.
settings.register_profile(
    "mutants",
    settings.get_profile("default"),
    max_examples=25,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
)
settings.register_profile(  # make soak
    "soak", settings.get_profile("default"), max_examples=3000, suppress_health_check=list(HealthCheck), database=None
)
settings.load_profile("default")


def pytest_sessionstart():
    """Under mutation each mutant runs in a fork of a process that has run before: nothing of that may be left."""
    if os.environ.get("MUTANT_UNDER_TEST"):
        for name, module in list(sys.modules.items()):
            for value in vars(module).values() if name.startswith("trackclf") else ():
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


pytest_plugins = ["browsers"]
if os.environ.get("TRACKCLF_CACHE") != "off":  # so it is under mutation: what is compiled must be compiled anew
    os.environ["TRACKCLF_CACHE"] = tempfile.mkdtemp(prefix="trackclf-test-")  # the user's own stays as it is

TOP = """
schema = 1
version = "t"
date = 2026-01-01
[prior.track]
bias = -3.0
core = 4.0
strong = 3.0
entity = 3.5
weak = 0.5
threshold = 0.0
about = 6.0
slope = 1.0
[prior.mode]
bias = -2.0
core = 3.0
strong = 2.5
entity = 2.5
weak = 0.25
threshold = 0.0
about = inf
slope = 1.0
[denial]
kinds = ["track"]
before = ["暂无", "不涉及"]
after = ["尚未开展"]
without = ["没有", "也无"]
of = ["业务", "产品"]
except = ["有没有"]
question = ["不涉及上述"]
[plan]
across = ["mode"]
before = ["拟", "计划"]
after = ["有望"]
except = ["行动计划", "没有望"]
[quotation]
marks = ["《》", "〈〉"]
before = ["记者问"]
asked = ["您", "记者"]
except = ["答记者问", "您好"]
"""
CLASSES = """
[industry]
description = "industries"
terms = ["产业", "产业链", "行业", "tech"]
"""
REGIONAL = """
[words]
"计算机" = "电脑"
"产业" = "業"
"芯" = "晶"
"""
TRACK = [
    '{ t = "6G", k = "core" }',
    '{ t = "large model", k = "core" }',
    '{ t = "量子", k = "core", boundary = true }',
    '{ t = "量子计算", k = "core" }',
    '{ t = "芯…量子", k = "strong" }',
    '{ t = "计算机", k = "strong", near = ["量子", "{industry}"] }',
    '{ t = "量子ai", k = "strong", also = ["b"] }',
    '{ t = "天算", k = "entity", far = ["玩具", "{industry}"] }',
    '{ t = "产业", k = "weak" }',
    '{ t = "6G内存", k = "not" }',
    '{ t = "大量子公司", k = "not" }',
    '{ t = "玩具…芯", k = "not" }',
]
OTHER = [
    '{ t = "芯片", k = "core" }',
    '{ t = "片子", k = "strong" }',
    '{ t = "算芯片", k = "strong" }',
    '{ t = "玩…芯片…片子", k = "not" }',
]
MODE = [
    '{ t = "{industry}升级", k = "core" }',
    '{ t = "培育…{track}", k = "core" }',
    '{ t = "由…向……转型", k = "core" }',
    '{ t = "{track}……{industry}", k = "strong" }',
    '{ t = "产业…升级", k = "strong" }',
    '{ t = "升级", k = "strong", near = ["{track}"] }',
    '{ t = "转型", k = "weak" }',
    '{ t = "产业链…转型", k = "not" }',
]


def label_file(id, kind, order, terms, name="标签", **changes):
    values = {
        "id": f'"{id}"',
        "kind": f'"{kind}"',
        "order": order,
        "name": f'"{name}"',
        "name_en": '"Label"',
        "status": '"named"',
        "source": '"测试"',
        "definition": '"定义"',
        "definition_en": '"Definition"',
        "present": "[]",
        "absent": "[]",
        "related": "[]",
    } | changes
    lines = [f"{key} = {value}" for key, value in values.items()]
    return "\n".join([*lines, "terms = [", *(f"  {term}," for term in terms), "]", ""])


SMALL = {
    "taxonomy.toml": TOP,
    "classes.toml": CLASSES,
    "regional.toml": REGIONAL,
    "tracks/a.toml": label_file("a", "track", 1, TRACK),
    "tracks/b.toml": label_file("b", "track", 2, OTHER),
    "modes/m.toml": label_file("m", "mode", 1, MODE),
}


def write_files(folder, files):
    """Files by their short names; returns the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def make_taxonomy(tmp_path):
    """Writes a small taxonomy folder; keyword arguments replace files by their short names."""

    def make(files=None):
        return write_files(tmp_path / "taxonomy", SMALL | (files or {}))

    return make


@pytest.fixture(scope="session")
def tagger():
    return Tagger()


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A tagger over a small taxonomy that uses every feature of the format."""
    return Tagger(load_taxonomy(write_files(tmp_path_factory.mktemp("taxonomy"), SMALL)))


@pytest.fixture
def short_at_once(monkeypatch):
    """Few characters take their own way from the first time on."""
    monkeypatch.setattr(_short, "_FIRST", 0)


@pytest.fixture
def source(tmp_path):
    """A table with a few damaged rows, in a folder of its own."""
    from test_long_runs import table

    (tmp_path / "in").mkdir()
    return table(tmp_path / "in" / "rows.csv")


@pytest.fixture
def folder(tmp_path):
    """A folder for what is written."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"
