"""Turn a checkpoint into a model folder that askwell-server serves."""

import argparse
import re
from pathlib import Path

from ..calibration.steps import STEPS
from ..errors import ConvertError

NAME = "convert"
QUANTIZATIONS = ("int8_float16", "int8_float32", "int8_bfloat16", "float16", "bfloat16", "float32")
WEIGHT_RANGES = {"any": 63, "cuda": 127, "cpu-vnni": 127}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source",
        help="a Hugging Face folder, a .gguf file of a Llama model, or a hub id (org/name)",
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
        "--adapter", type=Path, metavar="DIR", help="a PEFT LoRA adapter to merge into the weights"
    )
    parser.add_argument(
        "--calibrate",
        type=Path,
        nargs="*",
        metavar="TEXT",
        help="fit int8 to what the model computes on these text files, or on a built-in text about jobs and "
        "interviews; for models of GPT-J's and Llama's form",
    )
    parser.add_argument(
        "--calibration-tokens",
        type=_tokens,
        metavar="N",
        help="at most so many tokens of the text (default: 4096; 1024 for a billion weights and more)",
    )
    parser.add_argument(
        "--without",
        choices=STEPS,
        action="append",
        default=[],
        help="leave out a step of the calibration; may be given several times",
    )
    parser.add_argument(
        "--report", type=Path, metavar="FILE", help="show what quantizing did, and draw it as FILE (SVG)"
    )
    parser.add_argument(
        "--prompt-style", choices=("base", "chat"), help="default: chat when the source has a chat template"
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a model folder, once the new one is whole"
    )


def run(arguments: argparse.Namespace) -> int:
    # ctranslate2, tokenizers and numpy are loaded here, so that --help answers at once.
    from ..calibration.calibrate import Calibration
    from ..convert import Request, convert
    from ..progress import progress_on_stderr
    from ..specification import Precision

    quantized = arguments.quantization.startswith("int8")
    if arguments.calibrate is None and (arguments.calibration_tokens or arguments.without):
        raise ConvertError("--calibration-tokens and --without go with --calibrate")
    calibration = None
    if arguments.calibrate is not None:
        steps = frozenset(STEPS) - frozenset(arguments.without)
        calibration = Calibration(tuple(arguments.calibrate), arguments.calibration_tokens, steps)
    request = Request(
        source=arguments.source,
        output=arguments.output,
        precision=Precision(arguments.quantization, WEIGHT_RANGES[arguments.target] if quantized else 0),
        name=arguments.name,
        revision=arguments.revision,
        prompt_style=arguments.prompt_style,
        force=arguments.force,
        adapter=arguments.adapter,
        report=arguments.report,
        calibrate=calibration,
    )
    with progress_on_stderr() as progress:
        report = convert(request, progress)
    manifest, conversion = report.manifest, report.manifest.conversion
    weight_range = f" (range {manifest.weight_range})" if manifest.weight_range else ""
    if report.table is not None:
        print(report.table)
    if (fitted := manifest.calibration) is not None:
        print(
            f"calibrated on {fitted['tokens']:,} tokens with {', '.join(fitted['steps']) or 'no step'}: a "
            f"matrix's outputs are off by {fitted['error']:.2%}, with plain rounding by "
            f"{fitted['plain_error']:.2%}"
        )
    print(
        f"{arguments.output}: {manifest.name}, {manifest.quantization}{weight_range}, "
        f"{report.size_bytes / 1e6:,.0f} MB, {conversion.seconds:.1f} s, "
        f"peak memory {conversion.peak_rss_bytes / 1e6:,.0f} MB"
    )
    return 0


def _tokens(text: str) -> int:
    if not re.fullmatch("[0-9]{1,7}", text) or int(text) < 256:
        raise argparse.ArgumentTypeError("a whole number from 256 on is needed")
    return int(text)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", text):
        raise argparse.ArgumentTypeError("letters, digits, '.', '_' and '-' make a name")
    return text
