"""docs/performance.md: the prose of performance.md with the sections' tables in it."""

import re
from collections.abc import Mapping
from importlib.resources import files

from .ceiling import engine_section
from .company import integrity_section, reproducible_section
from .endurance import kills_section, soak_section
from .fidelity import fidelity_section, prefix_section
from .gptj import gptj_section
from .gpu import gpu_section
from .loss import Losses
from .machine import Surroundings, provenance
from .peer import peer_section
from .planning import planning_section
from .pressure import overload_section, tenants_section
from .quality import quality_section
from .rate import capacity_section, goodput_section
from .section import Section
from .serving import load_results, load_section, overhead_section
from .source import Results

_SECTIONS = {
    "peers": peer_section,
    "overhead": overhead_section,
    "load": load_section,
    "capacity": capacity_section,
    "goodput": goodput_section,
    "planner": planning_section,
    "overload": overload_section,
    "tenants": tenants_section,
    "kills": kills_section,
    "soak": soak_section,
    "integrity": integrity_section,
    "reproducible": reproducible_section,
    "quality": quality_section,
    "engine": engine_section,
    "gptj": gptj_section,
    "gpu": gpu_section,
    "fidelity": fidelity_section,
    "prefix": prefix_section,
}


def performance_page(
    results: Results, usual: Surroundings, losses: Losses, folder: str, plots: Mapping[str, str]
) -> str:
    """``folder`` and ``plots`` (by name) are links, relative to the page."""
    from jinja2 import Environment, StrictUndefined

    def told(section: Section) -> str:
        return section.told(usual, folder)

    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False
    )
    prose = files("askwell_bench.pages").joinpath("performance.md").read_text(encoding="utf-8")
    page = environment.from_string(prose).render(
        {name: section(results) for name, section in _SECTIONS.items()},
        usual=usual,
        folder=folder,
        plots=plots,
        beside=_beside(results, folder),
        told=told,
        losses=losses.told(),
        every_file=provenance(results.all),
    )
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _beside(results: Results, folder: str) -> dict[str, str]:
    """The plots that runs leave beside their figures: a load run because only it has every request's time."""
    names = [*(f"{each.name}-latency" for each in load_results(results)), "soak"]
    return {name: f"{folder}/{name}.svg" for name in names if (results.folder / f"{name}.svg").is_file()}
