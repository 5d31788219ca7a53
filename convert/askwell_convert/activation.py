"""The activations that ctranslate2 knows, by Hugging Face's names for them."""

from ctranslate2.specs.common_spec import Activation

from .errors import ConvertError
from .settings import Settings

ACTIVATIONS = {
    "gelu": Activation.GELU,
    "gelu_fast": Activation.GELUTanh,
    "gelu_new": Activation.GELUTanh,
    "gelu_python": Activation.GELU,
    "gelu_pytorch_tanh": Activation.GELUTanh,
    "quick_gelu": Activation.GELUSigmoid,
    "relu": Activation.RELU,
    "silu": Activation.SWISH,
    "swish": Activation.SWISH,
}


def activation(config: Settings, key: str, default: str) -> Activation:
    """Raises ConvertError for an activation that is not known here."""
    name = config.values.get(key, default)
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ConvertError(f"{config.where} says {key}={name!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
