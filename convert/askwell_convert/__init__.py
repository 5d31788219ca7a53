"""Checkpoint in, model folder out: streaming, without torch.

A conversion is a *source* (``folder``, ``gguf_source``, ``hub``), a *plan* that says which rows of which
tensors make up each variable of the model (``gptj``, ``llama``), and lazy variables (``variable``) that read,
quantize and hand over those rows only when ctranslate2's own specification writes them.
"""
