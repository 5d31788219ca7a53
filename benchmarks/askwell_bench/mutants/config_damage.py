"""Sources whose configuration makes no model, or another one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .mutation import Mutation, Owed, Random
from .source import ADAPTER, FOLDER_FORMATS, GGUF_FORMATS, RANK, Source

GPTJ_NEEDED = ("model_type", "n_layer", "n_head", "n_embd", "n_positions", "rotary_dim", "vocab_size")
LLAMA_NEEDED = (
    "llama.context_length", "llama.embedding_length", "llama.block_count", "llama.feed_forward_length",
    "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon", "tokenizer.ggml.model",
)  # fmt: skip
GPTJ_NUMBERS = ("n_layer", "n_head", "n_embd", "n_positions", "rotary_dim", "vocab_size")
NO_NUMBERS: tuple[Any, ...] = ("two", -1, 0, 2.5, True, [1], {"a": 1}, 10**400, 1 << 63, 1 << 40, "32")


NO_LORA: tuple[tuple[str, Any], ...] = (
    ("peft_type", "IA3"), ("peft_type", None), ("use_dora", True), ("bias", "all"), ("r", 0), ("r", "4"),
    ("r", 1 << 40), ("r", RANK + 1), ("lora_alpha", -1.0), ("lora_alpha", None), ("modules_to_save", ["wte"]),
    ("use_rslora", "yes"), ("rank_pattern", {"q_proj": 3}), ("rank_pattern", {"(a+)+$": 3}),
    ("x" * 5000, "\n"),
)  # fmt: skip


def _with(source: Source, key: str, value: Any) -> Source:
    config = {name: old for name, old in source.config.items() if name != key}
    return replace(source, config=config if value is None else {**config, key: value})


def _lacking(source: Source, random: Random) -> Source:
    return _with(source, random.choice(LLAMA_NEEDED if source.is_gguf else GPTJ_NEEDED), None)


def _no_rotary(source: Source, random: Random) -> Source:
    return _with(source, "rotary_dim", None)


def _no_number(source: Source, random: Random) -> Source:
    return _with(source, random.choice(GPTJ_NUMBERS), random.choice(NO_NUMBERS))


def _huge(source: Source, random: Random) -> Source:
    key = random.choice(("llama.block_count", "llama.embedding_length", "llama.attention.head_count"))
    return _with(source, key, random.choice((0, 1 << 31, (1 << 32) - 1, 100_003)))


def _other_rotary(source: Source, random: Random) -> Source:
    return _with(source, "rotary_dim", random.choice((3, 18, 33, 1 << 20)))


def _no_lora(source: Source, random: Random) -> Source:
    return _with(source, *random.choice(NO_LORA))


def _other_model(source: Source, random: Random) -> Source:
    key = "general.architecture" if source.is_gguf else "model_type"
    return _with(source, key, random.choice(("mamba", "", "GPTJ\n", "x" * 5000)))


def _unknown_setting(source: Source, random: Random) -> Source:
    return _with(source, f"x.{random.randrange(1000)}", "\x1b[31mred\n")


def _rewritten(
    rewrite: Callable[[str, Random], str], name: str = "config.json"
) -> Callable[[Path, Random], None]:
    def damage(root: Path, random: Random) -> None:
        path = root / name
        path.write_text(rewrite(path.read_text(encoding="utf-8"), random), encoding="utf-8")

    return damage


def _deep(text: str, random: Random) -> str:
    return '{"a":' + "[" * 200_000


def _long_number(text: str, random: Random) -> str:
    return text.replace('"n_positions": 64', '"n_positions": ' + "9" * 100_000)


CONFIG_MUTATIONS = (
    Mutation("a setting is missing", Owed.REFUSED, _lacking),
    Mutation("rotary_dim is missing", Owed.REFUSED, _no_rotary, formats=FOLDER_FORMATS),
    Mutation("a number is none", Owed.REFUSED, _no_number, formats=FOLDER_FORMATS),
    Mutation("a number is absurd", Owed.REFUSED, _huge, formats=GGUF_FORMATS),
    Mutation("rotary_dim fits no head", Owed.REFUSED, _other_rotary, formats=FOLDER_FORMATS),
    Mutation("an adapter that is no plain LoRA", Owed.REFUSED, _no_lora, formats=(ADAPTER,)),
    Mutation("another architecture", Owed.REFUSED, _other_model),
    Mutation("a setting nobody knows", Owed.SAME, _unknown_setting),
    Mutation(
        "config.json nested without end", Owed.REFUSED, damage=_rewritten(_deep), formats=FOLDER_FORMATS[:1]
    ),
    Mutation(
        "a number of 100,000 digits",
        Owed.REFUSED,
        damage=_rewritten(_long_number),
        formats=FOLDER_FORMATS[:1],
    ),
    Mutation(
        "tokenizer.json nested without end",
        Owed.REFUSED,
        damage=_rewritten(_deep, "tokenizer.json"),
        formats=FOLDER_FORMATS[:1],
    ),
)
