"""Window sums and window products over many displacements at once, exact in float64."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Columns per block of `correlate`: wide enough for fast matrix products, narrow enough that few of
# their entries lie outside the wanted diagonals.
BLOCK_PX = 24


def window_sums(images: Tensor, offsets_px: list[int], trim_px: int) -> Tensor:
    """Sum images over windows of (H - trim_px, W - trim_px).

    Args:
        images: float64 (N, C, H, W), or float32 where sums of H values are exact.
        offsets_px: P offsets of the window's first row, and the same for its first column.
        trim_px: by how much the window is smaller than the image.

    Returns:
        float64 (N, C, P, P), over row offsets and column offsets.
    """
    start = torch.tensor(offsets_px, device=images.device)
    # As two products with 0/1 matrices: several times faster than an integral image.
    rows, columns = (_inside(start, size, trim_px).to(images.dtype) for size in images.shape[-2:])
    return (rows @ images).to(torch.float64) @ columns.to(torch.float64).mT


def mean_differences(
    x: Tensor, y: Tensor, weight: Tensor | None, offsets_px: list[tuple[int, int]], trim_px: int
) -> Tensor:
    """Average x - y per band over displaced windows of (H - trim_px, W - trim_px).

    Args:
        x: (N, C, H, W).
        y: the same shape.
        weight: (N, 1, H, W), of the pixels of y, or None for equal ones.
        offsets_px: P pairs (offset in x, offset in y), rows and columns alike.
        trim_px: by how much the windows are smaller than the images.

    Returns:
        float64 (N, C, P, P); NaN where no pixel has weight.
    """
    x_offsets, y_offsets = (list(offsets) for offsets in zip(*offsets_px, strict=True))
    if weight is None:
        weight = torch.ones_like(y[:1, :1])
        sum_x, sum_y = window_sums(x, x_offsets, trim_px), window_sums(y, y_offsets, trim_px)
    else:
        # The weight stays with y, so sums of x under it change with the displacement.
        bands = [correlate(band, weight, offsets_px, trim_px) for band in x.split(1, dim=1)]
        sum_x, sum_y = torch.stack(bands, dim=1), window_sums(weight * y, y_offsets, trim_px)
    return (sum_x - sum_y) / window_sums(weight, y_offsets, trim_px)


def correlate(x: Tensor, y: Tensor, offsets_px: list[tuple[int, int]], trim_px: int) -> Tensor:
    """Sum products of displaced windows of (H - trim_px, W - trim_px) over pixels and bands.

    Entry (i, j) is the sum of x * y over the window that starts in row a, column b of x and in row a',
    column b' of y, where (a, a') = offsets_px[i] and (b, b') = offsets_px[j]. For one pair of rows, the
    product of the transposed window of x with that of y holds every column displacement as a diagonal, so
    matrix products of column blocks replace P * P passes over the images.

    Args:
        x: float64 (N, C, H, W), or float32 where sums of C * H products are exact.
        y: the same shape and type.
        offsets_px: P pairs (offset in x, offset in y), rows and columns alike.
        trim_px: by how much the windows are smaller than the images.

    Returns:
        float64 (N, P, P).
    """
    height = x.shape[-2] - trim_px
    reach_px = max(abs(a - b) for a, b in offsets_px)
    x_blocks = _column_blocks(x, 0)  # (N, blocks, H, C, BLOCK_PX)
    y_blocks = _column_blocks(y, reach_px)  # (N, blocks, H, C, BLOCK_PX + 2 * reach_px)
    wanted = _diagonals(x.shape[-1], offsets_px, trim_px, reach_px).to(x.device, torch.float64)
    rows = []
    for a, b in offsets_px:
        x_rows, y_rows = x_blocks[:, :, a : a + height], y_blocks[:, :, b : b + height]
        gram = x_rows.flatten(2, 3).mT @ y_rows.flatten(2, 3)  # (N, blocks, BLOCK_PX, BLOCK_PX + 2 * reach_px)
        rows.append(gram.flatten(1).to(torch.float64) @ wanted)
    return torch.stack(rows, dim=1)


def _column_blocks(images: Tensor, reach_px: int) -> Tensor:
    fill_px = -images.shape[-1] % BLOCK_PX
    padded = F.pad(images, (reach_px, reach_px + fill_px))
    blocks = padded.unfold(-1, BLOCK_PX + 2 * reach_px, BLOCK_PX)  # (N, C, H, blocks, px)
    return blocks.permute(0, 3, 2, 1, 4).contiguous()


def _diagonals(width_px: int, offsets_px: list[tuple[int, int]], trim_px: int, reach_px: int) -> Tensor:
    """Mark what each column displacement sums of the products of all blocks: bool (blocks * px * px', P)."""
    x_start, y_start = torch.tensor(offsets_px).T
    inside = _inside(x_start, width_px, trim_px)  # (P, W)
    inside = F.pad(inside, (0, -width_px % BLOCK_PX)).unflatten(1, (-1, BLOCK_PX, 1))
    x_px, y_px = torch.arange(BLOCK_PX)[:, None], torch.arange(-reach_px, BLOCK_PX + reach_px)
    on_diagonal = y_px - x_px == (y_start - x_start)[:, None, None, None]  # (P, 1, px, px')
    return (inside & on_diagonal).flatten(1).T


def _inside(start_px: Tensor, size_px: int, trim_px: int) -> Tensor:
    """Mark the pixels along one axis that lie in the window that starts at each offset: bool (P, size_px)."""
    px = torch.arange(size_px, device=start_px.device)
    return (px >= start_px[:, None]) & (px < start_px[:, None] + size_px - trim_px)
