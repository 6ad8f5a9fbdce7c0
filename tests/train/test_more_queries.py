"""More queries: the learned ones stay, and copies of them stand elsewhere."""

import pytest
import torch

from argus.model.sam3 import Sam3
from argus.train.more_queries import EMBED, REFERENCE, with_queries
from argus.types import Prompt
from tests.train.toys import tiny_model


def test_the_learned_queries_stay_and_the_new_ones_differ() -> None:
    model = tiny_model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    grown = with_queries(model, 20, 0)
    after = grown.state_dict()
    for name, tensor in before.items():
        assert torch.equal(after[name][: len(tensor)] if name in (EMBED, REFERENCE) else after[name], tensor)
    assert len(after[EMBED].unique(dim=0)) == len(after[REFERENCE].unique(dim=0)) == 20
    boxes = after[REFERENCE].sigmoid()
    assert bool(((boxes > 0) & (boxes < 1)).all()) and grown.config.detector is not None
    assert grown.config.detector.queries == 20
    with torch.no_grad():
        out = grown.eval().detect(grown.encode(torch.randn(1, 3, 48, 48)), [Prompt("red")])
    assert out.query_logits.shape == (1, 20)


def test_fewer_queries_are_refused() -> None:
    model: Sam3 = tiny_model()
    with pytest.raises(ValueError, match="at most 3 queries, got one with 6"):
        with_queries(model, 3, 0)
