"""Write made-up sites of SEN2VENuS (version 1), with torch.save only."""

from __future__ import annotations

from pathlib import Path

import torch

DAYS = {
    "ALSACE": ("ALSACE_32ULU_2018-07-21", 3),
    "SO2": ("SO2_31TCH_2019-02-03", 2),
    "NARYN": ("NARYN_C__43TFG_2019-07-25", 1),
}
SIDES = {"10m_b2b3b4b8": 128, "20m_b4b5b6b8a": 64, "05m_b2b3b4b8": 256, "05m_b4b5b6b8a": 256}
HEAD = ("venus_product_id", "tensor_05m_b2b3b4b8", "tensor_10m_b2b3b4b8", "s2_tile", "vns_site", "date", "nb_patches")


def tensor(group: str, patches: int) -> torch.Tensor:
    """(N, 4, side, side) int16: 1000 n + 100 c + 2 (row > 0) + (column > 0), and 5000 more for VENuS."""
    side = SIDES[group]
    number = torch.arange(patches)[:, None, None, None] * 1000
    band = torch.arange(4)[:, None, None] * 100
    row, column = torch.arange(side)[:, None] > 0, torch.arange(side) > 0
    return (number + band + 2 * row + column.int() + 5000 * group.startswith("05m")).short()


def write(folder: Path, separator: str = "\t") -> Path:
    for site, (prefix, patches) in DAYS.items():
        (folder / site).mkdir(parents=True)
        for group in SIDES:
            torch.save(tensor(group, patches), folder / site / f"{prefix}_{group}.pt")
        names = [f"{prefix}_{group}.pt" for group in ("05m_b2b3b4b8", "10m_b2b3b4b8")]
        row = ["VENUS-XS_1", *names, "32ULU", site, prefix[-10:], str(patches)]
        (folder / site / "index.csv").write_text(separator.join(HEAD) + "\n" + separator.join(row) + "\n")
    return folder
