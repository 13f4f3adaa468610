"""The U-Net discriminator with spectral normalization: one real/fake logit per pixel.

Wang et al., "Real-ESRGAN", 2021, section 3.3 and figure 6; used unchanged by Wolters et al., 2023.
"""

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import spectral_norm

LEAKY_SLOPE = 0.2
# Three stride-2 convolutions: other sizes would not meet their skip connection again.
SIZE_MULTIPLE = 8


class SSR_UNetDiscriminatorSN(nn.Module):
    """U-Net discriminator under its published name and layer names.

    The older `torch.nn.utils.spectral_norm` is deliberate: its `weight_orig`, `weight_u` and `weight_v`
    are the names inside the released files.

    Args:
        num_in_ch: input channels: the image, plus whatever it is judged beside (27 for RGB and eight dates).
        num_feat: channels at full resolution; doubled at each of the three levels.
        skip_connection: add the encoder's features on the way up.
    """

    def __init__(self, num_in_ch: int, num_feat: int = 64, skip_connection: bool = True) -> None:
        super().__init__()
        self.skip_connection = skip_connection
        self.conv0 = nn.Conv2d(num_in_ch, num_feat, kernel_size=3, padding=1)
        self.conv1 = _down(num_feat, num_feat * 2)
        self.conv2 = _down(num_feat * 2, num_feat * 4)
        self.conv3 = _down(num_feat * 4, num_feat * 8)
        self.conv4 = _same(num_feat * 8, num_feat * 4)
        self.conv5 = _same(num_feat * 4, num_feat * 2)
        self.conv6 = _same(num_feat * 2, num_feat)
        self.conv7 = _same(num_feat, num_feat)
        self.conv8 = _same(num_feat, num_feat)
        self.conv9 = nn.Conv2d(num_feat, 1, kernel_size=3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Judge a batch.

        Args:
            x: (N, num_in_ch, H, W), image values in [0, 1]; H and W are multiples of 8.

        Returns:
            Logits (N, 1, H, W); positive means real.

        Raises:
            ValueError: if H or W is not a multiple of 8.
        """
        _check_size(x)
        x0 = _leaky_relu(self.conv0(x))
        x1 = _leaky_relu(self.conv1(x0))
        x2 = _leaky_relu(self.conv2(x1))
        x3 = _leaky_relu(self.conv3(x2))
        up = self._up(x3, self.conv4, x2)
        up = self._up(up, self.conv5, x1)
        up = self._up(up, self.conv6, x0)
        return self.conv9(_leaky_relu(self.conv8(_leaky_relu(self.conv7(up)))))

    def _up(self, x: Tensor, conv: nn.Module, skip: Tensor) -> Tensor:
        x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        x = _leaky_relu(conv(x))
        return x + skip if self.skip_connection else x


def _leaky_relu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, LEAKY_SLOPE, inplace=True)


def _down(in_ch: int, out_ch: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1, bias=False))


def _same(in_ch: int, out_ch: int) -> nn.Module:
    return spectral_norm(nn.Conv2d(in_ch, out_ch, kernel_size=3, padding=1, bias=False))


def _check_size(x: Tensor) -> None:
    height, width = x.shape[-2:]
    if height % SIZE_MULTIPLE or width % SIZE_MULTIPLE:
        raise ValueError(f"got {height}x{width} px, expected multiples of {SIZE_MULTIPLE}: crop or pad the image")
