"""Train the head of the guard against unlawful questions, with the sentence encoder. Two minutes.

python examples/guard_head.py                   # writes interview/askwell_interview/data/guard/head.npz
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums in one order, and so the same bytes

from askwell_interview.guard_training import save, train
from askwell_server.domain.encoder import MiniLm
from encoder import make
from wheel import ROOT

HEAD = ROOT / "interview" / "askwell_interview" / "data" / "guard" / "head.npz"

if __name__ == "__main__":
    trained = train(MiniLm(make()))
    save(trained, HEAD)
    print(f"wrote {HEAD.relative_to(ROOT)}. Refused in cross-validation on the training lines:")
    for kind, share in trained.shares.items():
        print(f"  {kind:10} {share:6.1%}")
