"""Frames from the address of a stream that goes on while it is read."""

import io
import socket
import threading
from collections.abc import Iterator

import av
import numpy as np
import pytest
import torch

import argus
from argus.inference.policy import VideoPolicy
from tests.train import toys

FRAMES, SIZE_HW = 400, (48, 64)  # 16 s: FFmpeg looks at the first few before it opens a stream


def level(index: int) -> int:
    """Frames get brighter."""
    return 250 * index // FRAMES


def transport_stream() -> bytes:
    """MPEG-TS, which can be sent as it is made."""
    written = io.BytesIO()
    with av.open(written, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = *SIZE_HW, "yuv420p"
        for index in range(FRAMES):
            pixels = np.full((*SIZE_HW, 3), level(index), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return written.getvalue()


class Sender:
    """Sends a stream to whoever connects: the first half at once, the rest when `go_on` is set."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._socket.getsockname()[1]}"
        self.go_on, self.was_told = threading.Event(), False
        self._thread = threading.Thread(target=self._send, daemon=True)
        self._thread.start()

    def _send(self) -> None:
        content = transport_stream()
        with self._socket.accept()[0] as connection:
            connection.sendall(content[: len(content) // 2])
            self.was_told = self.go_on.wait(60)
            connection.sendall(content[len(content) // 2 :])

    def close(self) -> None:
        self.go_on.set()
        self._thread.join(60)
        self._socket.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    sender = Sender()
    yield sender
    sender.close()


def test_an_object_is_followed_through_a_stream_while_it_comes(sender: Sender) -> None:
    torch.manual_seed(0)
    model = toys.tiny_tracker_model().eval()
    session = argus.VideoPredictor(model, VideoPolicy(hot_start=0), memory="1GB").open(sender.address)
    assert (session.video.live, session.video.frames, session.video.size_hw) == (True, None, SIZE_HW)
    picked = session.add(box=[8, 8, 40, 40])
    frames = []
    for frame in session.run():
        frames.append((frame.index, frame.time_s, int(np.median(frame.pixels)), [one.id for one in frame.masklets]))
        sender.go_on.set()
    indices, times, levels, ids = zip(*frames, strict=True)
    assert sender.was_told and indices == tuple(range(len(frames))) and len(frames) >= 2
    assert min(np.diff(times)) > 0 and min(np.diff(levels)) >= -1  # in order; some are dropped
    assert levels[0] < level(FRAMES // 2) and levels[-1] >= level(FRAMES - 1) - 3  # from the first half to the last
    assert all(seen == [picked] for seen in ids)
