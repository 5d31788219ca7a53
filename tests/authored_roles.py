"""Three small roles, written where a test wants them."""

from pathlib import Path

_JOB = """# {title}

{place} looks for a {title}.

## Your tasks
- Plan the weekly rota for the {place} team
- Check deliveries from {supplier} against the orders
- Keep the stock list of the {place} up to date

## What you bring
- 2 years of experience with stock control
- Excel for orders and prices
- Supplier negotiation
"""
_RESUME = """{name}
{name_mail}@example.org

## Experience
{title}, Harbour {place}, March 2019 - present
- Cut waste from {supplier} orders by a third through stock control
- Built an Excel list of prices that two shops use

## Skills
Excel, stock control
"""
_ENDINGS = """# competency, form, ending
stock control\twhen\ta delivery from {supplier} is short on the busiest day
stock control\tbecause\tthe {place} list and the orders did not agree
Excel\tto\tcompare prices of {supplier} deliveries before an order
Excel\tto\tshow two shops which {place} orders were late
supplier negotiation\twhen\t{supplier} raises prices before the weekly order
stock control\twhen\tflibbertigibbets murmur inscrutably
"""
ROLES = (
    ("baker", "Baker", "bakery", "flour mills", "Ana Novak"),
    ("florist", "Florist", "flower shop", "flower growers", "Ben Okafor"),
    ("butcher", "Butcher", "butcher's counter", "cattle farms", "Cleo Laurent"),
    ("grocer", "Grocer", "grocery", "fruit markets", "Dan Weiss"),
)


def write_roles(folder: Path) -> Path:
    for slug, title, place, supplier, name in ROLES:
        told = {
            "title": title,
            "place": place,
            "supplier": supplier,
            "name": name,
            "name_mail": name.split()[0].lower(),
        }
        role = folder / slug
        role.mkdir(parents=True)
        (role / "job.md").write_text(_JOB.format(**told), encoding="utf-8")
        (role / "resume-1.md").write_text(_RESUME.format(**told), encoding="utf-8")
        (role / "questions.tsv").write_text(_ENDINGS.format(**told), encoding="utf-8")
    return folder
