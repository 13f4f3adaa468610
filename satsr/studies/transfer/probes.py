"""Classes from vectors: a linear probe, the nearest neighbours, and a network that learns on."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from satsr.common.device import best_device
from satsr.common.minimize import minimize
from satsr.studies.transfer.settings import TransferSettings

LEAST_STD = 1e-6  # of a channel that says anything
MOST_ITERATIONS = 200


def standardized(train: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """Return vectors with the mean and the standard deviation of the training ones taken out."""
    mean, std = train.mean(dim=0), train.std(dim=0, correction=0).clamp(min=LEAST_STD)
    return tuple((vectors - mean) / std for vectors in (train, *others))


def linear(vectors: Tensor, labels: Tensor, classes: int, penalty: float) -> nn.Linear:
    """Fit logistic regression with a quadratic penalty on its weights, to the end (L-BFGS).

    Args:
        vectors: (N, D), standardized.
        labels: (N,).
        classes: their number; those without a label are never told.
        penalty: weight of half the sum of squares.
    """
    head = nn.Linear(vectors.shape[1], classes)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=MOST_ITERATIONS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        found = F.cross_entropy(head(vectors), labels) + penalty / 2 * head.weight.square().sum()
        found.backward()
        return found

    optimizer.step(loss)  # type: ignore[arg-type, unused-ignore]
    return head.requires_grad_(False)


def best_linear(
    train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], classes: int, penalties: Sequence[float]
) -> nn.Linear:
    """Return the linear probe of the penalty that does best on validation places; of equals the first."""
    heads = [linear(*train, classes, penalty) for penalty in penalties]
    right = [float((head(val[0]).argmax(dim=1) == val[1]).float().mean()) for head in heads]
    return heads[int(np.argmax(right))]


def neighbours(train: Tensor, labels: Tensor, asked: Tensor, classes: int, count: int) -> Tensor:
    """Return the class that most of the nearest training vectors have, by cosine; of equals that of the nearest.

    Args:
        train: (N, D).
        labels: (N,).
        asked: (M, D).
        classes: their number.
        count: of neighbours, or all.
    """
    near = (F.normalize(asked, dim=1) @ F.normalize(train, dim=1).T).topk(min(count, len(train)), dim=1)
    votes = F.one_hot(labels[near.indices], classes).float()
    nearness = torch.linspace(1e-3, 0, votes.shape[1])[None, :, None]  # breaks ties
    return (votes * (1 + nearness)).sum(dim=1).argmax(dim=1)


class Classifier(nn.Module):
    """A network of vectors, with a linear layer on top.

    Args:
        encoder: from images to vectors (N, D).
        head: from standardized vectors to classes.
        mean: of the training vectors, (D,).
        std: of them.
    """

    def __init__(self, encoder: nn.Module, head: nn.Linear, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, classes)."""
        vectors = self.encoder(images)
        return self.head((vectors - self.mean) / self.std)


def fine_tuned(
    what: str,
    encoder: nn.Module,
    head: nn.Linear,
    images: Tensor,
    labels: Tensor,
    settings: TransferSettings,
    seed: int,
) -> Classifier:
    """Let a network learn on, from its linear probe (Kumar et al., 2022): first the head, then everything.

    Args:
        what: name for the progress lines.
        encoder: from images to vectors; it is changed.
        head: the linear probe on its standardized vectors, which stays as it is.
        images: (N, C, h, w).
        labels: (N,).
        settings: steps, batch and learning rate.
        seed: of the order and of turns.

    Raises:
        RuntimeError: a loss is not finite.
    """
    device = best_device()
    with torch.no_grad():
        encoder.to(device).eval()
        vectors = torch.cat([encoder(part.to(device)).cpu() for part in images.split(settings.batch)])
    std = vectors.std(dim=0, correction=0).clamp(min=LEAST_STD)
    network = Classifier(encoder, copy.deepcopy(head).requires_grad_(True), vectors.mean(dim=0), std)

    def loss(step: int) -> Tensor:
        rng = np.random.default_rng([seed, step])
        chosen = rng.integers(0, len(images), settings.batch)
        turns = int(rng.integers(4))
        return F.cross_entropy(
            network(torch.rot90(images[chosen], turns, (2, 3)).to(device)), labels[chosen].to(device)
        )

    minimize(what, network, loss, settings.steps, settings.learning_rate)
    return network
