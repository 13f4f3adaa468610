"""Trunks: published and the study's own, opened by name, file or folder, with the layers that their names promise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from satsr.perception import memory as memory_module
from satsr.perception.load import load_trunk, save_pointer
from satsr.perception.memory import FeatureMemory
from satsr.perception.published import MEAN, PUBLISHED, STD
from satsr.perception.trunk import CARD, WEIGHTS, save_trunk
from tests.metrics.metric_images import texture
from tests.perception.made_up_weights import lpips_package, published_state, save_state, study_trunk, trunk_of

IMAGES = texture(0, size=(64, 72))
# Number of every convolution of VGG-19 in torchvision's `features`, and its channels (Simonyan and Zisserman, 2015,
# table 1, column E).
VGG19 = {
    "conv1_1": (0, 64), "conv1_2": (2, 64), "conv2_1": (5, 128), "conv2_2": (7, 128),
    "conv3_1": (10, 256), "conv3_2": (12, 256), "conv3_3": (14, 256), "conv3_4": (16, 256),
    "conv4_1": (19, 512), "conv4_2": (21, 512), "conv4_3": (23, 512), "conv4_4": (25, 512),
    "conv5_1": (28, 512), "conv5_2": (30, 512), "conv5_3": (32, 512), "conv5_4": (34, 512),
}  # fmt: skip


def torchvision_outputs(name: str, state: dict[str, Tensor], images: Tensor) -> list[Tensor]:
    """Return what every layer of torchvision's own `features` puts out."""
    with torch.device("meta"):
        features = getattr(torchvision.models, PUBLISHED[name].builder)(weights=None).features
    own = {key.removeprefix("features."): value for key, value in state.items() if key.startswith("features.")}
    features.load_state_dict(own, assign=True)
    x = torchvision.transforms.functional.normalize(images, MEAN, STD)
    outputs = []
    for layer in features:
        x = layer(x.clone())  # its activations work in place
        outputs.append(x)
    return outputs


# Published


@pytest.mark.parametrize("name", PUBLISHED)
@torch.inference_mode()
def test_a_file_gives_the_layers_of_torchvisions_network(name: str, tmp_path: Path) -> None:
    state = published_state(name)
    trunk = load_trunk(f"{name}/{save_state(state, tmp_path / 'weights.pth', 'features.')}")
    names = [layer for layer, _ in trunk.layers.named_children()]
    found = trunk(IMAGES, names)
    for layer, expected in zip(names, torchvision_outputs(name, state, IMAGES), strict=True):
        torch.testing.assert_close(found[layer], expected, rtol=1e-5, atol=1e-5, msg=layer)
    assert trunk(IMAGES).keys() == set(PUBLISHED[name].taps)
    assert not any(p.requires_grad for p in trunk.parameters())
    if name == "vgg19":
        for layer, (number, channels) in VGG19.items():
            assert names[number] == layer
            assert found[layer].shape[1] == channels
            assert found[layer].min() < 0, "expected the values before the activation"


@pytest.mark.parametrize("net", ["alex", "vgg", "squeeze"])
@torch.inference_mode()
def test_taps_are_those_of_the_lpips_package(net: str) -> None:
    package = lpips_package(net)
    theirs = package.net(package.scaling_layer(2 * IMAGES - 1))
    for ours, expected in zip(trunk_of(package)(IMAGES).values(), theirs, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_torchs_cache_is_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    url = torchvision.models.get_weight(PUBLISHED["squeeze"].weights).url
    state = published_state("squeeze")
    file = save_state(state, tmp_path / "hub" / "checkpoints" / url.rsplit("/", 1)[-1], "features.")
    assert load_trunk("squeeze").digest == load_trunk(f"squeeze/{file}").digest


def test_weights_that_are_not_on_this_machine_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("https_proxy", "HTTPS_PROXY"):  # where nobody answers, as on a machine without network
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    with pytest.raises(OSError, match=r"the weights of squeeze are not on this machine .* put https://") as caught:
        load_trunk("squeeze")
    assert str(tmp_path / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth") in str(caught.value)


def one_line(caught: pytest.ExceptionInfo[ValueError]) -> None:
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("name", ["resnet", "vgg19/nowhere.pth", "loss"])
def test_unknown_trunks_are_named(name: str) -> None:
    with pytest.raises(
        ValueError, match=rf"unknown trunk '{name}': expected one of alex, vgg, vgg19, squeeze"
    ) as caught:
        load_trunk(name)
    one_line(caught)


def test_a_file_of_another_architecture_is_refused(tmp_path: Path) -> None:
    file = save_state(published_state("squeeze"), tmp_path / "weights.pth", "features.")
    with pytest.raises(ValueError, match=r"weights\.pth holds no weights of alexnet \(.*Missing key") as caught:
        load_trunk(f"alex/{file}")
    one_line(caught)
    torch.save(torch.zeros(3), file)
    with pytest.raises(ValueError, match=r"weights\.pth holds no weights of squeezenet1_1") as caught:
        load_trunk(f"squeeze/{file}")
    one_line(caught)


@pytest.mark.parametrize("length", [0, 100, 100_000])
def test_a_truncated_file_is_refused(length: int, tmp_path: Path) -> None:
    file = save_state(published_state("squeeze"), tmp_path / "weights.pth", "features.")
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"weights\.pth cannot be read as weights \(.*\): download it again") as caught:
        load_trunk(f"squeeze/{file}")
    one_line(caught)


def test_unknown_layers_are_named() -> None:
    trunk, _ = study_trunk()
    with pytest.raises(ValueError, match=r"study vgg has no layer conv9_1, expected some of conv1_1, relu1_1, conv1_2"):
        trunk(IMAGES, ["conv1_2", "conv9_1"])


# The study's own


@pytest.mark.parametrize("kind", ["vgg", "alex"])
def test_a_trunk_comes_back_as_it_was_saved(kind: str, tmp_path: Path) -> None:
    trunk, card = study_trunk(kind)
    save_trunk(trunk, card, tmp_path / "own")
    save_pointer(str(tmp_path / "own"), tmp_path / "pointer")
    for folder in ("own", "pointer"):
        opened = load_trunk(tmp_path / folder)
        assert opened.digest == trunk.digest
        assert (opened.mean, opened.std, opened.taps) == (card.mean, card.std, trunk.taps)
        for layer, expected in trunk(IMAGES).items():
            assert torch.equal(opened(IMAGES)[layer], expected)


def test_the_study_vgg_is_named_as_published() -> None:
    trunk, _ = study_trunk()
    found = trunk(IMAGES, ["conv2_2", "relu2_2", "pool2"])
    assert found["conv2_2"].shape == (2, 6, 32, 36)
    assert found["conv2_2"].min() < 0
    assert torch.equal(found["relu2_2"], found["conv2_2"].relu())
    assert torch.equal(found["pool2"], nn.functional.max_pool2d(found["relu2_2"], 2))


def test_building_leaves_the_random_state_alone() -> None:
    before = torch.random.get_rng_state()
    study_trunk()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_damaged_folders_are_refused(tmp_path: Path) -> None:
    trunk, card = study_trunk()
    save_trunk(trunk, card, tmp_path)
    good, weights = (tmp_path / CARD).read_text(), (tmp_path / WEIGHTS).read_bytes()
    wider = {**json.loads(good), "widths": [4, 6, 9]}
    other_kind = {**json.loads(good), "kind": "resnet"}
    for text, content in (
        (good, weights[:-10]),
        (good, b""),
        (json.dumps(wider), weights),
        (json.dumps(other_kind), weights),
        ("[]", weights),
        ("{", weights),
        ("{}", weights),
    ):
        (tmp_path / CARD).write_text(text)
        (tmp_path / WEIGHTS).write_bytes(content)
        with pytest.raises(ValueError, match=r"does not hold a trunk of the study \(.*\): train or copy it") as caught:
            load_trunk(tmp_path)
        one_line(caught)
    (tmp_path / CARD).unlink()
    with pytest.raises(ValueError, match="does not hold a trunk of the study"):
        load_trunk(tmp_path)


def test_digests_tell_networks_apart() -> None:
    digests = [study_trunk(kind, seed)[0].digest for kind in ("vgg", "alex") for seed in (0, 1)]
    assert len(set(digests)) == 4
    assert study_trunk("vgg", 0)[0].digest == digests[0]
    changed, _ = study_trunk("vgg", 0)
    changed.layers[0].bias.data[0] += 1e-6  # type: ignore[operator, union-attr]
    assert changed.digest != digests[0]


# Memory

POOL = torch.rand(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
ROW_BYTES = 4 * (3 + 4)


def features(images: Tensor) -> tuple[Tensor, Tensor]:
    return images.mean(dim=(2, 3)), images[:, 0, 0]


@given(
    batches=st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=5, unique=True), max_size=8),
    rows=st.integers(0, 9),
)
@settings(max_examples=50, deadline=None)
def test_remembered_features_are_the_computed_ones(batches: list[list[int]], rows: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_module, "BUDGET_BYTES", rows * ROW_BYTES + 1)
        memory, computed = FeatureMemory(), 0

        def compute(images: Tensor) -> tuple[Tensor, Tensor]:
            nonlocal computed
            computed += len(images)
            return features(images)

        for batch in batches:
            found = memory.features(POOL[batch], "way", compute)
            for ours, expected in zip(found, features(POOL[batch]), strict=True):
                assert torch.equal(ours, expected)
            assert memory.used_bytes == len(memory.known) * ROW_BYTES <= rows * ROW_BYTES
        if rows >= len(POOL):
            assert computed == len({image for batch in batches for image in batch})


def test_memory_tells_ways_and_shapes_apart() -> None:
    memory = FeatureMemory()
    black = torch.zeros(1, 3, 4, 8)
    memory.features(black, "corrected", lambda images: (images,))
    (other_way,) = memory.features(black, "published", lambda images: (images + 1,))
    (other_shape,) = memory.features(black.mT, "corrected", lambda images: (images,))
    assert other_way.min() == 1
    assert other_shape.shape == (1, 3, 8, 4)
