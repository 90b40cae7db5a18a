"""What people are called, by the id that they decide under: what they sign in with, or a Slack member's. Set once, at start."""

from __future__ import annotations

from services.alert.people import People

_names: dict[str, str] = {}


def use(people: People) -> None:
    """Call these people by their names from now on."""
    _names.clear()
    for person in people.people.values():
        _names.update(dict.fromkeys((person.id, person.slack or person.id), person.name))


def called(person_id: str) -> str:
    """The name of somebody; the id of those whom nobody named."""
    return _names.get(person_id, person_id)
