"""Invented agents, among them the names that break careless exports."""

import random
import unicodedata
from datetime import UTC, date, datetime, time, timedelta

from prograde.sandbox.market import Agent

AGENTS_MAX = 100_000

_FIRST_NAMES = (
    "Ada", "Amir", "Beatriz", "Caleb", "Chloe", "Darnell", "Elena", "Farah", "Gareth", "Hana", "Imani", "Jonas",
    "Keiko", "Luis", "Maren", "Nadia", "Oscar", "Priya", "Quentin", "Rosa", "Samuel", "Tamsin", "Uma", "Victor",
    "Wendy", "Xavier", "Yara", "Zeke",
)  # fmt: skip
_LAST_NAMES = (
    "Abbott", "Bauer", "Castillo", "Dawson", "Eriksen", "Fontaine", "Greene", "Hughes", "Ibrahim", "Jensen", "Kaur",
    "Lindqvist", "Marsh", "Nakamura", "Okafor", "Petrov", "Quinn", "Rossi", "Sato", "Tran", "Ueda", "Vance", "Walsh",
    "Xu", "Young", "Zhang",
)  # fmt: skip
_AWKWARD_NAMES = (
    ("Sean", "O'Brien"),
    ("Robert", "Hale, Jr."),
    ('William "Bill"', "Stone"),
    ("Zoë", "Müller-Łukasz"),
    ("Ivy", "=SUM(A1)"),
    ("=cmd|' /C calc'!A0", "Smith"),
    ("+Grace", "-Ng"),
    ("@Theo", "Park"),
    ("美咲", "山田"),
    ("José  María", "de la Cruz"),
    ("Prince", ""),
)
_OFFICES = ("Harbor Realty", "Cascade Homes, Inc.", "Smith & Daughters", "Evergreen Brokers", 'The "Key" Company')
_CITIES = ("Seattle", "Bellevue", "Kirkland", "Renton", "Kent", "Redmond", "Tacoma")
_LONG_AGO = date(2000, 1, 1)


def invent_agents(count: int, seed: int, as_of: date) -> tuple[Agent, ...]:
    """
    Invent agents, in the order of their keys; the same arguments give the same agents.

    Every third agent from the second on takes one of the awkward names until they are used up, the eighth is inactive.
    """
    if not 1 <= count <= AGENTS_MAX:
        raise ValueError(f"agents must be between 1 and {AGENTS_MAX:,}, not {count}")
    rng = random.Random(f"agents:{seed}")
    return tuple(_invent_agent(number, rng, as_of) for number in range(1, count + 1))


def _invent_agent(number: int, rng: random.Random, as_of: date) -> Agent:
    first, last = rng.choice(_FIRST_NAMES), rng.choice(_LAST_NAMES)
    turn, remainder = divmod(number - 2, 3)
    if remainder == 0 and turn < len(_AWKWARD_NAMES):
        first, last = _AWKWARD_NAMES[turn]
    subscriber = f"555-01{rng.randrange(100):02d}"
    return Agent(
        key=f"A{number:06d}",
        first_name=first,
        last_name=last,
        email=None if number % 29 == 0 else f"{_mailbox(first, last)}.{number}@example.com",
        phone=None if number % 31 == 0 else f"+1 206 {subscriber}" if number % 5 == 0 else f"206-{subscriber}",
        is_active=number % 40 != 8,  # noqa: PLR2004 - one in forty, the eighth first
        licence=f"WA{rng.randrange(10_000, 100_000)}",
        office=rng.choice(_OFFICES),
        city=rng.choice(_CITIES),
        state="WA",
        modified_at=noon_utc(max(_LONG_AGO, as_of - timedelta(days=rng.randrange(1, 400)))),
    )


def noon_utc(day: date) -> datetime:
    """The moment that stands for a day in a timestamp field."""
    return datetime.combine(day, time(12, 34, 56), tzinfo=UTC)


def _mailbox(first: str, last: str) -> str:
    plain = unicodedata.normalize("NFKD", f"{first}{last}").encode("ascii", "ignore").decode()
    return "".join(letter for letter in plain.lower() if letter.isalnum()) or "agent"
