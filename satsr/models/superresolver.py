"""One interface for every method: `forward(lr (N, T, C, h, w), dt_days (N, T)) -> sr (N, C_out, s h, s w)`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.data.dates import fit_dates
from satsr.data.seen import Seen
from satsr.models.bicubic import BicubicMedian
from satsr.models.diffusion.fusion import Fusion
from satsr.models.diffusion.process import StraightFlow
from satsr.models.highresnet import HighResNet
from satsr.models.latent_diffusion import LatentDiffusion
from satsr.models.methods import find_method
from satsr.models.pixel_diffusion import PixelDiffusion
from satsr.models.rrdbnet import SSR_RRDBNet
from satsr.models.sizes import Groups, build_network, check_sizes, size_names
from satsr.models.srcnn import SRCNN
from satsr.models.unet_discriminator import SSR_UNetDiscriminatorSN

Sizes = dict[str, Any]
LOWEST, HIGHEST = -0.1, 1.5  # of what a model is given


@dataclass(frozen=True)
class ModelCard:
    """What a model is and takes.

    Attributes:
        method: a name in `METHODS`.
        network: the sizes that its constructor was given.
        dates: number of low-resolution dates T.
        bands_in: names of the input bands, in order.
        bands_out: names of the output bands, in order.
        scale: output pixels per input pixel.
        value_range: what 0 and 1 stand for in input and output.
        license: under which the weights may be used.
        scores: what the training itself measured; the study's tables hold the rest.
        provenance: training data, settings and seed, or the file that the weights come from.
        on_scenes: what its use on scenes takes, as measured (see `satsr.scenes`); empty where nobody has.
    """

    method: str
    network: Sizes
    dates: int
    bands_in: tuple[str, ...]
    bands_out: tuple[str, ...]
    scale: int
    value_range: str = "8-bit value / 255"
    license: str = "Apache-2.0"
    scores: dict[str, float] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)
    on_scenes: dict[str, float] = field(default_factory=dict)


def _feed_dates(network: nn.Module, seen: Seen) -> Tensor:
    return network(seen.lr)


def _feed_stacked(network: nn.Module, seen: Seen) -> Tensor:
    return network(seen.lr.flatten(1, 2))  # (N, T * C, h, w)


def _feed_sampler(network: nn.Module, seen: Seen) -> Tensor:
    return network(seen)


@dataclass(frozen=True)
class MethodNetwork:
    """How a method's network is made and fed.

    Attributes:
        kind: class of the network; arguments that the card does not fix are its sizes.
        fixed: arguments that follow from the card.
        feed: calls the network with what a model is given.
        groups: arguments that are objects, with the fields that settings name in their place.
        repeated: blocks of the network that are worth compiling on a GPU.
    """

    kind: type[nn.Module]
    fixed: Callable[[ModelCard], Sizes]
    feed: Callable[[nn.Module, Seen], Tensor] = _feed_dates
    groups: Groups = field(default_factory=dict)
    repeated: Callable[[Any], Iterable[nn.Module]] = lambda network: ()


def _worldstrat_sizes(card: ModelCard) -> Sizes:
    return {
        "in_channels": len(card.bands_in),
        "out_channels": len(card.bands_out),
        "revisits": card.dates,
        "zoom_factor": network_scale(card),
    }


def _sampler_sizes(card: ModelCard) -> Sizes:
    return {
        "bands": len(card.bands_in),
        "dates": card.dates,
        "out_channels": len(card.bands_out),
        "scale": card.scale,
    }


def _latent_sizes(card: ModelCard) -> Sizes:
    return {"bands": len(card.bands_in), "out_channels": len(card.bands_out), "scale": card.scale}


# What settings may change of a chain; its schedule and whether it is continuous belong to the network.
_CHAIN = ("steps", "beta_start", "beta_end", "zero_snr")
_PIXEL_GROUPS = {"process": _CHAIN}
_LATENT_GROUPS = {"process": (*_CHAIN, "spacing"), "fusion": tuple(own.name for own in fields(Fusion))}


def network_scale(card: ModelCard) -> int:
    """Return what the network itself enlarges by: of a doubling network, the next power of two.

    The paper's x3 data sets are treated so: a x4 network, and a resize to x3 (reference code, 2024 configurations).
    """
    return 1 << (card.scale - 1).bit_length() if find_method(card.method).doubles else card.scale


NETWORKS = {
    "bicubic": MethodNetwork(BicubicMedian, lambda c: {"out_channels": len(c.bands_out), "scale": c.scale}),
    "srcnn": MethodNetwork(SRCNN, _worldstrat_sizes),
    "highresnet": MethodNetwork(HighResNet, _worldstrat_sizes),
    "esrgan": MethodNetwork(
        SSR_RRDBNet,
        lambda c: {
            "num_in_ch": c.dates * len(c.bands_in),
            "num_out_ch": len(c.bands_out),
            "scale": network_scale(c),
        },
        _feed_stacked,
        repeated=lambda network: network.body,  # RRDBs: 1.4 times as fast (inference, one H100, 64/23/32)
    ),
    "sr3": MethodNetwork(PixelDiffusion, _sampler_sizes, _feed_sampler, _PIXEL_GROUPS),
    "flow": MethodNetwork(PixelDiffusion, lambda c: {**_sampler_sizes(c), "process": StraightFlow()}, _feed_sampler),
    "satdiffmoe": MethodNetwork(LatentDiffusion, _latent_sizes, _feed_sampler, _LATENT_GROUPS),
    "satdiffmoe_absolute": MethodNetwork(  # told where and when, in place of the time difference
        LatentDiffusion, lambda c: {**_latent_sizes(c), "time": "absolute"}, _feed_sampler, _LATENT_GROUPS
    ),
    "controlnet": MethodNetwork(
        LatentDiffusion,
        lambda c: {**_latent_sizes(c), "condition": "control", "dates": "nearest"},
        _feed_sampler,
        _LATENT_GROUPS,
    ),
}


class SuperResolver(nn.Module):
    """A network behind the common interface, with its card.

    Args:
        card: what the model is.
        seed: of the initial weights; the caller's random state stays as it was.

    Raises:
        ValueError: unknown method, or a size that its network does not have.
    """

    def __init__(self, card: ModelCard, seed: int = 0) -> None:
        super().__init__()
        method, network = find_method(card.method), NETWORKS[card.method]
        fixed = network.fixed(card)
        valid = size_names(network.kind, network.groups) - set(fixed)
        check_sizes(network.kind, card.network, valid, f"train.{card.method}.network")
        self.card = card
        self.method = method
        self.feed = network.feed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = build_network(network.kind, {**fixed, **card.network}, network.groups)
        reflecting = (m for m in self.network.modules() if isinstance(m, nn.Conv2d) and m.padding_mode == "reflect")
        self.least_px = 1 + max((max(conv.kernel_size) // 2 for conv in reflecting), default=0)  # else none to reflect

    def forward(
        self, lr: Tensor, dt_days: Tensor | None = None, place: Tensor | None = None, day: Tensor | None = None
    ) -> Tensor:
        """Super-resolve a batch.

        Args:
            lr: (N, T, C_in, h, w) in [0, 1], any h and w, of any floating-point type: the network computes in its own.
                Any T from 1 on; where the network needs the number of its card, dates are left out or repeated
                (`fit_dates`).
            dt_days: (N, T), each date minus the wanted one; methods without time do not look at it, others take 0
                where none is given.
            place: int64 (N, 2), row and column of the first LR pixel in the scene, which fix the noise that a sampling
                method starts from; 0 where none is given.
            day: (N,), the wanted date in days since 1970, for networks that are told absolute dates.

        Returns:
            (N, C_out, scale * h, scale * w), not clipped.

        Raises:
            ValueError: no tensor, wrong number of axes or bands, no pixel, values far outside [0, 1] or NaN (where the
                model is not in training), no date, times of other images or dates, dates to choose from that are all
                black, or a time that a network needs and that is not known.
        """
        seen = self._given(lr, dt_days, place, day)
        sr = self.feed(self.network, seen)
        sr = sr.flatten(1, 2) if sr.ndim == 5 else sr  # WorldStrat's networks return (N, 1, C, H, W)
        if seen.lr.shape[-2:] != lr.shape[-2:]:
            sr = sr[..., : network_scale(self.card) * lr.shape[-2], : network_scale(self.card) * lr.shape[-1]]
        if not self.resizes:
            return sr
        size = [self.card.scale * side for side in lr.shape[-2:]]
        return F.interpolate(sr.float(), size=size, mode="bilinear", antialias=True, align_corners=False)

    def spread(
        self, lr: Tensor, dt_days: Tensor | None = None, place: Tensor | None = None, day: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Super-resolve a batch and say how far its trajectories differ; arguments as of `forward`.

        Returns:
            Images, and standard deviations over the trajectories, both (N, C_out, scale * h, scale * w).

        Raises:
            ValueError: a method without trajectories, or only one of them.
        """
        if not hasattr(self.network, "spread"):
            raise ValueError(f"{self.card.method} has no trajectories whose spread could be told: use satdiffmoe")
        return self.network.spread(self._given(lr, dt_days, place, day))  # type: ignore[operator]

    def _given(self, lr: Tensor, dt_days: Tensor | None, place: Tensor | None, day: Tensor | None) -> Seen:
        """Return checked and completed arguments of `forward`."""
        bands = len(self.card.bands_in)
        if not isinstance(lr, Tensor):
            raise ValueError(f"{self.card.method} got lr of {type(lr).__name__}, expected a tensor: torch.from_numpy")
        if lr.ndim != 5 or lr.shape[2] != bands or not all(lr.shape[1:]):
            raise ValueError(
                f"{self.card.method} got lr {tuple(lr.shape)}, expected (N, T, C={bands}, h, w) with T, h and w at "
                "least 1: choose the bands that the model's card names"
            )
        if not self.training:  # a training's own images are what they should be, and looking would slow it down
            self._check_range(lr)
            lr = self._enlarged(lr.to(self._type))
        dt_days = lr.new_zeros(lr.shape[:2]) if dt_days is None else torch.as_tensor(dt_days, dtype=torch.float32)
        if dt_days.shape != lr.shape[:2]:
            raise ValueError(
                f"{self.card.method} got dt_days {tuple(dt_days.shape)} for lr {tuple(lr.shape)}, expected "
                f"{tuple(lr.shape[:2])}: a number of days for each date of each image"
            )
        place = torch.zeros(len(lr), 2, dtype=torch.int64, device=lr.device) if place is None else place
        day = torch.full((len(lr),), torch.nan, device=lr.device) if day is None else day
        # trained with one date, a network for several has learned nothing of more
        any_dates = self.method.date_by_date or (self.method.any_dates and self.card.dates > 1)
        if lr.shape[1] != self.card.dates and not any_dates:
            lr, dt_days = fit_dates(lr, dt_days, self.card.dates)
        return Seen(lr, dt_days, place, day).to(lr.device)

    @property
    def _type(self) -> torch.dtype:
        """What the network computes in."""
        return next((p.dtype for p in self.network.parameters()), torch.float32)

    def _enlarged(self, lr: Tensor) -> Tensor:
        """Repeat the last row and column where the network's padding, by reflection, needs more than there are."""
        missing = [max(0, self.least_px - side) for side in lr.shape[-2:]]
        if not any(missing):
            return lr
        return F.pad(lr.flatten(1, 2), (0, missing[1], 0, missing[0]), mode="replicate").unflatten(1, lr.shape[1:3])

    def _check_range(self, lr: Tensor) -> None:
        """Refuse images that are not what the card says: counts, 8-bit values, or no numbers.

        Values a little outside [0, 1], as resampling makes them, pass.
        """
        expected = f"expected floating-point numbers in [0, 1] ({self.card.value_range})"
        if not lr.is_floating_point():
            raise ValueError(f"{self.card.method} got lr of {lr.dtype}, {expected}: divide 8-bit values by 255")
        if not lr.numel():
            return
        low, high = (float(value) for value in torch.aminmax(lr.detach()))
        if not (low >= LOWEST and high <= HIGHEST):  # NaN is neither
            found = "NaN in lr" if low != low else f"lr in [{low:g}, {high:g}]"
            raise ValueError(
                f"{self.card.method} got {found}, {expected}: bring values to that range, and set what shows no "
                "ground to 0"
            )

    def denoise(self, seen: Seen, hr: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Return what a sampling method's network predicts for noisy targets, and what it is asked to predict.

        Args:
            seen: of the card's dates and bands.
            hr: (N, C_out, scale * h, scale * w) in [0, 1].
            seed: of times and noise.
        """
        return self.network.denoise(seen, hr, seed)  # type: ignore[operator]

    def compile_repeated(self) -> None:
        """Compile the blocks that are worth it, in place; equal ones share their code, and names stay as they are."""
        for block in NETWORKS[self.card.method].repeated(self.network):
            block.compile()

    @property
    def resizes(self) -> bool:
        """Whether the network enlarges by more than the card says, and its output is made smaller again."""
        return network_scale(self.card) != self.card.scale

    @property
    def parameter_count(self) -> int:
        """Number of trainable values."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def other_networks(method: str) -> dict[str, set[str]]:
    """Return the modules of other methods' networks, which a method's results do not depend on.

    Returns:
        as `satsr.common.code.fingerprint` leaves them out.
    """
    every = {found.kind.__module__ for found in NETWORKS.values()}
    return {__name__: every - {NETWORKS[method].kind.__module__}}


def build_discriminator(card: ModelCard, sizes: Sizes, seed: int, sees: Collection[str]) -> SSR_UNetDiscriminatorSN:
    """Return ESRGAN's discriminator of an image.

    Args:
        card: of the generator.
        sizes: its constructor's arguments.
        seed: of its weights.
        sees: what it is given beside the image: `lr`, the upsampled dates (with it 27 channels at T = 8), `old_hr`, the
            older HR (3 more).
    """
    valid = size_names(SSR_UNetDiscriminatorSN, {}) - {"num_in_ch"}
    check_sizes(SSR_UNetDiscriminatorSN, sizes, valid, f"train.{card.method}.discriminator")
    beside = {"lr": card.dates * len(card.bands_in), "old_hr": len(card.bands_out)}
    channels = len(card.bands_out) + sum(beside[name] for name in sees)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SSR_UNetDiscriminatorSN(num_in_ch=channels, **sizes)
