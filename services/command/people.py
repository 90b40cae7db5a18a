"""`mythwatch people`: the console's people: make a password's hash, check the file."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

app = typer.Typer(help="People of the console: make the hash of a password, check the file.", no_args_is_help=True)
LEAST = 12


@app.command(epilog="Example: mythwatch people password")
def password() -> None:
    """Ask for a password and print its hash for the people file; on standard input it is read from there."""
    from services.alert.people import hashed

    if sys.stdin.isatty():
        given = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\n")
    if len(given) < LEAST:
        raise typer.BadParameter(f"at least {LEAST} characters")
    print(hashed(given))


@app.command(epilog="Example: mythwatch people token")
def token() -> None:
    """Make a token for a machine: the first line is for the machine, the second, its hash, for the people file."""
    from services.alert.people import new_token, token_hash

    made = new_token()
    print(f"token: {made}\nhash:  {token_hash(made)}")


@app.command(epilog="Example: mythwatch people check people.yaml")
def check(file: Path = typer.Argument(None, help="people file; default: MYTHWATCH_ALERT_PEOPLE")) -> None:
    """Say whether the people file can be used, and who may do what."""
    from services.alert.people import MAY, PeopleError, read_people
    from services.alert.settings import AlertSettings
    from services.stream.settings import load

    path = file or load(AlertSettings).people
    if path is None:
        raise typer.BadParameter("name the file, or set MYTHWATCH_ALERT_PEOPLE")
    try:
        found = read_people(path)
    except PeopleError as wrong:
        raise typer.BadParameter(str(wrong)) from None
    for person in found.people.values():
        print(
            f"{person.id:<20} {person.role:<10} may look, {', '.join(sorted(MAY[person.role])) or 'and nothing else'}"
        )
