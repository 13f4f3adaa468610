"""Blocks that WorldStrat's SRCNN and HighResNet share, with their published attribute names.

Cornebise et al., "Open High-Resolution Satellite Imagery: The WorldStrat Dataset", 2022, section 5.
Positions inside the `Sequential`s matter: they are part of the names in the weight files, which is why
identities stand where the published code can put batch normalization.
"""

import warnings

from torch import Tensor, nn

DROPOUT = 0.5  # published, of all channels' values; a training of hundreds of steps is better off without


def conv_same(in_channels: int, out_channels: int, kernel_size: int) -> nn.Conv2d:
    """Return a size-preserving convolution that reflects at the border.

    Args:
        in_channels: channels in.
        out_channels: channels out.
        kernel_size: odd width in px.
    """
    return nn.Conv2d(in_channels, out_channels, kernel_size, padding="same", padding_mode="reflect")


class DoubleConv2d(nn.Module):
    """Twice convolution, identity, PReLU and dropout.

    Args:
        in_channels: channels in.
        out_channels: channels out.
        kernel_size: odd width in px.
        dropout: share of the values that training hides.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.doubleconv2d = nn.Sequential(
            conv_same(in_channels, out_channels, kernel_size),
            nn.Identity(),
            nn.PReLU(),
            nn.Dropout(dropout),
            conv_same(out_channels, out_channels, kernel_size),
            nn.Identity(),
            nn.PReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, out_channels, h, w)."""
        return self.doubleconv2d(x)


class ResidualBlock(nn.Module):
    """A double convolution added to its input.

    Args:
        channels: channels in and out.
        kernel_size: odd width in px.
        dropout: share of the values that training hides.
    """

    def __init__(self, channels: int, kernel_size: int, dropout: float = DROPOUT) -> None:
        super().__init__()
        self.residualblock = DoubleConv2d(channels, channels, kernel_size, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, h, w) to the same shape."""
        return x + self.residualblock(x)


class PixelShuffleBlock(nn.Module):
    """Pixel shuffle, then two convolutions, each followed by identity and PReLU.

    Args:
        in_channels: channels in, a multiple of zoom_factor squared.
        out_channels: channels out.
        kernel_size: odd width of both convolutions in px.
        zoom_factor: enlargement.

    Raises:
        ValueError: if the channels cannot be shuffled.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, zoom_factor: int) -> None:
        super().__init__()
        shuffled, rest = divmod(in_channels, zoom_factor**2)
        if rest:
            raise ValueError(
                f"got {in_channels} hidden channels at zoom_factor={zoom_factor}, "
                f"expected a multiple of {zoom_factor**2}: change hidden_channels"
            )
        self.upsample = nn.Sequential(
            nn.PixelShuffle(zoom_factor),
            conv_same(shuffled, shuffled, kernel_size),
            nn.Identity(),
            nn.PReLU(),
            conv_same(shuffled, out_channels, kernel_size),
            nn.Identity(),
            nn.PReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, h, w) to (N, out_channels, zoom_factor * h, zoom_factor * w)."""
        return self.upsample(x)


def unused_mask_encoder(mask_channels: int) -> nn.Sequential:
    """Build the cloud-mask encoder, which the released weights contain and no published model runs.

    Args:
        mask_channels: 0, as in every published configuration.

    Returns:
        A frozen module whose tensors have the published names.

    Raises:
        ValueError: if masks are asked for.
    """
    if mask_channels != 0:
        raise ValueError(
            f"got mask_channels={mask_channels}, expected 0: no published model reads masks, so drop bad dates instead"
        )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        encoder = nn.Sequential(nn.Identity(), DoubleConv2d(mask_channels, 1, kernel_size=3))
    # Frozen, because distributed training stops at parameters that never get a gradient.
    return encoder.requires_grad_(False)
