"""Files that are replaced whole."""

import os
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name first: readers, and a kill, see the old one or the new one, never a part.

    Raises OSError where it cannot be written (no space, no right); the old one is then left, and nothing else.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        partial.unlink(missing_ok=True)  # of a run that was killed
        partial.touch()
        mode = partial.stat().st_mode
        write(partial)
        partial.chmod(mode)  # safetensors' writer makes files that only their owner can read
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError, SafetensorError) as error:  # PyTorch's writer raises a RuntimeError
        raise OSError(f"could not write {path} ({error}); what was there before is untouched") from error
    finally:
        partial.unlink(missing_ok=True)  # there only when it failed
