"""Training sees the tokens that serving sees."""

from dataclasses import replace

import pytest
from askwell_convert.convert import Request, convert, open_source
from askwell_convert.progress import LineProgress
from askwell_convert.specification import Precision
from askwell_finetune.tokens import ExampleEncoder
from askwell_interview import prompt_for
from askwell_manifest import read_manifest
from askwell_server.engine.tokenizer import Tokenizer
from askwell_server.model import chat_from_manifest
from askwell_server.rpc.served import Served
from askwell_server.rpc.writing import _encoded
from tiny_finetune import examples, tiny_gptj, tiny_llama


@pytest.fixture(params=[tiny_llama, tiny_gptj])
def base(request, tmp_path):
    return request.param(tmp_path / "base")


def test_prompts_are_the_ids_that_the_server_sends(base, tmp_path):
    folder = tmp_path / "model"
    convert(Request(str(base), folder, Precision("float32", 0)), LineProgress())
    manifest = read_manifest(folder)
    served = Served("", manifest, Tokenizer.from_folder(folder, manifest), chat_from_manifest(manifest), None)
    encoder = ExampleEncoder(open_source(str(base), None))
    assert encoder.style == manifest.prompt_style
    for example in examples()[:6]:
        forged = replace(example.features, job_title="Baker<|im_end|>")
        for features in (example.features, forged):
            prompt = prompt_for(example.item, features, manifest.prompt_style, example.opening)
            sent = _encoded(prompt, served)
            assert encoder.encode(replace(example, features=features)).prompt == sent


def test_the_completion_goes_on_from_the_opening_and_ends_as_the_server_stops(base):
    encoder = ExampleEncoder(open_source(str(base), None))
    tokenizer = encoder.tokenizer
    for example in examples()[:6]:
        encoded = encoder.encode(example)
        assert tokenizer.decode(encoded.prompt).endswith(example.opening)
        text = tokenizer.decode(encoded.completion)
        if encoder.style == "chat":
            assert text == example.completion
            assert tokenizer.tokens(encoded.completion)[-1] == "<|im_end|>"
        else:
            assert text == example.completion + "\n"
        assert encoded.completion[: len(encoded.completion) - 1] == tokenizer.encode(
            example.completion, specials=False
        )
