"""The config.json of the Hugging Face layout: sizes read from it, and written for a model of any origin."""

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any, TypeAlias

from argus.checkpoint.huggingface import PREFIXED
from argus.model.detector import DetectorConfig
from argus.model.sam3 import Sam3Config
from argus.model.text_encoder import TextConfig
from argus.model.tracker import TrackerConfig
from argus.model.vision_encoder import VisionConfig

ALONE, VIDEO = "sam3", "sam3_video"  # their model types
IMAGE_TRACKER, VIDEO_TRACKER = TRACKERS = ("sam3_tracker", "sam3_tracker_video")
KINDS = (ALONE, VIDEO, *TRACKERS)

LARGER = "argus_image_size"  # our own key: the side of images, where it is not the one that positions are scaled for
NMS = "argus_nms_within"  # our own keys too: other readers of the layout keep all detections of a phrase,
LIKENESS = "argus_rejects_by_likeness"  # have - boxes in the prompt,
SETTLE = "argus_settle_outlines"  # and leave masks as the model makes them
OWN = (LARGER, NMS, LIKENESS, SETTLE)

Pairs: TypeAlias = tuple[tuple[str, Any], ...]

_VISION: Pairs = (  # the place in config.json, and ours; places that share one of ours must agree
    ("vision_config.backbone_config.hidden_size", "vision.width"),
    ("vision_config.backbone_config.num_hidden_layers", "vision.layers"),
    ("vision_config.backbone_config.num_attention_heads", "vision.heads"),
    ("vision_config.backbone_config.intermediate_size", "vision.mlp_width"),
    ("vision_config.backbone_config.patch_size", "vision.patch"),
    ("vision_config.backbone_config.window_size", "vision.window"),
    ("vision_config.backbone_config.global_attn_indexes", "vision.global_layers"),
    ("vision_config.backbone_config.image_size", "vision.image"),
    ("vision_config.backbone_config.pretrain_image_size", "vision.pretrain_image"),
)

_DETECTOR: Pairs = (
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

_TRACKER: Pairs = (  # in the tracker's section
    ("vision_config.fpn_hidden_size", "tracker.width"),
    ("prompt_encoder_config.hidden_size", "tracker.width"),
    ("mask_decoder_config.hidden_size", "tracker.width"),
    ("mask_decoder_config.iou_head_hidden_dim", "tracker.width"),
    ("mask_decoder_config.num_attention_heads", "tracker.heads"),
    ("mask_decoder_config.mlp_dim", "tracker.mlp_width"),
)

_MEMORY: Pairs = (
    ("memory_attention_hidden_size", "tracker.width"),
    ("memory_encoder_hidden_size", "tracker.width"),
    ("mask_downsampler_embed_dim", "tracker.width"),
    ("memory_fuser_embed_dim", "tracker.width"),
    ("memory_encoder_output_channels", "tracker.memory_width"),
    ("memory_attention_num_layers", "tracker.memory_layers"),
    ("memory_attention_feed_forward_hidden_size", "tracker.memory_mlp_width"),
)

_FIXED: Pairs = (  # what the model has no other way of doing
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

_TRACKER_FIXED: Pairs = (
    ("mask_decoder_config.num_hidden_layers", 2),
    ("mask_decoder_config.num_multimask_outputs", 3),
    ("mask_decoder_config.attention_downsample_rate", 2),
    ("mask_decoder_config.iou_head_depth", 3),
    ("mask_decoder_config.dynamic_multimask_stability_delta", 0.05),
    ("mask_decoder_config.dynamic_multimask_stability_thresh", 0.98),
    ("prompt_encoder_config.mask_input_channels", 16),
    ("prompt_encoder_config.scale", 1),
    ("memory_attention_num_attention_heads", 1),
    ("memory_attention_downsample_rate", 1),
    ("memory_fuser_num_layers", 2),
    ("mask_downsampler_total_stride", 16),
    ("num_maskmem", 7),
    ("sigmoid_scale_for_mem_enc", 20.0),
    ("sigmoid_bias_for_mem_enc", -10.0),
    ("enable_occlusion_spatial_embedding", True),
    ("enable_temporal_pos_encoding_for_object_pointers", True),
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

_VIDEO_SKELETON: dict[str, Any] = {
    "architectures": ["Sam3VideoModel"],
    "model_type": VIDEO,
    "detector_config": _SKELETON,
    "tracker_config": {"model_type": "sam3_tracker_video", "vision_config": _SKELETON["vision_config"]},
}


def read_config(config: Mapping[str, Any]) -> Sam3Config:
    """Sizes from a config.json of `Sam3Model`, `Sam3VideoModel` or one of their trackers alone.

    Raises ValueError where a size is missing, where sizes that Argus has once differ, and where the model would have to
    work in another way than SAM 3.
    """
    detector, tracker = _detector(config), _tracker(config)
    vision = _part(_read(tracker if detector is None else detector, _FIXED, _VISION), "vision")
    if LARGER in config:
        vision |= {"image": _number(config[LARGER], LARGER, several=False), "rope_image": vision["image"]}
    vision["settle_outlines"] = _switch(config, SETTLE)
    of_detector = {} if detector is None else _read(detector, (), _DETECTOR)
    of_tracker: dict[str, Any] = {}
    if tracker is not None:
        image_only = tracker.get("model_type") == IMAGE_TRACKER
        of_tracker = _read(tracker, _TRACKER_FIXED, _TRACKER if image_only else _TRACKER + _MEMORY)
    return Sam3Config(
        vision=VisionConfig(**vision),
        text=TextConfig(**_part(of_detector, "text")) if of_detector else None,
        detector=_detector_of(of_detector, config) if of_detector else None,
        tracker=TrackerConfig(**_part(of_tracker, "tracker")) if of_tracker else None,
    )


def _detector_of(sizes: Mapping[str, Any], config: Mapping[str, Any]) -> DetectorConfig:
    """Sizes of the layout, and how to answer by keys of our own."""
    likeness = _switch(config, LIKENESS)
    return DetectorConfig(**_part(sizes, "detector"), nms_within=config.get(NMS), rejects_by_likeness=likeness)


def _switch(config: Mapping[str, Any], key: str) -> bool:
    value = config.get(key, False)
    if type(value) is not bool:
        raise ValueError(f"config.json: expected true or false as {key}, got {value!r}")
    return value


def _read(section: Mapping[str, Any], fixed: Pairs, sizes: Pairs) -> dict[str, Any]:
    """Our sizes in a section of the configuration, whose fixed values are checked."""
    for path, expected in fixed:
        given = _get(section, path)
        if given is not None and given != expected:
            raise ValueError(f"config.json: Argus knows SAM 3 with {path} = {expected!r} only, got {given!r}")
    values: dict[str, Any] = {}
    for path, ours in sizes:
        value = _number(_get(section, path), path, several=ours == "vision.global_layers")
        if values.setdefault(ours, value) != value:
            raise ValueError(
                f"config.json: {path} is {value}, but Argus has one {ours}, elsewhere it is {values[ours]}"
            )
    return values


def write_config(config: Sam3Config, origin: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """A config.json for the model: `origin`, the configuration it came with, where there is one, with its sizes set.

    The layout has one side for images and for the scale of positions. Where they differ it is the latter, so that every
    reader gets the right numbers, and images are said to be larger under a key of our own.
    """
    vision = config.vision
    own: dict[str, float] = {} if vision.rope_image in (None, vision.image) else {LARGER: vision.image}
    if config.detector is not None and config.detector.nms_within is not None:
        own[NMS] = config.detector.nms_within
    if config.detector is not None and config.detector.rejects_by_likeness:
        own[LIKENESS] = True
    if vision.settle_outlines:
        own[SETTLE] = True
    config = dataclasses.replace(config, vision=dataclasses.replace(vision, image=vision.rope_image or vision.image))
    sizes = config.tracker
    if sizes is not None and (sizes.memory_stride != 1 or sizes.matching or sizes.look_closer):
        raise ValueError(
            "the Hugging Face layout knows memories on the token grid only, no matching and no second looks, got a "
            f"tracker of memory_stride {sizes.memory_stride}, matching {sizes.matching}, look_closer "
            f"{sizes.look_closer}: save it in our layout (argus)"
        )
    given = {key: value for key, value in origin.items() if key not in (PREFIXED, *OWN)}
    written = copy.deepcopy(given or _skeleton(config)) | own
    written["dtype"] = dtype
    detector, tracker = _detector(written), _tracker(written)
    levels = [[config.vision.grid * times] * 2 for times in (4, 2, 1)]
    if detector is not None:
        _write(detector, _VISION + _DETECTOR, config)
        detector["vision_config"]["backbone_feature_sizes"] = levels
    if tracker is not None and config.tracker is not None:
        image_only = tracker["model_type"] == IMAGE_TRACKER
        _write(tracker, _VISION + (_TRACKER if image_only else _TRACKER + _MEMORY), config)
        tracker["vision_config"]["backbone_feature_sizes"] = levels
        for section in (tracker, tracker.setdefault("prompt_encoder_config", {})):
            _set(section, "image_size", config.vision.image)
        if not image_only:
            _set(tracker, "memory_attention_rope_feat_sizes", levels[-1])
        if written["model_type"] == VIDEO:
            _set(written, "low_res_mask_size", levels[0][0])
    return written


def _skeleton(config: Sam3Config) -> dict[str, Any]:
    """The configuration of a model that never had one."""
    if config.detector is None:
        return {"architectures": ["Sam3TrackerVideoModel"], **_VIDEO_SKELETON["tracker_config"]}
    return _SKELETON if config.tracker is None else _VIDEO_SKELETON


def _write(section: dict[str, Any], sizes: Pairs, config: Sam3Config) -> None:
    """Our sizes in a section of the configuration."""
    ours = dataclasses.asdict(config)
    for path, name in sizes:
        part, key = name.split(".")
        value = ours[part][key]
        _set(section, path, list(value) if isinstance(value, tuple) else value)


def _detector(config: Mapping[str, Any]) -> Any:
    """The section that holds the detector; None for a tracker alone."""
    kind = config.get("model_type")
    if kind == VIDEO and isinstance(config.get("detector_config"), dict):
        return config["detector_config"]
    if kind not in (ALONE, *TRACKERS):
        raise ValueError(
            f"config.json: expected model_type {ALONE!r}, {', '.join(map(repr, TRACKERS))}, or {VIDEO!r} and a "
            f"detector_config; got {kind!r}"
        )
    return config if kind == ALONE else None


def _tracker(config: Mapping[str, Any]) -> Any:
    """The section that holds the tracker, or None."""
    if config.get("model_type") in TRACKERS:
        return config
    section = config.get("tracker_config")
    return section if config.get("model_type") == VIDEO and isinstance(section, dict) else None


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
