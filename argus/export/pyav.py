"""PyAV, FFmpeg's libraries in Python, which comes with the extra `video` and is imported only where it is used."""

from types import ModuleType


def import_av() -> ModuleType:
    """The package. Raises ModuleNotFoundError that says what to install."""
    try:
        import av
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Expected the package av (PyAV), which reads and writes videos and is not installed: "
            'pip install "argus-sam[video]". Folders of pictures, GIFs and arrays are read without it.',
            name="av",
        ) from error
    return av
