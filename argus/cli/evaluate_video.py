"""`argus eval --task video`: every instance of a phrase, found and told apart through a video."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argus.cli.common import console, print_json, say
from argus.cli.scoring import Outcome, exit_if_failed, print_settings, score_each

if TYPE_CHECKING:
    from argus.data.video_records import VideoPair
    from argus.eval.hota import FoundMasklet, PredictVideo, VideoScore
    from argus.model.sam3 import Sam3


def evaluate_video(
    pairs: Path,
    images: Path | None,
    load: "Callable[[], Sam3]",
    *,
    predictions: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """pHOTA and TETA and their parts, and cgF1 of whole masklets, over all pairs, by language and kind of phrase, by
    number and by size."""
    from argus.data.sources.saco_video import read_saco_video
    from argus.eval.hota import by_video
    from argus.eval.predictions import read_results
    from argus.eval.video_predictions import score_video_results

    asked = read_saco_video(pairs)
    count = len(by_video(asked))
    failed: dict[str, str] = {}
    if predictions is not None:
        scores = score_video_results(asked, read_results(predictions))
    else:
        assert images is not None
        scores, failed = _of_model(asked, images, load)
    if not scores:
        raise ValueError(
            f"expected pairs to score, got {len(asked)} about {count} videos with exhaustive pairs, of which "
            f"{len(failed)} failed"
        )
    outcome = _outcome(scores, pairs, failed)
    _show(outcome, as_json)
    if report is not None:
        _write_report(outcome, scores, images, report)
    exit_if_failed(failed, count, "videos", "their pairs are not scored")


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


def _of_model(
    asked: "list[VideoPair]", images: Path, load: "Callable[[], Sam3]"
) -> "tuple[list[VideoScore], dict[str, str]]":
    from argus.eval.hota import by_video, evaluate_videos

    predict = predict_function(load())
    videos = [(images / Path(group[0].file_names[0]).parent, group) for group in by_video(asked)]

    def score(group: "list[VideoPair]") -> "list[VideoScore]":
        return evaluate_videos(group, images, predict)

    return score_each(videos, score)


def _outcome(scores: "list[VideoScore]", pairs: Path, failed: dict[str, str]) -> Outcome:
    from argus.eval.bootstrap import settings, video_intervals
    from argus.eval.breakdown import VIDEO_SIDES_PX, by_number, by_size, counting
    from argus.eval.hota import all_teta, protocol, summarise_videos
    from argus.eval.report import videos_by_group

    objects, sure = [score.objects for score in scores], video_intervals(scores)
    return Outcome(
        title=str(pairs),
        summary={**summarise_videos(scores), **counting(objects), **all_teta(scores)},
        settings={**protocol(), **settings("videos", sure)},
        failed=failed,
        groups={
            "language": videos_by_group(scores, "language"),
            "kind": videos_by_group(scores, "kind"),
            "number": by_number(objects),
            "size": by_size(objects, VIDEO_SIDES_PX),
        },
        intervals=sure,
    )


def _write_report(outcome: Outcome, scores: "list[VideoScore]", images: Path | None, path: Path) -> None:
    from argus.eval.video_page import write_video_page

    settings = {name: str(value) for name, value in outcome.settings.items()}
    write_video_page(path, outcome.title, scores, images, settings=settings, failed=outcome.failed)
    say(f"report: {path}")


def _show(outcome: Outcome, as_json: bool) -> None:
    from argus.eval.report import count_table, metric_row, size_table, video_table

    if as_json:
        print_json(outcome.document())
        return
    out = console()
    out.print(video_table({"all": outcome.summary}, outcome.title, outcome.intervals))
    for name in ("language", "kind"):
        if len(outcome.groups[name]) > 1:
            out.print(video_table(outcome.groups[name], f"by {name}"))
    if named := {name: value for name, value in outcome.summary.items() if name.startswith("TETA")}:
        out.print(metric_row(named, "TETA, all phrases of a video together"))
    out.print(count_table({**outcome.groups["number"], "all": outcome.summary}, "by number of masklets"))
    out.print(size_table(outcome.groups["size"], "by size of objects"))
    print_settings(outcome.settings)
