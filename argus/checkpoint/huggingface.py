"""The Hugging Face layout: the names of `Sam3Model`, alone or within `Sam3VideoModel`."""

from argus.checkpoint.adapter import GRID, JOIN, ROW, Rule, rule, spelled, under

WITHIN_VIDEO = "detector_model."


def _attention(theirs: str, ours: str) -> tuple[Rule, ...]:
    names = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "o_proj": "out"}
    return tuple(rule(f"{theirs}.{their}.{{p}}", f"{ours}.{our}.{{p}}") for their, our in names.items())


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
VIDEO_RULES = (
    *under(WITHIN_VIDEO, "", RULES),
    rule("tracker_model.**", "unused.huggingface.tracker_model.**"),
    rule("tracker_neck.**", "unused.huggingface.tracker_neck.**"),
)
