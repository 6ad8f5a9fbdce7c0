"""Names of categories as phrases."""

import re


def as_phrase(name: object) -> str:
    """A category's name as a phrase: underscores are spaces, none at its ends, one between words.

    Raises ValueError for what is no text or has none, and for text that no UTF-8 can hold.
    """
    if not isinstance(name, str) or not (phrase := " ".join(name.replace("_", " ").split())):
        raise ValueError(f"it has no name, but {str(name)[:40]!r}")
    try:
        phrase.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"its name {phrase!r} holds bytes that are no UTF-8") from error
    if "\ufffd" in phrase:
        raise ValueError(f"its name {phrase!r} was saved with letters lost (U+FFFD)")
    return phrase


def language_of(phrase: str) -> str:
    """ "zh" for a phrase with Chinese characters, else "en"."""
    return "zh" if re.search(r"[\u3400-\u9fff]", phrase) else "en"
