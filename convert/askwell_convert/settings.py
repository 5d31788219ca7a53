"""Reading numbers out of a source's configuration, which may say anything."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import ConvertError


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration and its name for error messages (``config.json``, a GGUF file)."""

    values: Mapping[str, Any]
    where: str

    def count(self, key: str, default: int | None = None, limit: int = 1 << 31) -> int:
        """A whole number from 1 to ``limit``. Raises ConvertError for anything else."""
        value = self._value(key, default)
        if type(value) is not int or not 1 <= value <= limit:
            raise ConvertError(
                f"{self.where} says {key}={value!r}; a whole number from 1 to {limit} is needed"
            )
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A positive number. Raises ConvertError when it is none, or missing with no default."""
        value = self._value(key, default)
        if type(value) not in (int, float) or not 0 < value <= sys.float_info.max:
            raise ConvertError(f"{self.where} says {key}={value!r}; a positive number is needed")
        return float(value)

    def _value(self, key: str, default: Any) -> Any:
        value = self.values.get(key)
        if value is None:
            value = default
        if value is None:
            raise ConvertError(f"{self.where} lacks {key}; the model cannot be built without it")
        return value
