"""What a Hugging Face configuration says about rotary embeddings, in the words of any version."""

from collections.abc import Mapping
from typing import Any

from .errors import ConvertError
from .settings import Settings


def rotary_settings(config: Settings) -> Mapping[str, Any]:
    """``rope_parameters`` (transformers 5) or ``rope_scaling`` (before), empty when neither is there.

    Raises ConvertError when they scale: ctranslate2 knows few kinds of scaling, and those by other rules.
    """
    for key in ("rope_parameters", "rope_scaling"):
        found = config.values.get(key)
        if found is None:
            continue
        if not isinstance(found, dict):
            raise ConvertError(f"{config.where} says {key}={found!r}, which is no object")
        kind = found.get("rope_type", found.get("type", "default"))
        if kind != "default":
            raise ConvertError(
                f"{config.where} uses rope scaling ({key} of type {kind!r}), "
                "which this converter does not know"
            )
        return found
    return {}


def rotary_base(config: Settings, key: str) -> float:
    """The base of the rotary angles; ``key`` is where older versions put it."""
    base = rotary_settings(config).get("rope_theta", config.values.get(key))
    return Settings({key: base}, config.where).number(key, 10_000.0)
