"""Window sums and window products over many displacements at once, exact in float64."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Columns per block of `correlate`: wide enough for fast matrix products, narrow enough that few of
# their entries lie outside the wanted diagonals.
BLOCK_PX = 32


def window_sums(images: Tensor, offsets_px: list[int], trim_px: int) -> Tensor:
    """Sum images over windows of (H - trim_px, W - trim_px), by an integral image.

    Args:
        images: (N, C, H, W).
        offsets_px: P offsets of the window's first row, and the same for its first column.
        trim_px: by how much the window is smaller than the image.

    Returns:
        (N, C, P, P), over row offsets and column offsets.
    """
    height, width = (size - trim_px for size in images.shape[-2:])
    integral = F.pad(images, (1, 0, 1, 0)).cumsum(dim=-1).cumsum(dim=-2)
    start = torch.tensor(offsets_px, device=images.device)
    rows = integral[..., start + height, :] - integral[..., start, :]
    return rows[..., start + width] - rows[..., start]


def correlate(x: Tensor, y: Tensor, offsets_px: list[tuple[int, int]], trim_px: int) -> Tensor:
    """Sum products of displaced windows of (H - trim_px, W - trim_px).

    Entry (i, j) is the sum of x * y over the window that starts in row a, column b of x and in row a',
    column b' of y, where (a, a') = offsets_px[i] and (b, b') = offsets_px[j]. For one pair of rows, the
    product of the transposed window of x with that of y holds every column displacement as a diagonal, so
    matrix products of column blocks replace P * P passes over the images.

    Args:
        x: float64 (N, C, H, W).
        y: the same shape.
        offsets_px: P pairs (offset in x, offset in y), rows and columns alike.
        trim_px: by how much the windows are smaller than the images.

    Returns:
        float64 (N, C, P, P).
    """
    height, width = (size - trim_px for size in x.shape[-2:])
    reach_px = max(abs(a - b) for a, b in offsets_px)
    x_blocks = _column_blocks(x, 0)  # (N, C, blocks, H, BLOCK_PX)
    y_blocks = _column_blocks(y, reach_px)  # (N, C, blocks, H, BLOCK_PX + 2 * reach_px)
    rows = []
    for a, b in offsets_px:
        gram = x_blocks[..., a : a + height, :].mT @ y_blocks[..., b : b + height, :]
        rows.append(_sum_diagonals(gram, offsets_px, reach_px, width))
    return torch.stack(rows, dim=-2)


def _column_blocks(images: Tensor, reach_px: int) -> Tensor:
    fill_px = -images.shape[-1] % BLOCK_PX
    padded = F.pad(images, (reach_px, reach_px + fill_px))
    blocks = padded.unfold(-1, BLOCK_PX + 2 * reach_px, BLOCK_PX)  # (N, C, H, blocks, px)
    return blocks.transpose(-3, -2).contiguous()


def _sum_diagonals(gram: Tensor, offsets_px: list[tuple[int, int]], reach_px: int, width: int) -> Tensor:
    sums = []
    for a, b in offsets_px:
        by_column = gram.diagonal(reach_px + b - a, dim1=-2, dim2=-1).flatten(-2)  # (N, C, columns of x)
        sums.append(by_column[..., a : a + width].sum(dim=-1))
    return torch.stack(sums, dim=-1)
