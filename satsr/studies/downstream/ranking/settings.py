"""Settings of the study of which metric predicts use: what is ranked, by which metrics, and by which uses."""

from __future__ import annotations

from pydantic import Field

from satsr.common.settings import Count, Protocol, Seed, Settings, Size, Weight
from satsr.studies.downstream.settings import NetworkSettings, TaskName
from satsr.training.dense_settings import DenseSettings


class LearnedSettings(Settings):
    """Use to a network that learns on a system's own outputs."""

    task: TaskName = "buildings"
    network: NetworkSettings = NetworkSettings()
    train: DenseSettings = DenseSettings()
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)


class RankingSettings(Settings):
    """The study of which metric predicts use."""

    faults: dict[str, tuple[Weight, ...]] = {}  # of HR, by kind: strengths, from weak to strong
    dates: tuple[Size, ...] = ()  # bicubic interpolation of the median of so many
    variants: tuple[str, ...] = ()  # studies whose trainings are ranked too: names of their blocks
    per_region: Count = 0  # test places of each region that are looked at; 0 takes all
    metrics: tuple[str, ...] = ()  # none: the study is not run
    protocol: Protocol = "corrected"
    learned: LearnedSettings | None = None  # beside the use to a counter that learned on HR
    least_systems: int = Field(20, ge=3)  # below, nothing is concluded
