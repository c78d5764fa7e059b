"""What `prograde --help` says, at eighty columns."""

from collections.abc import Iterator

import click
import pytest

from prograde.entrypoints.cli import cli

COLUMNS = 80


def groups(command: click.Command, name: str) -> Iterator[tuple[str, click.Group]]:
    if isinstance(command, click.Group):
        yield name, command
        for inner_name, inner in command.commands.items():
            yield from groups(inner, f"{name} {inner_name}")


@pytest.mark.parametrize(("name", "group"), list(groups(cli, "prograde")), ids=lambda each: str(each)[:30])
def test_no_summary_of_a_command_is_cut(name: str, group: click.Group) -> None:
    context = click.Context(group, info_name=name, terminal_width=COLUMNS, max_content_width=COLUMNS)
    shown = group.get_help(context).partition("Commands:")[2]

    assert shown
    assert "..." not in shown
    assert all(each.short_help or each.help for each in group.commands.values())
