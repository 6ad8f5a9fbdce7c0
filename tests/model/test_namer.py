"""The net that names objects from close up."""

from dataclasses import replace

import pytest
import torch

from argus.model.namer import Namer, NamerConfig, pooled
from argus.model.sam3 import Sam3Config
from argus.model.tracker import TrackerConfig
from tests.train.toys import TINY

SMALL = NamerConfig(side=16, widths=(8, 16), blocks=(1, 2), width=12)


def test_things_and_phrases_are_of_length_1_and_on_their_own() -> None:
    torch.manual_seed(0)
    namer = Namer(SMALL, 20).eval()
    views, extents = torch.randn(3, 4, 16, 16), torch.tensor([0.1, 0.5, 1.0])
    things, phrases = namer.things(views, extents), namer.phrases(torch.randn(2, 20))
    assert things.shape == (3, 12) and phrases.shape == (2, 12)
    torch.testing.assert_close(things.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(phrases.norm(dim=1), torch.ones(2))
    torch.testing.assert_close(namer.things(views[1:2], extents[1:2]), things[1:2], rtol=1e-4, atol=1e-5)


def test_mask_and_extent_matter() -> None:
    torch.manual_seed(0)
    namer = Namer(SMALL, 20).eval()
    view = torch.randn(1, 4, 16, 16).repeat(3, 1, 1, 1)
    view[1, 3] = 0.0  # no mask at all gives no NaN
    things = namer.things(view, torch.tensor([0.2, 0.2, 0.8]))
    assert torch.isfinite(things).all()
    assert not torch.allclose(things[0], things[1]) and not torch.allclose(things[0], things[2])


def test_padding_is_no_part_of_a_phrase() -> None:
    tokens, valid = torch.randn(2, 5, 8), torch.tensor([[True] * 5, [True, True, False, False, False]])
    assert torch.allclose(pooled(tokens, valid)[1], tokens[1, :2].mean(0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"side": 15},
        {"side": 0},
        {"widths": ()},
        {"blocks": (1,)},
        {"blocks": (1, 0)},
        {"widths": (8, 0)},
        {"width": 0},
    ],
)
def test_sizes_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="expected a side"):
        replace(SMALL, **wrong)  # type: ignore[arg-type]


def test_a_tracker_alone_has_nothing_to_name() -> None:
    with pytest.raises(ValueError, match="namer"):
        Sam3Config(vision=TINY.vision, text=None, detector=None, tracker=TrackerConfig(), namer=SMALL)
