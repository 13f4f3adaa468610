"""The page of real images says what its committed tables say, and what was not run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from satsr.book.real_page import real_page


def write(root: Path, name: str, **columns: object) -> None:
    path = root / "results" / "real" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_csv(path, index=False)


def test_a_run_is_shown_as_far_as_it_went(tmp_path: Path) -> None:
    assert real_page(tmp_path) == "Not run yet: `make real`.\n"
    sizes = {"low": [0.1], "high": [0.9], "images": [8], "regions": [4]}
    main = {"method": ["esrgan"], "metric": ["psnr"], "protocol": ["corrected"], "mean": [21.25]}
    write(tmp_path, "data/s2naip/main.csv", **main, **sizes)
    assert "21.25" in real_page(tmp_path)
    assert "Scenes told apart" not in real_page(tmp_path)
    own = {"encoder": ["CLIP of HR"], "probe": ["linear"], "share": [1.0], "labels": [630], "accuracy": [0.5125]}
    write(tmp_path, "studies/transfer/accuracies.csv", **own, **sizes, seeds=[2])
    said = {"decision": "not run in this profile", "inputs": "reproduced: no output is shown to beat LR"}
    (tmp_path / "results/real/studies/transfer/decision.json").write_text(json.dumps(said))
    page = real_page(tmp_path)
    assert "**Verdict on outputs as inputs, by rule:** reproduced: no output is shown to beat LR." in page
    assert "CLIP of HR" in page
    assert "0.512" in page
