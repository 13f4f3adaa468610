"""Facts of every method, for tables, figures and checks: no torch, and no network's code.

`superresolver` has the networks, and how they are fed.
"""

from __future__ import annotations

from dataclasses import dataclass

from satsr.common.settings import Precision


@dataclass(frozen=True)
class Method:
    """What is known of a method without its network.

    Attributes:
        learns: it has weights to train.
        denoises: its network learns to denoise and samples its images, with `denoise` beside `forward`.
        pretrained: its network starts from a trained autoencoder and a latent U-Net.
        any_dates: the network takes any number of dates, if it was trained with more than one.
        date_by_date: the network was trained with single dates and takes any number of them.
        doubles: the network enlarges by powers of two only.
        gpu_precision: what its training runs in on a GPU. SR3's published U-Net is slower under autocast (one H100, per
            image and step: batch 1, fp32 14.9 ms and bf16 20.3; batch 16, 1.59 and 1.71): it stays in fp32, with TF32.
    """

    learns: bool = True
    denoises: bool = False
    pretrained: bool = False
    any_dates: bool = False
    date_by_date: bool = False
    doubles: bool = False
    gpu_precision: Precision = "bf16-mixed"


METHODS = {
    "bicubic": Method(learns=False, any_dates=True),
    "srcnn": Method(doubles=True),
    "highresnet": Method(any_dates=True, doubles=True),
    "esrgan": Method(doubles=True),
    "sr3": Method(denoises=True, gpu_precision="32-true"),
    "flow": Method(denoises=True, gpu_precision="32-true"),
    "satdiffmoe": Method(denoises=True, pretrained=True, date_by_date=True),
    "satdiffmoe_absolute": Method(denoises=True, pretrained=True, date_by_date=True),
    "controlnet": Method(denoises=True, pretrained=True, date_by_date=True),
}


def find_method(name: str) -> Method:
    """Return a method by name, or raise a ValueError that lists them."""
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}: expected one of {', '.join(METHODS)}")
    return METHODS[name]
