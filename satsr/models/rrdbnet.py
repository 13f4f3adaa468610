"""The ESRGAN generator of "Zooming Out on Zooming In": residual-in-residual dense blocks (RRDB).

Wang et al., "ESRGAN", 2018, section 3.1 and figure 4; Wolters et al., 2023, section 5.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# ESRGAN, section 3.1: residuals are multiplied by 0.2 before they are added, for stability.
RESIDUAL_SCALE = 0.2
# ESRGAN, supplementary material: the dense blocks start from a tenth of the He initialization.
INIT_SCALE = 0.1
LEAKY_SLOPE = 0.2

# Pixel unshuffling in front of the trunk, which itself always enlarges by at least four.
UNSHUFFLE_FACTOR = {1: 4, 2: 2, 4: 1, 8: 1, 16: 1}


def conv3x3(in_ch: int, out_ch: int) -> nn.Conv2d:
    """Return a size-preserving 3x3 convolution with bias."""
    return nn.Conv2d(in_ch, out_ch, kernel_size=3, padding=1)


def leaky_relu(x: Tensor) -> Tensor:
    """Apply the network's activation in place; the input must not be read afterwards."""
    return F.leaky_relu(x, LEAKY_SLOPE, inplace=True)


class ResidualDenseBlock(nn.Module):
    """Five convolutions, each fed everything before it (ESRGAN, figure 4).

    Args:
        num_feat: channels in and out.
        num_grow_ch: channels that each of the first four convolutions adds.
    """

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(num_feat, num_grow_ch)
        self.conv2 = conv3x3(num_feat + num_grow_ch, num_grow_ch)
        self.conv3 = conv3x3(num_feat + 2 * num_grow_ch, num_grow_ch)
        self.conv4 = conv3x3(num_feat + 3 * num_grow_ch, num_grow_ch)
        self.conv5 = conv3x3(num_feat + 4 * num_grow_ch, num_feat)
        self.apply(_init_scaled_kaiming)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, num_feat, h, w) to the same shape."""
        x1 = leaky_relu(self.conv1(x))
        x2 = leaky_relu(self.conv2(torch.cat((x, x1), dim=1)))
        x3 = leaky_relu(self.conv3(torch.cat((x, x1, x2), dim=1)))
        x4 = leaky_relu(self.conv4(torch.cat((x, x1, x2, x3), dim=1)))
        x5 = self.conv5(torch.cat((x, x1, x2, x3, x4), dim=1))
        return torch.add(x, x5, alpha=RESIDUAL_SCALE)


class RRDB(nn.Module):
    """Three residual dense blocks inside one more scaled residual (ESRGAN, figure 4).

    Args:
        num_feat: channels in and out.
        num_grow_ch: growth channels of the dense blocks.
    """

    def __init__(self, num_feat: int, num_grow_ch: int) -> None:
        super().__init__()
        self.rdb1 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb2 = ResidualDenseBlock(num_feat, num_grow_ch)
        self.rdb3 = ResidualDenseBlock(num_feat, num_grow_ch)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, num_feat, h, w) to the same shape."""
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=RESIDUAL_SCALE)


class SSR_RRDBNet(nn.Module):
    """RRDBNet under its published name, so that the released weights load by name.

    The dates of a series are stacked on channels by the caller. Published sizes for 24 input channels
    (Zooming Out, section 4): 64/23/32 (17 M parameters), 128/30/64 (87 M), 256/30/128 (347 M).

    Args:
        num_in_ch: input channels, dates times bands.
        num_out_ch: output bands.
        scale: 1, 2, 4, 8 or 16.
        num_feat: channels of the trunk.
        num_block: number of RRDBs.
        num_grow_ch: growth channels of the dense blocks.

    Raises:
        ValueError: if `scale` is none of the published ones.
    """

    def __init__(
        self,
        num_in_ch: int,
        num_out_ch: int,
        scale: int = 4,
        num_feat: int = 64,
        num_block: int = 23,
        num_grow_ch: int = 32,
    ) -> None:
        super().__init__()
        if scale not in UNSHUFFLE_FACTOR:
            raise ValueError(
                f"got scale={scale}, expected one of {sorted(UNSHUFFLE_FACTOR)}: "
                "take the next larger scale and resize its output"
            )
        self.scale = scale
        self.unshuffle = UNSHUFFLE_FACTOR[scale]
        self.conv_first = conv3x3(num_in_ch * self.unshuffle**2, num_feat)
        self.body = nn.Sequential(*(RRDB(num_feat, num_grow_ch) for _ in range(num_block)))
        self.conv_body = conv3x3(num_feat, num_feat)
        self.conv_up1 = conv3x3(num_feat, num_feat)
        self.conv_up2 = conv3x3(num_feat, num_feat)
        if scale >= 8:
            self.conv_up3 = conv3x3(num_feat, num_feat)
        if scale >= 16:
            self.conv_up4 = conv3x3(num_feat, num_feat)
        self.conv_hr = conv3x3(num_feat, num_feat)
        self.conv_last = conv3x3(num_feat, num_out_ch)

    def forward(self, lr: Tensor) -> Tensor:
        """Super-resolve a batch.

        Args:
            lr: (N, num_in_ch, h, w) in [0, 1]; h and w are multiples of 2 at scale 2, of 4 at scale 1.

        Returns:
            (N, num_out_ch, scale * h, scale * w), not clipped.

        Raises:
            ValueError: if h or w cannot be unshuffled.
        """
        self._check_size(lr)
        first = self.conv_first(F.pixel_unshuffle(lr, self.unshuffle) if self.unshuffle > 1 else lr)
        x = first + self.conv_body(self.body(first))
        x = _upsample(x, self.conv_up1)
        x = _upsample(x, self.conv_up2)
        if self.scale >= 8:
            x = _upsample(x, self.conv_up3)
        if self.scale >= 16:
            x = _upsample(x, self.conv_up4)
        return self.conv_last(leaky_relu(self.conv_hr(x)))

    def _check_size(self, lr: Tensor) -> None:
        height, width = lr.shape[-2:]
        if height % self.unshuffle or width % self.unshuffle:
            raise ValueError(
                f"got {height}x{width} px at scale {self.scale}, expected multiples of {self.unshuffle}: "
                "pad the input by reflection and crop the output"
            )


def _upsample(x: Tensor, conv: nn.Conv2d) -> Tensor:
    return leaky_relu(conv(F.interpolate(x, scale_factor=2, mode="nearest")))


@torch.no_grad()
def _init_scaled_kaiming(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight)
        module.weight.mul_(INIT_SCALE)
        if module.bias is not None:
            module.bias.zero_()
