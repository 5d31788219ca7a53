"""The ``askwell-server`` command: reads the settings and the model folder, then serves."""

import asyncio
import logging
import os
import sys
from collections.abc import Mapping, Sequence

from askwell_manifest import ManifestError, read_manifest

from .config import ConfigError, ServerConfig, read_config


def main() -> None:
    sys.exit(run(sys.argv[1:], os.environ))


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until a signal. 0 after a drain, 2 when the settings, the model or the address are no good."""
    try:
        config = read_config(argv, environ)
        # Imported only now, so that a wrong flag is answered at once.
        from .engine.folder import ModelRefused
        from .lifecycle import StartError

        logging.basicConfig(
            level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        try:
            asyncio.run(_serve(config))
        except (ManifestError, ModelRefused, StartError) as error:
            return _refused(error)
    except ConfigError as error:
        return _refused(error)
    except ModuleNotFoundError as error:
        print(f"askwell-server: needs {error.name}: pip install 'askwell[server]'", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # before the signal handlers stand
        return 130
    return 0


def _refused(error: Exception) -> int:
    print(f"askwell-server: {error}", file=sys.stderr)
    return 2


async def _serve(config: ServerConfig) -> None:
    """Wire the parts and run them."""
    from .engine.config import EngineConfig
    from .engine.cost import DEFAULT_COST, read_cost_model
    from .engine.live import LiveEngine
    from .engine.tokenizer import Tokenizer
    from .lifecycle import Lifecycle, StartError
    from .rpc.chat import ChatTemplate
    from .rpc.served import Served

    try:
        manifest = read_manifest(config.model)
    except OSError as error:
        raise StartError(f"cannot read the model folder: {error.strerror}") from None
    try:
        cost_model = read_cost_model(config.cost_model) if config.cost_model else DEFAULT_COST
    except ValueError as error:
        raise StartError(str(error)) from None
    engine = LiveEngine(
        EngineConfig(
            model_dir=config.model,
            devices=config.engine_devices,
            compute_type=config.compute_type,
            intra_threads=config.intra_threads,
            queue_limit=config.queue_limit,
            max_batch_rows=config.max_batch_rows,
            coalesce_s=config.coalesce_ms / 1000,
            full_range_ok=config.allow_full_range,
            cost_model=cost_model,
        )
    )
    chat = None
    if manifest.prompt_style == "chat":
        if not manifest.chat_template:
            raise StartError("the manifest says chat and has no chat_template; convert the model again")
        try:
            end_token = next(iter(manifest.end_tokens), None)  # without one the tokenizer is refused below
            chat = ChatTemplate(manifest.chat_template, bos_token=manifest.bos_token, eos_token=end_token)
        except ValueError as error:
            raise StartError(f"{error}; convert the model again") from None
    served = Served(
        name=config.name or manifest.name,
        manifest=manifest,
        tokenizer=Tokenizer.from_folder(config.model, manifest),
        chat=chat,
        engine=engine,
    )
    await Lifecycle(config, served, engine, lambda line: print(line, flush=True)).run()
