"""Which stand-ins there are: the architectures that users bring, and odd configurations."""

from __future__ import annotations

import transformers

from tests.assets.models import StandIn, edit_json, nest_processor

_SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


def square(pixels: int) -> dict[str, int]:
    """A processor's setting of a square size."""
    return {"height": pixels, "width": pixels}


def vit(name: str, pixels: int = 64, **options: object) -> StandIn:
    """A ViT whose variations are the point."""
    settings = {**_SMALL, "image_size": pixels, "patch_size": pixels // 8}
    return StandIn(
        name,
        transformers.ViTConfig,
        settings | options.pop("settings", {}),
        options.pop("processor", "ViTImageProcessor"),
        options.pop("processing", {"size": square(pixels)}),
        **options,
    )


ARCHITECTURES = (
    vit("ViT"),
    StandIn(
        "DeiT",
        transformers.DeiTConfig,
        {
            **_SMALL,
            "image_size": 56,
            "patch_size": 8,
            "architectures": ["DeiTForImageClassification"],  # one of two that the type may mean
        },
        "DeiTImageProcessor",
        {"size": square(64), "crop_size": square(56)},
    ),
    StandIn(
        "BEiT",
        transformers.BeitConfig,
        {**_SMALL, "image_size": 64, "patch_size": 8, "use_relative_position_bias": True},
        "BeitImageProcessor",
        {"size": square(64)},
    ),
    StandIn(
        "Swin",
        transformers.SwinConfig,
        {
            "image_size": 64,
            "patch_size": 4,
            "embed_dim": 16,
            "depths": [1, 1],
            "num_heads": [2, 2],
            "window_size": 4,
        },
        "ViTImageProcessor",
        {"size": square(64), "resample": 3},
    ),
    StandIn(
        "ConvNeXt",
        transformers.ConvNextConfig,
        {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "layer_scale_init_value": 1.0},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 64}},
    ),
    StandIn(
        "EfficientNet",
        transformers.EfficientNetConfig,
        {
            "image_size": 64,
            "width_coefficient": 0.25,
            "depth_coefficient": 0.1,
            "hidden_dim": 320,  # 1280 × the width coefficient
        },
        "EfficientNetImageProcessor",
        {"size": square(64), "rescale_offset": True},
    ),
    StandIn(
        "ResNet",
        transformers.ResNetConfig,
        {"embedding_size": 8, "hidden_sizes": [8, 16, 24], "depths": [1, 1, 1]},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 56}, "crop_pct": 0.9, "resample": 2},
    ),
    StandIn(
        "MobileViT",
        transformers.MobileViTConfig,
        {
            "image_size": 64,
            "hidden_sizes": [24, 32, 40],
            "neck_hidden_sizes": [8, 8, 16, 24, 32, 40, 64],
            "num_attention_heads": 2,
        },
        "MobileViTImageProcessor",
        {"size": {"shortest_edge": 56}, "crop_size": square(64)},
    ),
    StandIn(
        "DINOv2",
        transformers.Dinov2Config,
        {**_SMALL, "image_size": 56, "patch_size": 14},
        "BitImageProcessor",
        {"size": {"shortest_edge": 64}, "crop_size": square(56)},
    ),
    StandIn(
        "SigLIP",
        transformers.SiglipConfig,
        {
            "vision_config": {**_SMALL, "image_size": 64, "patch_size": 8},
            "text_config": {**_SMALL, "vocab_size": 16, "max_position_embeddings": 8},
        },
        "SiglipImageProcessor",
        {"size": square(64)},
    ),
)

ODD = (
    vit(
        "nine labels, legacy size",
        labels=["0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more"],
        edit=edit_json(
            "preprocessor_config.json",
            size=64,
            image_processor_type=None,
            feature_extractor_type="ViTFeatureExtractor",
        ),
    ),
    vit(
        "no processor type",
        edit=edit_json(
            "preprocessor_config.json", size=64, image_processor_type=None, do_rescale=None
        ),
    ),
    vit("nested processor", edit=nest_processor),
    vit(
        "string ids",
        labels=["normal", "nsfw"],
        edit=edit_json("config.json", label2id={"normal": "0", "nsfw": "1"}),
    ),
    vit("unsafe first", labels=["Unsafe Content", "Safe Content"]),
    vit("one label", labels=["nsfw"]),
    vit("multi-label", settings={"problem_type": "multi_label_classification"}),
    vit("regression", settings={"problem_type": "regression"}),
    vit("256 px", 256),
    vit("384 px", 384),
    vit(
        "not square",
        settings={"image_size": [48, 64]},
        processing={"size": {"height": 48, "width": 64}},
    ),
    *(
        vit(f"filter {number}", processing={"size": square(64), "resample": number})
        for number in range(6)
    ),
    vit("no mean or std", processing={"size": square(64), "do_normalize": False}),
    vit(
        "no resize",
        processing={"do_resize": False, "do_center_crop": True, "crop_size": square(64)},
    ),
    vit(
        "CLIP crop",
        processor="CLIPImageProcessor",
        processing={"size": {"shortest_edge": 80}, "crop_size": square(64)},
    ),
    vit(
        "LeViT",
        processor="LevitImageProcessor",
        processing={"size": {"shortest_edge": 56}, "crop_size": square(64)},
    ),
    vit(
        "unknown processor",
        processor="PoolFormerImageProcessor",
        processing={"size": {"shortest_edge": 64}, "crop_size": square(64)},
    ),
    StandIn(
        "ConvNeXt 384 px",
        transformers.ConvNextConfig,
        {"hidden_sizes": [4, 8, 12, 16], "depths": [1, 1, 1, 1], "layer_scale_init_value": 1.0},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 384}},
    ),
    StandIn(
        "SigLIP 2, own inputs",
        transformers.Siglip2Config,
        {
            "vision_config": {**_SMALL, "num_patches": 16, "patch_size": 8},
            "text_config": {**_SMALL, "vocab_size": 16, "max_position_embeddings": 8},
        },
        "Siglip2ImageProcessor",
        {"patch_size": 8, "max_num_patches": 16},
    ),
)

SIZES_DIFFER = StandIn(
    "sizes differ",
    transformers.Dinov2Config,
    {**_SMALL, "image_size": 56, "patch_size": 14},
    "BitImageProcessor",
    {"size": {"shortest_edge": 56}, "crop_size": square(56)},
    edit=edit_json("preprocessor_config.json", do_center_crop=False),
)
"""Its processor leaves pictures at sizes of their own. Not in `ODD`: of a picture of 1 × 4000 it
makes so many patches that the reference does not end."""
