"""How a plan, its questions and their summary look on a screen."""

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from askwell_client.commands.screen import Screen, shown, words
from askwell_client.interview import Evidence, Question, Source, StreamPlan, Summary

_SOURCE_STYLES = {Source.MODEL: "bold green", Source.BANK: "bold yellow"}
_INDENT = 4  # columns


def write_plan(screen: Screen, opening: StreamPlan) -> None:
    """What will be probed, and why."""
    items = opening.plan.items
    screen.show(
        Text.assemble((f"Plan: {len(items)} questions", "bold"), (f", model {shown(opening.model)}", "dim"))
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, expand=True)
    table.add_column("id", no_wrap=True)
    table.add_column("probes", ratio=2)
    table.add_column("asks", no_wrap=True)
    table.add_column("because", ratio=3)
    for item in items:
        table.add_row(
            Text(shown(item.id)),
            Text(shown(item.competency)),
            Text(words(item.type)),
            Text.assemble((words(item.relation), "bold"), ": ", shown(item.reason)),
        )
    screen.show(table)


def write_question(screen: Screen, question: Question, reason: str, place: str, *, covers: bool) -> None:
    """One finished question: who wrote it, why it is asked, what it stands on, and what to ask next.

    ``place``: "2/8". ``covers``: tell what a good answer covers, for who practises.
    """
    what = [words(question.type), question.competency, question.id, f"{question.finished_s:.2f} s"]
    head = Text.assemble(
        (place.ljust(_INDENT), "bold"),
        (f" {question.source.value} ", f"{_SOURCE_STYLES.get(question.source, 'bold')} reverse"),
        (" " + shown(" · ".join(what)), "dim"),
    )
    screen.show(head)
    screen.show(Padding(Text(shown(question.text), style="bold"), (0, 0, 0, _INDENT)))
    grid = Table.grid(padding=(0, 2))
    if reason:
        grid.add_row(Text("why".ljust(6), style="dim"), Text(shown(reason)))
    for label, evidence in (("job", question.job_evidence), ("résumé", question.resume_evidence)):
        if evidence is not None:
            grid.add_row(Text(label.ljust(6), style="dim"), _quote(evidence))
    for covered in question.covers if covers else ():
        grid.add_row(Text("covers".ljust(6), style="dim"), Text(shown(covered)))
    for follow_up in question.follow_ups[:1]:
        heard = Text(f"({words(follow_up.trigger)}) ", style="dim")
        grid.add_row(Text("then".ljust(6), style="dim"), heard.append(shown(follow_up.text), style="not dim"))
    if grid.row_count:
        screen.show(Padding(grid, (0, 0, 0, _INDENT)))
    screen.show()


def write_summary(screen: Screen, summary: Summary) -> None:
    """How many questions of which source, how fast, and what was thrown away."""
    counts = [f"{summary.model_questions} MODEL", f"{summary.bank_questions} BANK"]
    if summary.given_questions:
        counts.append(f"{summary.given_questions} given")
    total_s = summary.plan_s + summary.write_s
    line = f"; first question after {summary.first_question_s:.2f} s, all after {total_s:.2f} s"
    planned = f"; about {summary.minutes} min to ask" if summary.minutes else ""
    screen.show(Text.assemble((", ".join(counts), "bold"), line, planned))
    if summary.refused:
        reasons = ", ".join(f"{words(check)} {count}" for check, count in sorted(summary.refused.items()))
        refused = sum(summary.refused.values())
        screen.show(Text(f"{refused} texts of the model were refused: {reasons}", style="dim"))


def _quote(evidence: Evidence) -> Text:
    return Text(f"“{' '.join(shown(evidence.quote).split())}”", style="italic")
