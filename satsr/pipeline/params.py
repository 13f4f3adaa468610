"""Read `params.yaml` and `profiles/*.yaml`.

Unknown names fail with the list of the valid ones, before anything is run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from satsr.common.reading_yaml import read_yaml
from satsr.common.settings import Seed, Settings, check, merge
from satsr.data.settings import DataSetSettings, DataSettings, PairSettings, TwinSettings
from satsr.evaluation.settings import ClaimSettings, EvaluateSettings, TableSettings
from satsr.perception.settings import PerceptionSettings
from satsr.studies.ablations.settings import AblationSettings, GlobalModelSettings, ScalingSettings, VariantsSettings
from satsr.studies.agreement.settings import AgreementSettings
from satsr.studies.buildings.settings import BuildingSettings
from satsr.studies.data_sets.settings import DataSetsStudySettings
from satsr.studies.downstream.ranking.settings import RankingSettings
from satsr.studies.downstream.settings import DownstreamSettings
from satsr.studies.fusion.settings import FusionStudySettings
from satsr.studies.hallucination.settings import HallucinationSettings
from satsr.studies.real.settings import RealPairsSettings
from satsr.studies.scene.settings import SceneSettings
from satsr.studies.speed.settings import SpeedSettings
from satsr.studies.transfer.settings import TransferSettings
from satsr.studies.uncertainty.settings import UncertaintySettings
from satsr.training.counting.settings import CounterSettings
from satsr.training.settings import LatentSettings, TrainSettings


def load_study(root: Path, profile: str = "") -> Study:
    """Read `params.yaml`, with the overrides of `profiles/<profile>.yaml` on top when one is named.

    Raises:
        ValueError: an unknown profile, an unknown name or a value out of range; the message lists the valid
            ones.
    """
    values = read_yaml(root / "params.yaml", "correct that line")
    if profile and profile != values.get("profile"):
        values = merge(values, _profile(root, profile))
    return check(Study, values, "params.yaml" if not profile else f"profile {profile}")


def _profile(root: Path, profile: str) -> dict[str, Any]:
    path = root / "profiles" / f"{profile}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise ValueError(f"unknown profile {profile!r}: expected default or one of {', '.join(known)}")
    return {**read_yaml(path, "correct that line"), "profile": profile}


class Study(Settings):
    """The whole of `params.yaml`."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    data: DataSettings
    pairs: PairSettings
    methods: tuple[str, ...]
    seeds: tuple[Seed, ...] = (0,)  # of methods that no claim names
    claims: ClaimSettings = ClaimSettings()
    perception: PerceptionSettings
    agreement: AgreementSettings
    train: dict[str, TrainSettings]
    latent: LatentSettings
    train_latent: dict[str, TrainSettings]  # methods that start from the latent space
    latent_methods: tuple[str, ...] = ()  # those of them that are trained on the main data
    evaluate: EvaluateSettings
    fusion: FusionStudySettings = FusionStudySettings()
    speed: SpeedSettings = SpeedSettings()
    uncertainty: UncertaintySettings = UncertaintySettings()
    scene: SceneSettings = SceneSettings()
    counter: CounterSettings = CounterSettings()
    buildings: BuildingSettings = BuildingSettings()
    variants: VariantsSettings
    clip_loss: AblationSettings
    images: dict[str, AblationSettings]  # by method
    discriminators: AblationSettings
    scaling: ScalingSettings
    bands: AblationSettings
    hallucination: HallucinationSettings
    global_model: GlobalModelSettings
    downstream: DownstreamSettings
    transfer: TransferSettings
    ranking: RankingSettings
    twins: TwinSettings = TwinSettings()
    data_sets: dict[str, DataSetSettings] = {}
    data_sets_study: DataSetsStudySettings = DataSetsStudySettings()
    table: TableSettings
    votes: str = ""  # a file of `satsr vote` on the methods' outputs
    real_pairs: dict[str, RealPairsSettings] = {}

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
        without = sorted(set(self.latent_methods) - set(self.train_latent))
        if without:
            raise ValueError(f"latent_methods = {without}, expected some of {', '.join(self.train_latent)}")
        untrained = sorted(set(self.methods) & set(self.train_latent) - set(self.latent_methods))
        if untrained:
            raise ValueError(f"methods = {untrained}, which nothing trains: add them to latent_methods")
        for name, asked in (("uncertainty", self.uncertainty.methods), ("scene", self.scene.methods)):
            if missing := sorted(set(asked) - set(self.methods)):
                raise ValueError(f"{name}.methods = {missing}, expected some of methods: add them there")
        return self

    @model_validator(mode="after")
    def _variants_are_trainings(self) -> Study:
        """Check what every variant of a study changes, those too that this profile does not run."""
        studies = {f"images.{method}": study for method, study in self.images.items()}
        studies |= {name: getattr(self, name) for name in ("clip_loss", "discriminators", "bands")}
        studies |= {"scaling": self.scaling.study, "global_model.study": self.global_model.study}
        for name, study in studies.items():
            if study.method in self.variants.train:
                common = merge(self.variants.train[study.method].model_dump(), study.change)
                for variant, of in study.variants.items():
                    there = f"{name}.variants.{variant}"
                    check(TrainSettings, merge(common, of.change), f"{there}.change")
                    check(PairSettings, merge(self.variants.pairs.model_dump(), of.pairs), f"{there}.pairs")
        return self

    @model_validator(mode="after")
    def _claims_can_be_tested(self) -> Study:
        for claim in self.claims.comparisons:
            for name, kind, known in (
                (claim.metric, "metrics", self.evaluate.metrics),
                (claim.protocol, "protocols", self.evaluate.protocols),
            ):
                if name not in known:
                    raise ValueError(
                        f"claims name {name}, expected one of evaluate.{kind} ({', '.join(known)}): score it, or drop "
                        "the claim"
                    )
        if self.claims.comparisons and self.claims.seeds[: len(self.seeds)] != self.seeds:
            raise ValueError(
                f"claims.seeds = {list(self.claims.seeds)}, expected seeds = {list(self.seeds)} and more: what takes "
                "one training of every method takes the first"
            )
        return self
