"""SRCNN as WorldStrat and "Zooming Out on Zooming In" use it: all dates fused at once as channels.

Cornebise et al., 2022, section 5; Wolters et al., 2023, section 5. It shares only the name with Dong et
al., 2014.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from satsr.models.worldstrat_blocks import (
    DROPOUT,
    DoubleConv2d,
    PixelShuffleBlock,
    ResidualBlock,
    unused_mask_encoder,
)


class SRCNN(nn.Module):
    """Multi-date SRCNN under its published constructor fields and layer names.

    Args:
        in_channels: bands in.
        out_channels: bands out.
        revisits: number of dates T, fixed by the first fusion convolution.
        mask_channels: 0; a field of the published configurations.
        hidden_channels: channels per encoded date.
        kernel_size: odd width of encoder and fusion convolutions in px.
        residual_layers: residual blocks after the fusion.
        output_size: shorter side of the output in px, as published (128 for S2-NAIP), or None for
            zoom_factor times the input.
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
        self.revisits = revisits
        self.output_size = output_size
        self.encoder = DoubleConv2d(in_channels, hidden_channels, kernel_size, dropout)
        self.mask_encoder = unused_mask_encoder(mask_channels)
        self.doubleconv2d = DoubleConv2d(hidden_channels * revisits, hidden_channels, kernel_size, dropout)
        residualblocks = (ResidualBlock(hidden_channels, kernel_size, dropout) for _ in range(residual_layers))
        # The released files hold the fusion tensors under both names.
        self.fusion = nn.Sequential(self.doubleconv2d, nn.Sequential(*residualblocks))
        self.residualblocks = self.fusion[1]
        self.sr = PixelShuffleBlock(hidden_channels, out_channels, sr_kernel_size, zoom_factor)

    def forward(self, lr: Tensor) -> Tensor:
        """Super-resolve a batch of series.

        Args:
            lr: (N, T, in_channels, h, w) in [0, 1], with T = revisits.

        Returns:
            (N, 1, out_channels, H, W), not clipped.

        Raises:
            ValueError: if T differs from `revisits`.
        """
        dates = lr.shape[1]
        if dates != self.revisits:
            raise ValueError(
                f"got {dates} dates, expected {self.revisits}: repeat or drop dates, "
                f"or build the network with revisits={dates}"
            )
        encoded = self.encoder(lr.flatten(0, 1))  # (N * T, hidden, h, w)
        encoded = encoded.unflatten(0, (-1, dates)).flatten(1, 2)  # (N, T * hidden, h, w)
        return self._resize(self.sr(self.fusion(encoded))).unsqueeze(1)

    def _resize(self, sr: Tensor) -> Tensor:
        height, width = sr.shape[-2:]
        shorter = min(height, width)
        if self.output_size is None or self.output_size == shorter:
            return sr
        size = (height * self.output_size // shorter, width * self.output_size // shorter)
        # In float32: the antialiased resize has no bfloat16 kernel on the CPU.
        return F.interpolate(sr.float(), size, mode="bilinear", antialias=True, align_corners=False)
