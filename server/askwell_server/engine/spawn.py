"""Starting an engine process."""

import asyncio
from collections.abc import Sequence

from ..child import Child, ChildExited
from .config import EngineConfig
from .cost import CostModel
from .folder import ModelRefused
from .messages import Load, Ready, Refused

# Measured with SmolLM2-135M on two cores. malloc: glibc otherwise maps and unmaps every large cache block
# at every step (16 rows at 600 tokens of context: 430–505 ms a step by default, 230 ms so). OpenMP keeps its
# default wait policy: PASSIVE gained nothing or cost a third, ACTIVE cost half at 16 such rows.
ENGINE_ENV = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}
_MODULE = "askwell_server.engine.process"
_LOAD_LIMIT_S = 900.0  # a model that takes longer to load will not come


async def spawn(
    device: str, config: EngineConfig, prefixes: Sequence[tuple[int, ...]], cost: CostModel | None
) -> tuple[Child, Ready]:
    """A process that has loaded the model on a device ("auto", "cpu" or "cuda:N").

    Without ``cost`` it measures. Raises ModelRefused, or ChildExited when the process dies while it loads.
    """
    child = await Child.spawn(_MODULE, env=ENGINE_ENV)
    try:
        child.send(
            Load(
                model_dir=config.model_dir,
                device=device,
                compute_type=config.compute_type,
                intra_threads=config.intra_threads,
                inter_threads=config.inter_threads,
                full_range_ok=config.full_range_ok,
                cost=cost,
                prefixes=tuple(prefixes),
                thresholds=config.thresholds,
            )
        )
        async with asyncio.timeout(_LOAD_LIMIT_S):
            message = await child.recv()
    except TimeoutError:
        child.kill()
        raise ChildExited(await child.wait()) from None
    except BaseException:
        child.kill()
        await child.wait()
        raise
    if isinstance(message, Refused):
        await child.wait()
        raise ModelRefused(message.message)
    assert isinstance(message, Ready)
    return child, message
