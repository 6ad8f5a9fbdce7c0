"""Concept clips: what they show over time, and that ids, masks, phrases and known motion agree with it."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

from argus.data.clips import Clip
from argus.data.sources.scenes import ClipConfig, clip, clip_stream, ontology, prepare, scene
from argus.data.sources.scenes.backgrounds import Ground
from argus.data.sources.scenes.cast import Cast, Sprite
from argus.data.sources.scenes.colours import ColourReading
from argus.data.sources.scenes.cutouts import PATCH_SIDE, write_patches
from argus.data.sources.scenes.film import Set, flow
from argus.data.sources.scenes.motion import Camera, Course, affine
from argus.data.sources.scenes.shots import Bar, Shot, plan
from argus.data.sources.scenes.truth import Placed
from tests.data.toy_icons import write_icons

STYLES = ("noto", "noto-v1")
FRAMES, SIZE = 8, 96
STILL = Camera(size=SIZE, shakes_px=np.zeros((2, 2)))


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ClipConfig:
    folder = tmp_path_factory.mktemp("clips")
    prepare(write_icons(folder / "icons"), folder / "cache", STYLES, ontology())
    return ClipConfig(cache_folder=folder / "cache", styles=STYLES, size=SIZE, frames=FRAMES, concepts=10_000)


@pytest.fixture(scope="module")
def clips(config: ClipConfig) -> list[Clip]:
    return [clip(config, seed) for seed in range(56)]


def digest(one: Clip) -> str:
    assert one.flow is not None
    parts = one.frames.tobytes() + one.masks.tobytes() + one.flow.tobytes() + repr((one.queries, one.concepts)).encode()
    return hashlib.sha256(parts).hexdigest()


def cuts(one: Clip) -> list[int]:
    """Frames before which the motion of nothing is known."""
    assert one.flow is not None
    return [frame + 1 for frame, ways in enumerate(one.flow) if np.isnan(ways).all()]


def square(side: int, colour: tuple[int, int, int] = (200, 30, 30)) -> Sprite:
    """A sprite that covers all of its `side` pixels."""
    reading = ColourReading(name=None, possible=frozenset())
    placed = Placed(concept="square", reading=reading, extent=0.2, visible=1.0, pattern="", exact=True)
    rgba = np.dstack([np.full((side, side, 3), colour, np.uint8), np.full((side, side), 255, np.uint8)])
    return Sprite(rgba=rgba, size_wh=(side, side), degrees=0.0, placed=placed, steep=True)


def shot(courses: dict[int, Course], *, camera: Camera = STILL, bars: tuple[Bar, ...] = (), frames: int = 9) -> Shot:
    ground = Ground(image=np.random.default_rng(0).integers(0, 255, (144, 144, 3)).astype(np.uint8))
    return Shot(
        frames=frames, span=(0.0, 1.0), ground=ground, camera=camera, courses=courses, bars=bars, shadow_seed=None
    )


def straight(start: tuple[float, float], end: tuple[float, float]) -> Course:
    return Course(start=start, via=((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end=end)


def test_same_seed_same_bytes_whatever_came_before(config: ClipConfig, clips: list[Clip]) -> None:
    assert [digest(clip(config, seed)) for seed in (7, 3)] == [digest(clips[7]), digest(clips[3])]
    assert len({digest(one) for one in clips}) == len(clips)
    stream = clip_stream(config, 4)
    assert [digest(next(stream)) for _ in range(2)] == [digest(clips[4]), digest(clips[5])]


def test_same_bytes_in_another_process(config: ClipConfig, clips: list[Clip]) -> None:
    code = (
        "import sys, hashlib; from pathlib import Path; from argus.data.sources.scenes import ClipConfig, clip\n"
        f"config = ClipConfig(cache_folder=Path(sys.argv[1]), styles={STYLES!r}, size={SIZE}, frames={FRAMES}, "
        "concepts=10_000); c = clip(config, 11)\n"
        "parts = c.frames.tobytes() + c.masks.tobytes() + c.flow.tobytes() + repr((c.queries, c.concepts)).encode()\n"
        "print(hashlib.sha256(parts).hexdigest())"
    )
    command = [sys.executable, "-c", code, str(config.cache_folder)]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.stdout.strip() == digest(clips[11]), done.stderr


def test_a_clip_is_not_the_scene_of_its_seed(config: ClipConfig, clips: list[Clip]) -> None:
    assert not any(np.array_equal(scene(config, seed).image, clips[seed].frames[0]) for seed in range(5))


def test_masks_are_disjoint_and_every_object_is_seen(clips: list[Clip]) -> None:
    for one in clips:
        assert one.masks.sum(1).max(initial=0) <= 1
        assert (one.masks.any((2, 3)).sum(0) >= 2).all()


def test_objects_enter_leave_hide_return_and_are_cut(clips: list[Clip]) -> None:
    """All of it happens, each in a fair number of clips without counting what a cut does."""
    whole = [one for one in clips if not cuts(one)]
    rows = ["".join("01"[int(flag)] for flag in row) for one in whole for row in one.masks.any((2, 3)).T]
    assert sum("0" in row.strip("0") for row in rows) > 5, "hidden and back"
    assert sum(row.startswith("0") for row in rows) > 5, "entry"
    assert sum(row.endswith("0") for row in rows) > 5, "exit"
    assert 2 < len(clips) - len(whole) < 40
    assert sum(len(set(one.concepts)) < len(one.concepts) for one in clips) > 15, "look-alikes"


def test_known_motion_ends_on_the_same_object(clips: list[Clip]) -> None:
    checked = 0
    for one in clips:
        assert one.flow is not None
        for frame, ways in enumerate(one.flow):
            for row in range(len(one.concepts)):
                y, x = np.nonzero(one.masks[frame + 1, row] & ~np.isnan(ways[..., 0]))
                if not one.masks[frame, row].any():
                    continue  # so little was seen that it counts as hidden
                source = np.rint(np.stack([x, y], 1) + ways[y, x]).astype(int)
                assert one.masks[frame, row][source[:, 1], source[:, 0]].all()
                checked += len(y)
    assert checked > 10_000


def test_known_motion_brings_one_frame_onto_the_next(config: ClipConfig) -> None:
    """Sampled along the known motion the frame before looks like the frame; in place it does not."""
    warped, in_place = [], []
    for seed in range(12):
        one = clip(replace(config, difficulty=0.4), seed)
        assert one.flow is not None
        for frame, ways in enumerate(one.flow):
            y, x = np.nonzero((np.abs(ways) > 1.5).any(2))
            source = np.rint(np.stack([x, y], 1) + ways[y, x]).astype(int)
            after = one.frames[frame + 1][y, x].astype(int)
            warped += [np.abs(after - one.frames[frame][source[:, 1], source[:, 0]]).mean()] if len(y) else []
            in_place += [np.abs(after - one.frames[frame][y, x]).mean()] if len(y) else []
    assert len(warped) > 10
    assert np.mean(warped) < 0.6 * np.mean(in_place)


def test_motion_is_known_wherever_the_frame_before_shows_it() -> None:
    """A square goes right by 4 pixels a frame; only what it uncovers has no origin."""
    stage = Set(shot({0: straight((30, 48), (62, 48))}), [square(20)], SIZE)
    before, after = stage.take(0, [0]), stage.take(1, [0])
    ways = flow(before, after)
    assert np.allclose(ways[after.labels == 1], (-4, 0), atol=1e-4)
    assert np.array_equal(np.isnan(ways[..., 0]), (before.labels == 1) & (after.labels == 0))
    assert np.allclose(ways[(before.labels == 0) & (after.labels == 0)], 0, atol=1e-4)


def test_camera_motion_is_known_too() -> None:
    camera = Camera(size=SIZE, pan_px=(24.0, 0.0), zooms=(1.0, 1.2), degrees=(0.0, 6.0), shakes_px=np.zeros((2, 2)))
    stage = Set(shot({}, camera=camera), [], SIZE)
    ways = flow(stage.take(3, []), stage.take(4, []))
    y, x = np.nonzero(~np.isnan(ways[..., 0]))
    world = np.linalg.inv(camera.matrix(0.5)) @ np.stack([x, y, np.ones(len(x))])
    expected = (camera.matrix(0.375) @ world)[:2].T - np.stack([x, y], 1)
    assert np.allclose(ways[y, x], expected, atol=1e-3)
    assert len(y) > 0.85 * SIZE**2


def test_behind_a_bar_a_mask_shrinks_to_nothing_and_comes_back() -> None:
    bar = Bar(rgba=np.full((200, 30, 4), 255, np.uint8), matrix=affine(np.eye(2), np.array([33.0, -50.0])))
    stage = Set(shot({0: straight((12.5, 48.5), (84.5, 48.5))}, bars=(bar,)), [square(16)], SIZE)
    areas = [int((stage.take(frame, [0]).labels == 1).sum()) for frame in range(9)]
    assert areas[0] == areas[-1] == 256
    assert 0 in areas
    hidden = areas.index(0)
    assert areas[: hidden + 1] == sorted(areas[: hidden + 1], reverse=True)
    picture = stage.draw(hidden, [0], 0.0)
    assert (picture[48, 33:63] == 255).all(), "the bar is drawn over it"


def test_look_alikes_keep_their_ids_when_they_cross() -> None:
    """Two squares swap places; the nearer one hides the other, and each label follows its own course."""
    ways = {0: straight((16, 48), (80, 48)), 1: straight((80, 50), (16, 50))}
    stage = Set(shot(ways, frames=17), [square(20), square(20)], SIZE)
    for frame, time in enumerate(stage.times):
        labels = stage.take(frame, [0, 1]).labels
        centre = np.argwhere(labels == 2).mean(0)[::-1]
        assert np.allclose(centre, ways[1].centre(time), atol=0.6)
        if abs(ways[0].centre(time)[0] - ways[1].centre(time)[0]) > 21:
            assert np.allclose(np.argwhere(labels == 1).mean(0)[::-1], ways[0].centre(time), atol=0.6)


def test_clips_make_look_alikes_cross(config: ClipConfig) -> None:
    """In many plans two of one concept come near each other half way and go on past each other."""
    cast, crossings = Cast(config), 0
    for seed in range(40):
        planned = plan(cast, config, np.random.default_rng(seed))
        for part in planned.shots:
            names = {index: planned.actors[index].placed.concept for index in part.courses}
            for a, first in part.courses.items():
                for b, second in part.courses.items():
                    gaps = [first.centre(time) - second.centre(time) for time in (0.0, 0.5, 1.0)]
                    passed = gaps[0] @ gaps[2] < 0 and np.linalg.norm(gaps[1]) < 0.5 * np.linalg.norm(gaps[0])
                    crossings += a < b and names[a] == names[b] and bool(passed)
    assert crossings > 10


def test_after_a_cut_some_stay_and_others_are_gone(config: ClipConfig) -> None:
    cast, stayed, gone, came = Cast(config), 0, 0, 0
    for seed in range(120):
        planned = plan(cast, config, np.random.default_rng(seed))
        if len(planned.shots) == 2:
            before, after = (set(part.courses) for part in planned.shots)
            names = [actor.placed.concept for actor in planned.actors]
            assert all(names.count(names[index]) == 1 for index in after), "of several alike none could be known again"
            assert sum(part.frames for part in planned.shots) == FRAMES
            stayed, gone, came = stayed + len(before & after), gone + len(before - after), came + len(after - before)
    assert min(stayed, gone, came) > 3


def test_phrases_name_what_they_say_on_all_frames(clips: list[Clip]) -> None:
    """Plain names and parents, read back through the ontology, give the same rows; what is absent is in no frame."""
    concepts = ontology()
    owner = {name: c.id for c in concepts.concepts.values() for name in c.names_en + c.names_zh}
    checked = absent = 0
    for one in clips:
        for query in one.queries:
            if query.text in owner:
                truth = tuple(i for i, c in enumerate(one.concepts) if owner[query.text] in concepts.ancestors[c])
                assert query.instances == truth, (query, one.concepts)
                checked, absent = checked + 1, absent + (not truth)
            assert query.kind not in ("size", "colour-size"), "sizes change"
    assert checked > 150
    assert absent > 50
    queries = [query for one in clips for query in one.queries]
    assert 0.35 < np.mean([query.instances == () for query in queries]) < 0.65
    assert 0.12 < np.mean([query.language == "zh" for query in queries]) < 0.28


def test_photos_give_grounds_and_textures(config: ClipConfig, tmp_path: Path) -> None:
    """With patches of photos there are other sprites, still bounded by their alpha."""
    shutil.copytree(config.cache_folder, tmp_path / "cache")
    rng = np.random.default_rng(0)
    write_patches([rng.integers(0, 256, (PATCH_SIDE, PATCH_SIDE, 3), np.uint8) for _ in range(4)], tmp_path / "cache")
    photos = replace(config, cache_folder=tmp_path / "cache")
    cast, sights = Cast(photos), []
    for seed in range(30):
        planned = plan(cast, photos, np.random.default_rng(seed))
        sights += [part.ground.shows for part in planned.shots]
        assert all((actor.rgba[..., :3] <= actor.rgba[..., 3:]).all() for actor in planned.actors)
    assert any(sights)
    assert digest(clip(photos, 1)) == digest(clip(photos, 1)) != digest(clip(config, 1))


def test_two_phrases_are_one_present_and_one_absent(config: ClipConfig) -> None:
    two = replace(config, min_prompts=2, max_prompts=2)
    for seed in range(6):
        one = clip(two, seed)
        assert [bool(query.instances) for query in one.queries] == ([True, False] if one.concepts else [False, False])


def test_difficulty_brings_motion(config: ClipConfig, clips: list[Clip]) -> None:
    easy = [clip(replace(config, difficulty=0.0), seed) for seed in range(20)]

    def unknown(some: list[Clip]) -> float:
        return float(np.mean([np.isnan(one.flow).mean() for one in some if one.flow is not None]))

    assert unknown(easy) < 0.5 * unknown(clips)
    assert not any(cuts(one) for one in easy)


@pytest.mark.parametrize("frames", [1, 2])
def test_short_clips(config: ClipConfig, frames: int) -> None:
    one = clip(replace(config, frames=frames), 0)
    assert len(one.frames) == frames
    assert one.flow is not None
    assert len(one.flow) == frames - 1


def test_config_refuses_no_frames(config: ClipConfig) -> None:
    with pytest.raises(ValueError, match="frames must be at least 1"):
        replace(config, frames=0)


def test_a_clip_refuses_what_does_not_fit(clips: list[Clip]) -> None:
    one = next(one for one in clips if one.concepts)
    with pytest.raises((ValueError, TypeCheckError), match="masks"):
        replace(one, masks=one.masks[:-1])
    with pytest.raises(ValueError, match="one concept per object"):
        replace(one, concepts=())
    with pytest.raises(ValueError, match="expected phrases about objects"):
        replace(one, queries=(replace(one.queries[0], instances=(99,)),))
