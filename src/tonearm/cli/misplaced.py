"""Misplaced: what stands where the command line cannot take it, and is told apart from what nobody knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from tonearm.model import MAX_CATALOG_ID

NO_ID = f"must be a whole number from 1 to {MAX_CATALOG_ID}"


class OfCommands(TyperGroup):
    """Commands, before whose names an option of theirs is refused with its place, and behind them one of ours."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # of the click that typer brings along
        """Take the arguments; those before the first name have to be our own."""
        if not ctx.resilient_parsing:  # else a shell asks what to offer, and wants no refusal
            self._refuse_misplaced(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_misplaced(self, ctx: Any, args: list[str]) -> None:
        valued = {
            name for option in self.get_params(ctx) if not getattr(option, "is_flag", False) for name in option.opts
        }
        own = {name for option in self.get_params(ctx) for name in option.opts}
        theirs = {name for command in self.commands.values() for option in command.params for name in option.opts}
        command, arguments = None, iter(args)
        for name, has_value, _ in (argument.partition("=") for argument in arguments):
            if not name.startswith("-"):
                command = self.commands.get(name)
                break
            if name in theirs - own:
                message = f"{name} belongs behind the command: {ctx.command_path} COMMAND {name}"
                raise typer.BadParameter(message, ctx)
            if name in valued and not has_value:
                next(arguments, None)
        if command is not None and not command.context_settings.get("ignore_unknown_options"):
            _refuse_behind(ctx, command, valued, arguments)


def _refuse_behind(ctx: Any, command: Any, ours: set[str], arguments: Iterator[str]) -> None:
    takes = {name: not getattr(option, "is_flag", False) for option in command.params for name in option.opts}
    for name, has_value, _ in (argument.partition("=") for argument in arguments):
        if name == "--":
            break
        if name in ours - takes.keys():
            raise typer.BadParameter(f"{name} belongs before the command: {ctx.command_path} {name} … COMMAND", ctx)
        if takes.get(name) and not has_value:
            next(arguments, None)


class OfIds(TyperCommand):
    """A command that takes ids of the catalog, and refuses a negative number as one of those, not as an option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # as above
        """Take the arguments."""
        for arg in args:
            if re.fullmatch(r"-\d+", arg) and not ctx.resilient_parsing:
                raise typer.BadParameter(f"'{arg}' {NO_ID}", ctx)
        return super().parse_args(ctx, args)
