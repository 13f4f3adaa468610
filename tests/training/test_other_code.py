"""Finished trainings and scores are found again as long as the code behind them says what it said, and no longer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from satsr.common.code import PACKAGE
from tests.made import warm_python
from tests.training.test_train import five_places

# Run in a folder that holds a copy of the package. Prints what was trained and what was scored anew.
SCRIPT = """
import contextlib, io, json, sys
from pathlib import Path
import satsr
from satsr.common.paths import Workspace
from satsr.data.data_set import main_data
from satsr.data.settings import PairSettings
from satsr.evaluation.evaluate import evaluate_once
from satsr.evaluation.settings import EvaluateSettings
from satsr.training.settings import TrainSettings
from satsr.training.train import train

assert Path(satsr.__file__).resolve().is_relative_to(Path.cwd().resolve()), satsr.__file__
data = main_data(Workspace(Path(sys.argv[1]), "test"), PairSettings(dates=3))
networks = {"esrgan": {"num_feat": 4, "num_block": 1, "num_grow_ch": 2}, "srcnn": {"hidden_channels": 16}}
scores = EvaluateSettings(metrics=("psnr",), protocols=("corrected",))
found = []
for method, network in networks.items():
    run = train(method, TrainSettings(network=network, losses={"l1": 1.0}, steps=1, batch=2), 0, data)
    with contextlib.redirect_stderr(io.StringIO()) as said:
        evaluate_once(run.model, data, scores, 0, method, {"psnr": "psnr"}, None)
    found += [f"train {method}"] * (run.samples_per_s > 0) + [f"score {method}"] * ("score" in said.getvalue())
print(json.dumps(found))
"""
EVERYTHING = ["train esrgan", "score esrgan", "train srcnn", "score srcnn"]
Edit = Callable[[str], str]  # of a module's text; none changes a number


def remarked(text: str) -> str:
    return text.replace('"""', '"""In other words: ', 1) + "\n# a remark\n"


def extended(text: str) -> str:
    return text + "\nNOBODY_READS = 1\n"


def found_anew(edits: dict[str, Edit], made: Path, folder: Path, warm: dict[str, str]) -> list[str]:
    """Return what an edited copy of the package trains and scores anew where the shipped one has done its work."""
    copy = shutil.copytree(PACKAGE, folder / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    for file, edit in edits.items():
        (copy / file).write_text(edit((copy / file).read_text()))
    command = [*warm_python.python(warm), "-c", SCRIPT, str(made)]
    done = subprocess.run(command, cwd=folder, env=warm, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, warm: dict[str, str]) -> Path:
    """The root of a profile in which the package, as it is, has trained and scored two methods."""
    root = tmp_path_factory.mktemp("finished")
    five_places(root / "made")
    assert found_anew({}, root / "made", root / "code", warm) == EVERYTHING
    return root / "made"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"models/rrdbnet.py": remarked, "training/train.py": remarked, "evaluation/evaluate.py": remarked}, []),
        (dict.fromkeys(["models/highresnet.py", "data/readers/probav.py", "data/making/main_data.py"], extended), []),
        ({"models/rrdbnet.py": extended}, ["train esrgan", "score esrgan"]),
        ({"data/readers/s2naip_folder.py": extended}, EVERYTHING),
        ({"training/losses.py": extended}, ["train esrgan", "train srcnn"]),
        ({"metrics/sam.py": extended}, ["score esrgan", "score srcnn"]),
    ],
    ids=["remarks", "code that has no part in it", "a network", "the reader", "a loss", "a metric"],
)
def test_other_code_does_its_work_anew(
    edits: dict[str, Edit], expected: list[str], finished: Path, tmp_path: Path, warm: dict[str, str]
) -> None:
    shutil.copytree(finished, tmp_path / "made")
    assert found_anew(edits, tmp_path / "made", tmp_path / "code", warm) == expected
