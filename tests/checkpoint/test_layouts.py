"""The tables: every tensor of the published files has its place, and nothing is changed on the way."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from argus.checkpoint import native
from argus.checkpoint.adapter import PAIRS, Rule, of_ours, of_theirs
from argus.checkpoint.huggingface_config import read_config, write_config
from argus.checkpoint.loading import POINTS, plan_reading, tensor_shapes
from argus.checkpoint.source import Layout, Source
from argus.checkpoint.tensors import StoredTensor
from argus.model.presets import nano, sam3
from argus.model.sam3 import Sam3Config
from argus.model.tracker import TrackerConfig
from tests.reference_models import REFERENCE
from tests.train.toys import TINY


def published(file: str, keep: tuple[str, ...] = ("",)) -> dict[str, StoredTensor]:
    """The tensors of a published file, without their numbers."""
    listed = json.loads((REFERENCE / file).read_text())
    return {
        name: StoredTensor(
            shape=torch.Size(shape), dtype="fp32" if dtype == "float32" else dtype, read=lambda: torch.empty(0)
        )
        for name, (shape, dtype) in listed.items()
        if name.startswith(keep)
    }


def source(layout: Layout, stored: Mapping[str, StoredTensor], config: Sam3Config) -> Source:
    return Source(name="a file", layout=layout, config=config, config_json={}, stored=stored, tokenizer=None)


def test_every_tensor_of_meta_is_read_or_known_unused() -> None:
    report = plan_reading(source(Layout.META, published("meta_sam3_state_dict.json"), sam3())).report
    assert report.fits, report
    assert sorted(name for name in report.unused if "freqs_cis" not in name) == [
        "detector.backbone.language_backbone.encoder.text_projection",
        "detector.backbone.vision_backbone.convs.3.conv_1x1.bias",
        "detector.backbone.vision_backbone.convs.3.conv_1x1.weight",
        "detector.backbone.vision_backbone.convs.3.conv_3x3.bias",
        "detector.backbone.vision_backbone.convs.3.conv_3x3.weight",
        "detector.backbone.vision_backbone.sam2_convs.3.conv_1x1.bias",
        "detector.backbone.vision_backbone.sam2_convs.3.conv_1x1.weight",
        "detector.backbone.vision_backbone.sam2_convs.3.conv_3x3.bias",
        "detector.backbone.vision_backbone.sam2_convs.3.conv_3x3.weight",
        "detector.segmentation_head.pixel_decoder.conv_layers.2.bias",
        "detector.segmentation_head.pixel_decoder.conv_layers.2.weight",
        "detector.segmentation_head.pixel_decoder.norms.2.bias",
        "detector.segmentation_head.pixel_decoder.norms.2.weight",
        "tracker.no_mem_pos_enc",
    ]
    assert sum("freqs_cis" in name for name in report.unused) == 32


def test_every_tensor_of_the_hugging_face_layout_is_read_or_known_unused() -> None:
    config = read_config(json.loads((REFERENCE / "hf_sam3_video_config.json").read_text()))
    assert config == sam3()
    plan = plan_reading(source(Layout.HUGGINGFACE_VIDEO, published("hf_sam3_video_state_dict.json"), config))
    assert plan.report.fits, plan.report
    assert len(plan.report.unused) == 9 + 5
    assert len(plan.lacking) == 6
    assert all(name.startswith(POINTS) for name in plan.lacking)


@pytest.mark.parametrize(
    "dropped", ["bbox_embed.layers.2.bias", "blocks.31.attn.qkv.weight", "points_pool_project.bias"]
)
def test_one_tensor_less_is_noticed(dropped: str) -> None:
    stored = published("meta_sam3_state_dict.json")
    (name,) = [name for name in stored if name.endswith(dropped)]
    del stored[name]
    assert plan_reading(source(Layout.META, stored, sam3())).report.missing == (name,)


@pytest.mark.parametrize("layout", Layout)
@pytest.mark.parametrize("config", [sam3(), nano(), TINY], ids=["sam3", "nano", "tiny"])
def test_a_table_names_each_of_our_tensors_once(layout: Layout, config: Sam3Config) -> None:
    if layout is Layout.HUGGINGFACE:
        config = replace(config, tracker=None)
    if layout is not Layout.ARGUS:
        config = replace(config, namer=None, cutter=None)  # which are nano's own
    names = tensor_shapes(config)
    found = [name for rule in of_ours(layout.rules, names) for name in rule.ours if name in names]
    lacking = set(names) - set(found)
    assert len(found) == len(set(found))
    assert all(name.startswith(POINTS) for name in lacking)
    assert len(lacking) == (6 if layout in (Layout.HUGGINGFACE, Layout.HUGGINGFACE_VIDEO) else 0)


TRACKER = TrackerConfig(width=32, heads=2, mlp_width=16, memory_width=8)
WITH_TRACKER = [layout for layout in Layout if layout is not Layout.HUGGINGFACE]


@pytest.mark.parametrize(
    ("layout", "tracker"), [*((layout, None) for layout in Layout), *((layout, TRACKER) for layout in WITH_TRACKER)]
)
def test_the_way_there_and_back_changes_nothing(layout: Layout, tracker: TrackerConfig | None) -> None:
    ours = {name: torch.randn(shape) for name, shape in tensor_shapes(replace(TINY, tracker=tracker)).items()}
    if "tracker.prompt_encoder.frequencies" in ours:  # Meta's layout holds them once
        ours["tracker.prompt_encoder.grid_frequencies"] = ours["tracker.prompt_encoder.frequencies"]
    ours["unused.text_projection"] = torch.randn(4, 6)
    there = translated(of_ours(layout.rules, ours), ours, to_theirs=True)
    back = translated(of_theirs(layout.rules, there), there, to_theirs=False)
    assert {name for name in ours if not name.startswith(POINTS)} <= set(back)
    for name in set(ours) & set(back):
        assert torch.equal(ours[name], back[name]), name


def translated(rules: list[Rule], tensors: dict[str, Tensor], to_theirs: bool) -> dict[str, Tensor]:
    result: dict[str, Tensor] = {}
    for rule in rules:
        names, others = (rule.ours, rule.theirs) if to_theirs else (rule.theirs, rule.ours)
        change = rule.transform.to_theirs if to_theirs else rule.transform.to_ours
        given = [tensors[name] for name in names if name in tensors]
        if len(given) == len(names) or "cls" in names[-1]:
            result |= dict(zip(others, change(given), strict=True))
    return result


@pytest.mark.parametrize(
    "config", [sam3(), replace(nano(), tracker=None, namer=None, cutter=None), TINY], ids=["sam3", "nano", "tiny"]
)
def test_sizes_survive_the_hugging_face_config(config: Sam3Config) -> None:
    assert read_config(json.loads(json.dumps(write_config(config, {}, "float32")))) == config


def test_complex_numbers_are_kept_as_pairs() -> None:
    table = torch.randn(3, 2, dtype=torch.complex64)
    assert torch.equal(PAIRS.to_theirs(PAIRS.to_ours([table]))[0], table)
    assert PAIRS.to_ours([table])[0].dtype is torch.float32


def test_a_larger_image_than_positions_are_scaled_for_survives_both_layouts() -> None:
    """Other readers of the Hugging Face layout get the side of the scale, and so the right numbers."""
    config = replace(nano(), tracker=None, namer=None, cutter=None)
    written = write_config(config, {}, "float32")
    assert written["vision_config"]["backbone_config"]["image_size"] == config.vision.rope_image == 280
    assert read_config(written) == config
    assert native.read_config(json.loads(json.dumps(native.write_config(config, {}, {})))) == config
    same = replace(config, vision=replace(config.vision, rope_image=None))
    assert "rope_image" not in native.write_config(same, {}, {})["vision"]
    again = write_config(same, written, "float32")
    assert read_config(again) == same


def test_a_way_to_answer_that_is_given_up_is_not_written_again() -> None:
    config = replace(nano(), tracker=None, namer=None, cutter=None)
    assert config.detector is not None
    published = replace(
        config,
        vision=replace(config.vision, settle_outlines=False),
        detector=replace(config.detector, nms_within=None, rejects_by_likeness=False),
    )
    assert read_config(write_config(published, write_config(config, {}, "float32"), "float32")) == published


@pytest.mark.parametrize(
    ("part", "key", "wrong"),
    [
        ("detector", "nms_within", -0.1),
        ("detector", "nms_within", 1.5),
        ("detector", "nms_within", True),
        ("detector", "rejects_by_likeness", 1),
        ("vision", "settle_outlines", "yes"),
    ],
)
def test_a_wrong_way_to_answer_is_refused_in_both_layouts(part: str, key: str, wrong: object) -> None:
    config = replace(nano(), tracker=None, namer=None, cutter=None)
    theirs = write_config(config, {}, "float32")
    ours = json.loads(json.dumps(native.write_config(config, {}, {})))
    assert f"argus_{key}" in theirs
    with pytest.raises(ValueError, match=key):
        read_config({**theirs, f"argus_{key}": wrong})
    with pytest.raises(ValueError, match=key):
        native.read_config({**ours, part: {**ours[part], key: wrong}})
