"""The Hugging Face layout: the names of `Sam3Model`, alone or within `Sam3VideoModel`, and of the trackers alone.

The published file is that of Sam3VideoModel. When transformers saves a model that it made itself it writes the prefix
of the tracker twice; a Sam3TrackerModel or Sam3TrackerVideoModel it writes as that part of a Sam3VideoModel, with the
prefix before all names.
"""

from argus.checkpoint.adapter import CELL, GRID, JOIN, ROW, TIMES, Rule, renamed, rule, spelled, stacked, under

WITHIN_VIDEO, TRACKER, TRACKER_NECK = "detector_model.", "tracker_model.", "tracker_neck."
PREFIXED = "prefixed_by_transformers"  # our mark in a configuration: its file had more prefixes than the published one


def _attention(theirs: str, ours: str) -> tuple[Rule, ...]:
    return renamed(theirs, ours, {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "out"})


def _joined_attention(theirs: str, out: str) -> tuple[Rule, ...]:
    parts = tuple(f"{theirs}.{part}_proj.{{p}}" for part in "qkv")
    return rule(parts, "qkv.{p}", JOIN), rule(f"{theirs}.{out}.{{p}}", "out.{p}")


def _layers(theirs: str, ours: str, count: int) -> tuple[Rule, ...]:
    """Layers that are numbered from 1."""
    return tuple(rule(f"{theirs}.layer{i + 1}.{{p}}", f"{ours}.layers.{i}.{{p}}") for i in range(count))


_FEED_FORWARD = (rule("mlp.fc1.{p}", "mlp.layers.0.{p}"), rule("mlp.fc2.{p}", "mlp.layers.1.{p}"))

_TOWER_BLOCK = (
    rule("layer_norm1.{p}", "norm1.{p}"),
    rule("layer_norm2.{p}", "norm2.{p}"),
    *_FEED_FORWARD,
)

_VISION = (
    rule("embeddings.position_embeddings", "position", GRID),
    rule("embeddings.patch_embeddings.projection.weight", "patch_embed.weight"),
    rule("layer_norm.{p}", "norm_pre.{p}"),
    *under("layers.*.", "blocks.*.", (*_TOWER_BLOCK, *_joined_attention("attention", "o_proj"))),
)

_LEVEL = (rule("proj1.{p}", "project.{p}"), rule("proj2.{p}", "smooth.{p}"))

_NECK = (
    rule("0.scale_layers.0.{p}", "x4.upsample.0.{p}"),
    rule("0.scale_layers.2.{p}", "x4.upsample.1.{p}"),
    rule("1.scale_layers.0.{p}", "x2.upsample.0.{p}"),
    *under("0.", "x4.", _LEVEL),
    *under("1.", "x2.", _LEVEL),
    *under("2.", "x1.", _LEVEL),
)

_TEXT = (
    rule("embeddings.token_embedding.weight", "embedding.weight"),
    rule("embeddings.position_embedding.weight", "position"),
    rule("final_layer_norm.{p}", "norm.{p}"),
    *under("encoder.layers.*.", "blocks.*.", (*_TOWER_BLOCK, *_joined_attention("self_attn", "out_proj"))),
)

_EXEMPLAR_LAYER = (
    rule("layer_norm1.{p}", "norm1.{p}"),
    *_attention("self_attn", "self_attention"),
    rule("layer_norm2.{p}", "norm2.{p}"),
    *_attention("cross_attn", "image_attention"),
    rule("layer_norm3.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
)

_EXEMPLARS = (  # no point projections: the port drops them
    rule("label_embed.weight", "label.weight"),
    rule("cls_embed.weight", "cls", ROW),
    rule("boxes_direct_project.{p}", "box_direct.{p}"),
    rule("boxes_pool_project.{p}", "box_pool.{p}"),
    rule("boxes_pos_enc_project.{p}", "box_position.{p}"),
    rule("vision_layer_norm.{p}", "image_norm.{p}"),
    rule("final_proj.{p}", "project.{p}"),
    rule("prompt_layer_norm.{p}", "project_norm.{p}"),
    rule("output_layer_norm.{p}", "norm.{p}"),
    *under("layers.*.", "layers.*.", _EXEMPLAR_LAYER),
)

_FUSION_LAYER = (
    rule("layer_norm1.{p}", "norm1.{p}"),
    *_attention("self_attn", "self_attention"),
    rule("layer_norm2.{p}", "norm2.{p}"),
    *_attention("cross_attn", "prompt_attention"),
    rule("layer_norm3.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
)

_DECODER_LAYER = (
    *_attention("self_attn", "self_attention"),
    rule("self_attn_layer_norm.{p}", "norm1.{p}"),
    *_attention("text_cross_attn", "prompt_attention"),
    rule("text_cross_attn_layer_norm.{p}", "norm2.{p}"),
    *_attention("vision_cross_attn", "image_attention"),
    rule("vision_cross_attn_layer_norm.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
    rule("mlp_layer_norm.{p}", "norm4.{p}"),
)

_DECODER = (
    rule("output_layer_norm.{p}", "norm.{p}"),
    rule("query_embed.weight", "query_embed"),
    rule("reference_points.weight", "reference_logits"),
    rule("presence_token.weight", "presence_token", ROW),
    *_layers("box_head", "box_head", 3),
    *_layers("presence_head", "presence_head", 3),
    rule("presence_layer_norm.{p}", "presence_norm.{p}"),
    *_layers("ref_point_head", "box_position", 2),
    *_layers("box_rpb_embed_x", "bias_x", 2),
    *_layers("box_rpb_embed_y", "bias_y", 2),
    *under("layers.*.", "layers.*.", _DECODER_LAYER),
)

_SCORING = (
    *_layers("text_mlp", "mlp", 2),
    rule("text_mlp_out_norm.{p}", "norm.{p}"),
    rule("text_proj.{p}", "prompt.{p}"),
    rule("query_proj.{p}", "query.{p}"),
)

_MASKS = (
    rule("pixel_decoder.conv_layers.*.{p}", "convs.*.{p}"),
    rule("pixel_decoder.norms.*.{p}", "norms.*.{p}"),
    rule("mask_embedder.layers.*.{p}", "query_embed.layers.*.{p}"),
    rule("instance_projection.{p}", "instance.{p}"),
    rule("semantic_projection.{p}", "semantic.{p}"),
    rule("prompt_cross_attn_norm.{p}", "prompt_norm.{p}"),
    *_attention("prompt_cross_attn", "prompt_attention"),
)

_UNUSED = (
    rule("text_encoder.text_projection.weight", "unused.text_projection"),
    *under("vision_encoder.neck.fpn_layers.3.", "unused.neck.x0_5.", _LEVEL),
    rule("mask_decoder.pixel_decoder.conv_layers.2.{p}", "unused.mask_head.convs.2.{p}"),
    rule("mask_decoder.pixel_decoder.norms.2.{p}", "unused.mask_head.norms.2.{p}"),
)

_DETECTOR = (
    *under("vision_encoder.backbone.", "vision.", _VISION),
    *under("vision_encoder.neck.fpn_layers.", "detector.neck.", _NECK),
    *under("text_encoder.text_model.", "text.", _TEXT),
    rule("text_projection.{p}", "text.project.{p}"),
    *under("geometry_encoder.", "detector.exemplar_encoder.", _EXEMPLARS),
    *under("detr_encoder.layers.*.", "detector.fusion_encoder.layers.*.", _FUSION_LAYER),
    *under("detr_decoder.", "detector.decoder.", _DECODER),
    *under("dot_product_scoring.", "detector.scoring.", _SCORING),
    *under("mask_decoder.", "detector.mask_head.", _MASKS),
    *_UNUSED,
)

RULES = spelled(_DETECTOR)


def _stack(theirs: str, ours: str) -> tuple[Rule, ...]:
    """Three linear layers."""
    return renamed(theirs, ours, {"proj_in": "layers.0", "layers.0": "layers.1", "proj_out": "layers.2"})


_TWO_WAY_LAYER = (
    *_attention("self_attn", "self_attention"),
    rule("layer_norm1.{p}", "norm1.{p}"),
    *_attention("cross_attn_token_to_image", "image_attention"),
    rule("layer_norm2.{p}", "norm2.{p}"),
    rule("mlp.proj_in.{p}", "mlp.layers.0.{p}"),
    rule("mlp.proj_out.{p}", "mlp.layers.1.{p}"),
    rule("layer_norm3.{p}", "norm3.{p}"),
    *_attention("cross_attn_image_to_token", "token_attention"),
    rule("layer_norm4.{p}", "norm4.{p}"),
)

_MASK_DECODER = (
    rule("obj_score_token.weight", "object_token", ROW),
    rule("iou_token.weight", "iou_token", ROW),
    rule("mask_tokens.weight", "mask_tokens"),
    *under("transformer.layers.*.", "layers.*.", _TWO_WAY_LAYER),
    *_attention("transformer.final_attn_token_to_image", "image_attention"),
    rule("transformer.layer_norm_final_attn.{p}", "norm.{p}"),
    rule("conv_s0.{p}", "share_x4.{p}"),
    rule("conv_s1.{p}", "share_x2.{p}"),
    rule("upscale_conv1.{p}", "upsample_x2.{p}"),
    rule("upscale_conv2.{p}", "upsample_x4.{p}"),
    rule("upscale_layer_norm.{p}", "upsample_norm.{p}"),
    *(r for i in range(4) for r in _stack(f"output_hypernetworks_mlps.{i}", f"mask_heads.{i}")),
    *_stack("iou_prediction_head", "iou_head"),
    *_stack("pred_obj_score_head", "object_head"),
)

_PROMPT_ENCODER = (
    rule("shared_embedding.positional_embedding", "frequencies"),
    rule(("point_embed.weight", "not_a_point_embed.weight"), "labels.weight", stacked(4, 1)),
    rule("no_mask_embed.weight", "no_mask", ROW),
    rule("mask_embed.conv1.{p}", "mask_convs.0.{p}"),
    rule("mask_embed.conv2.{p}", "mask_convs.1.{p}"),
    rule("mask_embed.conv3.{p}", "mask_project.{p}"),
    rule("mask_embed.layer_norm1.{p}", "mask_norms.0.{p}"),
    rule("mask_embed.layer_norm2.{p}", "mask_norms.1.{p}"),
)

_MEMORY_ENCODER = (
    rule("mask_downsampler.layers.*.conv.{p}", "convs.*.{p}"),
    rule("mask_downsampler.layers.*.layer_norm.{p}", "norms.*.{p}"),
    rule("mask_downsampler.final_conv.{p}", "mask_project.{p}"),
    rule("feature_projection.{p}", "image_project.{p}"),
    rule("memory_fuser.layers.*.scale", "blocks.*.scale"),
    rule("memory_fuser.layers.*.depthwise_conv.{p}", "blocks.*.conv.{p}"),
    rule("memory_fuser.layers.*.layer_norm.{p}", "blocks.*.norm.{p}"),
    rule("memory_fuser.layers.*.pointwise_conv1.{p}", "blocks.*.mlp.layers.0.{p}"),
    rule("memory_fuser.layers.*.pointwise_conv2.{p}", "blocks.*.mlp.layers.1.{p}"),
    rule("projection.{p}", "out.{p}"),
)

_MEMORY_LAYER = (
    rule("layer_norm1.{p}", "norm1.{p}"),
    *_attention("self_attn", "self_attention"),
    rule("layer_norm2.{p}", "norm2.{p}"),
    *_attention("cross_attn_image", "memory_attention"),
    rule("layer_norm3.{p}", "norm3.{p}"),
    rule("linear1.{p}", "mlp.layers.0.{p}"),
    rule("linear2.{p}", "mlp.layers.1.{p}"),
)

_TRACKER = (
    rule("shared_image_embedding.positional_embedding", "prompt_encoder.grid_frequencies"),
    *under("prompt_encoder.", "prompt_encoder.", _PROMPT_ENCODER),
    *under("mask_decoder.", "mask_decoder.", _MASK_DECODER),
    *under("memory_encoder.", "memory_encoder.", _MEMORY_ENCODER),
    *under("memory_attention.layers.*.", "memory_attention.layers.*.", _MEMORY_LAYER),
    rule("memory_attention.layer_norm.{p}", "memory_attention.norm.{p}"),
    rule("no_memory_embedding", "no_memory", CELL),
    rule("memory_temporal_positional_encoding", "memory_time", TIMES),
    rule("occlusion_spatial_embedding_parameter", "absent", ROW),
    rule("no_object_pointer", "no_pointer", ROW),
    *_stack("object_pointer_proj", "pointer_head"),
    rule("temporal_positional_encoding_projection_layer.{p}", "pointer_time.{p}"),
    rule("mask_downsample.{p}", "mask_downsample.{p}"),
)

VIDEO_RULES = (
    *under(WITHIN_VIDEO, "", RULES),
    *spelled(
        (
            *under(TRACKER, "tracker.", _TRACKER),
            *under(TRACKER_NECK + "fpn_layers.", "tracker.neck.", _NECK),
            rule("tracker_model.no_memory_positional_encoding", "unused.tracker.no_memory_position"),
            *under(TRACKER_NECK + "fpn_layers.3.", "unused.tracker.neck.x0_5.", _LEVEL),
        )
    ),
)


def published(name: str) -> str:
    """A tensor's name as in the published Sam3VideoModel, from one that transformers gave it when it saved."""
    inner = name.removeprefix(TRACKER)
    return inner if name.startswith(TRACKER) and inner.startswith((TRACKER, TRACKER_NECK, WITHIN_VIDEO)) else name


def as_saved(name: str, alone: bool) -> str:
    """The other way: within a video model the tracker's prefix stands twice, `alone` it stands before everything."""
    return TRACKER + name if name.startswith(TRACKER) != alone else name
