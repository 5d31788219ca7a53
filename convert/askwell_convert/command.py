"""The command ``askwell-convert``.

askwell-convert EleutherAI/gpt-j-6b models/gpt-j-6b
askwell-convert SmolLM2-135M-Instruct.Q4_1.gguf models/smollm2 --target cuda
"""

import argparse
import re
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from .errors import ConvertError

QUANTIZATIONS = ("int8_float16", "int8_float32", "float16", "float32")
WEIGHT_RANGES = {"any": 63, "cuda": 127, "cpu-vnni": 127}
BAD_INPUT, INTERRUPTED = 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, 2 for a source or target that cannot be used, 130 when interrupted."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except ConvertError as error:
        _say(str(error))
    except OSError as error:
        _say(f"{error.filename or 'a file'}: {error.strerror or error}")
    except ModuleNotFoundError as error:
        _say(f"needs {error.name}: pip install 'askwell[convert]'")
    except MemoryError:
        _say(f"{options.source} needs more memory than this machine gives")
    except KeyboardInterrupt:
        _say("interrupted; nothing was left behind")
        return INTERRUPTED
    return BAD_INPUT


def _say(reason: str) -> None:
    """One line, whatever a file of someone else's had in the names that the reason quotes."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in reason)
    print(f"askwell-convert: {line}", file=sys.stderr)


def _run(options: argparse.Namespace) -> int:
    # ctranslate2, tokenizers and numpy are loaded here, so that --help answers at once.
    from .convert import Request, convert
    from .progress import progress_on_stderr
    from .specification import Precision

    quantized = options.quantization.startswith("int8")
    request = Request(
        source=options.source,
        output=options.output,
        precision=Precision(options.quantization, WEIGHT_RANGES[options.target] if quantized else 0),
        name=options.name,
        revision=options.revision,
        prompt_style=options.prompt_style,
        force=options.force,
    )
    with progress_on_stderr() as progress:
        report = convert(request, progress)
    manifest, conversion = report.manifest, report.manifest.conversion
    weight_range = f" (range {manifest.weight_range})" if manifest.weight_range else ""
    print(
        f"{options.output}: {manifest.name}, {manifest.quantization}{weight_range}, "
        f"{report.size_bytes / 1e6:,.0f} MB, {conversion.seconds:.1f} s, "
        f"peak memory {conversion.peak_rss_bytes / 1e6:,.0f} MB"
    )
    return 0


class _Parser(argparse.ArgumentParser):
    """Refuses in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="askwell-convert",
        description="Turn a checkpoint into a model folder that askwell-server serves.",
    )
    parser.add_argument(
        "source",
        help="a Hugging Face folder of a GPT-J model, a .gguf file of a Llama model, or a hub id (org/name)",
    )
    parser.add_argument("output", type=Path, help="the model folder to make")
    parser.add_argument(
        "--quantization", choices=QUANTIZATIONS, default=QUANTIZATIONS[0], help="default: %(default)s"
    )
    parser.add_argument(
        "--target",
        choices=tuple(WEIGHT_RANGES),
        default="any",
        help="where int8 weights will run: 'any' (the default) keeps them to 7 bits, which CPUs without VNNI "
        "need; the others use all 8",
    )
    parser.add_argument("--name", type=_name, help="the model's name (default: from the source)")
    parser.add_argument("--revision", help="the branch, tag or commit of a hub id")
    parser.add_argument(
        "--prompt-style", choices=("base", "chat"), help="default: chat when the source has a chat template"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a model folder, once the new one is whole"
    )
    return parser


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", text):
        raise argparse.ArgumentTypeError("letters, digits, '.', '_' and '-' make a name")
    return text


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
