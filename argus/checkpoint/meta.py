"""Meta's layout: the names of `sam3.pt`, which comes without a configuration and holds the published sizes."""

from argus.checkpoint.adapter import (
    CELL,
    GRID_AFTER_CLS,
    PAIRS,
    ROW,
    SPLIT,
    TIMES,
    TRANSPOSED,
    TWICE,
    Rule,
    renamed,
    rule,
    spelled,
    stacked,
    under,
)


def _attention(theirs: str, ours: str) -> tuple[Rule, ...]:
    parts = tuple(f"{ours}.{part}.{{p}}" for part in ("query", "key", "value"))
    return rule(f"{theirs}.in_proj_{{p}}", parts, SPLIT), rule(f"{theirs}.out_proj.{{p}}", f"{ours}.out.{{p}}")


_FEED_FORWARD = (rule("linear1.{p}", "mlp.layers.0.{p}"), rule("linear2.{p}", "mlp.layers.1.{p}"))

_VISION_BLOCK = (
    rule("norm1.{p}", "norm1.{p}"),
    rule("attn.qkv.{p}", "qkv.{p}"),
    rule("attn.proj.{p}", "out.{p}"),
    rule("norm2.{p}", "norm2.{p}"),
    rule("mlp.fc1.{p}", "mlp.layers.0.{p}"),
    rule("mlp.fc2.{p}", "mlp.layers.1.{p}"),
)

_VISION = (
    rule("patch_embed.proj.weight", "patch_embed.weight"),
    rule("ln_pre.{p}", "norm_pre.{p}"),
    *under("blocks.*.", "blocks.*.", _VISION_BLOCK),
)

_LEVEL = (rule("conv_1x1.{p}", "project.{p}"), rule("conv_3x3.{p}", "smooth.{p}"))

_NECK = (
    rule("0.dconv_2x2_0.{p}", "x4.upsample.0.{p}"),
    rule("0.dconv_2x2_1.{p}", "x4.upsample.1.{p}"),
    rule("1.dconv_2x2.{p}", "x2.upsample.0.{p}"),
    *under("0.", "x4.", _LEVEL),
    *under("1.", "x2.", _LEVEL),
    *under("2.", "x1.", _LEVEL),
)

_TEXT_BLOCK = (
    rule("ln_1.{p}", "norm1.{p}"),
    rule("attn.in_proj_{p}", "qkv.{p}"),
    rule("attn.out_proj.{p}", "out.{p}"),
    rule("ln_2.{p}", "norm2.{p}"),
    rule("mlp.c_fc.{p}", "mlp.layers.0.{p}"),
    rule("mlp.c_proj.{p}", "mlp.layers.1.{p}"),
)

_TEXT = (
    rule("encoder.token_embedding.weight", "embedding.weight"),
    rule("encoder.positional_embedding", "position"),
    rule("encoder.ln_final.{p}", "norm.{p}"),
    rule("resizer.{p}", "project.{p}"),
    *under("encoder.transformer.resblocks.*.", "blocks.*.", _TEXT_BLOCK),
)

_EXEMPLAR_LAYER = (
    rule("norm1.{p}", "norm1.{p}"),
    *_attention("self_attn", "self_attention"),
    rule("norm2.{p}", "norm2.{p}"),
    *_attention("cross_attn_image", "image_attention"),
    rule("norm3.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
)

_EXEMPLARS = (
    rule("label_embed.weight", "label.weight"),
    rule("cls_embed.weight", "cls", ROW),
    rule("points_direct_project.{p}", "point_direct.{p}"),
    rule("points_pool_project.{p}", "point_pool.{p}"),
    rule("points_pos_enc_project.{p}", "point_position.{p}"),
    rule("boxes_direct_project.{p}", "box_direct.{p}"),
    rule("boxes_pool_project.{p}", "box_pool.{p}"),
    rule("boxes_pos_enc_project.{p}", "box_position.{p}"),
    rule("img_pre_norm.{p}", "image_norm.{p}"),
    rule("final_proj.{p}", "project.{p}"),
    rule("norm.{p}", "project_norm.{p}"),
    rule("encode_norm.{p}", "norm.{p}"),
    *under("encode.*.", "layers.*.", _EXEMPLAR_LAYER),
)

_FUSION_LAYER = (
    rule("norm1.{p}", "norm1.{p}"),
    *_attention("self_attn", "self_attention"),
    rule("norm2.{p}", "norm2.{p}"),
    *_attention("cross_attn_image", "prompt_attention"),  # named for the side that asks
    rule("norm3.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
)

_DECODER_LAYER = (
    *_attention("self_attn", "self_attention"),
    rule("norm2.{p}", "norm1.{p}"),  # our norms are numbered in the order of use
    *_attention("ca_text", "prompt_attention"),
    rule("catext_norm.{p}", "norm2.{p}"),
    *_attention("cross_attn", "image_attention"),
    rule("norm1.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
    rule("norm3.{p}", "norm4.{p}"),
)

_DECODER = (
    rule("norm.{p}", "norm.{p}"),
    rule("query_embed.weight", "query_embed"),
    rule("reference_points.weight", "reference_logits"),
    rule("presence_token.weight", "presence_token", ROW),
    rule("bbox_embed.layers.*.{p}", "box_head.layers.*.{p}"),
    rule("presence_token_head.layers.*.{p}", "presence_head.layers.*.{p}"),
    rule("presence_token_out_norm.{p}", "presence_norm.{p}"),
    rule("ref_point_head.layers.*.{p}", "box_position.layers.*.{p}"),
    rule("boxRPB_embed_x.layers.*.{p}", "bias_x.layers.*.{p}"),
    rule("boxRPB_embed_y.layers.*.{p}", "bias_y.layers.*.{p}"),
    *under("layers.*.", "layers.*.", _DECODER_LAYER),
)

_SCORING = (
    rule("prompt_mlp.layers.*.{p}", "mlp.layers.*.{p}"),
    rule("prompt_mlp.out_norm.{p}", "norm.{p}"),
    rule("prompt_proj.{p}", "prompt.{p}"),
    rule("hs_proj.{p}", "query.{p}"),
)

_MASKS = (
    rule("pixel_decoder.conv_layers.*.{p}", "convs.*.{p}"),
    rule("pixel_decoder.norms.*.{p}", "norms.*.{p}"),
    rule("mask_predictor.mask_embed.layers.*.{p}", "query_embed.layers.*.{p}"),
    rule("instance_seg_head.{p}", "instance.{p}"),
    rule("semantic_seg_head.{p}", "semantic.{p}"),
    rule("cross_attn_norm.{p}", "prompt_norm.{p}"),
    *_attention("cross_attend_prompt", "prompt_attention"),
)

_VISION_POSITION = rule(
    "backbone.vision_backbone.trunk.pos_embed", ("vision.position", "unused.vision.cls_position"), GRID_AFTER_CLS
)

_UNUSED = (
    rule("backbone.vision_backbone.trunk.blocks.*.attn.freqs_cis", "unused.vision.blocks.*.rope", PAIRS),
    rule("backbone.language_backbone.encoder.text_projection", "unused.text_projection", TRANSPOSED),
    *under("backbone.vision_backbone.convs.3.", "unused.neck.x0_5.", _LEVEL),
    rule("segmentation_head.pixel_decoder.conv_layers.2.{p}", "unused.mask_head.convs.2.{p}"),
    rule("segmentation_head.pixel_decoder.norms.2.{p}", "unused.mask_head.norms.2.{p}"),
    *under("backbone.vision_backbone.sam2_convs.3.", "unused.tracker.neck.x0_5.", _LEVEL),
)

_DETECTOR = (
    _VISION_POSITION,
    *under("backbone.vision_backbone.trunk.", "vision.", _VISION),
    *under("backbone.vision_backbone.convs.", "detector.neck.", _NECK),
    *under("backbone.vision_backbone.sam2_convs.", "tracker.neck.", _NECK),
    *under("backbone.language_backbone.", "text.", _TEXT),
    *under("geometry_encoder.", "detector.exemplar_encoder.", _EXEMPLARS),
    *under("transformer.encoder.layers.*.", "detector.fusion_encoder.layers.*.", _FUSION_LAYER),
    *under("transformer.decoder.", "detector.decoder.", _DECODER),
    *under("dot_prod_scoring.", "detector.scoring.", _SCORING),
    *under("segmentation_head.", "detector.mask_head.", _MASKS),
    *_UNUSED,
)


def _separate_attention(theirs: str, ours: str) -> tuple[Rule, ...]:
    return renamed(theirs, ours, {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"})


_TWO_WAY_LAYER = (
    *_separate_attention("self_attn", "self_attention"),
    rule("norm1.{p}", "norm1.{p}"),
    *_separate_attention("cross_attn_token_to_image", "image_attention"),
    rule("norm2.{p}", "norm2.{p}"),
    rule("mlp.lin1.{p}", "mlp.layers.0.{p}"),
    rule("mlp.lin2.{p}", "mlp.layers.1.{p}"),
    rule("norm3.{p}", "norm3.{p}"),
    *_separate_attention("cross_attn_image_to_token", "token_attention"),
    rule("norm4.{p}", "norm4.{p}"),
)

_MASK_DECODER = (
    rule("obj_score_token.weight", "object_token", ROW),
    rule("iou_token.weight", "iou_token", ROW),
    rule("mask_tokens.weight", "mask_tokens"),
    *under("transformer.layers.*.", "layers.*.", _TWO_WAY_LAYER),
    *_separate_attention("transformer.final_attn_token_to_image", "image_attention"),
    rule("transformer.norm_final_attn.{p}", "norm.{p}"),
    rule("conv_s0.{p}", "share_x4.{p}"),
    rule("conv_s1.{p}", "share_x2.{p}"),
    rule("output_upscaling.0.{p}", "upsample_x2.{p}"),
    rule("output_upscaling.1.{p}", "upsample_norm.{p}"),
    rule("output_upscaling.3.{p}", "upsample_x4.{p}"),
    rule("output_hypernetworks_mlps.*.layers.*.{p}", "mask_heads.*.layers.*.{p}"),
    rule("iou_prediction_head.layers.*.{p}", "iou_head.layers.*.{p}"),
    rule("pred_obj_score_head.layers.*.{p}", "object_head.layers.*.{p}"),
)

_POINT_LABELS = tuple(f"point_embeddings.{i}.weight" for i in range(4))

_PROMPT_ENCODER = (
    rule("pe_layer.positional_encoding_gaussian_matrix", ("frequencies", "grid_frequencies"), TWICE),
    rule((*_POINT_LABELS, "not_a_point_embed.weight"), "labels.weight", stacked(1, 1, 1, 1, 1)),
    rule("no_mask_embed.weight", "no_mask", ROW),
    rule("mask_downscaling.0.{p}", "mask_convs.0.{p}"),
    rule("mask_downscaling.1.{p}", "mask_norms.0.{p}"),
    rule("mask_downscaling.3.{p}", "mask_convs.1.{p}"),
    rule("mask_downscaling.4.{p}", "mask_norms.1.{p}"),
    rule("mask_downscaling.6.{p}", "mask_project.{p}"),
)

_MEMORY_ENCODER = (
    *(rule(f"mask_downsampler.encoder.{3 * i}.{{p}}", f"convs.{i}.{{p}}") for i in range(4)),
    *(rule(f"mask_downsampler.encoder.{3 * i + 1}.{{p}}", f"norms.{i}.{{p}}") for i in range(4)),
    rule("mask_downsampler.encoder.12.{p}", "mask_project.{p}"),
    rule("pix_feat_proj.{p}", "image_project.{p}"),
    rule("fuser.layers.*.gamma", "blocks.*.scale"),
    rule("fuser.layers.*.dwconv.{p}", "blocks.*.conv.{p}"),
    rule("fuser.layers.*.norm.{p}", "blocks.*.norm.{p}"),
    rule("fuser.layers.*.pwconv1.{p}", "blocks.*.mlp.layers.0.{p}"),
    rule("fuser.layers.*.pwconv2.{p}", "blocks.*.mlp.layers.1.{p}"),
    rule("out_proj.{p}", "out.{p}"),
)

_MEMORY_LAYER = (
    rule("norm1.{p}", "norm1.{p}"),
    *_separate_attention("self_attn", "self_attention"),
    rule("norm2.{p}", "norm2.{p}"),
    *_separate_attention("cross_attn_image", "memory_attention"),
    rule("norm3.{p}", "norm3.{p}"),
    *_FEED_FORWARD,
)

_TRACKER = (
    *under("sam_prompt_encoder.", "prompt_encoder.", _PROMPT_ENCODER),
    *under("sam_mask_decoder.", "mask_decoder.", _MASK_DECODER),
    *under("maskmem_backbone.", "memory_encoder.", _MEMORY_ENCODER),
    *under("transformer.encoder.layers.*.", "memory_attention.layers.*.", _MEMORY_LAYER),
    rule("transformer.encoder.norm.{p}", "memory_attention.norm.{p}"),
    rule("no_mem_embed", "no_memory", CELL),
    rule("maskmem_tpos_enc", "memory_time", TIMES),
    rule("no_obj_embed_spatial", "absent", ROW),
    rule("no_obj_ptr", "no_pointer", ROW),
    rule("obj_ptr_proj.layers.*.{p}", "pointer_head.layers.*.{p}"),
    rule("obj_ptr_tpos_proj.{p}", "pointer_time.{p}"),
    rule("mask_downsample.{p}", "mask_downsample.{p}"),
)

RULES = spelled(
    (
        *under("detector.", "", _DETECTOR),
        *under("tracker.", "tracker.", _TRACKER),
        rule("tracker.no_mem_pos_enc", "unused.tracker.no_memory_position"),
    )
)
