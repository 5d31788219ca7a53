"""An encoder's folder, looked at without loading it: the front refuses a wrong one at once."""

from pathlib import Path

from askwell_manifest import Manifest, ManifestError, read_manifest


class EncoderRefused(ValueError):
    """An encoder that cannot be used. The message is one line for a person."""


def encoder_manifest(folder: Path) -> Manifest:
    """Raises EncoderRefused unless the folder is whole and holds an encoder."""
    try:
        manifest = read_manifest(folder)
    except ManifestError as error:
        raise EncoderRefused(str(error)) from None
    except OSError as error:
        raise EncoderRefused(f"cannot read the encoder's folder: {error.strerror}") from None
    if not manifest.encodes:
        raise EncoderRefused(
            f"{folder} holds a {manifest.architecture} model, which generates text; --encoder takes a "
            "sentence encoder, as python examples/encoder.py makes one"
        )
    return manifest
