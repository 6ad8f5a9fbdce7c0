"""The video predictor: many concepts and single objects through a video, with stable ids, in bounded memory."""

from pathlib import Path

from argus.inference import budget
from argus.inference.policy import VideoPolicy
from argus.inference.session import VideoSession
from argus.inference.sources import VideoSource, open_video
from argus.model.sam3 import Sam3


class VideoPredictor:
    """Finds concepts and follows objects through videos.

    session = VideoPredictor(argus.load("nano")).open("street.mp4")
    session.add("red car")
    session.add(box=[40, 60, 180, 220], frame=5)
    for frame in session.run():
        print(frame.index, [(masklet.id, masklet.concept) for masklet in frame.masklets])

    `memory` is what a session may hold beside the model: bytes, or text such as "2GB".
    Raises ValueError for a model that cannot follow objects, and for memory that is no size.
    """

    def __init__(self, model: Sam3, policy: VideoPolicy | None = None, memory: str | int = "2GB") -> None:
        if not isinstance(model, Sam3):
            raise ValueError(f"Expected a model from argus.load, got {model!r:.80}.")
        if policy is not None and not isinstance(policy, VideoPolicy):
            raise ValueError(f"Expected policy as a VideoPolicy, got {policy!r:.80}.")
        if model.config.tracker is None or not model.origin.memory:
            raise ValueError(
                "Expected a model whose tracker has a memory, got one that cannot follow objects through video. "
                "Load Meta's sam3.pt, a folder of Sam3VideoModel or of Sam3TrackerVideoModel, or nano."
            )
        self.model = model
        self.policy = policy or VideoPolicy()
        self.memory = budget.read_bytes(memory)

    def open(self, source: VideoSource) -> "VideoSession":
        """A session on a video file, a folder of images, an array (t, h, w, 3), an iterable of frames, a webcam or the
        address of a stream (see `open_video`). Raises ValueError for what is none, or for too little memory."""
        return VideoSession(self.model, self.policy, self.memory, open_video(source))

    def resume(self, path: str | Path, source: VideoSource) -> "VideoSession":
        """A saved session, to go on where it stood; `source` is the same video.

        Raises ValueError for a file that is no session, and for a video of another size or length.
        """
        session = self.open(source)
        session.restore(path)
        return session
