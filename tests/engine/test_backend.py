"""The backend on the tiny model: what is given to ctranslate2 does what it should."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest
from askwell_manifest import MANIFEST_NAME, read_manifest
from askwell_server.engine import backend as module
from askwell_server.engine.backend import CTranslate2Backend
from askwell_server.engine.folder import ModelRefused
from askwell_server.engine.layout import Layout
from askwell_server.engine.messages import Batch, BatchRow, Load
from askwell_server.engine.row import Options
from askwell_server.engine.warm import Generate
from tiny_model import make_tiny_model

GREEDY = Options(temperature=0.0)
PREFIX = tuple(range(40, 60))
SHORT, LONG = (70, 71, 72), (80, 81, 82, 83, 84, 85, 86)


def load(folder: Path, **changes: object) -> Load:
    plain = Load(folder, "cpu", "auto", 1, 2, full_range_ok=False, prefixes=(PREFIX,))
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def backend(tiny_folder: Path) -> Iterator[CTranslate2Backend]:
    with closing(CTranslate2Backend(load(tiny_folder))) as backend:
        yield backend


def tokens(backend: CTranslate2Backend, batch: Batch, stop_after: int = 99) -> list[list[int]]:
    """Each row's tokens."""
    rows: list[list[int]] = [[] for _ in batch.rows]

    def on_token(step: int, index: int, token_id: int, logprob: float | None) -> bool:
        rows[index].append(token_id)
        return len(rows[index]) >= stop_after

    backend.generate(batch, on_token)
    return rows


def batch(*tails: tuple[int, ...], new: int = 12, options: Options = GREEDY, **more: object) -> Batch:
    return Batch(
        1, rows=tuple(BatchRow(tail, new) for tail in tails), options=options, **{"prefix": (), **more}
    )  # type: ignore[arg-type]


def test_registered_prefix_gives_the_tokens_of_the_whole_prompt(backend):
    whole = [tokens(backend, batch(PREFIX + tail))[0] for tail in (SHORT, LONG)]
    for _ in range(2):  # the state that was kept is not used up
        assert tokens(backend, batch(SHORT, LONG, prefix=PREFIX, cached=True)) == whole
    assert tokens(backend, batch(SHORT, LONG, prefix=PREFIX)) == whole


def test_nothing_but_a_registered_prefix_is_kept(backend, monkeypatch):
    kept: list[bool] = []
    engine = backend._generator

    class Listening:
        def generate_batch(self, *prompts: object, **options: object) -> object:
            kept.append(bool(options["cache_static_prompt"]))
            return engine.generate_batch(*prompts, **options)

    monkeypatch.setattr(backend, "_generator", Listening())
    tokens(backend, batch(SHORT, prefix=PREFIX, cached=True))
    tokens(backend, batch(SHORT, prefix=PREFIX))
    tokens(backend, batch(SHORT))
    with pytest.raises(ValueError, match="none that the operator registered"):
        tokens(backend, batch(SHORT, prefix=PREFIX[:-1], cached=True))
    assert kept == [True, False, False]


def test_suppressed_runs_are_never_generated(backend):
    free = tokens(backend, batch(SHORT))[0]
    without = tokens(backend, batch(SHORT, options=replace(GREEDY, suppressed=((free[2],),))))[0]
    assert without[:2] == free[:2] and free[2] not in without
    run = (free[1], free[2])
    without = tokens(backend, batch(SHORT, options=replace(GREEDY, suppressed=(run,))))[0]
    assert without[:2] == free[:2] and run not in pairwise(without)


def test_no_row_of_unequal_batch_ends_before_the_least_number_of_tokens(backend, tiny_folder, tmp_path):
    """The row with the longer prompt counts its own tokens, not the batch's steps."""
    free = tokens(backend, batch(LONG))[0]
    end = free[3]
    folder = make_tiny_model(tmp_path / "ends")
    spelling = json.loads((folder / "vocabulary.json").read_text())[end]
    manifest = replace(read_manifest(folder), end_tokens=(spelling,))
    (folder / MANIFEST_NAME).write_text(manifest.to_json())
    with closing(CTranslate2Backend(load(folder, inter_threads=1))) as ending:
        assert tokens(ending, batch(SHORT, LONG))[1] == free[: free.index(end) + 1]
        least = free.index(end) + 1
        for row in tokens(ending, batch(SHORT, LONG, min_new_tokens=least)):
            assert len(row) >= least and end not in row[:least]


def test_layout_that_is_set_is_kept_and_one_left_open_is_chosen(backend, tiny_folder):
    assert backend.facts.layout == Layout(threads=1, lanes=2)
    with closing(CTranslate2Backend(load(tiny_folder, intra_threads=0, inter_threads=0))) as chosen:
        assert chosen.facts.layout.threads >= 1 and chosen.facts.layout.lanes >= 1
        assert tokens(chosen, batch(SHORT)) == tokens(backend, batch(SHORT))


@dataclass
class Generator:
    layout: Layout
    compute_type: str = "float16"


@dataclass
class Trials:
    """Stands in for loading and for rehearsing: so many seconds by lanes, or an error."""

    seconds: dict[int, float | Exception]
    refused: Exception | None = None  # what loading a second generator raises

    def __post_init__(self) -> None:
        self.loaded: list[Layout] = []
        self.batches: list[Batch] = []

    def load(self, folder: Path, device: str, compute_type: str, layout: Layout) -> Generator:
        self.loaded.append(layout)
        if len(self.loaded) > 1 and self.refused:
            raise self.refused
        return Generator(layout)

    def rehearse(self, generate: Generate, batch: Batch, lanes: int) -> list[list[float]]:
        self.batches.append(batch)
        if isinstance(seconds := self.seconds[lanes], Exception):
            raise seconds
        return [[seconds]] * lanes


@pytest.fixture
def chosen(monkeypatch, tiny_folder) -> Callable[..., Layout]:
    """The layout that is chosen in trials, with so much memory free."""

    def choose(trials: Trials, free: int | None = None, **changes: object) -> Layout:
        monkeypatch.setattr(module, "_generator", trials.load)
        monkeypatch.setattr(module, "rehearse", trials.rehearse)
        monkeypatch.setattr(module, "free_bytes", lambda device: free)
        monkeypatch.setattr(module, "physical_cores", lambda: 2)
        loading = load(tiny_folder, **{"prefixes": (), "intra_threads": 0, "inter_threads": 0, **changes})
        with closing(CTranslate2Backend(loading)) as backend:
            assert backend._generator.layout == backend.facts.layout  # what is kept is what is told
            return backend.facts.layout

    return choose


def test_gpu_gets_two_lanes_where_they_do_more(chosen):
    assert chosen(Trials({1: 0.1, 2: 0.15}), device="cuda") == Layout(1, 2)
    assert chosen(Trials({1: 0.1, 2: 0.2}), device="cuda") == Layout(1, 1)


@pytest.mark.parametrize(
    "trials",
    [
        Trials({1: 0.1, 2: 0.1}, refused=ModelRefused("cannot load")),
        Trials({1: 0.1, 2: 0.1}, refused=MemoryError()),
        Trials({1: 0.1, 2: RuntimeError("CUDA failed with error out of memory")}),
    ],
    ids=["refused", "no memory to load", "no memory to run"],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_first_layout_is_kept_when_another_fails(chosen, trials, device):
    trials = replace(trials)
    assert chosen(trials, device=device).lanes == 1
    assert len(trials.loaded) == 2


def test_second_generator_is_not_loaded_where_it_does_not_fit(chosen, tiny_folder):
    size = (tiny_folder / "model.bin").stat().st_size
    for device, fits in (("cpu", 2.3), ("cuda", 1.3)):
        trials = Trials({1: 0.1, 2: 0.1})
        assert chosen(trials, int(fits * size) - 1, device=device).lanes == 1 and len(trials.loaded) == 1
        assert chosen(Trials({1: 0.1, 2: 0.1}), int(fits * size) + 1, device=device).lanes == 2


def test_nothing_is_tried_where_nothing_is_left_open(chosen):
    """A process that replaces another must be back soon: 11 s of trials with a GPT-J."""
    trials = Trials({1: 0.1})
    assert chosen(trials, intra_threads=2, inter_threads=1) == Layout(2, 1)
    (batch,) = trials.batches
    assert batch.rows[0].max_new_tokens <= 2
    assert len(batch.prefix) + sum(len(row.tail) for row in batch.rows) <= 20


def test_slow_model_keeps_all_threads_on_one_batch(chosen):
    trials = Trials({1: 2.0})
    assert chosen(trials) == Layout(2, 1) and len(trials.batches) == 1


def test_registered_prefix_that_leaves_no_room_is_refused_in_one_line(tiny_folder):
    with pytest.raises(ModelRefused, match="255 tokens and the model takes at most 254; shorten it"):
        CTranslate2Backend(load(tiny_folder, prefixes=(PREFIX, (40,) * 255)))


def test_one_token_row_is_kept_from_longer_ones(backend):
    with pytest.raises(ValueError, match="fewer than two tokens"):
        tokens(backend, batch(SHORT, (70,)))


def test_folder_without_a_model_is_refused_in_one_line(tmp_path):
    with pytest.raises(ModelRefused) as refused:
        CTranslate2Backend(load(tmp_path))
    assert "\n" not in str(refused.value)
