"""Concept scenes: labelled pictures and clips of icons, procedural shapes and photo cut-outs, in two languages."""

from argus.data.sources.scenes.bank import PHOTOS_STYLE, prepare
from argus.data.sources.scenes.clips import clip, clip_stream
from argus.data.sources.scenes.concepts import Concept, Ontology, ontology
from argus.data.sources.scenes.config import HELD_OUT_SEED, ClipConfig, SceneConfig
from argus.data.sources.scenes.cutouts import prepare_photos
from argus.data.sources.scenes.icons import HELD_OUT_STYLE, TRAIN_STYLES
from argus.data.sources.scenes.photos import WholePhotos, has_photos, photo_clip, prepare_whole_photos
from argus.data.sources.scenes.stream import drawable_concepts, scene, stream

__all__ = [
    "HELD_OUT_SEED",
    "HELD_OUT_STYLE",
    "PHOTOS_STYLE",
    "TRAIN_STYLES",
    "ClipConfig",
    "Concept",
    "Ontology",
    "SceneConfig",
    "WholePhotos",
    "clip",
    "clip_stream",
    "drawable_concepts",
    "has_photos",
    "ontology",
    "photo_clip",
    "prepare",
    "prepare_photos",
    "prepare_whole_photos",
    "scene",
    "stream",
]
