"""The study's settings: every name that `params.yaml` and `profiles/*.yaml` may hold, with its bounds.

Light on purpose (no torch): the runner checks every value before it starts a kernel.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Protocol = Literal["published", "corrected"]
Precision = Literal["auto", "32-true", "bf16-mixed"]


class Settings(BaseModel):
    """Base of all settings: immutable, and strict about names."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Splits(Settings):
    """Shares of the regions in each split; a region is never divided."""

    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.12, gt=0, lt=1)
    test: float = Field(0.28, gt=0, lt=1)


class DataSettings(Settings):
    """Where the pairs come from, and how many.

    `world` is the embedded procedural world; `folder` takes real high-resolution images and simulates the
    Sentinel-2 series; `pairs` takes real co-located pairs (`NAME_lr*.png`, `NAME_hr.png`); `s2naip` takes the folder of
    a download in either of its layouts, and copies nothing.
    """

    source: Literal["world", "folder", "pairs", "s2naip"] = "world"
    path: str = ""
    seed: int = 0
    regions: int = Field(25, ge=3)
    chips_per_side: int = Field(4, ge=1, le=16)
    dates: int = Field(8, ge=1)
    cloudy_share: float = Field(0.2, ge=0, le=1)
    max_chips: int = Field(0, ge=0)  # of a folder; 0 takes all
    leakage: Literal["fail", "report"] = "fail"  # what test tiles too close to training do
    hr_gsd_m: float = Field(0.0, ge=0)  # resample georeferenced images to this; 0 keeps their own
    splits: Splits = Splits()


class PairSettings(Settings):
    """How a chip becomes a sample: number of dates, bands, and the seed of the frame choice."""

    dates: int = Field(8, ge=1)
    bands: tuple[str, ...] = ("tci",)  # `tci` is red, green and blue; none takes those that the data set's reader names
    seed: int = 0


class ClipSettings(Settings):
    """One CLIP: published weights, or a small one that the study trains on captioned scenes."""

    weights: str = ""  # ARCHITECTURE/TAG of open_clip, ARCHITECTURE/FILE or a folder, in place of a training
    tower: dict[str, int | float | tuple[int, ...]] = {}  # open_clip's vision_cfg
    steps: int = Field(100, ge=1)
    batch: int = Field(32, ge=2)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0  # of the weights and of the order of the scenes


class TrunkSettings(Settings):
    """One feature trunk: published weights, or a small one that the study trains on captioned scenes."""

    weights: str = ""  # alex, vgg, vgg19, squeeze, NAME/FILE or a folder, in place of a training
    kind: Literal["vgg", "alex"] = "vgg"
    widths: tuple[int, ...] = (16, 32, 64)
    steps: int = Field(100, ge=1)
    batch: int = Field(32, ge=2)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0


class PerceptionSettings(Settings):
    """The networks that look at images. The one named `loss` is for losses; the others are candidates to judge."""

    clips: dict[str, ClipSettings]
    trunks: dict[str, TrunkSettings]

    @model_validator(mode="after")
    def _two_sides(self) -> PerceptionSettings:
        for what, networks in (("clips", self.clips), ("trunks", self.trunks)):
            if "loss" not in networks or len(networks) < 2:
                raise ValueError(f"{what} = {sorted(networks)}, expected `loss` and at least one other, which judges")
            loss = networks["loss"]
            for name, other in networks.items():
                trained = not (other.weights or loss.weights)  # published weights have no seed here
                alike = (trained and other.seed == loss.seed) or _architecture(other) == _architecture(loss)
                if name != "loss" and alike:
                    raise ValueError(f"{what}.{name} has the seed or the architecture of {what}.loss, expected others")
        return self


def _architecture(network: ClipSettings | TrunkSettings) -> object:
    if network.weights:
        return network.weights
    return network.tower if isinstance(network, ClipSettings) else (network.kind, network.widths)


class PerceptualSettings(Settings):
    """What the perceptual loss compares: weighted layers of a trunk, before their activation."""

    network: str = "loss"  # the study's loss trunk, or what `load_trunk` takes
    layers: dict[str, float] = {}


class AutoencoderSettings(Settings):
    """The latent space: published weights, or a small autoencoder that the study trains on HR images."""

    weights: str = ""  # a folder in diffusers' form, such as `vae` of Stable Diffusion, in place of a training
    channels: int = Field(4, ge=1)  # of a latent
    width: int = Field(48, ge=1)
    levels: int = Field(2, ge=1)
    blocks: int = Field(1, ge=0)
    patch: int = Field(2, ge=1)  # side of the squares of pixels that become channels
    steps: int = Field(100, ge=1)
    batch: int = Field(8, ge=1)
    crop: int = Field(64, ge=0, multiple_of=16)  # HR px; 0 takes whole chips
    learning_rate: float = Field(4e-3, gt=0)
    small_latents: float = Field(1e-4, ge=0)  # weight of the latents' mean square
    seed: int = 0


class PriorSettings(Settings):
    """The latent U-Net that SatDiffMoE and ControlNet start from: published weights, or a small one."""

    weights: str = ""  # a folder in diffusers' form, such as `unet` of Stable Diffusion, in place of a training
    prediction: Literal["noise", "clean", "v"] = "noise"
    zero_snr: bool = False
    widths: tuple[int, ...] = (32, 64)
    blocks: int = Field(1, ge=1)
    attention: tuple[int, ...] = ()
    steps: int = Field(100, ge=1)
    batch: int = Field(16, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    seed: int = 0


class LatentSettings(Settings):
    """What stands in for Stable Diffusion."""

    autoencoder: AutoencoderSettings
    prior: PriorSettings


class TrainSettings(Settings):
    """One method's training. `network` and `discriminator` are the constructors' own arguments."""

    network: dict[str, bool | int | float | str | tuple[int, ...]] = {}
    discriminator: dict[str, bool | int | float] = {}
    losses: dict[Literal["l1", "mse", "ssim", "perceptual", "gan", "noise_l1", "noise_mse"], float]
    perceptual: PerceptualSettings = PerceptualSettings()
    sharpen: bool = False  # content losses compare with the USM-sharpened target
    steps: int = Field(ge=1)
    gan_start: int = Field(0, ge=0)  # the generator trains without the adversarial loss before this step
    batch: int = Field(8, ge=1)
    tile_weights: bool = False  # draw training samples by their weight in the data set, rare objects more often
    crop: int = Field(0, ge=0, multiple_of=8)  # train on random LR crops of this side in px; 0 takes whole chips
    accumulate: int = Field(1, ge=1)
    learning_rate: float = Field(1e-4, gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    milestones: tuple[int, ...] = ()
    gamma: float = 0.5
    ema: float = Field(0.999, ge=0, lt=1)
    precision: Precision = "auto"
    start_at_mean: bool = False  # let an untrained network put out the mean colour, which a short training needs
    validate_every: int = Field(100, ge=1)
    validate_images: int = Field(0, ge=0)  # that the curve scores; 0 scores all
    validate_dates: int = Field(0, ge=0)  # that they are made from, the first ones; 0 takes all
    validate_network: str = ""  # the trunk by which the curve has LPIPS too: `judge`, or what `load_trunk` takes
    checkpoint_every: int = Field(100, ge=1)


class EvaluateSettings(Settings):
    """Which scores are computed, under which protocols."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")  # METRIC or METRIC:NETWORK; `judge` is the chosen network
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    sets: str = ""  # the trunk whose features FID and KID compare; none without
    batch: int = Field(32, ge=1)


class AgreementSettings(Settings):
    """The agreement study: what is asked, beside CLIPScore by every candidate to judge."""

    metrics: tuple[str, ...] = ("psnr", "ssim", "cpsnr")
    protocols: tuple[Protocol, ...] = ("published", "corrected")
    design: str = "book/preferences/stand_in.csv"  # the stand-in's pairs


class FusionStudySettings(Settings):
    """The study of SatDiffMoE: which options are tried, and on how many places."""

    choose_per_region: int = Field(1, ge=1)  # chips of each validation region, which choose between options
    test_per_region: int = Field(1, ge=1)  # chips of each test region, which are reported
    images: tuple[int, ...] = (1, 2, 4, 8)
    strength: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75)
    every: tuple[int, ...] = (0, 2)
    distance: tuple[Literal["l2", "lpips"], ...] = ("lpips",)
    sampling_steps: tuple[int, ...] = (1, 2, 10)
    metrics: tuple[str, ...] = ("psnr", "ssim", "lpips:judge")
    levels: tuple[float, ...] = (0.5, 0.68, 0.8, 0.9, 0.95)


class SpeedSettings(Settings):
    """The speed of every method, and how many steps the sampling ones need."""

    batches: tuple[int, ...] = (1, 8)
    rounds: int = Field(3, ge=1)
    steps: tuple[int, ...] = (1, 2, 4, 8)
    test_per_region: int = Field(2, ge=1)  # chips of each test region, on which steps are compared
    metrics: tuple[str, ...] = ("psnr", "cpsnr", "lpips:judge")


class BuildingSettings(Settings):
    """The counter of buildings, trained on HR images."""

    widths: tuple[int, ...] = (16, 32, 64, 96)
    steps: int = Field(200, ge=1)
    batch: int = Field(8, ge=1)
    learning_rate: float = Field(5e-3, gt=0)
    seed: int = 31
    iou: float = Field(0.5, gt=0, le=1)  # from which on an outline counts as found


class TwinSettings(Settings):
    """The embedded twins of the papers' other data sets: the same landscapes under other cameras."""

    regions: int = Field(18, ge=3)
    chips_per_side: int = Field(4, ge=2, le=16)
    seed: int = 1000  # other landscapes than those of the main data set, which networks were pretrained on
    cloudy_share: float = Field(0.2, ge=0, le=1)
    splits: Splits = Splits()


class DataSetSettings(Settings):
    """One of the papers' other data sets: its twin, or a download by its folder, and how a place becomes a sample."""

    path: str = ""  # folder of the download, in its published layout or as shards; empty takes the embedded twin
    treatment: Literal["native", "paper-time"] = "native"  # paper-time: PROBA-V as x4, OLI2MSI as x2
    leakage: Literal["fail", "report"] = "fail"  # what neighbours across splits do
    pairs: PairSettings = PairSettings(bands=())
    metrics: tuple[str, ...] = ()  # beside those of all data sets


class SetStudySettings(Settings):
    """What is trained on every one of these data sets, and for how long."""

    methods: tuple[str, ...] = ("bicubic", "srcnn", "highresnet", "esrgan", "sr3")
    fused: tuple[str, ...] = ("controlnet", "satdiffmoe_absolute", "satdiffmoe")  # where images have color and dates
    length: float = Field(1.0, gt=0)  # of the methods' own trainings: steps, milestones, start of the GAN
    latent_length: float = Field(1.0, gt=0)  # the same of latent methods, which start from the latent space's prior
    batch: int = Field(0, ge=0)  # pairs of a step; 0 takes the methods' own
    from_main: bool = True  # start from the models of the main data, fitted to other bands; else anew, as published
    evaluate: EvaluateSettings = EvaluateSettings()


class TableSettings(Settings):
    """Bootstrap intervals of the tables."""

    level: float = Field(0.95, gt=0.5, lt=1)
    resamples: int = Field(2000, ge=100)
    seed: int = 0


class Study(Settings):
    """The whole of `params.yaml`."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    data: DataSettings
    pairs: PairSettings
    methods: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    perception: PerceptionSettings
    agreement: AgreementSettings
    train: dict[str, TrainSettings]
    latent: LatentSettings
    train_latent: dict[str, TrainSettings]  # methods that start from the latent space
    evaluate: EvaluateSettings
    fusion: FusionStudySettings = FusionStudySettings()
    speed: SpeedSettings = SpeedSettings()
    buildings: BuildingSettings = BuildingSettings()
    twins: TwinSettings = TwinSettings()
    data_sets: dict[Literal["probav", "oli2msi", "worldstrat", "fmow"], DataSetSettings] = {}
    sets: SetStudySettings = SetStudySettings()
    table: TableSettings
    votes: str = ""  # a file of `satsr vote` on the methods' outputs

    @model_validator(mode="after")
    def _enough_dates(self) -> Study:
        if self.data.source != "pairs" and self.pairs.dates > self.data.dates:
            raise ValueError(
                f"pairs.dates = {self.pairs.dates}, expected at most data.dates = {self.data.dates}: "
                "lower the one or raise the other"
            )
        return self

    @model_validator(mode="after")
    def _known_methods(self) -> Study:
        known = [*self.train, *self.train_latent]
        unknown = sorted(set(self.methods) - set(known) - {"bicubic"})
        if unknown:
            raise ValueError(f"methods = {unknown}, expected bicubic or one of {', '.join(known)}")
        return self
