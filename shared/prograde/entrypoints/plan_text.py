"""An estimate in words and figures, for the terminal and the page."""

from datetime import timedelta

from prograde.use_cases.plan import Plan

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)


def duration_text(duration: timedelta) -> str:
    """Write a duration by its two largest units."""
    if duration >= _DAY:
        return f"{duration // _DAY} d {duration % _DAY // _HOUR} h"
    if duration >= _HOUR:
        return f"{duration // _HOUR} h {duration % _HOUR // _MINUTE} min"
    if duration >= _MINUTE:
        return f"{duration // _MINUTE} min {duration % _MINUTE // timedelta(seconds=1)} s"
    return f"{duration.total_seconds():.0f} s"


def dollars(cents: int) -> str:
    """Write an amount of cents."""
    return f"${cents // 100:,}.{cents % 100:02}"


def plan_lines(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Name what a batch will take, a heading and a sentence each."""
    took = ""
    if plan.last is not None and plan.last.took is not None and plan.last.took >= timedelta(seconds=1):
        pace = plan.last.calls / plan.last.took.total_seconds()
        took = f"; the last batch made {pace:.1f} calls a second and took {duration_text(plan.last.took)}"
    return (
        ("Professionals", f"{plan.professionals:,}"),
        ("Calls", f"about {plan.calls:,} ({plan.basis})"),
        ("Time", f"at least {duration_text(plan.duration)} at the source's limits{took}"),
        ("Cost", f"nothing on this machine, about {dollars(plan.cloud_cents)} on Google Cloud, apart from the source"),
    )
