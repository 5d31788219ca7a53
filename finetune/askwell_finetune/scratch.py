"""A small GPT-J of our own, from nothing to a folder that ``askwell-convert`` takes."""

from collections.abc import Sequence
from pathlib import Path

from .corpus import documents, examples_as_text
from .errors import FinetuneError
from .run import run_training
from .scratch_config import ScratchConfig
from .start import refuse_another_shape, write_start

START, RUN = "start", "run"


def run_scratch(config: ScratchConfig, *, resume: bool) -> None:
    """``out``/start is the model of random weights, ``out``/run what a training run leaves, its model/ the
    one to convert. Raises FinetuneError, ConvertError or ValueError, one line each."""
    out, data = Path(config.out), Path(config.data)
    if out.exists() and any(out.iterdir()) and not resume:
        raise FinetuneError(f"{out} exists already: choose another out folder, or go on with it by --resume")
    texts: Sequence[str] = documents(data, Path(config.roles)) if config.roles else ()
    if (out / START).is_dir():
        refuse_another_shape(out / START, config.shape)
    else:
        write_start(out / START, config.shape, (*examples_as_text(data), *texts), config.seed)
    from .whole_model import WholeLearner

    learner = WholeLearner(out / START, texts, config.batch.pack_tokens)
    run_training(config.training(str(out / START), str(out / RUN)), resume=resume, learner=learner)
