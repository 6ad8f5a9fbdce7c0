"""(image, phrase) pairs as values: what evaluation of images reads."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from argus.ops.rle import Rle


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """One phrase about one image, with its instances; none: the concept is absent.

    Ignored and crowd annotations are left out. A pair that is not `exhaustive` may lack instances and is not scored.
    `language` and `kind` are those of `argus.data.records.Query` ("" where the file does not say).
    """

    id: int
    file_name: str
    phrase: str
    size_hw: tuple[int, int]
    rles: tuple[Rle, ...]
    boxes_xyxy_px: Float[np.ndarray, "n 4"]
    exhaustive: bool = True
    language: str = "en"
    kind: str = ""
