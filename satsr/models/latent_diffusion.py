"""Latent diffusion conditioned on one low-resolution image and its time: SatDiffMoE, and ControlNet as its baseline.

Luo, Song and Shen, "SatDiffMoE", 2024: a network learns from single images; at inference every date has a trajectory of
its own, and the trajectories are fused. Zhang et al., "Adding Conditional Control to Text-to-Image Diffusion Models",
2023: the pretrained network stays as it is, and a trained copy of its encoder steers it. Both start from the same
pretrained latent U-Net.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.data.seen import Seen
from satsr.models.autoencoder import IMAGE_CHANNELS, Autoencoder, Config
from satsr.models.diffusion.fusion import Fusion, feature_centre, mean_centre
from satsr.models.diffusion.noise import place_noise
from satsr.models.diffusion.process import Diffusion, Prediction, asked
from satsr.models.diffusion.sampler import sample
from satsr.models.diffusion.when import When, feature_count, features
from satsr.perception.trunk import Trunk, unit_features

Condition = Literal["channels", "beside", "control"]
DECODED_AT_ONCE = 32  # images
FIELDS = 1 << 20  # numbers of noise fields that are kept for each trajectory
CONTROL_WIDTHS = (16, 32, 96, 256)  # ControlNet's own, of its first layers, as many as the autoencoder has levels
STABLE_DIFFUSION_CHAIN = Diffusion(1000, 0.00085, 0.012, "scaled_linear", spacing="leading")
DEFAULT_FUSION = Fusion()


class LatentDiffusion(nn.Module):
    """A U-Net that denoises latents beside one low-resolution image, and the fusion of several.

    Args:
        bands: input bands of one date; the autoencoder takes red, green and blue.
        out_channels: output bands, 3.
        scale: enlargement.
        autoencoder: configuration of diffusers' AutoencoderKL.
        unet: configuration of diffusers' UNet2DConditionModel, without condition.
        condition: where the enlarged input stands. `channels`: its latent beside the noisy latent, on channels;
            `beside`: to the left of it in one wide latent, of which the right half counts (the paper's operator F
            "masks out" the rest; it does not say how); `control`: in a ControlNet, as pixels.
        time: what the network is told beside the sampling step: `relative` (SatDiffMoE), `absolute` (DiffusionSat) or
            `none`.
        prediction: what the network predicts; published: `noise`.
        process: the chain; Stable Diffusion's. Its `zero_snr` does not go with `noise`; without it a network reads the
            mean brightness from what is left of the signal, which a sampler's first step does not have (Lin et al.,
            2024). Its `spacing`, `leading` as published, does not start at the chain's end, which hurts when there are
            few steps; `trailing` does.
        sampling_steps: network calls per trajectory.
        eta: 0 is DDIM, as published.
        dates: which dates get trajectories: `all`, or the `nearest` to the wanted date only.
        draws: trajectories per date.
        shared_noise: all dates start from the same noise.
        skip: the U-Net predicts what is missing from the enlarged image's latent, to which its output is added; not
            published. Only for the prediction `clean`, and where the condition is a latent.
        fusion: how trajectories agree; by `lpips` it needs a trunk, see `look_through`.

    Raises:
        ValueError: values that exclude each other, or bands that the autoencoder does not take.
    """

    def __init__(
        self,
        bands: int,
        out_channels: int,
        scale: int,
        autoencoder: Config,
        unet: Config,
        condition: Condition = "channels",
        time: When = "relative",
        prediction: Prediction = "noise",
        process: Diffusion = STABLE_DIFFUSION_CHAIN,
        sampling_steps: int = 50,
        eta: float = 0.0,
        dates: Literal["all", "nearest"] = "all",
        draws: int = 1,
        shared_noise: bool = False,
        skip: bool = False,
        fusion: Fusion = DEFAULT_FUSION,
    ) -> None:
        super().__init__()
        self.autoencoder = Autoencoder(autoencoder).requires_grad_(False)
        if not bands == out_channels == IMAGE_CHANNELS:
            raise ValueError(
                f"got {bands} bands in and {out_channels} out, expected the autoencoder's red, green and blue: set "
                "pairs.bands to [tci]"
            )
        for name, got, expected in (
            ("condition", condition, ("channels", "beside", "control")),
            ("time", time, ("relative", "absolute", "none")),
            ("prediction", prediction, ("noise", "clean", "v")),
            ("dates", dates, ("all", "nearest")),
        ):
            if got not in expected:
                raise ValueError(f"got {name} {got!r}, expected {', '.join(expected[:-1])} or {expected[-1]}")
        if draws < 1:
            raise ValueError(f"got draws={draws}, expected at least 1")
        if process.zero_snr and prediction == "noise":
            raise ValueError("got zero_snr with prediction 'noise', expected 'v' or 'clean': its start holds no signal")
        if skip and (prediction != "clean" or condition == "control"):
            raise ValueError(
                f"got skip with prediction {prediction!r} and condition {condition!r}, expected 'clean' and a latent"
            )
        self.process = process
        self.process.times(sampling_steps)  # refuses a number of steps that the chain does not have
        self.scale, self.time, self.prediction = scale, time, prediction
        self.sampling_steps, self.eta = sampling_steps, eta
        self.dates, self.draws, self.shared_noise, self.skip = dates, draws, shared_noise, skip
        self.fusion = fusion
        self._look: tuple[Trunk, ...] = ()  # in a tuple, it is no part of the model
        self.unet, self.control = _networks(unet, self.autoencoder, condition, time)
        self.condition = condition
        # Where Stable Diffusion has its prompt, a network of its kind gets one learned token: there is no text.
        talks = any("CrossAttn" in kind for kind in unet["down_block_types"])
        self.prompt = nn.Parameter(torch.zeros(1, 1, unet["cross_attention_dim"])) if talks else None
        self.multiple_px = self.autoencoder.factor * 2 ** (len(unet["block_out_channels"]) - 1)

    def start_from(self, autoencoder: Mapping[str, Tensor], unet: Mapping[str, Tensor]) -> None:
        """Take the weights of a trained autoencoder and of a pretrained, unconditional latent U-Net.

        What the pretrained network does not have starts at zero, so that training starts from its function; with
        `skip` the last convolution does too, so that it starts from the enlarged image.
        """
        self.autoencoder.network.load_state_dict(autoencoder)
        for network in (self.unet, *([self.control] if self.control is not None else [])):
            own = network.state_dict()  # refers to the weights themselves
            for name in own.keys() & unet.keys():
                own[name].zero_()
                own[name][tuple(map(slice, unet[name].shape))] = unet[name]
        if self.skip:
            for part in self.unet.conv_out.parameters():  # type: ignore[union-attr]
                nn.init.zeros_(part)

    def look_through(self, trunk: Trunk | None) -> None:
        """Set the trunk that fusion by LPIPS looks through; it must not judge, and is not saved."""
        self._look = () if trunk is None else (trunk,)

    def denoise(self, seen: Seen, hr: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Return what the network predicts for noisy latents, beside one date drawn from each series.

        Args:
            seen: any T.
            hr: (N, 3, scale * h, scale * w) in [0, 1].
            seed: of times, noise and dates.
        """
        generator = torch.Generator().manual_seed(seed)
        time = self.process.drawn(len(hr), generator).to(hr.device)
        lots = torch.rand(seen.lr.shape[:2], generator=generator).to(hr.device)
        chosen = lots.masked_fill(~_usable(seen.lr), -1).argmax(dim=1, keepdim=True)
        one, dt = _taken(seen.lr, chosen)[:, 0], seen.dt_days.gather(1, chosen)[:, 0]
        with torch.no_grad():
            clean, beside = self.autoencoder.encode(hr).float(), self._beside(one)
        noise = torch.randn(clean.shape, generator=generator).to(hr.device)
        alpha, sigma = (share.view(-1, 1, 1, 1) for share in self.process.mix(time))
        told = self.process.told(time)
        output = self._call(alpha * clean + sigma * noise, told, beside, self._when(dt, seen.place, seen.day))
        return output, asked(self.prediction, clean, noise, alpha, sigma)

    def forward(self, seen: Seen) -> Tensor:
        """Sample images.

        Args:
            seen: any T, h and w.

        Returns:
            (N, 3, scale * h, scale * w), about [0, 1].
        """
        height, width = (self.scale * size for size in seen.lr.shape[-2:])
        chosen, *_ = self._latents(seen)
        return self._decoded(chosen)[..., :height, :width]

    def spread(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Return images, and the standard deviation of the trajectories' images before their last pull.

        Arguments as of `forward`; both results are (N, 3, scale * h, scale * w). Dates that show nothing do not count;
        where that leaves one trajectory, the deviation is NaN.
        """
        height, width = (self.scale * size for size in seen.lr.shape[-2:])
        chosen, estimates, usable = self._latents(seen)
        if estimates.shape[1] < 2:
            raise ValueError("one trajectory has no spread: give several dates, or set draws to 2 or more")
        images = self._decoded(estimates.flatten(0, 1)).clamp(0, 1).unflatten(0, estimates.shape[:2])
        weight = usable.to(images)[:, :, None, None, None]
        count = weight.sum(dim=1)
        off = images - ((weight * images).sum(dim=1) / count)[:, None]
        deviation = ((weight * off.square()).sum(dim=1) / (count - 1)).sqrt()  # 0 / 0 is NaN
        return self._decoded(chosen)[..., :height, :width], deviation[..., :height, :width]

    def _latents(self, seen: Seen) -> tuple[Tensor, Tensor, Tensor]:
        """Return what becomes images.

        Returns:
            latents to show (N, C, h, w), those of all trajectories before the last pull (N, K, C, h, w), and which
            trajectories have a date that shows something (N, K).
        """
        lr, dt_days, place, day = seen
        usable, padded = _usable(lr), self._padded(lr)
        if self.dates == "nearest":
            nearest = _nearest(dt_days, usable)
            padded, dt_days, usable = _taken(padded, nearest), dt_days.gather(1, nearest), usable.gather(1, nearest)
        padded, dt_days, usable = (part.repeat_interleave(self.draws, dim=1) for part in (padded, dt_days, usable))
        count, trajectories = usable.shape
        beside = self._beside(padded.flatten(0, 1))
        when = self._when(dt_days.flatten(), *(part.repeat_interleave(trajectories, dim=0) for part in (place, day)))
        size = [self.scale * side // self.autoencoder.factor for side in padded.shape[-2:]]
        corner = self.scale * place.to(lr.device) // self.autoencoder.factor

        def noise(draw: int) -> Tensor:
            """Return noise for all trajectories; a field for each, or one for each draw of a date."""
            groups = self.draws if self.shared_noise else trajectories
            shape = (self.autoencoder.channels, size[0], size[1])
            fields = [place_noise(corner, shape, group * FIELDS + draw) for group in range(groups)]
            return torch.stack([fields[k % groups] for k in range(trajectories)], dim=1).flatten(0, 1)

        last = torch.empty(0)

        def fuse(step: int, clean: Tensor) -> Tensor:
            nonlocal last
            estimates = clean.unflatten(0, (count, trajectories))
            if step == self.sampling_steps - 1:
                last = estimates
            if trajectories == 1 or not self.fusion.due(step):
                return clean
            part = self.fusion.taking_part(place, usable, step)
            return self.fusion.pulled(estimates, self._centre(estimates, part)).flatten(0, 1)

        clean = sample(
            lambda noisy, told: self._call(noisy, told, beside, when),
            noise(0),
            self.process,
            self.prediction,
            self.sampling_steps,
            self.eta,
            fresh_noise=lambda step: noise(1 + step),
            on_clean=fuse,
            noise_follows=self.fusion.renoise,
        ).unflatten(0, (count, trajectories))
        return self._returned(clean, last, dt_days, place, usable), last, usable

    def _returned(self, clean: Tensor, last: Tensor, dt_days: Tensor, place: Tensor, usable: Tensor) -> Tensor:
        """Return the latents (N, C, h, w) that become images."""
        if clean.shape[1] == 1:
            return clean[:, 0]
        if self.fusion.returned == "centre":
            return self._centre(last, self.fusion.taking_part(place, usable, self.sampling_steps - 1))
        if self.fusion.returned == "nearest":
            return _taken(clean, _nearest(dt_days, usable))[:, 0]
        lot = Fusion(drop=1 - 1e-9, drop_per="sample").taking_part(place, usable, 0)
        return _taken(clean, lot.int().argmax(dim=1, keepdim=True))[:, 0]

    def _centre(self, estimates: Tensor, part: Tensor) -> Tensor:
        if self.fusion.distance == "l2":
            return mean_centre(estimates, part)
        if not self._look:
            raise ValueError("fusion by LPIPS needs a trunk: call look_through, or take distance 'l2'")
        trunk = self._look[0].to(estimates.device)
        return feature_centre(
            estimates, part, lambda z: unit_features(trunk, self.autoencoder.decode(z).float().clamp(0, 1))
        )

    def _call(self, noisy: Tensor, told: Tensor, beside: Tensor, when: Tensor | None) -> Tensor:
        """Return the prediction for noisy latents."""
        prompt = None if self.prompt is None else self.prompt.expand(len(noisy), -1, -1)
        steer: dict[str, Any] = {}
        if self.control is not None:
            down, mid = self.control(noisy, told, prompt, controlnet_cond=beside, class_labels=when, return_dict=False)
            steer = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        elif when is not None:
            steer = {"class_labels": when}
        if self.condition == "channels":
            noisy = torch.cat((noisy, beside), dim=1)
        elif self.condition == "beside":
            noisy = torch.cat((beside, noisy), dim=3)
        output = self.unet(noisy, told, prompt, **steer).sample.float()
        output = output[..., output.shape[-1] // 2 :] if self.condition == "beside" else output
        return output + beside if self.skip else output

    def _beside(self, one: Tensor) -> Tensor:
        """Return what the network sees of single images (M, bands, h, w): enlarged pixels, or their latent."""
        enlarged = F.interpolate(one, scale_factor=self.scale, mode="bicubic", align_corners=False).clamp(0, 1)
        return 2 * enlarged - 1 if self.condition == "control" else self.autoencoder.encode(enlarged).float()

    def _when(self, dt_days: Tensor, place: Tensor, day: Tensor) -> Tensor | None:
        return None if self.time == "none" else features(self.time, dt_days, place.to(dt_days.device), day)

    def _decoded(self, latents: Tensor) -> Tensor:
        return torch.cat([self.autoencoder.decode(part).float() for part in latents.split(DECODED_AT_ONCE)])

    def _padded(self, lr: Tensor) -> Tensor:
        """Repeat the last rows and columns until autoencoder and U-Net can halve every level."""
        multiple = self.multiple_px // gcd(self.multiple_px, self.scale)
        down, right = (-size % multiple for size in lr.shape[-2:])
        return F.pad(lr, (0, right, 0, down, 0, 0), mode="replicate") if down or right else lr


def _networks(
    unet: Config, autoencoder: Autoencoder, condition: Condition, time: When
) -> tuple[nn.Module, nn.Module | None]:
    """Return the U-Net, and the ControlNet where there is one, told of time where they learn."""
    from diffusers.models.controlnets.controlnet import ControlNetModel
    from diffusers.models.embeddings import TimestepEmbedding
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel

    wider = {**unet, "in_channels": 2 * unet["in_channels"]} if condition == "channels" else unet
    network = cast(Any, UNet2DConditionModel.from_config(wider))
    learns, control = network, None
    if condition == "control":
        network.requires_grad_(False)
        levels = autoencoder.factor.bit_length()
        learns = control = cast(Any, ControlNetModel).from_unet(
            network, conditioning_embedding_out_channels=CONTROL_WIDTHS[:levels], load_weights_from_unet=False
        )
    if time != "none":
        embedding = TimestepEmbedding(feature_count(time), learns.time_embedding.linear_2.out_features)
        for part in (embedding.linear_2.weight, embedding.linear_2.bias):
            nn.init.zeros_(part)
        learns.class_embedding = embedding
    return network, control


def _usable(lr: Tensor) -> Tensor:
    """Return which dates (N, T) show something; all of them where none does."""
    seen = (lr != 0).flatten(2).any(dim=2)
    return seen | ~seen.any(dim=1, keepdim=True)


def _nearest(dt_days: Tensor, usable: Tensor) -> Tensor:
    """Return the usable date closest in time, (N, 1)."""
    return dt_days.abs().nan_to_num(0).masked_fill(~usable, torch.inf).argmin(dim=1, keepdim=True)


def _taken(series: Tensor, chosen: Tensor) -> Tensor:
    """Return the chosen members (N, M, ...) of a series (N, T, ...)."""
    return series[torch.arange(len(series), device=series.device)[:, None], chosen]
