"""Videos that are missing, damaged or none: a clear error, or the frames that can be had and a report of the others."""

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.inference.sources import open_video
from tests.inference.clips import RATE, SIZE, cut, damage, decoded, pictures, write_clip, write_sound


@pytest.mark.parametrize("name", ["missing.mp4", "missing.gif", "missing"])
def test_a_missing_file(name: str, tmp_path: Path) -> None:
    for kind in (ValueError, FileNotFoundError):
        with pytest.raises(kind, match=f"{name}: there is none"):
            open_video(tmp_path / name)


@pytest.mark.parametrize("name", ["empty.mp4", "empty.webm", "empty.gif"])
def test_an_empty_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    with pytest.raises(ValueError, match=name):
        open_video(tmp_path / name)


@pytest.mark.parametrize("name", ["text.mp4", "text.avi", "text.txt", "text.gif"])
def test_a_text_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("This is no video.\n" * 50)
    with pytest.raises(ValueError, match=f"Expected an? (video|image).*{name}"):
        open_video(tmp_path / name)


@pytest.mark.parametrize(("cover", "held"), [(False, "audio"), (True, "a cover and audio")])
def test_sound_alone(cover: bool, held: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"which holds {held} alone"):
        open_video(write_sound(tmp_path / "sound.mp4", cover))


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx264"), ("a.mkv", "ffv1"), ("a.avi", "mpeg4")])
def test_no_frames(name: str, codec: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, pictures(1)[:0], codec=codec)
    with pytest.raises(ValueError, match=f"Expected a video.*{name}"):
        open_video(path)


@pytest.mark.parametrize("source", [[], iter([]), ()])
def test_nothing_in_it(source: object) -> None:
    with pytest.raises(ValueError, match="Expected a video"):
        open_video(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"movflags": "faststart"}),
        ("a.mkv", "ffv1", {}),
        ("a.webm", "libvpx", {}),
        ("a.avi", "mjpeg", {}),
    ],
)
def test_a_file_that_is_cut_short(name: str, codec: str, options: dict[str, str], tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, pictures(40), codec=codec, options=options)
    whole = decoded(path)
    cut(path, 0.75)
    video = open_video(path)
    assert video.frames is not None and 3 < video.frames < 40
    read = {frame.index: frame.pixels for frame in video.read()}
    assert set(range(video.frames - 1)) <= set(read)
    assert all(np.array_equal(read[index], whole[index]) for index in range(video.frames - 1))
    assert "cut short" in video.problems[-1].reason


def test_an_mp4_that_is_cut_before_its_table(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", pictures(20))
    cut(path, 0.5)
    with pytest.raises(ValueError, match="no video, cut short or damaged"):
        open_video(path)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.mp4", "mpeg4"), ("a.avi", "mjpeg"), ("a.mkv", "ffv1")]
)
def test_a_frame_that_cannot_be_decoded(name: str, codec: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, pictures(20), codec=codec, b_frames=0)
    whole = decoded(path)
    damage(path, 10)
    video = open_video(path)
    read = {frame.index: frame for frame in video.read()}
    (problem,) = video.problems
    assert (problem.index, problem.time_s) == (10, pytest.approx(10 / RATE))
    assert "decoded" in problem.reason or "damaged" in problem.reason
    assert video.frames == 20
    assert set(range(20)) - set(read) <= {10}
    for index in (*range(10), *range(12, 20)):  # from the next key frame on all is well
        assert read[index].time_s == pytest.approx(index / RATE)
        np.testing.assert_array_equal(read[index].pixels, whole[index])
    assert 10 not in [frame.index for frame in video.read(10, 11)] or 10 in read
    assert len(list(video.read(reverse=True))) == len(read)
    assert len(video.problems) == 1


def test_a_first_frame_that_cannot_be_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", pictures(5), codec="mjpeg")
    damage(path, 0)
    video = open_video(path)
    assert [frame.index for frame in video.read()] == [1, 2, 3, 4]
    assert [problem.index for problem in video.problems] == [0]


def test_no_frame_that_can_be_decoded(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", pictures(3), codec="mjpeg")
    for packet in range(3):
        damage(path, packet)
    with pytest.raises(ValueError, match="none of whose 3 frames can"):
        open_video(path)


def test_a_damaged_picture_in_a_folder(tmp_path: Path) -> None:
    for index in range(4):
        Image.fromarray(pictures(4)[index]).save(tmp_path / f"{index}.png")
    cut(tmp_path / "2.png", 0.6)
    video = open_video(tmp_path)
    assert [frame.index for frame in video.read()] == [0, 1, 3]
    assert [problem.index for problem in video.problems] == [2]


def test_a_damaged_file_among_live_frames(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    shots = pictures(2)
    video = open_video(item for item in (shots[0], tmp_path / "bad.png", shots[1]))
    assert [frame.index for frame in video.read()] == [0, 1]
    assert len(video.problems) == 1


def test_what_is_no_frame() -> None:
    with pytest.raises(ValueError, match="frame 1 of the list: Expected a uint8 array"):
        list(open_video([pictures(1)[0], np.zeros((4, 4))]).read())
    with pytest.raises(ValueError, match=r"frame 0 of the generator: Expected a uint8 array"):
        open_video(np.zeros((4, 4)) for _ in range(3))


@pytest.mark.parametrize("live", [False, True])
def test_frames_that_change_size(live: bool) -> None:
    shots = [*pictures(2), *pictures(1, (50, 60))]
    video = open_video(iter(shots) if live else shots)
    with pytest.raises(ValueError, match=r"frame 2 of .* of \(50, 60\) \(height, width\) after \(48, 64\)"):
        list(video.read())


def test_a_file_whose_frames_change_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    parts = [write_clip(tmp_path / "1.h264", pictures(6)), write_clip(tmp_path / "2.h264", pictures(6, (96, 128)))]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    read = list(open_video(path).read())
    assert [frame.pixels.shape for frame in read] == [(*SIZE, 3)] * 12
    assert np.abs(read[6].pixels.astype(int) - read[0].pixels).mean() < 4


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(ValueError, match="Expected a folder of pictures"):
        open_video(tmp_path)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 8, 8, 3)), np.zeros((4, 3, 8, 8), np.uint8), np.zeros((0, 8, 8, 3), np.uint8)]
)
def test_arrays_that_are_no_video(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected a video as a uint8 array"):
        open_video(array)


@pytest.mark.parametrize("source", [True, b"clip.mp4", {"frames": 3}])
def test_what_is_no_source(source: object) -> None:
    with pytest.raises(ValueError, match="Expected a path, an array"):
        open_video(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["webcam:x", "webcam:99", 99, -1])
def test_a_camera_that_is_not_there(source: str | int) -> None:
    with pytest.raises(ValueError, match=r"Expected a (camera|webcam|video)"):
        open_video(source)


@pytest.mark.parametrize("span", [(-1, 3), (0, 21), (5, 4), (21, None)])
def test_frames_that_are_not_there(span: tuple[int, int | None]) -> None:
    with pytest.raises(ValueError, match=r"Expected frames within 0\.\.20"):
        open_video(pictures(20)).read(*span)


def test_without_pyav_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures(2))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "argus-sam\[video\]"'):
        open_video(path)
