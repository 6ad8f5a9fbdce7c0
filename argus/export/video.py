"""Write a tracked video in one or several formats while it is tracked.

with open_sinks(folder, ["overlay", "mot"], "clip", video.rate, video.size_hw, video.frames) as sink:
    for frame in session.run():
        sink.write(frame)
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from argus.export.overlay_video import OverlayVideo
from argus.export.sink import Clip, Sink
from argus.export.track_pictures import Cutouts, Davis
from argus.export.tracks import CocoTracks, Mot, YoutubeVis
from argus.types import TrackedFrame

_SINKS: dict[str, tuple[Callable[[Path, Clip], Sink], str]] = {
    "overlay": (OverlayVideo, "overlay.mp4"),
    "youtube-vis": (YoutubeVis, "youtube-vis.json"),
    "mot": (Mot, "mot.txt"),
    "davis": (Davis, "davis"),
    "coco": (CocoTracks, "coco.json"),
    "cutouts": (Cutouts, "cutouts"),
}
FORMATS = tuple(_SINKS)


class Sinks(Sink):
    """Several as one."""

    def __init__(self, clip: Clip, sinks: Sequence[Sink]) -> None:
        super().__init__(clip)
        self._sinks = tuple(sinks)

    @property
    def paths(self) -> list[Path]:
        return [path for sink in self._sinks for path in sink.paths]

    def _write(self, frame: TrackedFrame) -> None:
        for sink in self._sinks:
            sink.write(frame)

    def _finish(self) -> None:
        with ExitStack() as stack:  # all are closed, though one of them fails
            for sink in reversed(self._sinks):
                stack.callback(sink.close)


def open_sinks(
    folder: str | Path,
    formats: str | Sequence[str],
    name: str,
    rate: float | None,
    size_hw: tuple[int, int],
    frames: int | None,
) -> Sinks:
    """One sink that writes a clip of `rate` frames a second, `size_hw` and `frames` frames in each of `formats`.

    - "overlay": `name.overlay.mp4`, see `OverlayVideo`
    - "youtube-vis": `name.youtube-vis.json`, a record a masklet, see `YoutubeVis`
    - "mot": `name.mot.txt`, boxes, see `Mot`
    - "davis": `name.davis/00000.png`, indexed masks, and `ids.json`, see `Davis`
    - "coco": `name.coco.json`, an image a frame, see `CocoTracks`
    - "cutouts": `name.cutouts/003-dog/00012.png`, see `Cutouts`

    The folder is made; files of an earlier run of the same name are replaced. Raises ValueError for an unknown format
    and ModuleNotFoundError for an overlay without PyAV.
    """
    chosen = list(dict.fromkeys([formats] if isinstance(formats, str) else formats))
    unknown = [str(one) for one in chosen if one not in FORMATS]
    if unknown or not chosen:
        raise ValueError(f"Expected formats of {', '.join(FORMATS)}, got {', '.join(unknown) or 'none'}.")
    clip = Clip(name=name, rate=rate, size_hw=size_hw, frames=frames)
    Path(folder).mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        opened = []
        for one in chosen:
            make, ending = _SINKS[one]
            opened.append(stack.enter_context(make(Path(folder) / f"{name}.{ending}", clip)))
        stack.pop_all()
    return Sinks(clip, opened)
