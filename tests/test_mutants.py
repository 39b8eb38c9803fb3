"""What `make mutants` rests on; the mutants themselves take too long for the tests."""

import tomllib

import mutants
import pytest
from conftest import ROOT


def test_the_modules_and_tests_it_names_are_there():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    chosen = options["pytest_add_cli_args_test_selection"]
    files = [name.partition("::")[0] for name in chosen[: chosen.index("-k")]]
    assert all((ROOT / name).is_file() for name in [*options["only_mutate"], *files])
    text = "".join((ROOT / name).read_text("utf-8") for name in files)
    assert all(word in text for word in chosen[-1].removeprefix("not (").removesuffix(")").split(" or "))


def test_the_share_and_its_interval(capsys):
    codes = {"trackclf._text.x_a__mutmut_1": 1, "trackclf._text.x_a__mutmut_2": -24}
    codes |= {
        "trackclf._model.x_b__mutmut_1": 0,
        "trackclf._model.x_b__mutmut_2": 33,
        "trackclf._model.x_b__mutmut_3": 3,
    }
    assert mutants.report(codes) == 0.6
    said = capsys.readouterr().out
    assert [line.split() for line in said.splitlines() if line.startswith("_")] == [
        ["_model", "3", "1", "0"],
        ["_text", "2", "2", "1"],
    ]
    assert said.count("__mutmut_") == 2
    assert mutants.interval(0.5, 100) == pytest.approx([0.4038, 0.5962], abs=1e-4)
    assert mutants.interval(1, 10) == pytest.approx([0.7225, 1], abs=1e-4)
