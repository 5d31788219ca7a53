"""The ``askwell-server`` command: reads the settings and the model folder, then serves."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from askwell_manifest import ManifestError

from .config import ConfigError, ServerConfig, read_config


def main() -> None:
    sys.exit(run(sys.argv[1:], os.environ))


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Serve until a signal. 0 after a drain, 2 when the settings, the model or the address are no good."""
    try:
        config = read_config(argv, environ)
        # Imported only now, so that a wrong flag is answered at once.
        from .domain.encoder_folder import EncoderRefused
        from .engine.folder import ModelRefused
        from .model import StartError

        logging.basicConfig(
            level=config.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
        try:
            asyncio.run(_serve(config, lambda: read_config(argv, environ)))
        except (ManifestError, ModelRefused, EncoderRefused, StartError) as error:
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


async def _serve(config: ServerConfig, reread: Callable[[], ServerConfig]) -> None:
    """Wire the parts and run them. ``reread`` gathers the settings again, as they are by then."""
    from .domain.encoder_folder import encoder_manifest
    from .lifecycle import Lifecycle
    from .metrics import Metrics
    from .model import open_model

    if config.encoder:
        encoder_manifest(config.encoder)
    metrics = Metrics()
    model = open_model(config, metrics.row_ended)
    await Lifecycle(
        config,
        model,
        lambda: open_model(reread(), metrics.row_ended),
        lambda: reread().encoder,
        metrics,
        lambda line: print(line, flush=True),
    ).run()
