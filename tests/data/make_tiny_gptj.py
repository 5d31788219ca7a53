"""Make the tiny GPT-J checkpoint that the tests convert, and transformers' logits for it.

    python tests/data/make_tiny_gptj.py          (needs torch and transformers; see the extra ``torch``)

The weights are random and larger than an initialization's, so that every part of the model shows in the
logits. They are float16 so that the folder stays small; the logits are float32 computed on them. The same
weights make a valid model with any rotary size that fits a head: the reference holds the logits for several.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPTJConfig, GPTJForCausalLM

FOLDER = Path(__file__).parent / "tiny-gptj"
REFERENCE = Path(__file__).parent / "tiny-gptj-reference.npz"
TOKENS, ROWS = 320, 336  # as in GPT-J-6B, the embedding has more rows than the tokenizer has tokens
ROTARY_DIMS = (2, 4, 8)
PROMPT = "Describe a project that failed."
END = "<|endoftext|>"
TEXT = [
    "Tell me about a time when you had to change your mind. What did you learn from it?",
    "How did you decide what to do first? Describe a project that did not go as planned.",
    "What would you do differently now? How do you explain your work to people from other fields?",
    "Walk me through the way you test what you build. What was the hardest part of the project?",
    "How did you know that you were done? Which tools did you choose, and why those and not others?",
]


def make_tokenizer() -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    settings = {"bos_token": END, "eos_token": END, "unk_token": END, "tokenizer_class": "GPT2Tokenizer"}
    (FOLDER / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def make_model() -> GPTJForCausalLM:
    torch.manual_seed(7)
    config = GPTJConfig(
        vocab_size=ROWS,
        n_positions=256,
        n_embd=32,
        n_layer=2,
        n_head=4,
        rotary_dim=4,
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=False,
    )
    model = GPTJForCausalLM(config)
    for name, weight in model.named_parameters():
        center = 1.0 if name.endswith(("ln_1.weight", "ln_f.weight")) else 0.0
        torch.nn.init.normal_(weight, center, 0.2)
    return model.to(torch.float16)


def make_reference(model: GPTJForCausalLM) -> None:
    ids = Tokenizer.from_file(str(FOLDER / "tokenizer.json")).encode(PROMPT).ids
    weights = {name: weight.float() for name, weight in model.state_dict().items()}
    arrays = {"ids": np.array(ids)}
    for rotary_dim in ROTARY_DIMS:
        config = GPTJConfig(**{**model.config.to_dict(), "rotary_dim": rotary_dim, "dtype": "float32"})
        exact = GPTJForCausalLM(config).eval()
        exact.load_state_dict(weights)
        with torch.no_grad():
            arrays[f"rotary_{rotary_dim}"] = exact(torch.tensor([ids])).logits[0].numpy()
    np.savez_compressed(REFERENCE, **arrays)


if __name__ == "__main__":
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    make_tokenizer()
    model = make_model()
    model.save_pretrained(FOLDER)
    make_reference(model)
