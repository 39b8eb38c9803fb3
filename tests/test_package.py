"""The package works the same from a wheel, from an sdist, from a bare copy of the files, and from the tree."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest
from conftest import ROOT

TEXT = "本市前瞻布局脑机接口产业。"
CODE = f"import json, trackclf; print(json.dumps([trackclf.__file__, trackclf.tag({TEXT!r}).to_dict()]))"


def run(*args, cwd, **env):
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(a) for a in args], cwd=cwd, env=clean | env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The files alone, as a zip download has them: no git metadata."""
    target = tmp_path_factory.mktemp("copy") / "trackclf"
    ignore = shutil.ignore_patterns(".git", ".venv*", "__pycache__", "dist", ".*_cache", ".hypothesis", "mutants")
    shutil.copytree(ROOT, target, ignore=ignore)
    return target


@pytest.fixture(scope="module")
def built(copy, tmp_path_factory):
    """An sdist, and a wheel built from that sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "-o", out, cwd=copy)
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


def expected():
    from trackclf import tag

    return tag(TEXT).to_dict()


def test_wheel_installed_elsewhere(built, tmp_path):
    wheel, _ = built
    venv.create(tmp_path / "env", with_pip=True, system_site_packages=False)
    python = tmp_path / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--no-deps", "--no-index", wheel, cwd=tmp_path)
    numpy = next(p for p in sys.path if os.path.isdir(os.path.join(p, "numpy")))
    (tmp_path / "deps").mkdir()
    for name in os.listdir(numpy):
        if name.startswith("numpy"):
            (tmp_path / "deps" / name).symlink_to(os.path.join(numpy, name))
    where, result = json.loads(run(python, "-c", CODE, cwd=tmp_path, PYTHONPATH=str(tmp_path / "deps")))
    assert where.startswith(str(tmp_path))
    assert result == expected()
    script = tmp_path / "env" / "bin" / "trackclf"
    shown = run(script, "tag", "--to", "jsonl", "--text", TEXT, cwd=tmp_path, PYTHONPATH=str(tmp_path / "deps"))
    assert json.loads(shown)["tracks"][0]["id"] == "bci"


def test_wheel_holds_what_it_needs_and_no_more(built):
    wheel, _ = built
    names = zipfile.ZipFile(wheel).namelist()
    inside = {name.removeprefix("trackclf/") for name in names if name.startswith("trackclf/")}
    assert {
        "py.typed",
        "data/characters.json",
        "data/report.css",
        "data/report.js",
        "data/report_list.js",
        "data/report_overview.js",
        "data/review.css",
        "data/review.js",
        "taxonomy/taxonomy.toml",
        "taxonomy/tracks/quantum.toml",
    } <= inside
    assert sum(name.startswith("taxonomy/tracks/") for name in inside) == 15
    assert not any("make_" in name or name.startswith("tests") for name in names)
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_bare_files_work(copy):
    where, result = json.loads(run(sys.executable, "-S", "-c", _bare(), cwd=copy, PYTHONPATH=_paths(copy)))
    assert where.startswith(str(copy))
    assert result == expected()


def _bare():
    return CODE


def _paths(copy):
    numpy = next(p for p in sys.path if os.path.isdir(os.path.join(p, "numpy")))
    return os.pathsep.join([str(copy / "src"), numpy])
