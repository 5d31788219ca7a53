"""The server's settings: flags before environment before TOML file before defaults, checked once.

    askwell-server --model models/gpt-j-6b --port 50051      # flag
    ASKWELL_MODEL=models/gpt-j-6b askwell-server              # environment: ASKWELL_ and the flag's name
    askwell-server --config askwell.toml                      # model = "models/gpt-j-6b", queue_limit = 1024

``SETTINGS`` is the whole list; ``ServerConfig`` has one field for each of its rows.
"""

import argparse
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias, cast

ENVIRONMENT_PREFIX = "ASKWELL_"
Given: TypeAlias = tuple[Any, str]
"""A value as it was given, and where, for error messages."""


class ConfigError(ValueError):
    """A setting that cannot be used. The message is one line that names it and where it came from."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything the operator chose. ``SETTINGS`` documents each field."""

    model: Path
    name: str | None
    host: str
    port: int
    device: Literal["auto", "cpu", "cuda"]
    devices: tuple[int, ...] | None
    compute_type: str
    intra_threads: int
    queue_limit: int
    max_batch_rows: int
    cost_model: Path | None
    coalesce_ms: float
    drain_s: float
    allow_full_range: bool
    domain_workers: int
    log_level: str

    @property
    def engine_devices(self) -> tuple[str, ...]:
        """One engine process each: "auto", "cpu" or "cuda:N"."""
        if self.devices:
            return tuple(f"cuda:{index}" for index in self.devices)
        return ("cuda:0",) if self.device == "cuda" else (self.device,)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``parse`` takes flag or environment text, or a TOML value; it raises ValueError."""

    name: str
    parse: Callable[[object], object]
    default: object
    help: str
    metavar: str | None = None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        return ENVIRONMENT_PREFIX + self.name.upper()


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text, and not empty")
    return value


def _path(value: object) -> Path:
    try:
        return Path(_text(value)).expanduser()
    except RuntimeError as error:  # ~NAME of nobody
        raise ValueError(f"{value!r}: {error}") from None


def _number(kind: type[int] | type[float], low: float, high: float) -> Callable[[object], object]:
    noun = "a whole number" if kind is int else "a number"

    def parse(value: object) -> object:
        try:
            if isinstance(value, bool) or (kind is int and isinstance(value, float)):
                raise ValueError
            number = kind(cast(Any, value))
        except (ValueError, TypeError, OverflowError):
            number = None
        if number is None or not low <= number <= high:  # NaN fails here too
            raise ValueError(f"{value!r} is not {noun} from {low:g} to {high:g}")
        return number

    return parse


def _choice(*names: str) -> Callable[[object], object]:
    def parse(value: object) -> object:
        if value not in names:
            raise ValueError(f"{value!r} is not one of {', '.join(names)}")
        return value

    return parse


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if not isinstance(value, str) or value.lower() not in known:
        raise ValueError(f"{value!r} is neither true nor false")
    return known[value.lower()]


def _indices(value: object) -> tuple[int, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    whole = _number(int, 0, 1023)
    if not isinstance(parts, list) or not parts:
        raise ValueError(f"{value!r} is not a list of device numbers, such as 0,1")
    indices = tuple(cast(int, whole(part)) for part in parts)
    if len(set(indices)) < len(indices):
        raise ValueError(f"{value!r} names a device twice")
    return indices


REQUIRED = object()
COMPUTE_TYPES = ("auto", "default", "float32", "float16", "bfloat16", "int8", "int8_float32",
                 "int8_float16", "int8_bfloat16")  # fmt: skip

SETTINGS = (
    Setting("model", _path, REQUIRED, "the model folder that askwell-convert wrote", "DIR"),
    Setting("name", _text, None, "the model's name in requests (default: the one in its manifest)"),
    Setting("host", _text, "127.0.0.1", "address to listen on; 0.0.0.0 for every IPv4 interface"),
    Setting("port", _number(int, 0, 65535), 50051, "port to listen on; 0 takes a free one and prints it"),
    Setting("device", _choice("auto", "cpu", "cuda"), "auto", "auto, cpu or cuda"),
    Setting("devices", _indices, None, "GPUs to use, one engine process each: 0,1", "N,N"),
    Setting("compute_type", _choice(*COMPUTE_TYPES), "auto", "what the engine computes in"),
    Setting("intra_threads", _number(int, 0, 1024), 0, "threads of one engine on a CPU; 0: it decides"),
    Setting("queue_limit", _number(int, 1, 1_000_000), 256, "rows that may wait; more are refused"),
    Setting("max_batch_rows", _number(int, 1, 1024), 16, "rows that may run in one batch"),
    Setting("cost_model", _path, None, "what batches cost, as askwell-bench engine --save wrote it", "FILE"),
    Setting("coalesce_ms", _number(float, 0, 1000), 20.0, "milliseconds of text sent together", "MS"),
    Setting("drain_s", _number(float, 0, 3600), 30.0, "seconds that admitted requests get on SIGTERM", "S"),
    Setting("allow_full_range", _switch, False, "serve a full-range int8 model on a CPU that saturates"),
    Setting("domain_workers", _number(int, 1, 64), 1, "processes that read documents and check questions"),
    Setting("log_level", _choice("debug", "info", "warning", "error"), "info", "debug, info, warning, error"),
)  # fmt: skip
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def read_config(argv: Sequence[str], environ: Mapping[str, str]) -> ServerConfig:
    """Gather the settings. Raises ConfigError, one line, for anything unknown or out of bounds."""
    flags = _flags(argv)
    variables = _variables(environ)
    path = flags.pop("config", None) or variables.pop("config", None)
    file = _file(Path(path[0])) if path else {}
    given = {**file, **variables, **flags}
    values: dict[str, Any] = {}
    for setting in SETTINGS:
        if setting.name not in given:
            if setting.default is REQUIRED:
                raise ConfigError(f"{setting.flag} is missing: {setting.help}")
            values[setting.name] = setting.default
            continue
        value, origin = given[setting.name]
        try:
            values[setting.name] = setting.parse(value)
        except ValueError as error:
            raise ConfigError(f"{origin}: {error}") from None
    config = ServerConfig(**values)
    if config.devices and config.device == "cpu":
        raise ConfigError("devices are GPUs; they cannot be chosen together with device cpu")
    return config


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def _flags(argv: Sequence[str]) -> dict[str, Given]:
    parser = _Parser(
        prog="askwell-server",
        description="Serve a converted model, and interview questions, over gRPC.",
        epilog="Each setting can also be given as ASKWELL_<NAME> or in the TOML file.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", metavar="FILE", help="a TOML file of settings, named as here with _ for -"
    )
    for setting in SETTINGS:
        default = setting.default
        told = setting.help if default in (REQUIRED, None, False) else f"{setting.help} (default: {default})"
        if setting.parse is _switch:
            parser.add_argument(setting.flag, action="store_const", const=True, help=told)
        else:
            parser.add_argument(setting.flag, metavar=setting.metavar or "VALUE", help=told)
    parsed, unknown = parser.parse_known_args(argv)
    if unknown:
        word = unknown[0].split("=")[0]
        raise ConfigError(_unknown(word, [*(s.flag for s in SETTINGS), "--config"], "on the command line"))
    return {
        name: (value, "--" + name.replace("_", "-"))
        for name, value in vars(parsed).items()
        if value is not None
    }


def _variables(environ: Mapping[str, str]) -> dict[str, Given]:
    """The client and other tools share the prefix, so only a near miss counts as unknown."""
    known = {s.variable: s.name for s in SETTINGS} | {ENVIRONMENT_PREFIX + "CONFIG": "config"}
    found = {}
    for variable, value in environ.items():
        if variable in known:
            found[known[variable]] = (value, variable)
        elif variable.startswith(ENVIRONMENT_PREFIX) and get_close_matches(variable, known, 1, 0.9):
            raise ConfigError(_unknown(variable, known, "in the environment"))
    return found


def _file(path: Path) -> dict[str, Given]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file at {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    for key in data:
        if key not in _BY_NAME:
            raise ConfigError(_unknown(key, _BY_NAME, f"in {path}"))
    return {key: (value, f"{key} in {path}") for key, value in data.items()}


def _unknown(name: str, known: Sequence[str] | Mapping[str, object], where: str) -> str:
    near = get_close_matches(name, known, 1, 0.5)
    return f"unknown setting {name!r} {where}" + (f"; did you mean {near[0]!r}?" if near else "")
