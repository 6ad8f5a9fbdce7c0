"""`argus scenes`: prepare the sprites once, then write labelled scenes and clips."""

from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from argus.cli.common import console, failures_reported, misuse, no_nan, progressed

scenes = typer.Typer(help="Make labelled concept scenes and clips: prepare the sprites once.", no_args_is_help=True)


class Split(str, Enum):
    """Which scenes: of training seeds; of held-out seeds; of held-out seeds in an icon style never trained on."""

    train = "train"
    val = "val"
    style = "style"


CacheOption = Annotated[Path, typer.Option(help="Folder of the prepared sprites.")]


@scenes.command()
def prepare(
    icons: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder with the npm icon packages.")],
    cache: CacheOption,
    photos: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="COCO instances JSON, to cut objects out of photos."),
    ] = None,
    images: Annotated[Path | None, typer.Option(exists=True, file_okay=False, help="Folder of its photos.")] = None,
) -> None:
    """Render every icon once. Takes minutes; docs/scenes.md names the packages to install.

    Of photos only those that their JSON marks "free_to_train" are taken.
    """
    if (photos is None) != (images is None):
        raise misuse("--photos and --images go together")
    with failures_reported(), console(stderr=True).status("rendering"):
        from argus.data.sources import scenes as source

        styles = (*source.TRAIN_STYLES, source.HELD_OUT_STYLE)
        counts = source.prepare(icons, cache, styles, source.ontology())
        for style, count in counts.items():
            typer.echo(f"{style}: {count} sprites")
        if photos is not None and images is not None:
            cut, patches = source.prepare_photos(photos, images, cache, source.ontology())
            whole = source.prepare_whole_photos(photos, images, cache)
            typer.echo(f"photos: {cut} cut-outs, {patches} patches of ground, {whole} whole")


@scenes.command()
def write(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for annotations.json and images/.")],
    cache: CacheOption,
    count: Annotated[int, typer.Option(min=1, help="Number of scenes.")],
    split: Annotated[Split, typer.Option(help="train, val (held-out scenes) or style (held-out icon style).")],
    start: Annotated[int, typer.Option(min=0, help="First scene within the split.")] = 0,
    size: Annotated[int, typer.Option(min=32, help="Side in pixels.")] = 280,
    difficulty: Annotated[
        float, typer.Option(min=0.0, max=1.0, callback=no_nan, help="0 few large objects, 1 everything.")
    ] = 1.0,
) -> None:
    """Write scenes with their phrases as SA-Co style JSON and images; the same arguments give the same files."""
    with failures_reported():
        from argus.data.records import write_saco
        from argus.data.sources.scenes import HELD_OUT_SEED, HELD_OUT_STYLE, TRAIN_STYLES, SceneConfig, stream

        styles = (HELD_OUT_STYLE,) if split is Split.style else TRAIN_STYLES
        config = SceneConfig(cache_folder=cache, size=size, styles=styles, difficulty=difficulty)
        samples = islice(stream(config, _first_seed(split, start, count, HELD_OUT_SEED)), count)
        typer.echo(write_saco(progressed(samples, "scenes", count), out))


@scenes.command()
def clips(
    out: Annotated[Path, typer.Argument(file_okay=False, help="Folder for annotations.json and frames/.")],
    cache: CacheOption,
    count: Annotated[int, typer.Option(min=1, help="Number of clips.")],
    split: Annotated[Split, typer.Option(help="train, val (held-out clips) or style (held-out icon style).")],
    frames: Annotated[int, typer.Option(min=1, help="Frames of each clip.")] = 32,
    phrases: Annotated[int, typer.Option(min=1, help="Phrases about each clip, half of them about nothing in it.")] = 2,
    start: Annotated[int, typer.Option(min=0, help="First clip within the split.")] = 0,
    size: Annotated[int, typer.Option(min=32, help="Side in pixels.")] = 280,
    difficulty: Annotated[
        float, typer.Option(min=0.0, max=1.0, callback=no_nan, help="0 few slow objects, 1 everything.")
    ] = 1.0,
    masks: Annotated[bool, typer.Option("--masks", help="Write masks/ too: an indexed PNG for each frame.")] = False,
) -> None:
    """Write clips with their phrases as SA-Co/VEval style JSON and frames; the same arguments give the same files."""
    with failures_reported():
        from argus.data.sources.scenes import HELD_OUT_SEED, HELD_OUT_STYLE, TRAIN_STYLES, ClipConfig, clip_stream
        from argus.data.video_records import write_saco_video

        config = ClipConfig(
            cache_folder=cache,
            size=size,
            styles=(HELD_OUT_STYLE,) if split is Split.style else TRAIN_STYLES,
            difficulty=difficulty,
            frames=frames,
            min_prompts=phrases,
            max_prompts=phrases,
        )
        made = islice(clip_stream(config, _first_seed(split, start, count, HELD_OUT_SEED)), count)
        typer.echo(write_saco_video(progressed(made, "clips", count), out, masks=masks))


def _first_seed(split: Split, start: int, count: int, held_out: int) -> int:
    """The seed that a split begins with; training ends before `held_out`."""
    if split is Split.train and start + count > held_out:
        raise misuse(f"scenes and clips of training are those below {held_out}")
    return start if split is Split.train else held_out + start
