"""Models on the Hugging Face hub: from the local cache first, then, unless offline, downloaded."""

import re
from pathlib import Path

from argus.checkpoint.tensors import shards

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"

_TOKENIZERS = ["tokenizer.json", "merges.txt"]
_WANTED = [CONFIG, WEIGHTS, INDEX, "model-*.safetensors", *_TOKENIZERS]
_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_id(source: str) -> bool:
    """True for names such as `facebook/sam3`."""
    return _ID.fullmatch(source) is not None


def fetch(repository: str) -> Path:
    """The folder with a repository's files; where only a tokenizer is lacking and cannot be had, without one.

    Raises ValueError, saying what to do, where the files cannot be had.
    """
    import huggingface_hub
    from huggingface_hub import errors

    try:
        cached = Path(huggingface_hub.snapshot_download(repository, allow_patterns=_WANTED, local_files_only=True))
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        return _download(repository)
    if not _has_model(cached):
        return _download(repository)
    if any((cached / name).is_file() for name in _TOKENIZERS):
        return cached
    try:
        return _download(repository)
    except ValueError:
        return cached  # `argus.load` may be given a tokenizer, and asks for one where it is not


def _has_model(folder: Path) -> bool:
    """Whether a cached folder has the configuration and all the weights."""
    try:
        weights = [folder / WEIGHTS] if (folder / WEIGHTS).is_file() else shards(folder / INDEX)
    except ValueError:  # no index, or none that can be read
        return False
    return all(path.is_file() for path in (folder / CONFIG, *weights))


def _download(repository: str) -> Path:
    import huggingface_hub
    from huggingface_hub import errors

    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=_WANTED))
    except errors.GatedRepoError as error:
        raise ValueError(
            f"{repository} is gated: accept its licence at https://huggingface.co/{repository}, make a token at "
            "https://huggingface.co/settings/tokens, run `hf auth login` (or set HF_TOKEN), and try again"
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise ValueError(
            f"{repository!r} is no folder here and no repository on the Hugging Face hub (or a private one: run "
            "`hf auth login`)"
        ) from error
    except Exception as error:  # offline, no network, no space; those of the HTTP client derive from Exception alone
        raise ValueError(
            f"{repository!r} is no folder here, is not in the hub's cache, or only in part, and could not be "
            f"downloaded ({type(error).__name__}): go online, unset HF_HUB_OFFLINE, or pass the path of a local copy"
        ) from error
