"""A GPT-J that knows nothing yet: random weights, and a vocabulary made for its text."""

import json
from collections.abc import Iterable
from pathlib import Path

from .errors import FinetuneError
from .folder import whole_folder
from .scratch_config import Shape

END = "<|endoftext|>"
ROTARY = 64  # GPT-J's own; a smaller head is turned whole


def write_start(folder: Path, shape: Shape, texts: Iterable[str], seed: int) -> None:
    """A Hugging Face folder. Raises FinetuneError for a shape that no GPT-J has."""
    import torch
    import transformers
    from transformers.utils import logging

    head, rest = divmod(shape.width, shape.heads)
    if rest or head % 2:
        raise FinetuneError(
            f"shape.width is {shape.width}; over {shape.heads} heads it must give each an even width"
        )
    tokenizer, size = _tokenizer(texts, shape.vocabulary)
    torch.manual_seed(seed)
    logging.disable_progress_bar()
    config = transformers.GPTJConfig(
        vocab_size=size,
        n_positions=shape.positions,
        n_embd=shape.width,
        n_layer=shape.layers,
        n_head=shape.heads,
        rotary_dim=min(ROTARY, head),
        bos_token_id=0,
        eos_token_id=0,
    )
    with whole_folder(folder) as part:
        transformers.GPTJForCausalLM(config).save_pretrained(str(part))
        (part / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
        told = dict.fromkeys(("bos_token", "eos_token", "unk_token"), END)
        (part / "tokenizer_config.json").write_text(
            json.dumps({**told, "tokenizer_class": "GPT2Tokenizer"}), encoding="utf-8"
        )


def refuse_another_shape(folder: Path, shape: Shape) -> None:
    """Raises FinetuneError when ``folder``, which ``write_start`` wrote, is of another shape."""
    told = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    was = [told[key] for key in ("n_layer", "n_embd", "n_head", "n_positions")]
    if was != [shape.layers, shape.width, shape.heads, shape.positions]:
        layers, width, heads, positions = was
        raise FinetuneError(
            f"{folder} has layers = {layers}, width = {width}, heads = {heads}, positions = {positions}; "
            "give what it has, or start anew in another out folder"
        )


def _tokenizer(texts: Iterable[str], most: int) -> tuple[str, int]:
    """Byte-level BPE as GPT-J's is, its file and how many tokens it has. The end token is number 0."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        min_frequency=2,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.to_str(), tokenizer.get_vocab_size()
