"""Conditional diffusion in pixel space: SR3, and a straight flow for few steps.

Saharia et al., "Image Super-Resolution via Iterative Refinement", 2021; for several dates as Wolters et al., 2023,
section 5, has it: all dates, enlarged, stand beside the noisy image. The flow is Lipman et al., 2023, with the same
network: its first step already gives an image, so one step may be enough.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.data.dates import median_of_valid
from satsr.data.seen import Seen
from satsr.models.diffusion.noise import place_noise
from satsr.models.diffusion.process import Diffusion, Prediction, Process, StraightFlow, asked
from satsr.models.diffusion.sampler import sample
from satsr.models.diffusion.unet import build_unet

# Of draws of noise: the start, then one for every step of an ancestral sampler.
FIRST_DRAW = 0
SR3_CHAIN = Diffusion(2000, 1e-6, 1e-2, continuous=True)


class PixelDiffusion(nn.Module):
    """A U-Net that denoises the wanted image beside the enlarged dates.

    The defaults are SR3's as the paper used it, as far as its configuration is known.

    Args:
        bands: input bands of one date.
        dates: number of dates T.
        out_channels: output bands.
        scale: enlargement.
        widths: channels of each level of the U-Net.
        blocks: residual blocks per level.
        attention: levels with self-attention; published: where 128 px have become 16.
        dropout: in the residual blocks.
        process: the chain, or a straight flow; published: `SR3_CHAIN`. Without signal at its end (`zero_snr`) a chain
            cannot predict `noise`.
        prediction: what the network predicts: `noise`, `clean`, `v`, or `velocity` for a flow.
        sampling_steps: network calls per image.
        eta: 1 samples as DDPM does, 0 as DDIM.
        drop_condition: share of training images whose dates are hidden, for guidance (Ho and Salimans, 2021).
        guidance: weight w of (1 + w) * with dates - w * without; 0 calls the network once per step.
        patch: side of the squares of pixels that become channels of the U-Net, which is then that much smaller
            (Hoogeboom et al., "simple diffusion", 2023, appendix B); published: 1.
        residual: predict what is missing from the bicubic median of the dates, not the image; not published.

    Raises:
        ValueError: values that exclude each other.
    """

    def __init__(
        self,
        bands: int,
        dates: int,
        out_channels: int,
        scale: int = 4,
        widths: tuple[int, ...] = (64, 128, 256, 512, 512),
        blocks: int = 2,
        attention: tuple[int, ...] = (3,),
        dropout: float = 0.2,
        process: Diffusion | StraightFlow = SR3_CHAIN,
        prediction: Prediction = "noise",
        sampling_steps: int = 2000,
        eta: float = 1.0,
        drop_condition: float = 0.0,
        guidance: float = 0.0,
        patch: int = 1,
        residual: bool = False,
    ) -> None:
        super().__init__()
        _check(process, prediction, eta, drop_condition, guidance)
        self.process: Process = process
        self.process.times(sampling_steps)  # refuses a number of steps that the chain does not have
        self.prediction = prediction
        self.out_channels, self.scale = out_channels, scale
        self.sampling_steps, self.eta = sampling_steps, eta
        self.drop_condition, self.guidance, self.residual = drop_condition, guidance, residual
        self.patch, self.multiple_px = patch, patch * 2 ** (len(widths) - 1)
        channels_in, channels_out = (count * patch**2 for count in (dates * bands + out_channels, out_channels))
        self.unet = build_unet(channels_in, channels_out, widths, blocks, attention, dropout)

    def denoise(self, seen: Seen, hr: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Return what the network predicts for noisy targets, and what it is asked to predict.

        Args:
            seen: time and place are not looked at.
            hr: (N, out_channels, scale * h, scale * w) in [0, 1].
            seed: of times, noise and hidden dates.
        """
        generator = torch.Generator().manual_seed(seed)
        time = self.process.drawn(len(hr), generator).to(hr.device)
        noise = torch.randn(hr.shape, generator=generator).to(hr.device)
        hidden = (torch.rand(len(hr), generator=generator) < self.drop_condition).to(hr.device)
        clean, beside = self._signed(hr - self._base(seen.lr) if self.residual else hr), self._beside(seen.lr)
        alpha, sigma = (share.view(-1, 1, 1, 1) for share in self.process.mix(time))
        noisy = alpha * clean + sigma * noise
        output = self._call(noisy, beside.masked_fill(hidden.view(-1, 1, 1, 1), 0), self.process.told(time))
        return output, asked(self.prediction, clean, noise, alpha, sigma)

    def forward(self, seen: Seen) -> Tensor:
        """Sample images.

        Args:
            seen: any h and w; time is not looked at.

        Returns:
            (N, out_channels, scale * h, scale * w), about [0, 1].
        """
        beside = self._beside(seen.lr)
        shape = (self.out_channels, *beside.shape[-2:])

        def noise(draw: int) -> Tensor:
            return place_noise(self.scale * seen.place.to(seen.lr.device), shape, draw)

        def denoise(noisy: Tensor, told: Tensor) -> Tensor:
            output = self._call(noisy, beside, told)
            if not self.guidance:
                return output
            return (1 + self.guidance) * output - self.guidance * self._call(noisy, torch.zeros_like(beside), told)

        clean = sample(
            denoise,
            noise(FIRST_DRAW),
            self.process,
            self.prediction,
            self.sampling_steps,
            self.eta,
            fresh_noise=lambda step: noise(FIRST_DRAW + 1 + step),
            on_clean=lambda _, clean: clean.clamp(-1, 1),
        )
        image = clean + self._base(seen.lr) if self.residual else (clean + 1) / 2
        return image

    def _call(self, noisy: Tensor, beside: Tensor, told: Tensor) -> Tensor:
        height, width = noisy.shape[-2:]
        seen = F.pixel_unshuffle(self._halvable(torch.cat((noisy, beside), dim=1)), self.patch)
        return F.pixel_shuffle(self.unet(seen, told).sample, self.patch).float()[..., :height, :width]

    def _signed(self, image: Tensor) -> Tensor:
        """Return an image of [0, 1] in [-1, 1]; a residual already lies there."""
        return image if self.residual else 2 * image - 1

    def _beside(self, lr: Tensor) -> Tensor:
        """Return all dates, enlarged and in [-1, 1], on channels."""
        return 2 * F.interpolate(lr.flatten(1, 2), scale_factor=self.scale, mode="bicubic", align_corners=False) - 1

    def _base(self, lr: Tensor) -> Tensor:
        """Return the baseline that a residual is added to."""
        return F.interpolate(
            median_of_valid(lr)[:, : self.out_channels], scale_factor=self.scale, mode="bicubic", align_corners=False
        )

    def _halvable(self, image: Tensor) -> Tensor:
        """Repeat the last rows and columns until every level of the U-Net can be halved."""
        down, right = (-size % self.multiple_px for size in image.shape[-2:])
        return F.pad(image, (0, right, 0, down), mode="replicate") if down or right else image


def _check(
    process: Diffusion | StraightFlow, prediction: str, eta: float, drop_condition: float, guidance: float
) -> None:
    fitting = {"diffusion": ("noise", "clean", "v"), "flow": ("velocity", "clean")}
    kind = "diffusion" if isinstance(process, Diffusion) else "flow"
    if prediction not in fitting[kind]:
        raise ValueError(f"got process {kind!r} with prediction {prediction!r}, expected one of {fitting}")
    if isinstance(process, Diffusion) and process.zero_snr and prediction == "noise":
        raise ValueError("got zero_snr with prediction 'noise', expected 'v' or 'clean': its start holds no signal")
    if kind == "flow" and eta:
        raise ValueError(f"got eta={eta} for a flow, expected 0: it adds no noise")
    if guidance and not drop_condition:
        raise ValueError(f"got guidance={guidance} without drop_condition: train with dates hidden, 0.1 as published")
