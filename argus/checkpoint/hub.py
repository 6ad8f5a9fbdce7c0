"""Models on the Hugging Face hub: from the local cache first, then, unless offline, downloaded."""

import re
from pathlib import Path

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"

_WANTED = [CONFIG, WEIGHTS, INDEX, "model-*.safetensors", "tokenizer.json", "merges.txt"]
_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_hub_id(source: str) -> bool:
    """True for names such as `facebook/sam3`."""
    return _ID.fullmatch(source) is not None


def fetch(repository: str) -> Path:
    """The folder with a repository's files. Raises ValueError, saying what to do, where they cannot be had."""
    import huggingface_hub
    from huggingface_hub import errors

    try:
        folder = Path(huggingface_hub.snapshot_download(repository, allow_patterns=_WANTED, local_files_only=True))
        if (folder / CONFIG).is_file() and ((folder / WEIGHTS).is_file() or (folder / INDEX).is_file()):
            return folder
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        pass  # nothing in the cache
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
    except (OSError, RuntimeError) as error:  # offline, no network, no space: the hub's errors derive from these
        raise ValueError(
            f"{repository!r} is no folder here, is not in the hub's cache, and could not be downloaded "
            f"({type(error).__name__}): go online, unset HF_HUB_OFFLINE, or pass the path of a local copy"
        ) from error
