"""The U-Nets of the diffusion methods, from diffusers, with the sizes that settings name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn


def build_unet(
    in_channels: int,
    out_channels: int,
    widths: Sequence[int],
    blocks: int,
    attention: Sequence[int],
    dropout: float,
    **more: Any,
) -> nn.Module:
    """Return diffusers' UNet2DModel.

    Args:
        in_channels: of the noisy image and everything beside it.
        out_channels: of the prediction.
        widths: channels of each level; every level but the first halves height and width.
        blocks: residual blocks per level.
        attention: levels with self-attention, 0 for the finest.
        dropout: in the residual blocks.
        more: further arguments of UNet2DModel.

    Raises:
        ValueError: a level with attention that does not exist.
    """
    from diffusers.models.unets.unet_2d import UNet2DModel

    kinds = _kinds(widths, attention)
    return UNet2DModel(
        in_channels=in_channels,
        out_channels=out_channels,
        block_out_channels=tuple(widths),
        layers_per_block=blocks,
        down_block_types=tuple(f"{kind}DownBlock2D" for kind in kinds),
        up_block_types=tuple(f"{kind}UpBlock2D" for kind in reversed(kinds)),
        dropout=dropout,
        norm_num_groups=norm_groups(widths),
        attention_head_dim=min(widths),
        add_attention=bool(attention),
        **more,
    )


def latent_unet_config(
    channels: int, widths: Sequence[int], blocks: int, attention: Sequence[int], groups: int = 0
) -> dict[str, Any]:
    """Return the configuration, as diffusers writes it, of a small UNet2DConditionModel, Stable Diffusion's class.

    Without cross-attention, since there is no text.

    Args:
        channels: of a latent.
        widths: channels of each level; every level but the first halves height and width.
        blocks: residual blocks per level.
        attention: levels with self-attention, 0 for the finest.
        groups: of channels that are normalized together; 0 for `norm_groups`. Stable Diffusion has 10 channels in its
            smallest groups. A channel alone loses its mean, and with it how bright the image is.

    Raises:
        ValueError: a level with attention that does not exist, or groups that do not divide every width.
    """
    kinds, groups = _kinds(widths, attention), groups or norm_groups(widths)
    if any(width % groups for width in widths):
        raise ValueError(f"got {groups} groups for widths {list(widths)}, expected a number that divides each of them")
    return {
        "in_channels": channels,
        "out_channels": channels,
        "block_out_channels": list(widths),
        "layers_per_block": blocks,
        "down_block_types": [f"{kind}DownBlock2D" for kind in kinds],
        "mid_block_type": "UNetMidBlock2D",
        "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(kinds)],
        "norm_num_groups": groups,
        "attention_head_dim": min(widths),
    }


def _kinds(widths: Sequence[int], attention: Sequence[int]) -> list[str]:
    levels = range(len(widths))
    if not set(attention) <= set(levels):
        raise ValueError(f"got attention at levels {list(attention)}, expected some of {list(levels)}")
    return ["Attn" if level in attention else "" for level in levels]


def norm_groups(widths: Sequence[int]) -> int:
    """Return the largest number of groups, at most the usual 32, that divides every width."""
    return max(groups for groups in range(1, 33) if all(width % groups == 0 for width in widths))
