"""The server's settings: flags before environment before TOML file before defaults, checked once.

    askwell-server --model models/gpt-j-6b --port 50051      # flag
    ASKWELL_MODEL=models/gpt-j-6b askwell-server              # environment: ASKWELL_ and the flag's name
    askwell-server --config askwell.toml                      # model = "models/gpt-j-6b", queue_limit = 1024

``SETTINGS`` is the whole list; ``ServerConfig`` has one field for each of its rows, and the prefixes that
only the TOML file can hold (see ``prefix``)::

    model = "models/gpt-j-6b"
    queue_limit = 1024

    [certificate]                               # certificate_ratio and certificate_top1
    ratio = 1.05
    top1 = 0.85

    [[prefix]]                                  # any number of them, after the settings
    name = "questions"
    file = "preambles/questions.txt"
"""

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeAlias

from askwell_manifest import Thresholds

from .prefix import prefixes_from_toml
from .setting import ENVIRONMENT_PREFIX, ConfigError, Setting, choice, indices, number, path, switch, text

__all__ = ["SETTINGS", "ConfigError", "ServerConfig", "read_config"]

Given: TypeAlias = tuple[Any, str]
"""A value as it was given, and where, for error messages."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Everything the operator chose. ``SETTINGS`` documents each field, ``prefix`` the last."""

    model: Path
    encoder: Path | None
    name: str | None
    host: str
    port: int
    device: Literal["auto", "cpu", "cuda"]
    devices: tuple[int, ...] | None
    compute_type: str
    intra_threads: int
    inter_threads: int
    queue_limit: int
    max_batch_rows: int
    max_batch_tokens: int
    max_batch_s: float
    max_request_s: float
    policy: Literal["full", "equal-length", "fifo"]
    prefix_budget_mb: int
    cost_model: Path | None
    coalesce_ms: float
    drain_s: float
    allow_full_range: bool
    require_certificate: bool
    certificate_ratio: float
    certificate_top1: float
    domain_workers: int
    metrics_port: int
    log_level: str
    prefixes: tuple[str, ...] = ()

    @property
    def engine_devices(self) -> tuple[str, ...]:
        """One engine process each: "auto", "cpu" or "cuda:N"."""
        if self.devices:
            return tuple(f"cuda:{index}" for index in self.devices)
        return ("cuda:0",) if self.device == "cuda" else (self.device,)


REQUIRED, DEFAULTS = object(), Thresholds()
COMPUTE_TYPES = ("auto", "default", "float32", "float16", "bfloat16", "int8", "int8_float32",
                 "int8_float16", "int8_bfloat16")  # fmt: skip

SETTINGS = (
    Setting("model", path, REQUIRED, "the model folder that askwell-convert wrote", "DIR"),
    Setting("encoder", path, None,
            "the folder of a sentence encoder, as python examples/encoder.py makes one", "DIR"),
    Setting("name", text, None, "the model's name in requests (default: the one in its manifest)"),
    Setting("host", text, "127.0.0.1", "address to listen on; 0.0.0.0 for every IPv4 interface"),
    Setting("port", number(int, 0, 65535), 50051, "port to listen on; 0 takes a free one and prints it"),
    Setting("device", choice("auto", "cpu", "cuda"), "auto", "auto, cpu or cuda"),
    Setting("devices", indices, None, "GPUs to use, one engine process each: 0,1", "N,N"),
    Setting("compute_type", choice(*COMPUTE_TYPES), "auto", "what the engine computes in"),
    Setting("intra_threads", number(int, 0, 1024), 0,
            "threads of one batch on a CPU; 0: tried when the model is loaded"),
    Setting("inter_threads", number(int, 0, 64), 0,
            "batches that run at the same time; 0: tried when the model is loaded"),
    Setting("queue_limit", number(int, 1, 1_000_000), 256,
            "rows that may wait; more are refused, as is everything beyond 1024 calls at once"),
    Setting("max_batch_rows", number(int, 1, 1024), 16, "rows that may run in one batch"),
    Setting("max_batch_tokens", number(int, 0, 10_000_000), 0,
            "prompt and new tokens of all rows of a batch; 0: what the memory holds"),
    Setting("max_batch_s", number(float, 0.01, 3600), 0.1,
            "seconds that a batch may keep others waiting before it may be cut; its rows go on in another",
            "S"),
    Setting("max_request_s", number(float, 0.1, 86_400), 600.0,
            "deadline of a request that names none; no request gets a later one", "S"),
    Setting("policy", choice("full", "equal-length", "fifo"), "full",
            "how batches are planned: full; equal-length or fifo to compare it with"),
    Setting("prefix_budget_mb", number(int, 0, 1_000_000), 256, "memory for registered prefixes", "MB"),
    Setting("cost_model", path, None,
            "what batches cost, as askwell-bench engine --save wrote it (default: measured at the start)",
            "FILE"),
    Setting("coalesce_ms", number(float, 0, 1000), 20.0, "milliseconds of text sent together", "MS"),
    Setting("drain_s", number(float, 0, 3600), 30.0, "seconds that admitted requests get on SIGTERM", "S"),
    Setting("allow_full_range", switch, False, "serve a full-range int8 model on a CPU that saturates"),
    Setting("require_certificate", switch, False,
            "refuse a model whose certificate is missing, does not pass or is of another kind of CPU"),
    Setting("certificate_ratio", number(float, 1, 1000), DEFAULTS.ratio,
            "largest perplexity ratio that passes"),
    Setting("certificate_top1", number(float, 0, 1), DEFAULTS.top1,
            "smallest share of equal likeliest tokens that passes"),
    Setting("domain_workers", number(int, 1, 64), 1, "processes that read documents and check questions"),
    Setting("metrics_port", number(int, 0, 65535), 0,
            "port of the Prometheus metrics, on the same host; 0: none"),
    Setting("log_level", choice("debug", "info", "warning", "error"), "info", "debug, info, warning, error"),
)  # fmt: skip
_BY_NAME = {setting.name: setting for setting in SETTINGS}


def read_config(argv: Sequence[str], environ: Mapping[str, str]) -> ServerConfig:
    """Gather the settings. Raises ConfigError, one line, for anything unknown or out of bounds."""
    flags = _flags(argv)
    variables = _variables(environ)
    source = flags.pop("config", None) or variables.pop("config", None)
    file, prefixes = _file(Path(source[0])) if source else ({}, ())
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
    config = ServerConfig(**values, prefixes=prefixes)
    if config.metrics_port and config.metrics_port == config.port:
        raise ConfigError(f"metrics_port must be another port than port, which is {config.port}")
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
        epilog="Each setting can also be given as ASKWELL_<NAME> or in the TOML file. That may also hold "
        "[[prefix]] tables, each with a name and a text or file: a beginning of prompts, computed once.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a TOML file of settings, named as here with _ for -",
    )
    for setting in SETTINGS:
        default = setting.default
        told = setting.help if default in (REQUIRED, None, False) else f"{setting.help} (default: {default})"
        if setting.parse is switch:
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


def _file(source: Path) -> tuple[dict[str, Given], tuple[str, ...]]:
    """The settings of a TOML file, and its prefixes."""
    try:
        data = tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no config file at {source}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {source}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from None
    prefixes = prefixes_from_toml(data.pop("prefix", []), source)
    _flatten(data, source)
    for key in data:
        if key not in _BY_NAME:
            raise ConfigError(_unknown(key, [*_BY_NAME, "prefix"], f"in {source}"))
    return {key: (value, f"{key} in {source}") for key, value in data.items()}, prefixes


def _flatten(data: dict[str, Any], source: Path) -> None:
    """``[certificate] ratio = …`` is another way to write ``certificate_ratio = …``."""
    table = data.pop("certificate", {})
    if not isinstance(table, dict):
        raise ConfigError(f"certificate in {source}: write it as a [certificate] table, with ratio and top1")
    data |= {f"certificate_{key}": value for key, value in table.items()}


def _unknown(name: str, known: Sequence[str] | Mapping[str, object], where: str) -> str:
    near = get_close_matches(name, known, 1, 0.5)
    return f"unknown setting {name!r} {where}" + (f"; did you mean {near[0]!r}?" if near else "")
