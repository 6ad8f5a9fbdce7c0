"""Augmentation: samples changed in geometry, by copy-paste, in light and in words, with phrases that stay true."""

from __future__ import annotations

import numpy as np

from argus.data.augment.config import AugmentConfig, light, strong
from argus.data.augment.geometry import geometric
from argus.data.augment.paste import paste
from argus.data.augment.photometry import photometric
from argus.data.augment.semantic import rephrase
from argus.data.ontology import Ontology
from argus.data.records import Sample

__all__ = ["AugmentConfig", "augment", "geometric", "light", "paste", "photometric", "rephrase", "strong"]


def augment(
    sample: Sample,
    config: AugmentConfig,
    rng: np.random.Generator,
    *,
    ontology: Ontology | None = None,
    donor: Sample | None = None,
) -> Sample:
    """The sample changed by chance, the same for the same state of `rng`; its picture keeps its size.

    Words change where an `ontology` is given, and instances are pasted where a `donor` (of any size) is. Geometry needs
    kornia, of the extra `train`.
    """
    if donor is not None:
        sample = paste(sample, donor, config, rng, ontology)
    sample = photometric(geometric(sample, config, rng), config, rng)
    return sample if ontology is None else rephrase(sample, config, rng, ontology)
