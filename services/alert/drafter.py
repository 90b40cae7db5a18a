"""Asks an OpenAI-compatible endpoint for drafts of answers. Optional; only the knowledge base is sent there, never a post.

Whatever goes wrong is an outcome that the page tells; the template's drafts need nobody. Neither drafts nor the key are logged.
"""

from __future__ import annotations

from services.alert.cases import Myth
from services.alert.model_draft import FORMS, SHARES, ModelDraft, Outcome, messages, read
from services.alert.settings import AlertSettings
from services.stream.completions import Completions, NoCompletion
from services.stream.logs import log


class Drafter:
    """Drafts with one model. For one event loop; `close` when done."""

    def __init__(self, completions: Completions, timeout_s: float) -> None:
        self._completions = completions
        self.longest_s = len(SHARES) * timeout_s
        """Most seconds that a draft takes."""

    async def draft(self, myth: Myth, language: str, place: str) -> ModelDraft:
        """A draft that fits `place`; a reply that is too long is asked for once more, shorter."""
        found, error, silent_s, attempt = ModelDraft(Outcome.TOO_LONG), "", 0.0, 0
        try:
            for attempt in range(len(SHARES)):
                found = read(await self._completions.ask(messages(myth, language, place, attempt)), myth, place)
                if found.outcome is not Outcome.TOO_LONG:
                    break
        except NoCompletion as none:
            found, error, silent_s = ModelDraft(Outcome(none.why)), none.error, none.silent_s
        log.info(
            "a model was asked for a draft", action="model_draft", outcome=found.outcome.value, myth=myth.id,
            language=language, place=place, attempts=attempt + 1, error=error, silent_s=round(silent_s, 1),
        )  # fmt: skip
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._completions.close()


def drafter_of(settings: AlertSettings) -> Drafter | None:
    """None while no endpoint is set. Raises ValueError naming the setting that is wrong, never its value."""
    if not settings.draft_url:
        return None
    completions = Completions(
        "MYTHWATCH_ALERT_DRAFT", settings.draft_url, settings.draft_model, settings.draft_key,
        settings.draft_timeout_s, settings.draft_per_hour, FORMS,
    )  # fmt: skip
    return Drafter(completions, settings.draft_timeout_s)
