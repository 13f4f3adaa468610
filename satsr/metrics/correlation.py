"""Window sums and window products over many displacements at once, exact in float64."""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

# Columns per block of `correlate`: wide enough for fast matrix products, narrow enough that few of
# their entries lie outside the wanted diagonals.
BLOCK = 20


def window_sums(images: Tensor, offsets_px: list[int], trim_px: int) -> Tensor:
    """Sum images over windows of (H - trim_px, W - trim_px).

    Args:
        images: float64 (N, C, H, W), or float32 where sums of H values are exact.
        offsets_px: P offsets of the window's first row, and the same for its first column.
        trim_px: by how much the window is smaller than the image.

    Returns:
        float64 (N, C, P, P), over row offsets and column offsets.
    """
    # As two products with 0/1 matrices: several times faster than an integral image.
    rows, columns = (_inside(tuple(offsets_px), size, trim_px).to(images.device) for size in images.shape[-2:])
    return (rows.to(images.dtype) @ images).to(torch.float64) @ columns.mT


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
    matrix products of column blocks replace P * P passes over the images. Where all displacements are
    multiples of a step, a block holds every step-th column: no others meet.

    Args:
        x: float64 (N, C, H, W), or float32 where sums of C * H products are exact.
        y: the same shape and type.
        offsets_px: P pairs (offset in x, offset in y), rows and columns alike.
        trim_px: by how much the windows are smaller than the images.

    Returns:
        float64 (N, P, P).
    """
    images, bands = x.shape[:2]
    height, width = (size - trim_px for size in x.shape[-2:])
    step_px = math.gcd(*(a - b for a, b in offsets_px)) or 1
    reach = max(abs(a - b) for a, b in offsets_px) // step_px
    x_blocks = _column_blocks(x, step_px, 0)  # (N * blocks, H * C, BLOCK)
    y_blocks = _column_blocks(y, step_px, reach)  # (N * blocks, H * C, BLOCK + 2 * reach)
    windows = [(slice(a * bands, (a + height) * bands), slice(b * bands, (b + height) * bands)) for a, b in offsets_px]
    products = torch.stack([x_blocks[:, a].mT @ y_blocks[:, b] for a, b in windows])
    wanted = _diagonals(width, tuple(offsets_px), step_px, reach).to(x.device)
    products = products.view(len(offsets_px), images, -1)
    products = products.gather(-1, wanted.flatten().expand(*products.shape[:2], -1))
    return products.unflatten(-1, wanted.shape).sum(dim=-1, dtype=torch.float64).movedim(0, 1)


def _column_blocks(images: Tensor, step_px: int, reach: int) -> Tensor:
    """Cut (N, C, H, W) into blocks of every step-th column, overlapping by the reach: (N * blocks, H * C, columns)."""
    fill_px = -images.shape[-1] % (BLOCK * step_px)
    padded = F.pad(images.transpose(1, 2), (reach * step_px, reach * step_px + fill_px))
    columns = padded.unflatten(-1, (-1, step_px)).unfold(-2, BLOCK + 2 * reach, BLOCK)
    return columns.permute(0, 3, 4, 1, 2, 5).contiguous().flatten(0, 2).flatten(1, 2)


@lru_cache
def _diagonals(width: int, offsets_px: tuple[tuple[int, int], ...], step_px: int, reach: int) -> Tensor:
    """Find what each column displacement sums in the flattened products of all blocks: indices (P, width)."""
    with torch.inference_mode(False):  # what is kept must serve in every mode
        x_start, y_start = torch.tensor(offsets_px).T[..., None]
        column_px = x_start + torch.arange(width)
        column = column_px // step_px
        block = column // BLOCK * step_px + column_px % step_px
        x_column = column % BLOCK
        y_column = x_column + reach + (y_start - x_start) // step_px
        return (block * BLOCK + x_column) * (BLOCK + 2 * reach) + y_column


@lru_cache
def _inside(offsets_px: tuple[int, ...], size_px: int, trim_px: int) -> Tensor:
    """Mark with 1 the pixels along one axis that lie in the window that starts at each offset: float64 (P, size_px)."""
    with torch.inference_mode(False):
        px, start = torch.arange(size_px), torch.tensor(offsets_px)[:, None]
        return ((px >= start) & (px < start + size_px - trim_px)).to(torch.float64)
