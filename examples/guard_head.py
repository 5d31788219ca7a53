"""Train the head of the guard against unlawful questions, with the sentence encoder. Some minutes.

Besides the guard's own sentences it learns a sixth of the fine-tuning data's questions, all lawful; another
sixth is refused or let pass afterwards, to see how often a lawful question of many trades is refused.

python examples/guard_head.py                   # writes interview/askwell_interview/data/guard/head.npz
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # sums in one order, and so the same bytes

from zlib import crc32

from askwell_interview.guard import Guard
from askwell_interview.guard_sentence import Sentence
from askwell_interview.guard_training import save, train
from askwell_server.domain.encoder import MiniLm
from encoder import make
from wheel import ROOT

HEAD = ROOT / "interview" / "askwell_interview" / "data" / "guard" / "head.npz"
ROLES = ROOT / "finetune" / "data" / "roles"
SHARES = 6
# By the form of an ending: how questions are opened, and for half of those learnt how people open them.
OPENINGS = {
    "to": ("Tell me about a time you used the work to", "How would you use the work in this role to"),
    "when": ("What do you look at first in the work when", "How would you go about the work when"),
    "that": ("When you use the work, how do you make sure that", "In the work, how do you make sure that"),
    "because": ("Tell me about a time when you found the work hard because",),
    "if": ("How would you handle the work if there was", "How would you go about the work if there was"),
    "past": ("Can you describe a piece of work in which you", "Can you recall a piece of work in which you"),
}
WIDE = {
    "to": ("Have you ever had to", "Can you", "When did you last", "Is it your job to", "Who taught you to"),
    "when": ("What do you do when", "Were you ever there when", "Who do you call when"),
    "that": ("Who makes sure that", "Is it your job to see that", "Do you check yourself that"),
    "because": ("Was your week hard because", "Did you ever stay late because"),
    "if": ("What would you do if there was", "Would you stop if there was"),
    "past": ("Are you the one who", "Was it you who", "Did it help that you"),
}


def endings(share: int, *, wide: bool) -> list[Sentence]:
    """One of SHARES of the questions, by their hash: data that are added move none."""
    found = []
    for file in sorted(ROLES.glob("*/questions.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            _, form, ending = line.split("\t")
            number = crc32(ending.encode())
            if number % SHARES == share:
                turn = number // SHARES
                openings = (WIDE if wide and turn % 2 else OPENINGS)[form]
                opening = openings[turn // 2 % len(openings)]
                found.append(Sentence("", "ending", f"{opening} {ending}?"))
    return found


if __name__ == "__main__":
    encoder = MiniLm(make())
    trained = train(encoder, endings(0, wide=True))
    save(trained, HEAD)
    print(f"wrote {HEAD.relative_to(ROOT)}. Refused in cross-validation on the training sentences:")
    for kind, share in trained.shares.items():
        print(f"  {kind:10} {share:6.1%}")
    print(f"named right: {trained.named:.1%} of the unlawful ones")
    guard, others = Guard(encoder), endings(1, wide=False)
    refused = sum(not guard.check(each.text).allowed for each in others)
    print(f"refused of {len(others):,} other questions of the fine-tuning data: {refused / len(others):.2%}")
