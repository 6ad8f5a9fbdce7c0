"""`argus track`: follow what phrases name, and single objects, through a video."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from argus.cli.common import (
    DeviceOption,
    JsonOption,
    ModelOption,
    Precision,
    PrecisionOption,
    TokenizerOption,
    console,
    failures_reported,
    load_model,
    misuse,
    no_nan,
    numbers,
    print_json,
    say,
)
from argus.cli.segment import BOX, phrases

if TYPE_CHECKING:
    from argus.export.sink import Sink
    from argus.export.summary import MaskletSummary, Summary
    from argus.inference.session import VideoSession

POINT_AT = "x,y@frame"
BOX_AT = "X1,Y1,X2,Y2@frame"


class TrackFormat(str, Enum):
    """What can be written about a video; `argus.export.video` says how."""

    overlay = "overlay"
    youtube_vis = "youtube-vis"
    mot = "mot"
    davis = "davis"
    coco = "coco"
    cutouts = "cutouts"


class Direction(str, Enum):
    forward = "forward"
    backward = "backward"
    both = "both"


def track(
    clip: Annotated[
        str, typer.Argument(help="A video file, a GIF, a folder of images, webcam:0, or the address of a stream.")
    ],
    prompt: Annotated[list[str] | None, typer.Option("--prompt", "-p", help="A phrase; may be repeated.")] = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar=BOX_AT, help="A box around one object, in pixels of a frame (0 without @); repeatable."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(metavar=POINT_AT, help="A click on one object, in pixels of a frame (0 without @); repeatable."),
    ] = None,
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    threshold: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, callback=no_nan, help="Least score of a detection. Default: 0.5."),
    ] = None,
    birth: Annotated[
        float | None,
        typer.Option(min=0.0, max=1.0, callback=no_nan, help="Least score of a new masklet. Default: 0.7."),
    ] = None,
    delay: Annotated[
        int | None, typer.Option(min=0, max=15, help="Frames that a new masklet has to prove itself. Default: 15.")
    ] = None,
    max_objects: Annotated[int | None, typer.Option(min=1, help="Most masklets at a time.")] = None,
    memory: Annotated[str, typer.Option(help="What may be held beside the model, such as 512MB.")] = "2GB",
    direction: Annotated[Direction, typer.Option(help="Which way to go through the video.")] = Direction.forward,
    start: Annotated[int | None, typer.Option(min=0, help="The first frame.")] = None,
    stop: Annotated[int | None, typer.Option(min=0, help="The frame to stop before.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("out"),
    formats: Annotated[
        list[TrackFormat] | None,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help=f"What to write: {', '.join(TrackFormat)}; may be repeated. Default: overlay.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Give every instance of each phrase in CLIP a masklet with an id that stays, and follow picked objects.

    argus track clip.mp4 -p "red car" -p dog

    argus track clip.mp4 --box 120,80,260,300@30 --direction both --format davis

    Ctrl-C stops at the frame at hand; what was done is written all the same.

    Exit status: 0; 1 when the model or the video failed; 2 for misuse.
    """
    asked = phrases(prompt or [])
    boxes, points = [_at(text, BOX) for text in box or []], [_at(text, "x,y") for text in point or []]
    if not asked and not boxes and not points:
        raise misuse("say what to follow: --prompt PHRASE, --box x1,y1,x2,y2@frame or --point x,y@frame")
    given = {"detection_score": threshold, "birth_score": birth, "hot_start": delay, "max_objects": max_objects}
    with failures_reported():
        from argus.export.summary import Summary
        from argus.export.video import open_sinks
        from argus.inference.policy import VideoPolicy
        from argus.inference.video import VideoPredictor

        policy = VideoPolicy(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        predictor = VideoPredictor(load_model(model, device, precision, tokenizer), policy, memory)
        session = predictor.open(clip)
        for phrase in asked:
            session.add(phrase)
        for corners, frame in boxes:
            session.add(box=corners, frame=frame)
        for xy, frame in points:
            session.add(points=[xy], frame=frame)
        wanted = [one.value for one in formats or [TrackFormat.overlay]]
        video, summary = session.video, Summary()
        run = session.run(direction.value, start, stop)
        with open_sinks(out, wanted, _stem(clip), video.rate, video.size_hw, video.frames) as sinks:
            _follow(session, run, sinks, summary, _expected(session, direction, start, stop))
        _report(session, summary.rows(), sinks.paths, as_json)


def _follow(session: "VideoSession", run: Iterator, sinks: "Sink", summary: "Summary", total: int | None) -> None:
    """Write frames as they come, until the end or an interruption."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("tracking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as bar, _interruption() as interrupted:
        task = bar.add_task("tracking", total=total)
        try:
            for frame in run:
                sinks.write(frame)
                summary.add(frame)
                bar.advance(task)
                if interrupted:
                    break
            else:
                return
        finally:  # also where a frame fails: those before it that wait are done
            for frame in session.flush():
                sinks.write(frame)
                summary.add(frame)
    say(f"stopped after frame {frame.index}")


@contextmanager
def _interruption() -> Iterator[list[int]]:
    """A list that is empty until Ctrl-C is pressed; pressing it again interrupts as usual."""
    pressed: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        pressed.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _expected(session: "VideoSession", direction: Direction, start: int | None, stop: int | None) -> int | None:
    """How many frames a run goes through, where that is known."""
    frames = session.video.frames
    if frames is None or direction is Direction.both:
        return frames
    if direction is Direction.forward:
        return (stop or frames) - (start or 0)
    return (frames - 1 if start is None else start) - (-1 if stop is None else stop)


def _report(session: "VideoSession", rows: "list[MaskletSummary]", written: list[Path], as_json: bool) -> None:
    problems = [f"frame {problem.index}: {problem.reason}" for problem in session.video.problems]
    if session.dropped:
        problems.append(f"no room for {session.dropped} new masklets: allow more --memory or --max-objects")
    for problem in problems:
        say(f"warning: {problem}")
    if as_json:
        masklets = [{**asdict(row), "mean_score": round(row.mean_score, 6)} for row in rows]
        print_json({"masklets": masklets, "problems": problems, "written": [str(path) for path in written]})
        return
    from rich.table import Column, Table

    table = Table(*(Column(name) for name in ("id", "concept", "first", "last", "frames seen", "mean score")))
    for row in rows:
        counts = (row.first, row.last, row.frames)
        table.add_row(str(row.id), row.concept, *map(str, counts), f"{row.mean_score:.2f}")
    console().print(table)
    typer.echo(f"written to {', '.join(map(str, written))}")


def _at(text: str, form: str) -> tuple[list[float], int]:
    """Numbers of the given form, and the frame after the @."""
    values, _, frame = text.partition("@")
    if frame and not frame.isdecimal():
        raise misuse(f"expected {form}@frame with the index of a frame (0, 1, ...), got {text!r}")
    return numbers(values, form), int(frame or 0)


def _stem(clip: str) -> str:
    """A name for the outputs: that of the file or folder, or one that a file can have."""
    name = Path(clip).stem or Path(clip).resolve().name
    return "".join(letter if letter.isalnum() or letter in "-_. " else "-" for letter in name) or "video"
