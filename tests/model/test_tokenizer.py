"""Phrases to ids: equal to the original tokenizer's, and properties of our own."""

import gzip
import json
import warnings
from importlib.metadata import files
from pathlib import Path

import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers, processors

from argus.model.tokenizer import Tokenizer, clean, train_tokenizer

REFERENCE = Path(__file__).parents[1] / "reference" / "clip_tokens.json"
PHRASES = ["red apple", "apple", "big dog", "yellow school bus", "红色的苹果", "苹果", "狗", "黄色的校车"]


@pytest.fixture(scope="module")
def merges() -> Path:
    """CLIP's merges file, found inside the installed open_clip_torch (which is not imported)."""
    return next(
        Path(str(f.locate())) for f in files("open_clip_torch") or [] if f.name == "bpe_simple_vocab_16e6.txt.gz"
    )


@pytest.fixture(scope="module")
def clip(merges: Path) -> Tokenizer:
    return Tokenizer.from_clip_merges(merges)


@pytest.fixture(scope="module")
def own() -> Tokenizer:
    return train_tokenizer(PHRASES * 3, vocab_size=400, context_length=12)


@pytest.fixture(scope="module")
def reference() -> tuple[list[str], list[list[int]]]:
    rows = json.loads(REFERENCE.read_text("utf-8"))
    return [row["text"] for row in rows], [row["ids"] for row in rows]


@pytest.mark.filterwarnings("ignore:phrase of")
def test_clip_ids_equal_the_originals(clip: Tokenizer, reference: tuple[list[str], list[list[int]]]) -> None:
    texts, expected = reference
    ids, padding = clip(texts)
    different = {text: row for text, row, want in zip(texts, ids.tolist(), expected) if row != want}
    assert not different
    assert padding.tolist() == [[i == 0 for i in row] for row in expected]
    assert (clip.context_length, clip.pad_id, clip.sot_id, clip.eot_id, clip.vocab_size) == (32, 0, 49406, 49407, 49408)


@pytest.mark.filterwarnings("ignore:phrase of")
def test_clip_survives_saving(clip: Tokenizer, reference: tuple[list[str], list[list[int]]], tmp_path: Path) -> None:
    clip.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    assert again(reference[0]).ids.tolist() == reference[1]


@pytest.mark.filterwarnings("ignore:phrase of")
def test_hugging_face_layout_of_clip_gives_the_same_ids(
    merges: Path, reference: tuple[list[str], list[list[int]]], tmp_path: Path
) -> None:
    path = tmp_path / "tokenizer.json"
    hugging_face_clip(merges).save(str(path))
    tokenizer = Tokenizer.from_file(path)
    assert tokenizer(reference[0]).ids.tolist() == reference[1]
    assert (tokenizer.context_length, tokenizer.pad_id) == (32, 0)


def hugging_face_clip(merges: Path) -> tokenizers.Tokenizer:
    """CLIP as CLIPTokenizerFast writes it: its own normaliser, start and end added, padded with the end token to 77."""
    pairs = [tuple(line.split()) for line in gzip.decompress(merges.read_bytes()).decode("utf-8").split("\n")[1:48895]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet(), key=lambda c: (ord(c) >= 0x100, ord(c)))
    words = [*letters, *(c + "</w>" for c in letters), *("".join(p) for p in pairs), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = tokenizers.Tokenizer(
        models.BPE(
            {word: i for i, word in enumerate(words)},
            [(a, b) for a, b in pairs],
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            unk_token="<|endoftext|>",
        )
    )
    space = normalizers.Replace(tokenizers.Regex(r"\s+"), " ")
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), space, normalizers.Lowercase()])
    pattern = tokenizers.Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(pattern, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.post_processor = processors.RobertaProcessing(
        ("<|endoftext|>", 49407), ("<|startoftext|>", 49406), add_prefix_space=False, trim_offsets=False
    )
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    tokenizer.enable_truncation(77)
    tokenizer.enable_padding(length=77, pad_id=49407, pad_token="<|endoftext|>")
    return tokenizer


def test_long_phrase_is_cut_with_a_warning_and_keeps_its_end(clip: Tokenizer, own: Tokenizer) -> None:
    for tokenizer in (clip, own):
        with pytest.warns(UserWarning, match="cut to"):
            ids, padding = tokenizer(["dog " * 2500])
        assert ids.shape == (1, tokenizer.context_length)
        assert ids[0, -1] == tokenizer.eot_id
        assert not padding.any()


def test_no_warning_when_it_just_fits(clip: Tokenizer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clip(["dog " * 30]).ids[0, -1] == clip.eot_id


def test_a_batch_equals_its_singles(own: Tokenizer) -> None:
    batch = own(PHRASES)
    for i, phrase in enumerate(PHRASES):
        single = own([phrase])
        assert single.ids[0].tolist() == batch.ids[i].tolist()
        assert single.padding[0].tolist() == batch.padding[i].tolist()
    assert own([]).ids.shape == (0, 12)


@pytest.mark.filterwarnings("ignore:phrase of")
def test_own_words_share_tokens_wherever_they_stand(own: Tokenizer) -> None:
    def words(phrase: str) -> list[int]:
        ids, padding = own([phrase])
        return ids[0][~padding[0]].tolist()[1:-1]

    assert words("red apple")[-1:] == words("apple") == words("ＡＰＰＬＥ ")
    assert words("红色的苹果")[-1:] == words("苹果")
    assert words("red 苹果")[-1:] == words("苹果")
    assert own.pad_id not in words("<|pad|> 鼲 🐶")


@pytest.mark.filterwarnings("ignore:phrase of")
def test_own_survives_saving(own: Tokenizer, tmp_path: Path) -> None:
    own.save(tmp_path / "tokenizer.json")
    again = Tokenizer.from_file(tmp_path / "tokenizer.json")
    texts = [*PHRASES, "unseen ñandú 鼲", ""]
    assert again(texts).ids.tolist() == own(texts).ids.tolist()
    assert (again.context_length, again.pad_id, again.vocab_size) == (12, own.pad_id, own.vocab_size)


@pytest.mark.parametrize(
    ("dirty", "plain"),
    [
        ("cafÃ© donâ€™t", "café don't"),
        ("&amp;amp; &lt;b&gt;", "& <b>"),
        ("“ﬁre”\u00a0\n Ｘ\x00", '"fire" x'),
        ("e\u0301", "é"),
        ("naïve façade à côté", "naïve façade à côté"),
        ("a\ud800b", "a\ufffdb"),
        ("x² ½ …", "x² ½ …"),
    ],
)
def test_cleaning(dirty: str, plain: str) -> None:
    assert clean(dirty) == plain


def test_bad_files_are_named(tmp_path: Path) -> None:
    broken = tmp_path / "tokenizer.json"
    broken.write_text("{")
    other = tmp_path / "merges.txt.gz"
    other.write_bytes(gzip.compress(b"#version\na b\n"))
    (tmp_path / "cut.gz").write_bytes(other.read_bytes()[:12])
    for read, path in [
        (Tokenizer.from_file, broken),
        (Tokenizer.from_file, tmp_path / "absent.json"),
        (Tokenizer.from_clip_merges, other),
        (Tokenizer.from_clip_merges, tmp_path / "cut.gz"),
        (Tokenizer.from_clip_merges, tmp_path),
    ]:
        with pytest.raises(ValueError, match=path.name):
            read(path)


def test_misuse_is_explained(own: Tokenizer) -> None:
    with pytest.raises(ValueError, match="wrap it in a list"):
        own("dog")
    with pytest.raises(ValueError, match="259"):
        train_tokenizer(PHRASES, 100)
    with pytest.raises(ValueError, match="context_length"):
        train_tokenizer(PHRASES, 300, context_length=2)
