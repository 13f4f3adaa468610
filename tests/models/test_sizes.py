"""Flat settings: a network's options are named one by one, whether its constructor takes them alone or in groups."""

from __future__ import annotations

from dataclasses import replace

import pytest

from satsr.models.diffusion.fusion import Fusion
from satsr.models.latent_diffusion import STABLE_DIFFUSION_CHAIN
from satsr.models.pixel_diffusion import SR3_CHAIN
from satsr.models.sizes import size_names
from satsr.models.superresolver import NETWORKS, ModelCard, Sizes, SuperResolver
from tests.models.small_latents import AUTOENCODER, UNET

RGB = ("red", "green", "blue")
LATENT = {"autoencoder": AUTOENCODER, "unet": UNET}
PIXELS = {"widths": (8, 16), "blocks": 1, "attention": ()}


def built(method: str, **sizes: object) -> SuperResolver:
    own: Sizes = PIXELS if method in ("sr3", "flow") else LATENT
    return SuperResolver(ModelCard(method, {**own, **sizes}, 3, RGB, RGB, 4))


@pytest.mark.parametrize("method", ["satdiffmoe", "satdiffmoe_absolute", "controlnet"])
def test_options_of_the_chain_and_of_the_fusion_reach_their_objects(method: str) -> None:
    sizes = {"steps": 500, "zero_snr": True, "spacing": "trailing", "every": 2, "strength": 0.25, "distance": "lpips"}
    network = built(method, prediction="v", **sizes).network
    chain = {"steps": 500, "zero_snr": True, "spacing": "trailing"}
    assert network.process == replace(STABLE_DIFFUSION_CHAIN, **chain)  # type: ignore[arg-type]
    assert network.fusion == Fusion(every=2, strength=0.25, distance="lpips")


def test_what_is_not_named_is_as_published() -> None:
    network = built("satdiffmoe").network
    assert (network.process, network.fusion) == (STABLE_DIFFUSION_CHAIN, Fusion())
    assert built("sr3").network.process == SR3_CHAIN
    assert built("sr3", beta_end=0.05).network.process == replace(SR3_CHAIN, beta_end=0.05)


@pytest.mark.parametrize("method", NETWORKS)
def test_a_group_itself_is_no_name(method: str) -> None:
    names = size_names(NETWORKS[method].kind, NETWORKS[method].groups)
    assert not names & set(NETWORKS[method].groups)


@pytest.mark.parametrize(
    ("method", "wrong"),
    [("satdiffmoe", "fusion"), ("satdiffmoe", "strenght"), ("satdiffmoe", "schedule"), ("sr3", "process")],
)
def test_unknown_names_are_refused_with_all_that_are_valid(method: str, wrong: str) -> None:
    message = rf"train\.{method}\.network: unknown size {wrong}; .*Diffusion takes .*beta_end, .*zero_snr"
    with pytest.raises(ValueError, match=message):
        built(method, **{wrong: 1})
    if method == "satdiffmoe":
        with pytest.raises(ValueError, match=r"takes .*every, .*prediction, .*strength, .*zero_snr"):
            built(method, **{wrong: 1})
