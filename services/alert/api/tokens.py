"""Who asks: a bearer token, looked up by its hash, and what that role may do."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import HTTPException, Request

from services.alert.people import MAY, Act, People, Person, Role


class Bearer:
    """Dependencies that give the person behind a request, or end it with 401 or 403."""

    def __init__(self, people: People) -> None:
        self._people = people

    def anybody(self, request: Request) -> Person:
        """Whoever has a token may look."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        person = self._people.of_token(token.strip()) if scheme.lower() == "bearer" else None
        if person is None:
            raise HTTPException(
                401, "Authorization: Bearer with a token of the people file is needed", {"WWW-Authenticate": "Bearer"}
            )
        return person

    def may(self, act: Act) -> Callable[[Request], Person]:
        """Only those whose role may do this."""

        def allowed(request: Request) -> Person:
            person = self.anybody(request)
            if not person.may(act):
                roles = " or ".join(role for role in Role if act in MAY[role])
                raise HTTPException(403, f"this is for the role {roles}, and the token's is {person.role}")
            return person

        return allowed
