"""CLIPs: published weights drop in by name, as a file or as a folder, each with its own preprocessing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from huggingface_hub import constants as hub
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torch import nn

from satsr.perception.clip import CONFIG, WEIGHTS, Preprocess, open_clip_folder, save_clip
from satsr.perception.load import load_clip, save_pointer
from tests.metrics.metric_images import texture
from tests.perception.made_up_weights import TINY_CLIP, save_state, tiny_clip_model

# open_clip's smallest convolutional tower with published weights; neither its normalization nor its interpolation
# is open_clip's default.
SMALL, SMALL_TAG = "MobileCLIP2-S0", "dfndr2b"


def random_model(architecture: str, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return open_clip.create_model(architecture).eval()


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module]:
    """A made-up checkpoint of the published form, and the model that it came from."""
    model = random_model(SMALL)
    return save_state(model.state_dict(), tmp_path_factory.mktemp("clip") / "weights.pt", "visual."), model


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache, empty, and no network: what HF_HUB_CACHE and HF_HUB_OFFLINE=1 set before a start."""
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


@torch.inference_mode()
def test_a_file_gives_the_embeddings_of_the_model_it_came_from(checkpoint: tuple[Path, nn.Module]) -> None:
    file, model = checkpoint
    clip = load_clip(f"{SMALL}/{file}")
    tag = open_clip.get_pretrained_cfg(SMALL, SMALL_TAG)
    assert clip.preprocess == Preprocess((256, 256), tag["mean"], tag["std"], tag["interpolation"], tag["resize_mode"])
    assert clip.preprocess.mean != open_clip.OPENAI_DATASET_MEAN
    images = texture(0, size=(256, 256))  # the tower's size: no resize, and this tag normalizes by 0 and 1
    torch.testing.assert_close(clip.embed_images(images), unit(model.encode_image(images)), rtol=0, atol=1e-6)
    torch.testing.assert_close(clip.embed_images(images).norm(dim=1), torch.ones(2), rtol=0, atol=1e-6)


@torch.inference_mode()
def test_a_published_tag_drops_in_with_its_own_activation(offline: Path, recwarn: pytest.WarningsRecorder) -> None:
    """RN50/openai was trained with QuickGELU, which open_clip's RN50 does not have."""
    model = random_model("RN50-quickgelu")
    snapshot = offline / "models--timm--resnet50_clip.openai" / "snapshots" / "0"
    save_state(model.state_dict(), snapshot / "open_clip_pytorch_model.bin", "visual.")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0")
    clip = load_clip("RN50/openai")
    assert clip.preprocess == Preprocess(
        (224, 224), open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD, "bicubic", "shortest"
    )
    images = texture(1, size=(224, 224))
    own = model.encode_image(clip.preprocess(images))
    torch.testing.assert_close(clip.embed_images(images), unit(own), rtol=0, atol=1e-6)
    assert not recwarn.list


@pytest.mark.parametrize("name", ["RN50/openai", "ViT-bigG-14-CLIPA-336/datacomp1b"])
def test_a_tag_that_is_not_on_this_machine_says_what_to_do(name: str, offline: Path) -> None:
    with pytest.raises(OSError, match="are not on this machine and cannot be downloaded") as caught:
        load_clip(name)
    message = str(caught.value)
    assert "\n" not in message
    file_form = "RN50-quickgelu/FILE" if name.startswith("RN50") else "ViT-bigG-14-CLIPA-336/FILE"
    assert message.endswith(f"copy them here and name {file_form}, or use a CLIP of the study")


@pytest.mark.parametrize(("tag", "mode"), [("ViT-L-14/openai", "shortest"), ("ViT-B-16-SigLIP/webli", "squash")])
@pytest.mark.parametrize("size", [(64, 64), (101, 160), (157, 100), (320, 257)])
def test_preprocessing_is_open_clips_own(tag: str, mode: str, size: tuple[int, int]) -> None:
    """Against the transform for PIL images, which rounds to 8 bit after each of its two passes."""
    configuration = {**open_clip.get_pretrained_cfg(*tag.split("/")), "size": 96}
    assert configuration["resize_mode"] == mode
    image = (texture(2, size=size, images=1)[0] * 255).round().byte()
    known = PreprocessCfg(**{k: v for k, v in configuration.items() if k not in ("url", "hf_hub", "quick_gelu")})
    theirs = image_transform_v2(known, is_train=False)(Image.fromarray(image.permute(1, 2, 0).numpy()))
    ours = Preprocess.of(configuration)(image[None].float() / 255)[0]
    levels = (ours - theirs) * torch.tensor(configuration["std"])[:, None, None] * 255
    assert levels.abs().max() < 1.5
    assert levels.abs().mean() < 0.4


def test_preprocessing_of_the_towers_size_only_normalizes() -> None:
    images = texture(3, size=(32, 32))
    preprocess = Preprocess((32, 32), (0.5, 0.4, 0.3), (0.2, 0.1, 0.3), "bicubic", "shortest")
    expected = (images - torch.tensor([0.5, 0.4, 0.3])[:, None, None]) / torch.tensor([0.2, 0.1, 0.3])[:, None, None]
    torch.testing.assert_close(preprocess(images), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("change", [{"interpolation": "nearest"}, {"resize_mode": "longest"}])
def test_unknown_preprocessing_is_refused(change: dict[str, str]) -> None:
    values = {"size": 32, "mean": (0.5,) * 3, "std": (0.5,) * 3, "interpolation": "bicubic", "resize_mode": "squash"}
    with pytest.raises(ValueError, match=r"expected bicubic or bilinear, and shortest or squash: name another CLIP"):
        Preprocess.of({**values, **change})


def one_line(caught: pytest.ExceptionInfo[ValueError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message


def test_unknown_architectures_and_tags_are_named() -> None:
    with pytest.raises(ValueError, match=r"unknown CLIP 'RN51/openai': expected ARCHITECTURE/TAG") as caught:
        load_clip("RN51/openai")
    one_line(caught)
    with pytest.raises(ValueError, match=r"RN50 has no weights 'open': expected one of openai, .*, a file") as caught:
        load_clip("RN50/open")
    one_line(caught)


@pytest.mark.parametrize(
    ("other", "reason"), [("ViT-S-32-alt", "text pos_embed width changed"), ("RN50", "Error.* Missing key")]
)
def test_a_file_of_another_architecture_is_refused(other: str, reason: str, checkpoint: tuple[Path, nn.Module]) -> None:
    file, _ = checkpoint
    with pytest.raises(ValueError, match=rf"{other}/.*weights\.pt cannot be opened \({reason}") as caught:
        load_clip(f"{other}/{file}")
    one_line(caught)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04" + bytes(100)])
def test_a_damaged_file_is_refused(suffix: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be opened \(.*\): copy or train it again") as caught:
        load_clip(f"ViT-S-32-alt/{file}")
    one_line(caught)


def test_a_truncated_file_is_refused(checkpoint: tuple[Path, nn.Module], tmp_path: Path) -> None:
    cut = tmp_path / "cut.pt"
    cut.write_bytes(checkpoint[0].read_bytes()[:100_000])
    with pytest.raises(ValueError, match=r"cut\.pt cannot be opened \(.*\): copy or train it again") as caught:
        load_clip(f"{SMALL}/{cut}")
    one_line(caught)


@torch.inference_mode()
def test_a_folder_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    model = tiny_clip_model()
    save_clip(model, TINY_CLIP, tmp_path / "judge")
    clip = load_clip(tmp_path / "judge")
    assert clip.name == "study judge"
    assert clip.preprocess == Preprocess((32, 32), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6), "bilinear", "squash")
    images, words = texture(4, size=(32, 32)), ["an aerial image of a test", "another"]
    own = model.encode_image(clip.preprocess(images))
    torch.testing.assert_close(clip.embed_images(images), unit(own), rtol=0, atol=1e-6)
    tokens = open_clip.tokenizer.SimpleTokenizer(context_length=12)(words)
    torch.testing.assert_close(clip.embed_captions(words), unit(model.encode_text(tokens)), rtol=0, atol=1e-6)
    assert clip.digest == open_clip_folder(tmp_path / "judge").digest
    assert not any(p.requires_grad for p in clip.parameters())


def test_nearest_resize_repeats_pixels_and_does_not_normalize(tmp_path: Path) -> None:
    model = tiny_clip_model()
    save_clip(model, TINY_CLIP, tmp_path)
    small = texture(5, size=(16, 16))
    repeated = torch.from_numpy(np.kron(small.numpy(), np.ones((2, 2), np.float32)))
    with torch.inference_mode():
        own = unit(model.encode_image(repeated))
        torch.testing.assert_close(load_clip(tmp_path).embed_images(small, "nearest"), own, rtol=0, atol=1e-6)


def test_a_pointer_opens_what_it_names(tmp_path: Path) -> None:
    save_clip(tiny_clip_model(), TINY_CLIP, tmp_path / "own")
    save_pointer(str(tmp_path / "own"), tmp_path / "loss")
    assert load_clip(tmp_path / "loss").digest == load_clip(tmp_path / "own").digest


def test_a_folder_without_configuration_or_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"has no {CONFIG}: expected a CLIP's folder in open_clip's form"):
        load_clip(tmp_path)
    save_clip(tiny_clip_model(), TINY_CLIP, tmp_path)
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(ValueError, match=r"cannot be opened \(.*\): copy or train it again") as caught:
        load_clip(tmp_path)
    one_line(caught)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(ValueError, match=r"cannot be opened \(.*\): copy or train it again") as caught:
        load_clip(tmp_path)
    one_line(caught)
