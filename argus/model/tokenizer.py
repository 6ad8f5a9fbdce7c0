"""Phrases to token ids: CLIP's vocabulary for the published weights, a small bilingual one for our own models.

Both kinds are byte-level BPE from the `tokenizers` library and live in one `tokenizer.json`. The text is cleaned in
the same way for both (:func:`clean`), so that a phrase pasted from the web reads like one typed by hand.
"""

import gzip
import html
import json
import re
import unicodedata
import warnings
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import tokenizers
import torch
from jaxtyping import Bool, Int64
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor

SOT, EOT, PAD = "<|startoftext|>", "<|endoftext|>", "<|pad|>"
CONTEXT_LENGTH = 32  # tokens of a phrase, both ends included, as published with SAM 3
_CLIP_SUFFIX = "</w>"  # marks the end of a word; only CLIP's vocabulary has it
_CLIP_MERGES = 48_894
_CLIP_WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

_LIGATURES = {
    "ﬀ": "ff",
    "ﬁ": "fi",
    "ﬂ": "fl",
    "ﬃ": "ffi",
    "ﬄ": "ffl",
    "ﬅ": "ſt",
    "ﬆ": "st",
    "Ĳ": "IJ",
    "ĳ": "ij",
    "ŉ": "'n",
}
_CONTROLS = (*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F, *range(0x206A, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFD))
_PLAIN = str.maketrans(
    _LIGATURES
    | {chr(code): "'" for code in (0x02BC, *range(0x2018, 0x201C))}
    | {chr(code): '"' for code in range(0x201C, 0x2020)}
    | {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in (0x3000, *range(0xFF01, 0xFFF0))}
    | {chr(code): None for code in _CONTROLS}
)
# UTF-8 read as Windows-1252: the letter of a leading byte, then those of one to three continuation bytes.
_WINDOWS_1252 = {bytes([b]).decode("cp1252", "ignore") or chr(b): b for b in range(0x80, 0xC0)}
_NEXT = "[" + "".join(map(re.escape, _WINDOWS_1252)) + "]"
_MOJIBAKE = re.compile(f"[ÂÃÎÏÐÑ]{_NEXT}|[â-é]{_NEXT}{{2}}|ð{_NEXT}{{3}}")


class Tokens(NamedTuple):
    """A batch of phrases: `ids` and `padding`, True where a position holds no token (its id is the padding id)."""

    ids: Int64[Tensor, "n context"]
    padding: Bool[Tensor, "n context"]


class Tokenizer:
    """Turns phrases into token ids, `context_length` a phrase: start, the words, end, padding.

    Made by :meth:`from_file`, :meth:`from_clip_merges` or :func:`train_tokenizer`.
    """

    def __init__(self, backend: tokenizers.Tokenizer, *, context_length: int, pad_id: int) -> None:
        sot_id, eot_id = backend.token_to_id(SOT), backend.token_to_id(EOT)
        if sot_id is None or eot_id is None:
            raise ValueError(f"a tokenizer needs the tokens {SOT} and {EOT}; this one lacks them")
        if context_length < 3:
            raise ValueError(f"context_length must be at least 3 (start, one token, end), got {context_length}")
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True  # "<|endoftext|>" in a phrase is text like any other
        self._backend = backend
        self.context_length, self.pad_id, self.sot_id, self.eot_id = context_length, pad_id, sot_id, eot_id

    @property
    def vocab_size(self) -> int:
        """Number of token ids, special tokens included."""
        return self._backend.get_vocab_size(with_added_tokens=True)

    @classmethod
    def from_file(cls, path: str | PathLike[str]) -> "Tokenizer":
        """Read a `tokenizer.json`: Argus' own, or CLIP's as Hugging Face lays it out.

        CLIP's vocabulary is always padded with 0 to 32 tokens, whatever the file says, as the published model expects.
        Raises ValueError for a file that is missing, is no tokenizer or does not state its context length.
        """
        text = _read(path, "tokenizer.json").decode("utf-8", "replace")
        try:
            backend = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # the library raises bare Exception for any fault in the file
            raise ValueError(f"{path} is not a tokenizer.json of the tokenizers library: {error}") from error
        if getattr(backend.model, "end_of_word_suffix", None) == _CLIP_SUFFIX:
            return cls(backend, context_length=CONTEXT_LENGTH, pad_id=0)
        padding = backend.padding
        if not padding or not padding.get("length"):
            raise ValueError(f"{path} does not say its context length in `padding`; write it with Tokenizer.save")
        return cls(backend, context_length=padding["length"], pad_id=padding["pad_id"])

    @classmethod
    def from_clip_merges(cls, path: str | PathLike[str]) -> "Tokenizer":
        """Build CLIP's tokenizer from its merges file `bpe_simple_vocab_16e6.txt.gz` (gzipped or not).

        Raises ValueError for a file that is missing or is another one.
        """
        raw = _read(path, "CLIP merges file bpe_simple_vocab_16e6.txt.gz")
        try:
            text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not CLIP's merges file: {error}") from error
        merges = [tuple(line.split()) for line in text.split("\n")[1 : _CLIP_MERGES + 1]]
        if len(merges) != _CLIP_MERGES or any(len(merge) != 2 for merge in merges):
            raise ValueError(f"{path} is not CLIP's merges file: expected {_CLIP_MERGES} pairs after the first line")
        return cls(_clip_backend([(a, b) for a, b in merges]), context_length=CONTEXT_LENGTH, pad_id=0)

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Encode phrases; one that is too long is cut (its last token is the end token) with a warning."""
        if isinstance(texts, str):
            raise ValueError("expected a list of phrases, got one string; wrap it in a list")
        room = self.context_length - 2
        rows = []
        encodings = self._backend.encode_batch([clean(text) for text in texts], add_special_tokens=False)
        for text, encoding in zip(texts, encodings):
            if len(encoding.ids) > room:
                warnings.warn(f"phrase of {len(encoding.ids)} tokens cut to {room}: {text[:60]!r}...", stacklevel=2)
            row = [self.sot_id, *encoding.ids[:room], self.eot_id]
            rows.append(row + [self.pad_id] * (self.context_length - len(row)))
        ids = torch.tensor(rows, dtype=torch.int64).reshape(len(rows), self.context_length)
        return Tokens(ids, ids == self.pad_id)  # the original, too, takes any padding id for padding

    def save(self, path: str | PathLike[str]) -> None:
        """Write a `tokenizer.json` that :meth:`from_file` reads back to the same tokenizer."""
        copy = tokenizers.Tokenizer.from_str(self._backend.to_str())
        pad = copy.id_to_token(self.pad_id)
        copy.enable_padding(length=self.context_length, pad_id=self.pad_id, pad_token=pad)
        Path(path).write_text(json.dumps(json.loads(copy.to_str()), ensure_ascii=False, separators=(",", ":")), "utf-8")


def train_tokenizer(texts: Iterable[str], vocab_size: int, context_length: int = CONTEXT_LENGTH) -> Tokenizer:
    """Train a byte-level BPE on phrases, for English and Chinese.

    A word has the same tokens wherever it stands in a phrase; the Chinese particle 的 is a token of its own, so that
    红色的苹果 shares its tokens with 红色 and 苹果. Padding is id 0. Raises ValueError when `vocab_size` has no room
    for the 256 bytes and 3 special tokens.
    """
    if vocab_size < 256 + 3:
        raise ValueError(f"vocab_size must be at least 259 (256 bytes and 3 special tokens), got {vocab_size}")
    backend = tokenizers.Tokenizer(models.BPE())
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Prepend(" "),
            normalizers.Replace(tokenizers.Regex(r"\s+"), " "),
            normalizers.Replace(tokenizers.Regex(r" (?=\p{Han})"), ""),
        ]
    )
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split("的", "isolated"), byte_level])
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[PAD, SOT, EOT], initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator((clean(text) for text in texts), trainer)
    return Tokenizer(backend, context_length=context_length, pad_id=0)  # the first special token


def clean(text: str) -> str:
    """Plain lower-case text: what CLIP's cleaning (ftfy, HTML entities, spaces) makes of a phrase.

    Undoes HTML entities and UTF-8 that was read as Windows-1252; straightens quotes; replaces ligatures and full-width
    letters; drops control characters and lone surrogates; composes accents; folds white space.
    """
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = _mend_mojibake(html.unescape(text)).translate(_PLAIN)
    text = html.unescape(unicodedata.normalize("NFC", text))
    return " ".join(text.split()).lower()


def _mend_mojibake(text: str) -> str:
    """`cafÃ©` to `café`: UTF-8 that was read as Windows-1252, wherever it stands in the text."""
    return _MOJIBAKE.sub(lambda m: bytes(_WINDOWS_1252.get(c, ord(c)) for c in m[0]).decode("utf-8", "replace"), text)


def _read(path: str | PathLike[str], what: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}; expected a {what}") from error


def _clip_backend(merges: list[tuple[str, str]]) -> tokenizers.Tokenizer:
    """CLIP's BPE: the 256 bytes, the same at the end of a word, one token a merge, two special tokens."""
    letters = _byte_letters()
    words = letters + [letter + _CLIP_SUFFIX for letter in letters] + ["".join(merge) for merge in merges] + [SOT, EOT]
    vocabulary = {word: index for index, word in enumerate(words)}
    backend = tokenizers.Tokenizer(models.BPE(vocabulary, merges, end_of_word_suffix=_CLIP_SUFFIX))
    backend.add_special_tokens([SOT, EOT])
    split = pre_tokenizers.Split(tokenizers.Regex(_CLIP_WORDS), "removed", invert=True)
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    return backend


def _byte_letters() -> list[str]:
    """One printable letter for each byte in the order of CLIP's ids: printable Latin-1 first, then the other bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    return [chr(b) for b in printable] + [chr(0x100 + i) for i in range(256 - len(printable))]
