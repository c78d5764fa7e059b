"""
A practice listing API: a RESO Web API over an invented market, or over real sales dealt to invented agents.

It shares no code with the program that it is there to test.
"""

from prograde.sandbox.call_log import CallStats
from prograde.sandbox.dealing import deal_sales
from prograde.sandbox.errors import SalesFileError, SandboxError
from prograde.sandbox.fault_profiles import FAULT_SOURCES, FaultProfile, FaultSource, Outage, fault_sources
from prograde.sandbox.latency import Latency
from prograde.sandbox.market import Agent, Listing, Market
from prograde.sandbox.rate_limit import RateLimit
from prograde.sandbox.seeding import seeded_market
from prograde.sandbox.server import SandboxServer
from prograde.sandbox.truth import Production, Tally, reckon

__all__ = [
    "FAULT_SOURCES",
    "Agent",
    "CallStats",
    "FaultProfile",
    "FaultSource",
    "Latency",
    "Listing",
    "Market",
    "Outage",
    "Production",
    "RateLimit",
    "SalesFileError",
    "SandboxError",
    "SandboxServer",
    "Tally",
    "deal_sales",
    "fault_sources",
    "reckon",
    "seeded_market",
]
