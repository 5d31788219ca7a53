"""Reviews as a company exports them, made of the tiny examples."""

import json
from pathlib import Path
from typing import Any

from askwell_finetune.example import example_to_json
from tiny_finetune import examples

ENDINGS = {
    "Baker": ("fill the ovens twice before dawn?", "find out why a dough would not rise?"),
    "Data Analyst": ("explain a fall in sales to a board?", "join tables that shared no column?"),
    "Site Manager": ("keep a crane from standing idle?", "send a faulty delivery back in time?"),
    "Nurse": ("hand forty patients over without a gap?", "spot a wrong dose on a busy ward?"),
    "Driver": ("reach nine villages before noon?", "refuse a load that was not tied down?"),
    "Florist": ("save tulips through a heatwave?", "price flowers for a ball with no budget?"),
}


def review(decision: str, before: str, after: str | None = None, **more: Any) -> dict[str, Any]:
    """A decision on a question about planning for a baker."""
    told = json.loads(example_to_json(examples()[0]))
    return {
        "features": told["features"], "item": told["item"], "opening": told["opening"], "before": before,
        "after": after, "decision": decision, "ratings": {"relevance": 4}, "reviewer": "R1",
    } | more  # fmt: skip


def many() -> list[dict[str, Any]]:
    """An edit for each of six jobs and four skills: where too little was said, reviewers wrote more."""
    made = []
    for job, endings in ENDINGS.items():
        for number, example in enumerate(examples()[:12:3]):
            told = json.loads(example_to_json(example))
            told["features"] |= {"job_title": job, "achievements": []}
            better = f"{told['opening']} {endings[number % 2]}"
            vague = f"{told['opening']} {('do it?', 'get on?', 'be good?', 'help?')[number]}"
            item = {key: told[key] for key in ("features", "item", "opening")}
            made.append(review("edited", vague, better, **item))
    return made


def write_reviews(path: Path, reviews: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in reviews), encoding="utf-8")
    return path
