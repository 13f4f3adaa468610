"""Ways from noise to an image, side by side: at every time, an image is alpha * clean + sigma * noise.

`Diffusion` is the variance-preserving chain of Ho et al., "Denoising Diffusion Probabilistic Models", 2020;
`StraightFlow` the straight path of Lipman et al., "Flow Matching for Generative Modeling", 2023. Both run from time
`last` (noise) to 0 (image), and a network may predict noise, image or a mixture of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

Prediction = Literal["noise", "clean", "v", "velocity"]


class Process(Protocol):
    """What a sampler and a training need of a way."""

    def mix(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and sigma, of the shape of `time`."""

    def told(self, time: Tensor) -> Tensor:
        """Return what the network is told of the time, roughly in 0 .. 1000, of the shape of `time`."""

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Return times to train at, (count,)."""

    def times(self, steps: int) -> list[float]:
        """Return the times that a sampler of so many steps visits: steps + 1, from noise down to 0."""


@dataclass(frozen=True)
class Diffusion:
    """The chain of DDPM, at continuous times between its steps.

    Attributes:
        steps: number of steps of the chain.
        beta_start: variance added by the first step.
        beta_end: variance added by the last step.
        schedule: `linear`, or `scaled_linear` as Stable Diffusion has it.
        zero_snr: rescale the betas so that the last step leaves no signal (Lin et al., 2024).
        continuous: train between the steps and tell the network the share of signal alpha, as SR3 does (Saharia et
            al., 2021, section 2.4); else train at the steps and tell it their number.
        spacing: `leading` or `trailing`: which steps a shorter sampler visits (Lin et al., 2024, table 2).
    """

    steps: int = 1000
    beta_start: float = 1e-4
    beta_end: float = 0.02
    schedule: str = "linear"
    zero_snr: bool = False
    continuous: bool = False
    spacing: str = "trailing"

    def signal(self) -> Tensor:
        """Return alpha squared at the times 0 .. steps, float64 (steps + 1,)."""
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        chain = DDIMScheduler(
            num_train_timesteps=self.steps,
            beta_start=self.beta_start,
            beta_end=self.beta_end,
            beta_schedule=self.schedule,
            rescale_betas_zero_snr=self.zero_snr,
        )
        return torch.cat((torch.ones(1, dtype=torch.float64), chain.alphas_cumprod.double()))

    def mix(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and sigma at times in [0, steps]; between two steps alpha squared is interpolated."""
        signal = _signal(self).to(time.device)
        below = time.double().floor().clamp(0, self.steps - 1)
        low, high = signal[below.long()], signal[below.long() + 1]
        squared = low + (time.double() - below) * (high - low)
        return squared.sqrt().float(), (1 - squared).sqrt().float()

    def told(self, time: Tensor) -> Tensor:
        """Return 1000 * alpha for a continuous chain, else the number of the step from 0 on."""
        return 1000 * self.mix(time)[0] if self.continuous else time.float() - 1

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Return times in (0, steps], whole numbers unless the chain is continuous."""
        uniform = 1 - torch.rand(count, generator=generator)
        times = uniform * self.steps
        return times if self.continuous else times.ceil()

    def times(self, steps: int) -> list[float]:
        """Return the steps that diffusers' DDIM scheduler visits with this spacing, then 0."""
        if not 1 <= steps <= self.steps:
            raise ValueError(f"got {steps} sampling steps, expected 1 to {self.steps}: the chain has no more")
        from diffusers.schedulers.scheduling_ddim import DDIMScheduler

        chain = DDIMScheduler(num_train_timesteps=self.steps, timestep_spacing=self.spacing)
        chain.set_timesteps(steps)
        return [*(float(time) + 1 for time in chain.timesteps), 0.0]


@dataclass(frozen=True)
class StraightFlow:
    """The straight path: alpha = 1 - time, sigma = time, time in [0, 1]."""

    def mix(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and sigma."""
        return 1 - time, time

    def told(self, time: Tensor) -> Tensor:
        """Return 1000 * time."""
        return 1000 * time

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """Return times in (0, 1]."""
        return 1 - torch.rand(count, generator=generator)

    def times(self, steps: int) -> list[float]:
        """Return evenly spaced times."""
        return [1 - step / steps for step in range(steps + 1)]


_signals: dict[Diffusion, Tensor] = {}


def _signal(chain: Diffusion) -> Tensor:
    if chain not in _signals:
        with torch.inference_mode(False):  # what is kept must serve in every mode
            _signals[chain] = chain.signal()
    return _signals[chain]


def asked(prediction: Prediction, clean: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """Return what a network is asked to predict.

    Args:
        prediction: `noise`, `clean`, `v` (Salimans and Ho, 2022) or `velocity` (noise - clean, of a straight flow).
        clean: the image.
        noise: of the same shape.
        alpha: share of the image, broadcast to it.
        sigma: share of the noise.
    """
    targets: dict[Prediction, Callable[[], Tensor]] = {
        "noise": lambda: noise,
        "clean": lambda: clean,
        "v": lambda: alpha * noise - sigma * clean,
        "velocity": lambda: noise - clean,
    }
    return targets[prediction]()


def clean_estimate(prediction: Prediction, output: Tensor, noisy: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
    """Return the image that a network's output implies; arguments as of `asked`, with its output and the noisy image.

    A chain that ends without signal (alpha = 0) cannot predict noise.
    """
    estimates: dict[Prediction, Callable[[], Tensor]] = {
        "noise": lambda: (noisy - sigma * output) / alpha,
        "clean": lambda: output,
        "v": lambda: alpha * noisy - sigma * output,
        "velocity": lambda: noisy - sigma * output,
    }
    return estimates[prediction]()
