"""A run of ``prefer`` from its config to the folder that it leaves, which appears whole or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from askwell_interview import Encoder, Guard

from .base_model import Base, find_base, load_base
from .dpo import EncodedPair
from .errors import FinetuneError
from .folder import whole_folder
from .lora import add_adapter, continue_adapter, save_adapter
from .prefer_config import PreferConfig
from .preference import Pair, Preferences
from .progress import StderrProgress
from .review import reviews_from_file
from .run import accelerator_for, run_before
from .run_record import RunRecord, write_record
from .split import splits_of
from .tokens import ExampleEncoder


def run_preference(config: PreferConfig, guard_encoder: Encoder | None) -> None:
    """Raises FinetuneError, ConvertError or ValueError, one line each; nothing is written by then."""
    run, reviews = Path(config.out), Path(config.reviews)
    run_before(run, resume=False)
    if not reviews.is_file():
        raise FinetuneError(f"there is no {reviews}; reviews are JSON lines, one decision each")
    base = find_base(config.model, config.revision)
    preferences = Preferences(Guard(guard_encoder))
    pairs = preferences.pairs(reviews_from_file(reviews))
    if not pairs:
        raise FinetuneError(
            f"{reviews} gives no pair to learn from: {_dropped(preferences) or 'it is empty'}"
        )
    splits = splits_of((pair.chosen.role for pair in pairs), config.seed)
    learnt: list[EncodedPair] = []
    held_out: list[EncodedPair] = []
    for pair, whole in _encoded(pairs, base, preferences):
        (learnt if splits[pair.chosen.role] == "train" else held_out).append(whole)
    if not learnt or not held_out:
        raise FinetuneError(f"{reviews}: all pairs left are of one job; give reviews of more jobs")
    screen = StderrProgress(quiet=False)
    screen.say(f"{len(learnt)} pairs to learn from, {len(held_out)} of other jobs held out")
    screen.say(f"left out: {_dropped(preferences) or 'nothing'}")
    accelerator = accelerator_for(config.device)
    record = replace(
        RunRecord.of(config, base, (), accelerator.device, 1),
        data={
            "reviews.jsonl": {"sha256": sha256(reviews.read_bytes()).hexdigest()},
            "left out": {reason: count for reason, count in preferences.dropped.items() if count},
        },
    )
    adapted = _adapted(config, base)
    from .preference_training import PreferenceTraining

    training = PreferenceTraining(config, adapted, learnt, held_out, accelerator.device, screen)
    before = training.judged()
    try:
        training.run()
    except KeyboardInterrupt:
        raise KeyboardInterrupt("interrupted; nothing was written") from None
    finally:
        screen.close()
    after = training.judged()
    told = {
        when: {k: asdict(v) for k, v in found.items()}
        for when, found in (("before", before), ("after", after))
    }
    _write(run, base, adapted, record, training.standing, told)
    held = after["held out"]
    screen.say(
        f"pairs held out: the chosen question gained more than the rejected one in {held.accuracy:.0%}, by "
        f"{held.margin:.2f} nats on average; adapter in {run / 'adapter'}"
    )


def _encoded(
    pairs: Sequence[Pair], base: Base, preferences: Preferences
) -> Iterator[tuple[Pair, EncodedPair]]:
    encoder, positions = ExampleEncoder(base.source), base.source.plan.positions
    for pair in pairs:
        whole = EncodedPair(encoder.encode(pair.chosen), encoder.encode(pair.rejected))
        if max(len(whole.chosen.ids), len(whole.rejected.ids)) > positions:
            preferences.dropped[f"longer than the model's {positions:,} positions"] += 1
        else:
            yield pair, whole


def _adapted(config: PreferConfig, base: Base) -> Any:
    model = load_base(base, config.dtype)
    if config.start:
        return continue_adapter(model, base, Path(config.start))
    return add_adapter(model, base, config.adapter, config.seed)


def _write(
    run: Path, base: Base, adapted: Any, record: RunRecord, standing: Any, told: dict[str, Any]
) -> None:
    from .curves import draw_curves

    trained = {name: each.detach() for name, each in adapted.named_parameters() if each.requires_grad}
    with whole_folder(run) as part:
        save_adapter(part / "adapter", adapted, trained)
        write_record(part, record, standing, told)
        draw_curves(part / "curves.svg", f"{base.label}: {standing.step} steps", standing, "nats per pair")


def _dropped(preferences: Preferences) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in preferences.dropped.most_common() if count)
