"""The README's table: what a visitor wants to know, each row from a file, none where there is no file."""

from collections.abc import Callable, Iterator, Mapping

from .fidelity import calibrated, weight_range
from .gptj import mb_span, size
from .machine import Surroundings, emulated
from .markdown import counted, listed, number, scaled, signed, span, whole
from .peer import Peer, compared, fastest, peers, workloads
from .promise_row import promise_rows
from .source import Result, Results, as_number, as_object, numbers, objects

BEGIN, END = "<!-- results: make report -->", "<!-- end of results -->"

Row = tuple[str, str]


def readme_with_table(readme: str, table: str) -> str:
    """Raises ValueError when the markers are not there, once each and in order."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in before + after:
        raise ValueError(
            f"the README needs the lines {BEGIN} and {END}, once each, around its table of results"
        )
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def readme_table(results: Results, usual: Surroundings, page: str) -> str:
    """``page`` is the link to the whole story. Empty results give a sentence instead of a table."""
    rows = list(_rows(results))
    if not rows:
        return (
            f"Not measured yet: `make bench-full`, then `make report`. [{page}]({page}) has the definitions."
        )
    where = f" on {usual.machine.briefly}" if usual.machine else ""
    versions = dict(usual.versions)
    engine = f", ctranslate2 {versions['ctranslate2']}" if "ctranslate2" in versions else ""
    on_gpu = any(each.name.endswith("-cuda") and not each.failed for each in results.all)
    graphics = "" if on_gpu else ", no GPU"
    link = f"All figures, how they were taken and where we lose: [{page}]({page})."
    lead = f"Measured{where}{engine}{graphics}.\n{link}"
    lines = [f"| {what} | {figure} |" for what, figure in rows]
    return "\n".join([lead, "", "| | |", "|---|---|", *lines])


def _rows(results: Results) -> Iterator[Row]:
    makers = {"peers": _peers, "load-questions-closed": _questions, "overhead": _overhead}
    yield from _each(results, makers)
    if results.one("overhead") is None:
        yield from _marked(_first_token(results.like("first-token")), results.like("first-token"))
    for result, row in promise_rows(results):
        yield from _marked(iter([row]), [result])
    stages = {"gptj-convert-cpu": _convert, "gptj-decode-cpu": _decode, "gptj-serve-cpu": _serve}
    yield from _each(results, stages)
    yield from _fidelity([each for each in results.like("fidelity") if emulated(each)])
    if prefix := next((each for each in results.like("prefix-split") if emulated(each)), None):
        yield (
            "Shared prefix against whole prompt at int8, same emulation",
            f"mean KL {number(prefix.number('mean_kl'), 2)}",
        )


def _each(results: Results, makers: Mapping[str, Callable[[Result], Iterator[Row]]]) -> Iterator[Row]:
    """By the name of the file."""
    for name, rows in makers.items():
        if (result := results.one(name)) and not result.failed:
            yield from _marked(rows(result), [result])


def _marked(rows: Iterator[Row], files: list[Result]) -> Iterator[Row]:
    """A partial result says so wherever it is quoted."""
    partial = " (partial run)" if any(each.partial for each in files) else ""
    for what, figure in rows:
        yield what + partial, figure


def _peers(result: Result) -> Iterator[Row]:
    """Of each peer the variant that is fastest at it."""
    entries = peers(result)
    ours = next((each.perplexity for each in entries if each.ours), None)
    beside = f" (and perplexity; ours is {number(ours)})" if ours is not None else ""
    lead = f"The time of each peer's fastest way ÷ Askwell's{beside}, "
    for workload in workloads(result):
        told = [
            f"{each.name} {_ratio(ratio)}{_perplexity(each)}" for each, ratio in fastest(entries, workload)
        ]
        if told:
            yield f"{lead}{compared(result, workload)}", ", ".join(told)
            lead = "The same, "


def _ratio(ratio: float) -> str:
    """A loss stands out."""
    return f"**{number(ratio)}**" if ratio < 1 else number(ratio)


def _perplexity(peer: Peer) -> str:
    return "" if peer.perplexity is None else f" ({number(peer.perplexity)})"


def _questions(result: Result) -> Iterator[Row]:
    level = next((each for each in result.rows("levels") if each.get("value") == 1), None)
    if level is None or level.get("invalid"):
        return
    first, end = as_object(level.get("first_s")), as_object(level.get("end_to_end_s"))
    high = "p99" if first.get("p99") is not None else "p90"
    told = [
        f"{what} after " + ", ".join(f"{number(as_number(times.get(p)), 2)} s ({p})" for p in ("p50", high))
        for what, times in (("first", first), ("all", end))
    ]
    yield f"8 questions for one candidate, {whole(as_number(level.get('requests')))} runs", "; ".join(told)


def _overhead(result: Result) -> Iterator[Row]:
    told = [
        f"{number(value)} {way}"
        for key, way in (("throughput_ratio", "in one call"), ("streamed_ratio", "in streams"))
        if (value := result.number(key)) is not None
    ]
    if told:
        lanes = result.get("lanes")
        both = f", {counted(lanes, 'lane')} on both sides" if lanes else ""
        yield f"Throughput at saturation ÷ ctranslate2 called directly{both}", ", ".join(told)
    yield from _first_token([result])


def _first_token(found: list[Result]) -> Iterator[Row]:
    told = [
        f"{signed(added)} ms with {counted(threads, 'thread')}"
        for each in found
        if (added := each.number("added_first_token_ms")) is not None and (threads := each.get("threads"))
    ]
    if told:
        yield "Time to the first token, against calling ctranslate2 directly", listed(told)


def _convert(result: Result) -> Iterator[Row]:
    seconds, peaks = numbers(result.get("ours", "seconds")), numbers(result.get("ours", "peak_mb"))
    size_gb = number(scaled(result.number("checkpoint_bytes"), 1e-9))
    told = f"{span(seconds)} s ({counted(len(seconds), 'run')}), {mb_span(peaks)} of memory"
    time, memory = result.number("time_ratio"), result.number("memory_ratio")
    if time is not None and memory is not None:
        shares = f"{number(time, 2)} of the time and {number(memory, 2)} of the memory"
        told += f": {shares} of ctranslate2's converter"
    yield f"GPT-J ({size(result)}, {size_gb} GB float16, random weights) to int8", told


def _decode(result: Result) -> Iterator[Row]:
    """With the threads that decode one row soonest."""
    runs = [run for run in result.rows("runs") if objects(run.get("step"))]
    if not runs:
        return
    run = min(runs, key=lambda each: as_number(objects(each.get("step"))[0].get("ms")) or float("inf"))
    steps = {step.get("rows"): as_number(step.get("ms")) for step in objects(run.get("step"))}
    told = [
        f"{number(scaled(steps[rows], 1e-3), 2)} s for {counted(rows, 'row')}"
        for rows in (1, 8)
        if steps.get(rows) is not None
    ]
    memory = number(scaled(as_number(run.get("rss_mb")), 1e-3), 2)
    peak = number(scaled(as_number(run.get("peak_mb")), 1e-3), 2)
    memories = f"{memory} GB of memory, {peak} GB at its peak"
    yield f"GPT-J ({size(result)}) in int8: one decoding step", f"{', '.join(told)}; {memories}"


def _serve(result: Result) -> Iterator[Row]:
    asked = result.object("set")
    rows, prompt, new = (whole(as_number(asked.get(key))) for key in ("rows", "prompt_tokens", "new_tokens"))
    if asked:
        seconds, rate = (number(as_number(asked.get(key))) for key in ("seconds", "tokens_per_s"))
        what = f"{rows} samples of {new} tokens to a prompt of {prompt}"
        yield f"GPT-J ({size(result)}) in int8, served: {what}", f"{seconds} s, {rate} tokens/s"


def _made(result: Result) -> str:
    at = "at our weight range" if weight_range(result) == 63 else "at full range"
    return f"{at}, calibrated" if calibrated(result) else at


def _fidelity(found: list[Result]) -> Iterator[Row]:
    told = [
        f"× {number(ratio, 4)} {_made(each)}"
        for each in found
        if (ratio := each.number("perplexity_ratio")) is not None and weight_range(each)
        if calibrated(each) in (None, "yes")
    ]
    if told:
        yield "Perplexity of int8 against float32 on a CPU without VNNI (emulated)", ", ".join(told)
