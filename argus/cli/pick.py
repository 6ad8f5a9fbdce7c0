"""`argus pick`: one object of an image, by clicks or a box."""

from pathlib import Path
from typing import Annotated

import typer

from argus.cli.common import (
    DeviceOption,
    JsonOption,
    ModelOption,
    Precision,
    PrecisionOption,
    TokenizerOption,
    failures_reported,
    load_model,
    misuse,
    numbers,
    print_json,
)
from argus.cli.segment import BOX, Format, FormatOption, record

POINT = "x,y"
ZoomOption = Annotated[
    bool | None,
    typer.Option(
        "--zoom/--no-zoom",
        help="Look from closer, at one encoding an object, or cut out what a box alone shows. nano does by default.",
        show_default=False,
    ),
]


def pick(
    image: Annotated[Path, typer.Argument(help="An image file.")],
    point: Annotated[
        list[str] | None, typer.Option(metavar=POINT, help="A click on the object, in pixels; may be repeated.")
    ] = None,
    not_point: Annotated[
        list[str] | None, typer.Option(metavar=POINT, help="A click beside it, on what it is not; may be repeated.")
    ] = None,
    box: Annotated[str | None, typer.Option(metavar=BOX, help="A box around it, in pixels.")] = None,
    zoom: ZoomOption = None,
    model: ModelOption = "nano",
    tokenizer: TokenizerOption = None,
    device: DeviceOption = None,
    precision: PrecisionOption = Precision.auto,
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("out"),
    formats: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Outline the one object of IMAGE that is clicked on or boxed.

    argus pick photo.jpg --point 340,210 --not-point 300,400

    Exit status: 0; 1 when the model or the image failed; 2 for misuse.
    """
    points = [numbers(text, POINT) for text in [*(point or []), *(not_point or [])]]
    labels = [1] * len(point or []) + [0] * len(not_point or [])
    corners = None if box is None else numbers(box, BOX)
    if not point and corners is None:
        raise misuse("say which object: --point x,y or --box x1,y1,x2,y2")
    with failures_reported():
        from argus.inference.image import ImagePredictor
        from argus.inference.preprocess import read_image

        pixels = read_image(image)
        predictor = ImagePredictor(load_model(model, device, precision, tokenizer)).set_image(pixels)
        alone = len(points) == 1 and corners is None  # one click may mean a part, the whole or a group
        found = predictor.pick(points or None, labels=labels or None, box=corners, multimask=alone, zoom=zoom)
        wanted = tuple(output.value for output in formats or [Format.overlay])
        written = found.save(out, wanted, image=pixels, stem=image.stem, image_path=image)
        if as_json:
            print_json(
                {
                    "file": str(image),
                    "width": found.size_hw[1],
                    "height": found.size_hw[0],
                    **record(found),
                    "written": [str(path) for path in written],
                }
            )
        else:
            typer.echo(f"{int(found.areas_px[0])} px, estimated IoU {found.scores[0]:.2f}; written to {out}")
