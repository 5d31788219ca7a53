"""What a training run takes, made in a moment: tiny bases of random weights, and examples of a few jobs.

The tokenizer knows hardly a merge, so prompts are long; chat bases get a template and its end token on top.
"""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
from askwell_finetune.config import read_config
from askwell_finetune.example import Example, Split, write_examples
from askwell_finetune.run import run_training
from askwell_interview import Evidence, Features, PlanItem, QuestionType, Relation, Skill, Slot
from checkpoints import gptj_config, gptj_folder, random_gptj
from llamas import HF_NAMES
from tokenizers import AddedToken, Tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
POSITIONS, ROWS, WIDTH, INNER, LAYERS, HEADS = 1024, 338, 32, 48, 2, 4
JOBS = {
    "Baker": ("Bake bread and rolls from three in the morning.", "Keep the ovens and mixers clean."),
    "Data Analyst": ("Build weekly sales reports.", "Clean the data that the shops send."),
    "Site Manager": ("Plan the work of forty people.", "Check deliveries against the drawings."),
}
SKILLS = ("planning", "spreadsheets", "stock counts", "SQL")
ENDINGS = ("find a mistake before a customer did?", "save an hour of work each week?", "settle an argument?")


def tiny_gptj(folder: Path, **changes: Any) -> Path:
    """A base model: no chat template."""
    config = gptj_config(n_positions=POSITIONS, **changes)
    weights = {name: each / 3 for name, each in random_gptj(config).items()}
    return gptj_folder(folder, config, weights)


def tiny_llama(folder: Path, **changes: Any) -> Path:
    """A chat model: its embedding is tied, two heads share their keys."""
    config = {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": ROWS,
        "hidden_size": WIDTH,
        "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
        "num_key_value_heads": 2, "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5,
        "rope_theta": 5000.0, "hidden_act": "silu", "tie_word_embeddings": True,
    } | changes  # fmt: skip
    random = np.random.default_rng(5)
    gptj_folder(
        folder, config, {name: random.normal(0, 0.2, shape).astype(np.float32) for name, shape in _shapes()}
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in ("<|im_start|>", "<|im_end|>")]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"eos_token": "<|im_end|>", "chat_template": CHAT_TEMPLATE})
    )
    return folder


def _shapes() -> list[tuple[str, tuple[int, ...]]]:
    block = {
        "attn_norm": (WIDTH,), "attn_q": (WIDTH, WIDTH), "attn_k": (WIDTH // 2, WIDTH),
        "attn_v": (WIDTH // 2, WIDTH), "attn_output": (WIDTH, WIDTH), "ffn_norm": (WIDTH,),
        "ffn_gate": (INNER, WIDTH), "ffn_up": (INNER, WIDTH), "ffn_down": (WIDTH, INNER),
    }  # fmt: skip
    shapes = [("model.embed_tokens.weight", (ROWS, WIDTH)), ("model.norm.weight", (WIDTH,))]
    for layer in range(LAYERS):
        shapes += [(f"model.layers.{layer}.{HF_NAMES[name]}.weight", shape) for name, shape in block.items()]
    return shapes


def examples(split: Split = "train") -> list[Example]:
    """36 of them: each job's four skills asked about in three ways, half of them of a candidate."""
    made = []
    for job, duties in JOBS.items():
        for number, skill in enumerate(SKILLS):
            slot = Slot.PROBE if number % 2 else Slot.CORE
            features = Features(
                job_title=job,
                job_skills=(Skill(skill),),
                other_skills=(),
                years_required=None,
                years_shown=None,
                duties=tuple(Evidence(duty, 0, len(duty)) for duty in duties),
                achievements=(Evidence("Cut waste by a third in one year.", 0, 33),),
            )
            item = PlanItem(
                id=f"item-{number}", slot=slot, type=QuestionType.TECHNICAL, competency=skill,
                relation=Relation.JOB, reason="", job_evidence=None, resume_evidence=None, kind="method",
            )  # fmt: skip
            opening = f"Tell me about a time you used {skill} to"
            for ending in ENDINGS:
                question = f"{opening} {ending}"
                made.append(
                    Example(
                        f"{job}-{skill}-{ending[:4]}",
                        job,
                        split,
                        "authored",
                        "Apache-2.0",
                        features,
                        item,
                        opening,
                        question,
                    )
                )
    return made


def write_data(folder: Path) -> Path:
    folder.mkdir()
    write_examples(folder / "train.jsonl", examples())
    write_examples(folder / "validation.jsonl", examples("validation")[::4])
    return folder


def write_config(path: Path, base: Path, data: Path, out: Path, more: str = "") -> Path:
    path.write_text(f'model = "{base}"\ndata = "{data}"\nout = "{out}"\ndevice = "cpu"\n{more}')
    return path


def run_killed_before(config: Path, step: int) -> None:
    """Runs in a process of its own, which SIGKILL ends when ``step`` steps are done."""
    from askwell_finetune.training import Training

    learn = Training._learn

    def learn_or_die(training: Training) -> None:
        if training.standing.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        learn(training)

    Training._learn = learn_or_die
    run_training(read_config(config), resume=False)
