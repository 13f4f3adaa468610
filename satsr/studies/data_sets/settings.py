"""Settings of the study over several data sets."""

from __future__ import annotations

from satsr.common.settings import Count, Rate, Settings
from satsr.evaluation.settings import EvaluateSettings


class DataSetsStudySettings(Settings):
    """What is trained on every one of these data sets, and for how long."""

    methods: tuple[str, ...] = ("bicubic", "srcnn", "highresnet", "esrgan", "sr3")
    fused: tuple[str, ...] = ("controlnet", "satdiffmoe_absolute", "satdiffmoe")  # where images have color and dates
    length: Rate = 1.0  # of the methods' own trainings: steps, milestones, start of the GAN
    latent_length: Rate = 1.0  # the same of latent methods, which start from the latent space's prior
    batch: Count = 0  # pairs of a step; 0 takes the methods' own
    from_main: bool = True  # start from the models of the main data, fitted to other bands; else anew, as published
    evaluate: EvaluateSettings = EvaluateSettings()
