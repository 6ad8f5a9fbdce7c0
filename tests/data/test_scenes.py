"""Concept scenes: the same seed gives the same bytes, masks are what is seen, and phrases are true."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from argus.data.records import Sample
from argus.data.sources.scenes import SceneConfig, drawable_concepts, ontology, prepare, scene
from argus.data.sources.scenes.bank import SIDES, SpriteBank
from tests.data.toy_icons import write_icons

STYLES = ("noto", "noto-v1")
NEGATIVE = ("absent", "absent-parent", "absent-sibling", "wrong-colour", "wrong-size", "wrong-pattern")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> SceneConfig:
    folder = tmp_path_factory.mktemp("scenes")
    prepare(write_icons(folder / "icons"), folder / "cache", (*STYLES, "twemoji"), ontology())
    return SceneConfig(cache_folder=folder / "cache", styles=STYLES, size=140, concepts=10_000)


@pytest.fixture(scope="module")
def samples(config: SceneConfig) -> list[Sample]:
    return [scene(config, seed) for seed in range(80)]


def digest(sample: Sample) -> str:
    parts = sample.image.tobytes() + sample.masks.tobytes() + repr((sample.queries, sample.concepts)).encode()
    return hashlib.sha256(parts).hexdigest()


def test_prepare_finds_drawings_by_shared_names(config: SceneConfig) -> None:
    counts = {style: len(SpriteBank(config.cache_folder, (style,)).concepts) for style in (*STYLES, "twemoji")}
    assert counts == {"noto": 7, "noto-v1": 5, "twemoji": 3}


def test_sprites_fill_their_side_at_every_scale(config: SceneConfig) -> None:
    bank = SpriteBank(config.cache_folder, ("noto",))
    for index in range(len(bank.concepts)):
        for side in SIDES:
            pixels = bank.pixels(index, side)
            assert max(pixels.shape[:2]) == side
            assert (pixels[..., :3] <= pixels[..., 3:]).all(), "premultiplied alpha bounds the colours"


def test_missing_icons_and_sprites_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="npm install"):
        prepare(tmp_path, tmp_path / "cache", ("noto",), ontology())
    with pytest.raises(ValueError, match="argus scenes prepare"):
        scene(SceneConfig(cache_folder=tmp_path), 0)


@pytest.mark.parametrize("wrong", [{"size": 8}, {"difficulty": 1.5}, {"styles": ()}, {"min_prompts": 20}])
def test_config_refuses_values_without_sense(config: SceneConfig, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="got"):
        replace(config, **wrong)


def test_same_seed_same_bytes_whatever_came_before(config: SceneConfig, samples: list[Sample]) -> None:
    assert [digest(scene(config, seed)) for seed in (7, 3)] == [digest(samples[7]), digest(samples[3])]
    assert len({digest(sample) for sample in samples}) == len(samples)


def test_same_bytes_in_another_process(config: SceneConfig, samples: list[Sample]) -> None:
    code = (
        "import sys; from pathlib import Path; from argus.data.sources.scenes import SceneConfig, scene\n"
        f"config = SceneConfig(cache_folder=Path(sys.argv[1]), styles={STYLES!r}, size=140, concepts=10_000)\n"
        "import hashlib; s = scene(config, 11)\n"
        "parts = s.image.tobytes() + s.masks.tobytes() + repr((s.queries, s.concepts)).encode()\n"
        "print(hashlib.sha256(parts).hexdigest())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", code, str(config.cache_folder)]
    done = subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout.strip() == digest(samples[11]), done.stderr


def test_masks_are_disjoint_and_worth_showing(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.masks.sum(0).max(initial=0) <= 1
        assert all(mask.sum() >= 36 / 280**2 * mask.size for mask in sample.masks)


def test_phrases_name_what_they_say(samples: list[Sample]) -> None:
    """Plain names and parents, read back through the ontology, give the same instances as the scene's concepts."""
    concepts = ontology()
    owner = {name: c.id for c in concepts.concepts.values() for name in c.names_en + c.names_zh}
    checked = 0
    for sample in samples:
        for query in sample.queries:
            if query.text in owner:
                named = owner[query.text]
                truth = tuple(i for i, c in enumerate(sample.concepts) if named in concepts.ancestors[c])
                assert query.instances == truth, (query, sample.concepts)
                checked += 1
    assert checked > 200


def test_half_of_the_phrases_name_nothing_and_a_fifth_is_chinese(samples: list[Sample]) -> None:
    queries = [query for sample in samples for query in sample.queries]
    assert all((query.kind in NEGATIVE) == (query.instances == ()) for query in queries)
    assert 0.4 < np.mean([query.instances == () for query in queries]) < 0.65
    assert 0.14 < np.mean([query.language == "zh" for query in queries]) < 0.26
    assert all(
        any("\u4e00" <= c <= "\u9fff" for c in q.text) == (q.language == "zh") for q in queries if q.text[0] > "z"
    )
    hard = [query for query in queries if query.kind in ("absent-sibling", "wrong-colour", "wrong-size")]
    assert len(hard) > 0.15 * len(queries)
    assert all(len({q.text for q in sample.queries}) == len(sample.queries) for sample in samples)


def test_difficulty_brings_more_and_smaller_objects(config: SceneConfig, samples: list[Sample]) -> None:
    easy = [scene(replace(config, difficulty=0.0), seed) for seed in range(80)]

    def side(scenes: list[Sample]) -> float:
        boxes = np.concatenate([sample.boxes_xyxy_px for sample in scenes])
        return float(np.median((boxes[:, 2:] - boxes[:, :2]).max(1)))

    assert sum(len(s.masks) for s in easy) < 0.7 * sum(len(s.masks) for s in samples)
    assert side(easy) > 1.3 * side(samples)
    assert max(len(sample.masks) for sample in samples) <= config.max_objects


def test_styles_share_one_choice_of_concepts(config: SceneConfig) -> None:
    few = replace(config, concepts=400)
    shown = set(drawable_concepts(few))
    held_out = set(drawable_concepts(replace(few, styles=("twemoji",))))
    assert 0 < len(shown) < len(drawable_concepts(config))
    assert held_out <= set(drawable_concepts(config))
    assert len(shown & held_out) > 0.5 * min(len(shown), len(held_out))
