"""Examples composed of authored roles: job × résumé × item × opening × ending, all let through the gates."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from askwell_interview import Encoder, Guard, Slot
from askwell_interview.bank import SLOT, profession_bank
from askwell_interview.candidate import Candidate
from askwell_interview.checks import refusal, verdict_on
from askwell_interview.parse import question_from_text
from askwell_interview.profession import profession_of

from .example import BANK, Example, Split, lean
from .form import Form, form_of
from .occasion import Occasion, occasions
from .role import Ending, Role
from .shown import Shown, shown_by

# A bank question is one template: with three competencies it has said what it has to say.
BANK_USES = 3
# Occasions of one kind that an ending is tried on: what is refused on several is refused on all.
MAX_ATTEMPTS = 6


@dataclass
class Build:
    """What is made of the roles of one run. ``dropped``: what was left out, by the reason."""

    guard: Guard
    encoder: Encoder | None
    seed: int
    uses: int
    licence: str
    dropped: Counter[str] = field(default_factory=Counter)
    bank_uses: Counter[str] = field(default_factory=Counter)

    def examples(self, role: Role, split: Split) -> Iterator[Example]:
        """The role's examples: each ending up to ``uses`` times, on different occasions; then the bank's."""
        found = list(_once(each for resume in role.resumes for each in occasions(role.job, resume)))
        by_form: dict[tuple[str, Form], list[tuple[Occasion, Shown]]] = defaultdict(list)
        for occasion in found:
            shown = shown_by(occasion.features, occasion.item, occasion.opening)
            by_form[occasion.item.competency, form_of(occasion.opening)].append((occasion, shown))
        for number, ending in enumerate(role.endings, 1):
            random = Random(f"{self.seed} {role.name} {ending.text}")
            told = self._told(by_form[ending.competency, ending.form], ending, random)
            for use, (occasion, question) in enumerate(told):
                yield self._example(
                    f"{role.name}-{number}-{use}", role, split, "authored", occasion, question
                )
        yield from self._from_bank(role, split, found)

    def _told(
        self, chances: Sequence[tuple[Occasion, Shown]], ending: Ending, random: Random
    ) -> Iterator[tuple[Occasion, str]]:
        """Occasions on which the ending passes every gate, of different kinds as far as there are such.

        Those come first of whose prompt it takes up most: endings put anywhere teach the model that a
        question need not heed what its prompt says.
        """
        if not chances:
            self.dropped["no occasion"] += 1
            return
        groups: dict[tuple[str, ...], list[tuple[int, float, Occasion]]] = defaultdict(list)
        for occasion, shown in chances:
            kind = occasion.item.slot.name, occasion.item.relation.name
            groups[kind].append((-shown.taken_up(ending.text), random.random(), occasion))
        used = 0
        reason = "form"
        for group in sorted(map(sorted, groups.values())):
            for _, _, occasion in group[:MAX_ATTEMPTS]:
                question = question_from_text(occasion.opening, f" {ending.text}.")
                reason = self._refusal(occasion, question) or ""
                if question and not reason:
                    yield occasion, question
                    used += 1
                    break
            if used == self.uses:
                return
        if not used:
            self.dropped[reason] += 1

    def _refusal(self, chance: Occasion, question: str | None) -> str | None:
        if question is None:
            return "form"
        return refusal(
            Candidate(
                question, chance.opening, chance.item, chance.ground, (), self.guard, encoder=self.encoder
            )
        )

    def _from_bank(self, role: Role, split: Split, chances: Sequence[Occasion]) -> Iterator[Example]:
        """Questions of the profession's bank with a competency of the job: whole, with no opening before."""
        profession = profession_of(chances[0].features.job_title, ()) if chances else ""
        for number, entry in enumerate(profession_bank(profession)):
            fits = [
                chance
                for chance in chances
                if SLOT in entry.text
                and chance.item.slot is Slot.PROBE
                and chance.item.type is entry.type
                and chance.item.relation in entry.relations
                and chance.item.kind in entry.kinds
            ]
            if not fits or self.bank_uses[entry.text] >= BANK_USES:
                continue
            chance = replace(Random(f"{self.seed} {role.name} {entry.text}").choice(fits), opening="")
            text = entry.text.replace(SLOT, chance.item.competency)
            question = text[:1].upper() + text[1:]
            verdict = verdict_on(question, chance.item.competency, chance.ground.job_skills, self.guard)
            if not verdict.allowed:
                self.dropped[f"unlawful: {verdict.category}"] += 1
                continue
            self.bank_uses[entry.text] += 1
            yield self._example(f"{role.name}-bank-{number}", role, split, BANK, chance, question)

    def _example(
        self, id_: str, role: Role, split: Split, source: str, occasion: Occasion, question: str
    ) -> Example:
        return Example(
            id=id_,
            role=role.name,
            split=split,
            source=source,
            licence=self.licence,
            features=lean(occasion.features),
            item=occasion.item,
            opening=occasion.opening,
            question=question,
        )


def _once(found: Iterable[Occasion]) -> Iterator[Occasion]:
    """Core questions come with each résumé again: once is enough."""
    seen: set[tuple[str, str]] = set()
    for occasion in found:
        if occasion.item.slot is Slot.CORE:
            key = occasion.item.competency, occasion.opening
            if key in seen:
                continue
            seen.add(key)
        yield occasion
