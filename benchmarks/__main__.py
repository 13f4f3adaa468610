"""`make bench`: speed as ratios in one run."""

from benchmarks import ceiling, clip_cost, reading, sampling, scenes, scoring, training
from satsr.common.provenance import gpu, processor

if __name__ == "__main__":
    print(f"{processor()}; GPU {gpu()}")
    reading.report()
    scoring.report()
    training.report()
    clip_cost.report()
    ceiling.report()
    sampling.report()
    scenes.report()
    scenes.beside_reference()
