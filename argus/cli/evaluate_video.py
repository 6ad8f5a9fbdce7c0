"""`argus eval --task video`: every instance of a phrase, found and told apart through a video."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argus.cli.scoring import exit_if_failed, print_groups, score_each

if TYPE_CHECKING:
    from argus.data.video_records import VideoPair
    from argus.eval.hota import FoundMasklet, PredictVideo, VideoScore
    from argus.model.sam3 import Sam3


def evaluate_video(pairs: Path, images: Path, load: "Callable[[], Sam3]", *, as_json: bool) -> None:
    """pHOTA and its parts, and cgF1 of whole masklets, over all pairs and by language and kind of phrase."""
    from argus.data.sources.saco_video import read_saco_video
    from argus.eval.hota import by_video, evaluate_videos, summarise_videos
    from argus.eval.report import video_table, videos_by_group

    asked = read_saco_video(pairs)
    predict = predict_function(load())
    videos = {images / Path(group[0].file_names[0]).parent: group for group in by_video(asked)}

    def score(group: "list[VideoPair]") -> "list[VideoScore]":
        return evaluate_videos(group, images, predict)

    scores, failed = score_each(videos, score)
    if not scores:
        raise ValueError(
            f"expected pairs to score, got {len(asked)} about {len(videos)} videos with exhaustive pairs, of which "
            f"{len(failed)} failed"
        )
    groups = {"language": videos_by_group(scores, "language"), "kind": videos_by_group(scores, "kind")}
    print_groups(summarise_videos(scores), groups, video_table, str(pairs), failed, as_json)
    exit_if_failed(failed, len(videos), "videos", "their pairs are not scored")


def predict_function(model: "Sam3") -> "PredictVideo":
    """The model as evaluators want it: a video is gone through once, with all its phrases."""
    from argus.eval.hota import masklets
    from argus.inference.video import VideoPredictor

    predictor = VideoPredictor(model)

    def predict(frames: Sequence[Path], phrases: Sequence[str]) -> "list[list[FoundMasklet]]":
        session = predictor.open(list(frames))
        for phrase in phrases:
            session.add(phrase)
        shown = list(session.run())
        return [masklets(shown, len(frames), phrase.strip()) for phrase in phrases]

    return predict
