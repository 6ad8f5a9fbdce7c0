"""The config.json of the Hugging Face layout: sizes read from it, and written for a model of any origin."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

from argus.model.detector import DetectorConfig
from argus.model.sam3 import Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.vision_encoder import VisionConfig

ALONE, VIDEO = "sam3", "sam3_video"  # their model types

_SIZES = (  # the place in config.json, and ours; places that share one of ours must agree
    ("vision_config.backbone_config.hidden_size", "vision.width"),
    ("vision_config.backbone_config.num_hidden_layers", "vision.layers"),
    ("vision_config.backbone_config.num_attention_heads", "vision.heads"),
    ("vision_config.backbone_config.intermediate_size", "vision.mlp_width"),
    ("vision_config.backbone_config.patch_size", "vision.patch"),
    ("vision_config.backbone_config.window_size", "vision.window"),
    ("vision_config.backbone_config.global_attn_indexes", "vision.global_layers"),
    ("vision_config.backbone_config.image_size", "vision.image"),
    ("vision_config.backbone_config.pretrain_image_size", "vision.pretrain_image"),
    ("text_config.vocab_size", "text.vocabulary"),
    ("text_config.max_position_embeddings", "text.context"),
    ("text_config.hidden_size", "text.width"),
    ("text_config.num_hidden_layers", "text.layers"),
    ("text_config.num_attention_heads", "text.heads"),
    ("text_config.intermediate_size", "text.mlp_width"),
    ("vision_config.fpn_hidden_size", "detector.width"),
    ("geometry_encoder_config.hidden_size", "detector.width"),
    ("geometry_encoder_config.num_attention_heads", "detector.heads"),
    ("geometry_encoder_config.intermediate_size", "detector.mlp_width"),
    ("geometry_encoder_config.num_layers", "detector.exemplar_layers"),
    ("detr_encoder_config.hidden_size", "detector.width"),
    ("detr_encoder_config.num_attention_heads", "detector.heads"),
    ("detr_encoder_config.intermediate_size", "detector.mlp_width"),
    ("detr_encoder_config.num_layers", "detector.fusion_layers"),
    ("detr_decoder_config.hidden_size", "detector.width"),
    ("detr_decoder_config.num_attention_heads", "detector.heads"),
    ("detr_decoder_config.intermediate_size", "detector.mlp_width"),
    ("detr_decoder_config.num_layers", "detector.decoder_layers"),
    ("detr_decoder_config.num_queries", "detector.queries"),
    ("mask_decoder_config.hidden_size", "detector.width"),
    ("mask_decoder_config.num_attention_heads", "detector.heads"),
)

_FIXED = (  # what the model has no other way of doing
    ("vision_config.backbone_config.hidden_act", "gelu"),
    ("vision_config.backbone_config.num_channels", 3),
    ("vision_config.backbone_config.rope_parameters.rope_theta", 10000.0),
    ("vision_config.scale_factors", [4.0, 2.0, 1.0, 0.5]),
    ("text_config.hidden_act", "gelu"),
    ("geometry_encoder_config.hidden_act", "relu"),
    ("geometry_encoder_config.roi_size", 7),
    ("detr_encoder_config.hidden_act", "relu"),
    ("detr_decoder_config.hidden_act", "relu"),
    ("mask_decoder_config.num_upsampling_stages", 3),  # the last is not used
)

_SKELETON: dict[str, Any] = {  # what transformers needs beside the sizes; the norms' eps are the original's
    "architectures": ["Sam3Model"],
    "model_type": ALONE,
    "vision_config": {
        "model_type": "sam3_vision_model",
        "backbone_config": {
            "model_type": "sam3_vit_model",
            "layer_norm_eps": 1e-5,
            "rope_parameters": {"rope_theta": 10000.0, "rope_type": "axial"},
        },
    },
    "text_config": {
        "model_type": "clip_text_model",
        "layer_norm_eps": 1e-5,
        "hidden_act": "gelu",
        "projection_dim": 512,
    },
    "geometry_encoder_config": {"model_type": "sam3_geometry_encoder", "layer_norm_eps": 1e-5},
    "detr_encoder_config": {"model_type": "sam3_detr_encoder", "layer_norm_eps": 1e-5},
    "detr_decoder_config": {"model_type": "sam3_detr_decoder", "layer_norm_eps": 1e-5},
    "mask_decoder_config": {"model_type": "sam3_mask_decoder", "layer_norm_eps": 1e-5},
}


def read_config(config: Mapping[str, Any]) -> Sam3Config:
    """Sizes from a config.json of `Sam3Model` or `Sam3VideoModel`.

    Raises ValueError where a size is missing, where sizes that Argus has once differ, and where the model would have to
    work in another way than SAM 3.
    """
    config = _detector(config)
    for path, expected in _FIXED:
        given = _get(config, path)
        if given is not None and given != expected:
            raise ValueError(f"config.json: Argus knows SAM 3 with {path} = {expected!r} only, got {given!r}")
    values: dict[str, Any] = {}
    for path, ours in _SIZES:
        value = _number(_get(config, path), path, several=ours == "vision.global_layers")
        if values.setdefault(ours, value) != value:
            raise ValueError(
                f"config.json: {path} is {value}, but Argus has one {ours}, elsewhere it is {values[ours]}"
            )
    return Sam3Config(
        vision=VisionConfig(**_part(values, "vision")),
        text=TextConfig(**_part(values, "text")),
        detector=DetectorConfig(**_part(values, "detector")),
    )


def write_config(config: Sam3Config, origin: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """A config.json for the model: `origin`, the configuration it came with, where there is one, with its sizes set."""
    written = copy.deepcopy(dict(origin) or _SKELETON)
    written["dtype"] = dtype
    detector = _detector(written)
    sizes = dataclasses.asdict(config)
    for path, ours in _SIZES:
        part, name = ours.split(".")
        value = sizes[part][name]
        _set(detector, path, list(value) if isinstance(value, tuple) else value)
    levels = [[config.vision.grid * times] * 2 for times in (4, 2, 1)]
    detector["vision_config"]["backbone_feature_sizes"] = levels
    return written


def _detector(config: Mapping[str, Any]) -> Any:
    """The section that holds the detector."""
    kind = config.get("model_type")
    if kind == VIDEO and isinstance(config.get("detector_config"), dict):
        return config["detector_config"]
    if kind != ALONE:
        raise ValueError(
            f"config.json: expected model_type {ALONE!r}, or {VIDEO!r} and a detector_config; got {kind!r}"
        )
    return config


def _get(config: Any, path: str) -> Any:
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config


def _set(config: dict[str, Any], path: str, value: Any) -> None:
    *sections, key = path.split(".")
    for section in sections:
        config = config.setdefault(section, {})
    if not _same(config.get(key), value):
        config[key] = value


def _same(given: Any, value: Any) -> bool:
    """True when `given` says `value`, as a number or as a pair of equal sides."""
    return given == value or given == [value, value]


def _number(value: Any, path: str, several: bool) -> Any:
    """A whole number (a side may stand twice, for height and width), or a tuple of them."""
    numbers = value if isinstance(value, list) else [value]
    if any(type(n) is not int or n < 0 for n in numbers) or (several and not isinstance(value, list)):
        raise ValueError(f"config.json: expected {'numbers' if several else 'a number'} as {path}, got {value!r}")
    if several:
        return tuple(numbers)
    if len(set(numbers)) != 1 or not numbers[0]:
        raise ValueError(f"config.json: expected one number above 0 (or equal sides) as {path}, got {value!r}")
    return numbers[0]


def _part(values: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {name.split(".")[1]: value for name, value in values.items() if name.startswith(part + ".")}
