"""What a hosted function works with: lent by who hosts it, or built at its first request from the environment."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import flask

from prograde.ports import Callers
from prograde.settings import GoogleCloudSettings, LocalSettings, Serves, read_settings
from prograde.use_cases.services import Services

EXTENSION = "prograde"
"""Under this name a function's Flask app holds its Hosted."""


@dataclass(frozen=True, slots=True)
class Hosted:
    """
    The services of a function, and what tells who calls it.

    `serves` names the routes that it answers; None where each function has a package of its own.
    """

    services: Services
    callers: Callers
    serves: Serves | None = None


def hosted(app: flask.Flask) -> Hosted:
    """Give what a function works with; raises SettingsError while its environment is not right."""
    with _building:
        if EXTENSION not in app.extensions:
            app.extensions[EXTENSION] = _from_environment(os.environ)
    found: Hosted = app.extensions[EXTENSION]
    return found


def _from_environment(env: Mapping[str, str]) -> Hosted:
    """Build one family, and import nothing of the other."""
    match read_settings(env):
        case LocalSettings() as settings:
            return _alone(settings, env)
        case GoogleCloudSettings() as settings:
            from prograde.bootstrap.google_cloud import GoogleCloud

            return GoogleCloud(settings, env).hosted


def _alone(settings: LocalSettings, env: Mapping[str, str]) -> Hosted:
    """Give a function that no LocalMachine hosts one of its own, which nobody dispatches tasks to."""
    from prograde.adapters.local.data_directory import DataDirectory
    from prograde.adapters.local.source_files import SourceFolder
    from prograde.adapters.local.wsgi_client import InProcessCallers
    from prograde.bootstrap.local_machine import LocalMachine

    directory = DataDirectory(settings.data_dir)
    directory.folder.mkdir(parents=True, exist_ok=True)
    return Hosted(LocalMachine(directory, SourceFolder(settings.sources_dir), env).services, InProcessCallers())


_building = threading.Lock()
