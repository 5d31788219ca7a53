"""Tiny Llama models of random weights, as Hugging Face folders."""

import re

import numpy as np
from askwell_convert.llama import GGUF_NAMES
from checkpoints import gptj_folder
from tokenizers import Tokenizer
from tokenizers.models import BPE

WIDTH, INNER, LAYERS, HEADS, ROWS, THETA = 32, 64, 2, 4, 96, 5000.0
IDS = [7, 3, 3, 50, 12, 1, 90]
TOKENS = [*(chr(33 + n) for n in range(ROWS - 3)), '!"', "<|im_start|>", "<|im_end|>"]


def random_llama(kv_heads: int, *, tied: bool) -> dict[str, np.ndarray]:
    """Weights by llama.cpp's names, q and k still in Hugging Face's row order."""
    random = np.random.default_rng(kv_heads)
    kv_width = WIDTH // HEADS * kv_heads
    shapes = {"token_embd": (ROWS, WIDTH), "output_norm": (WIDTH,)} | (
        {} if tied else {"output": (ROWS, WIDTH)}
    )
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.{name}": shape
            for name, shape in {
                "attn_norm": (WIDTH,),
                "attn_q": (WIDTH, WIDTH),
                "attn_k": (kv_width, WIDTH),
                "attn_v": (kv_width, WIDTH),
                "attn_output": (WIDTH, WIDTH),
                "ffn_norm": (WIDTH,),
                "ffn_gate": (INNER, WIDTH),
                "ffn_up": (INNER, WIDTH),
                "ffn_down": (WIDTH, INNER),
            }.items()
        }
    return {name: random.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}


HF_NAMES = {llama_cpp: hugging_face for hugging_face, llama_cpp in GGUF_NAMES.items()}


def hf_folder(folder, weights, kv_heads, **config):
    """The same model as a Hugging Face folder."""
    tensors = {}
    for name, tensor in weights.items():
        stem, kind = name.removesuffix(".bias"), "bias" if name.endswith(".bias") else "weight"
        block = re.fullmatch(r"blk\.(\d+)\.(.+)", stem)
        at = f"model.layers.{block[1]}.{HF_NAMES[block[2]]}" if block else HF_NAMES[stem]
        tensors[f"{at}.{kind}"] = tensor
    sizes = {
        "vocab_size": ROWS, "hidden_size": WIDTH, "intermediate_size": INNER, "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS, "num_key_value_heads": kv_heads, "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5, "rope_theta": THETA, "tie_word_embeddings": "output" not in weights,
    }  # fmt: skip
    gptj_folder(folder, {**sizes, **config}, tensors)
    tokens = {token: number for number, token in enumerate(TOKENS)}
    Tokenizer(BPE(tokens, [])).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    return folder
