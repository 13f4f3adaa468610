"""HighResNet as WorldStrat and "Zooming Out on Zooming In" use it: dates fused in pairs, until one is left.

Deudon et al., "HighRes-net: Recursive Fusion for Multi-Frame Super-Resolution of Satellite Imagery", 2020, section 3;
Cornebise et al., 2022, section 5; Wolters et al., 2023, section 5.
"""

import torch
from torch import Tensor, nn

from satsr.models.worldstrat_blocks import (
    DROPOUT,
    DoubleConv2d,
    PixelShuffleBlock,
    ResidualBlock,
    conv_same,
    unused_mask_encoder,
)


class FusionBlock(nn.Module):
    """Fuses two encodings into one.

    Args:
        channels: of one encoding.
        kernel_size: odd width in px.
        dropout: of its residual block.
    """

    def __init__(self, channels: int, kernel_size: int, dropout: float) -> None:
        super().__init__()
        self.fuse = nn.Sequential(
            ResidualBlock(2 * channels, kernel_size, dropout),
            conv_same(2 * channels, channels, kernel_size),
            nn.Identity(),
            nn.PReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Fuse the first half of the dates with the second: (N, 2 T, channels, h, w) to (N, T, channels, h, w)."""
        pairs = torch.cat(x.chunk(2, dim=1), dim=2)
        return self.fuse(pairs.flatten(0, 1)).unflatten(0, pairs.shape[:2])


class RecursiveFusion(nn.Module):
    """One block for every level of the pairing; the released files list it once per level.

    Args:
        channels: of one encoding.
        kernel_size: odd width in px.
        revisits: number of dates, which fixes the number of levels in the file, not in `forward`.
        dropout: of its residual block.
    """

    def __init__(self, channels: int, kernel_size: int, revisits: int, dropout: float) -> None:
        super().__init__()
        block = FusionBlock(channels, kernel_size, dropout)
        self.fusion = nn.Sequential(*[block] * levels(revisits))

    def forward(self, x: Tensor) -> Tensor:
        """Fuse (N, T, channels, h, w), any T, into (N, channels, h, w); empty encodings fill T to a power of two.

        Raises:
            ValueError: more than one date in a network that was built for one.
        """
        if x.shape[1] > 1 and not self.fusion:
            raise ValueError(f"got {x.shape[1]} dates, expected 1: this network was built without fusion")
        missing = 2 ** levels(x.shape[1]) - x.shape[1]
        if missing:
            x = torch.cat((x, x.new_zeros(len(x), missing, *x.shape[2:])), dim=1)
        while x.shape[1] > 1:
            x = self.fusion[0](x)
        return x[:, 0]


class HighResNet(nn.Module):
    """HighResNet under its published constructor fields and layer names.

    Args:
        in_channels: bands in.
        out_channels: bands out.
        revisits: number of dates T that it is trained with; from 2 on, any other works too.
        mask_channels: 0; a field of the published configurations.
        hidden_channels: channels per encoded date.
        kernel_size: odd width of encoder and fusion convolutions in px.
        residual_layers: residual blocks that only SRCNN runs, see below.
        output_size: a field of the published configurations, which this network does not read.
        zoom_factor: enlargement of the pixel shuffle.
        sr_kernel_size: odd width of the convolutions after it in px.
        dropout: share of the values that training hides after every convolution of encoder and fusion.

    Raises:
        ValueError: if `mask_channels` is not 0 or `hidden_channels` cannot be shuffled.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        revisits: int,
        mask_channels: int = 0,
        hidden_channels: int = 128,
        kernel_size: int = 3,
        residual_layers: int = 1,
        output_size: int | None = None,
        zoom_factor: int = 4,
        sr_kernel_size: int = 1,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        self.encoder = DoubleConv2d(in_channels, hidden_channels, kernel_size, dropout)
        self.mask_encoder = unused_mask_encoder(mask_channels)
        # SRCNN's fusion, which the released files hold and this network never runs: frozen, as the mask encoder.
        self.doubleconv2d = DoubleConv2d(hidden_channels * revisits, hidden_channels, kernel_size, dropout)
        residualblocks = (ResidualBlock(hidden_channels, kernel_size, dropout) for _ in range(residual_layers))
        self.residualblocks = nn.Sequential(*residualblocks)
        self.doubleconv2d.requires_grad_(False)
        self.residualblocks.requires_grad_(False)
        self.fusion = RecursiveFusion(hidden_channels, kernel_size, revisits, dropout)
        self.sr = PixelShuffleBlock(hidden_channels, out_channels, sr_kernel_size, zoom_factor)

    def forward(self, lr: Tensor) -> Tensor:
        """Super-resolve a batch of series.

        Args:
            lr: (N, T, in_channels, h, w) in [0, 1], any T if revisits > 1.

        Returns:
            (N, 1, out_channels, zoom_factor * h, zoom_factor * w), not clipped.
        """
        encoded = self.encoder(lr.flatten(0, 1)).unflatten(0, lr.shape[:2])
        return self.sr(self.fusion(encoded)).unsqueeze(1)


def levels(dates: int) -> int:
    """Return how often a number of dates is halved, rounding up, until one is left."""
    return (dates - 1).bit_length()
