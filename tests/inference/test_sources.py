"""What videos are read from, and that every frame comes with its own number, time and pixels."""

import gc
import itertools
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from argus.inference.sources import Frame, Video, frames, open_video, read_ahead
from tests.inference.clips import RATE, SIZE, decoded, pictures, write_clip

KINDS = {
    "a.mp4": "libx264",
    "a.mov": "libx264",
    "a.mkv": "libx264",
    "b.mkv": "ffv1",
    "a.webm": "libvpx-vp9",
    "b.webm": "libvpx",
    "a.avi": "mpeg4",
    "b.avi": "libx264",
    "c.avi": "mjpeg",
    "a.h264": "libx264",
}


def pixels_of(video: Video, *span: int, reverse: bool = False) -> dict[int, np.ndarray]:
    """Frames by index, in the order in which they came."""
    return {frame.index: frame.pixels for frame in video.read(*span, reverse=reverse)}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_gives_the_frames_that_ffmpeg_gives(name: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / name, pictures(20), codec=KINDS[name])
    video = open_video(path)
    assert (video.frames, video.size_hw, video.live, video.problems) == (20, SIZE, False, ())
    assert video.rate == pytest.approx(RATE)
    read = list(video.read())
    assert [frame.index for frame in read] == list(range(20))
    assert [frame.time_s for frame in read] == pytest.approx([index / RATE for index in range(20)])
    np.testing.assert_array_equal(np.stack([frame.pixels for frame in read]), decoded(path))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "b.webm", "a.avi", "b.avi", "a.h264"])
def test_a_part_and_the_way_back_are_the_same_frames(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / name, pictures(20), codec=KINDS[name])
    expected = decoded(path)
    monkeypatch.setattr(frames, "BLOCK_BYTES", 5 * expected[0].nbytes)
    video = open_video(path)
    for start, stop in [(0, 1), (5, 6), (6, 7), (13, 20), (19, 20), (4, 4)]:
        assert list(pixels_of(video, start, stop)) == list(range(start, stop))
    back = pixels_of(video, 3, 20, reverse=True)
    assert list(back) == list(range(19, 2, -1))
    assert all(np.array_equal(pixels, expected[index]) for index, pixels in back.items())
    assert video.problems == ()


def test_going_back_holds_a_block_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "BLOCK_BYTES", 0)  # the least: four frames
    video = open_video(list(pictures(20)))
    spans = []
    forward = video._forward  # type: ignore[attr-defined]
    monkeypatch.setattr(video, "_forward", lambda start, stop: (spans.append((start, stop)), forward(start, stop))[1])
    next(video.read(reverse=True))
    assert spans == [(16, 20)]


def test_a_file_and_its_frames_saved_without_loss_are_the_same(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures(12))
    folder = tmp_path / "frames"
    folder.mkdir()
    for frame in open_video(path).read():
        Image.fromarray(frame.pixels).save(folder / f"{frame.index}.png")
    video = open_video(folder)
    assert (video.frames, video.rate, video.live) == (12, None, False)
    for ours, saved in zip(open_video(path).read(), video.read(), strict=True):
        assert ours.index == saved.index
        np.testing.assert_array_equal(ours.pixels, saved.pixels)


def test_frames_that_were_read_are_freed_at_once(tmp_path: Path) -> None:
    video = open_video(write_clip(tmp_path / "clip.mp4", pictures(40), rotation=90))
    gc.collect()
    before = frames_held()
    gc.disable()
    try:
        read = video.read()
        for _ in range(35):
            next(read)
        held = frames_held() - before
    finally:
        gc.enable()
    assert 0 < held < 10


def frames_held() -> int:
    return sum(type(thing).__name__ == "VideoFrame" for thing in gc.get_objects())


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("quarters", range(4))
def test_frames_are_upright(quarters: int, mirrored: bool, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures(2), rotation=quarters * 90, mirrored=mirrored)
    expected = np.rot90(decoded(path)[0], quarters)
    expected = expected[:, ::-1] if mirrored else expected
    video = open_video(path)
    assert video.size_hw == expected.shape[:2]
    np.testing.assert_array_equal(next(video.read()).pixels, expected)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_times_of_a_variable_rate_are_kept(name: str, tmp_path: Path) -> None:
    times = [0, 40, 50, 400, 410, 1000]
    video = open_video(write_clip(tmp_path / name, pictures(6), times=times))
    assert [frame.time_s for frame in video.read()] == pytest.approx([time / 1000 for time in times], abs=1e-3)
    assert [frame.time_s for frame in video.read(3, 5)] == pytest.approx([0.4, 0.41], abs=1e-3)
    assert video.rate == pytest.approx(5.0, rel=1e-3)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_animations(suffix: str, tmp_path: Path) -> None:
    shown = [Image.fromarray(pixels).quantize(8).convert("RGB") for pixels in pictures(5)]
    path = tmp_path / f"clip.{suffix}"
    options = {"lossless": True} if suffix == "webp" else {}
    shown[0].save(path, save_all=True, append_images=shown[1:], duration=[40, 200, 40, 40, 40], **options)
    video = open_video(path)
    assert (video.frames, video.size_hw) == (5, SIZE)
    assert [frame.time_s for frame in video.read()] == pytest.approx([0, 0.04, 0.24, 0.28, 0.32])
    back = pixels_of(video, reverse=True)
    assert list(back) == [4, 3, 2, 1, 0]
    for index, pixels in back.items():
        np.testing.assert_array_equal(pixels, np.asarray(shown[index]))


def test_one_frame_is_a_video(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures(1))
    Image.fromarray(pictures(1)[0]).save(tmp_path / "still.png")
    for source in (path, tmp_path / "still.png", pictures(1), iter(pictures(1))):
        assert [frame.index for frame in open_video(source).read()] == [0]


def test_folders_are_read_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name, grey in [("f10.png", 10), ("f2.png", 2), ("F1.PNG", 1), (".f0.png", 0), ("notes.txt", 0)]:
        Image.new("RGB", (8, 8), (grey,) * 3).save(tmp_path / name, "PNG")
    assert [int(frame.pixels[0, 0, 0]) for frame in open_video(tmp_path).read()] == [1, 2, 10]


def test_arrays_and_lists_can_be_read_again_and_backwards() -> None:
    shots = pictures(6)
    for source in (shots, list(shots), [Image.fromarray(pixels) for pixels in shots]):
        video = open_video(source)
        assert (video.frames, video.size_hw, video.live) == (6, SIZE, False)
        for _ in range(2):
            back = pixels_of(video, 2, 5, reverse=True)
            assert list(back) == [4, 3, 2]
            assert all(np.array_equal(pixels, shots[index]) for index, pixels in back.items())
    assert open_video(video) is video


def test_an_iterator_is_live() -> None:
    shots = pictures(30)
    video = open_video(iter(shots))
    assert (video.frames, video.size_hw, video.live) == (None, SIZE, True)
    assert list(pixels_of(video, 0, 12)) == list(range(12))
    rest = pixels_of(video, 8)  # a few that have gone by are kept
    assert list(rest) == list(range(8, 30))
    assert all(np.array_equal(pixels, shots[index]) for index, pixels in rest.items())
    with pytest.raises(ValueError, match="have gone by"):
        video.read()
    with pytest.raises(ValueError, match="cannot go back"):
        video.read(29, reverse=True)


def test_an_endless_iterator_is_read_frame_by_frame() -> None:
    taken = []
    video = open_video(taken.append(index) or pixels for index in itertools.count() for pixels in pictures(1))
    assert list(pixels_of(video, 0, 5)) == [0, 1, 2, 3, 4]
    assert len(taken) == 5


def test_an_iterable_of_known_length_tells_it() -> None:
    class Shots:
        def __len__(self) -> int:
            return 3

        def __iter__(self):
            return iter(pictures(3))

    assert open_video(Shots()).frames == 3


def test_a_stream_is_live(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", pictures(20))

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        video = open_video(f"http://127.0.0.1:{server.server_port}/clip.mp4")
        assert (video.live, video.frames, video.size_hw) == (True, None, SIZE)
        np.testing.assert_array_equal(np.stack([frame.pixels for frame in video.read()]), decoded(path))
        with pytest.raises(ValueError, match="Expected a video at http://"):
            open_video(f"http://127.0.0.1:{server.server_port}/missing.mp4")
    finally:
        server.shutdown()
        server.server_close()


def frame_source(count: int, closed: list[bool]):
    try:
        for index in range(count):
            yield Frame(index=index, time_s=0.0, pixels=np.zeros((2, 2, 3), np.uint8))
        raise OSError("the disk is gone")
    finally:
        closed.append(True)


def ahead_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "argus read ahead"]


def test_what_reading_ahead_meets_is_raised_in_the_consumer() -> None:
    closed: list[bool] = []
    got = []
    with pytest.raises(OSError, match="the disk is gone"):
        got.extend(frame.index for frame in read_ahead(frame_source(20, closed), 3))
    assert closed == [True]
    assert not ahead_threads()


def test_reading_ahead_keeps_the_order_and_a_short_queue() -> None:
    made = []
    source = (made.append(index) or index for index in range(100))
    ahead = read_ahead(source, 3)
    assert next(ahead) == 0
    threading.Event().wait(0.2)
    assert len(made) <= 1 + 3 + 1  # given out, waiting, in hand
    assert list(ahead) == list(range(1, 100))


def test_the_thread_ends_when_the_consumer_stops_early() -> None:
    closed: list[bool] = []
    ahead = read_ahead(frame_source(1000, closed), 2)
    next(ahead)
    assert ahead_threads()
    ahead.close()
    assert closed == [True]
    assert not ahead_threads()


def test_a_slow_consumer_of_a_live_stream_gets_the_newest() -> None:
    taken, made = threading.Event(), threading.Event()

    def source():
        yield 0
        taken.wait(5)
        yield from range(1, 50)
        made.set()

    ahead = read_ahead(source(), 1, newest=True)
    assert next(ahead) == 0
    taken.set()
    made.wait(5)
    assert list(ahead) == [49]
