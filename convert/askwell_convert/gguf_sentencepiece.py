"""The tokenizer of GGUF files that came from sentencepiece (llama.cpp's kind ``llama``), as byte-pair merges.

llama.cpp joins the two neighbours whose piece has the best score; tokenizers joins by the rank of a merge.
Every way to split a piece into two pieces becomes a merge, ranked by the piece's score.
"""

from tokenizers import Tokenizer, decoders, normalizers
from tokenizers.models import BPE

from .errors import ConvertError

SPACE = "▁"  # how the pieces spell it


def sentencepiece_tokenizer(
    vocabulary: dict[str, int], scores: list[float], unknown: str | None, *, add_space: bool, where: str
) -> Tokenizer:
    """``scores`` go by id; ``add_space`` puts a space before every text."""
    try:
        model = BPE(
            vocabulary,
            _ranked_merges(vocabulary, scores),
            unk_token=unknown,
            fuse_unk=True,
            byte_fallback=True,
        )
    except Exception as error:  # the library raises plain Exception
        raise ConvertError(f"{where} has pieces that make no tokenizer: {error}") from None
    tokenizer = Tokenizer(model)
    spaced = [normalizers.Prepend(SPACE)] if add_space else []
    tokenizer.normalizer = normalizers.Sequence([*spaced, normalizers.Replace(" ", SPACE)])
    stripped = [decoders.Strip(" ", 1, 0)] if add_space else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *stripped]
    )
    return tokenizer


def _ranked_merges(vocabulary: dict[str, int], scores: list[float]) -> list[tuple[str, str]]:
    merges = [
        (-scores[token_id], token_id, left, right)
        for piece, token_id in vocabulary.items()
        for at in range(1, len(piece))
        if (left := piece[:at]) in vocabulary and (right := piece[at:]) in vocabulary
    ]
    merges.sort(key=lambda merge: (merge[0], merge[1], vocabulary[merge[2]], vocabulary[merge[3]]))
    return [(left, right) for _, _, left, right in merges]
