"""How the cores are shared out: how many batches run at the same time, with how many threads each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Layout:
    """``lanes`` batches at the same time, ``threads`` threads each."""

    threads: int
    lanes: int


def layouts(cores: int, intra_threads: int, inter_threads: int) -> list[Layout]:
    """What is to be tried, fewest lanes first; 0 leaves a number open. Never empty."""
    if inter_threads:
        threads = [intra_threads] if intra_threads else [max(1, cores // inter_threads), 1]
        return [Layout(each, inter_threads) for each in dict.fromkeys(threads)]
    fits = cores // max(1, intra_threads)
    lanes = [1, *(2**power for power in range(1, fits.bit_length()) if 2**power < fits), fits]
    return [Layout(intra_threads or cores // each, each) for each in dict.fromkeys(lanes) if each > 0]


def layouts_on_gpu(intra_threads: int, inter_threads: int) -> list[Layout]:
    """As ``layouts``: a GPU idles while a lane's callback runs, unless there is a second lane."""
    return [Layout(intra_threads or 1, lanes) for lanes in ([inter_threads] if inter_threads else [1, 2])]
