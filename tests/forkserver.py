"""
Processes forked by one that has imported prograde: to start Python anew for each takes a second.

There is one such server in a process, whoever asks for it first, so all take it from here. Each child looks at what
was started as the main module, and leaves it alone if that is a package: hence `python -m pytest` in the Makefile.
"""

import multiprocessing

import sqlglot

from prograde.bootstrap import hosting
from prograde.entrypoints import cli, web_server

# By the modules themselves: the server passes over a name that it cannot import.
PRELOADED = [module.__name__ for module in (cli, hosting, web_server, sqlglot)]
FORKSERVER = multiprocessing.get_context("forkserver")
FORKSERVER.set_forkserver_preload(PRELOADED)
