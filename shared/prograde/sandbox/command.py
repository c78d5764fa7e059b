"""The command `prograde sandbox`."""

import gc
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import click

from prograde.sandbox.dealing import deal_sales
from prograde.sandbox.errors import SalesFileError
from prograde.sandbox.fault_profiles import FAULT_SOURCES, FaultSource, Outage, fault_sources
from prograde.sandbox.latency import Latency
from prograde.sandbox.market import Market
from prograde.sandbox.option_types import Parsed, parse_day
from prograde.sandbox.people import AGENTS_MAX
from prograde.sandbox.publishing import write_dealt, write_roster, write_text
from prograde.sandbox.query_options import PAGE_SIZE_MAX
from prograde.sandbox.rate_limit import RateLimit
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import DEFAULT_PAGE_SIZE, DEFAULT_SEED, DEFAULT_TOKEN, SandboxServer
from prograde.sandbox.truth import reckon, truth_json

_STOP_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
_FILE = click.Path(dir_okay=False, path_type=Path)
_DAY = Parsed(parse_day, "date")
_RATE = Parsed(RateLimit.parse, "N[/SECONDS]")
_LATENCY = Parsed(Latency.parse, "MS[..MS]")
_OUTAGE = Parsed(Outage.parse, "START..END")


def _find_faults(context: click.Context, _: click.Parameter, names: tuple[str, ...]) -> tuple[FaultSource, ...]:
    if "list" in names:
        width = max(map(len, FAULT_SOURCES))
        for source in FAULT_SOURCES.values():
            click.echo(f"{source.name:{width}}  {source.sentence}")
        context.exit()
    try:
        return fault_sources(*names)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--agents", type=click.IntRange(1, AGENTS_MAX), default=100, show_default=True)
@click.option("--seed", type=int, default=DEFAULT_SEED, show_default=True, help="Same seed, same market and faults.")
@click.option("--as-of", type=_DAY, help="The market's date.  [default: today, or the last sale's date]")
@click.option("--sales", type=_FILE, help="Deal the real sales of this CSV file to the agents.")
@click.option("--dealt", type=_FILE, help="Write who was dealt which sale to this CSV file.")
@click.option("--truth", type=_FILE, help="Write each agent's true figures to this JSON file.")
@click.option("--roster", type=_FILE, help="Write a roster of all agents to this CSV file.")
@click.option("--page-size", type=click.IntRange(1, PAGE_SIZE_MAX), default=DEFAULT_PAGE_SIZE, show_default=True)
@click.option("--token", default=DEFAULT_TOKEN, show_default=True, help="The bearer token that clients must send.")
@click.option("--rate", "rates", type=_RATE, multiple=True, help="Answer 429 to more calls than this. Repeatable.")
@click.option("--latency-ms", "latency", type=_LATENCY, help="Wait this long before each answer.")
@click.option(
    "--faults",
    metavar="PROFILE",
    multiple=True,
    is_eager=True,  # so that the list is printed whatever else is on the line
    callback=_find_faults,
    help="Spoil answers by these profiles, separated by commas. Repeatable. --faults list tells what there is.",
)
@click.option("--outage", type=_OUTAGE, help="Fail every call in these seconds after the first.")
def sandbox(  # noqa: PLR0913 - one parameter an option
    *,
    port: int,
    agents: int,
    seed: int,
    as_of: date | None,
    sales: Path | None,
    dealt: Path | None,
    truth: Path | None,
    roster: Path | None,
    page_size: int,
    token: str,
    rates: tuple[RateLimit, ...],
    latency: Latency | None,
    faults: tuple[FaultSource, ...],
    outage: Outage | None,
) -> None:
    """
    Serve a practice listing API on this machine.

    Until it is interrupted, as by Ctrl-C.
    """
    if dealt and not sales:
        raise click.BadParameter("only real sales are dealt: give --sales, too", param_hint="--dealt")
    if not (token.isascii() and token.isprintable() and token.strip() == token != ""):
        raise click.BadParameter("must be printable ASCII without spaces at its ends", param_hint="--token")
    market = _build_market(sales, agents, seed, as_of)
    if outage:
        faults = (*(source for source in faults if not isinstance(source, Outage)), outage)
    with _explained(port):
        server = SandboxServer(market, token, port, page_size, rates=rates, latency=latency, faults=faults, seed=seed)
    # Blocked before any thread starts, so that every thread inherits it and the signal waits for sigwait.
    with _blocked(_STOP_SIGNALS), server:
        _write_files(market, dealt, truth, roster)
        # A collection that looks through the whole market keeps calls waiting for 20 ms, and so makes them too many.
        gc.freeze()
        click.echo(f"{server.reso_url} serves {_described(market)}")
        signal.sigwait(_STOP_SIGNALS)


def _build_market(sales: Path | None, agents: int, seed: int, as_of: date | None) -> Market:
    if sales is None:
        return seeded_market(agents, seed, as_of or datetime.now(UTC).date())
    try:
        return deal_sales(sales, agents, seed, as_of)
    except SalesFileError as error:
        raise click.BadParameter(str(error), param_hint="--sales") from error


@contextmanager
def _blocked(signals: frozenset[signal.Signals]) -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _explained(port: int) -> Iterator[None]:
    """A port that is not to be had is a mistake in the command."""
    try:
        yield
    except OSError as error:
        message = f"cannot listen at port {port} ({error.strerror}): choose another, or 0 for any free one"
        raise click.BadParameter(message, param_hint="--port") from error


def _write_files(market: Market, dealt: Path | None, truth: Path | None, roster: Path | None) -> None:
    """Written before the line that says that the server is ready: whoever reads that line finds them whole."""
    try:
        if dealt:
            write_dealt(dealt, market)
        if truth:
            write_text(truth, truth_json(market, reckon(market)))
        if roster:
            write_roster(roster, market)
    except OSError as error:
        raise click.UsageError(f"cannot write {error.filename}: {error.strerror}") from error


def _described(market: Market) -> str:
    return f"{len(market.agents):,} agents and {len(market.listings):,} listings as of {market.as_of}"
