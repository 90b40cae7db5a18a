"""What can go wrong with models, myths and data, as one line for the person at the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from services.stream.service import CannotStart


@contextmanager
def one_line(command: str) -> Iterator[None]:
    """Turns what a person can mend into CannotStart, which the command prints as one line (exit code 2)."""
    from services.classify.knowledge_base import KnowledgeError
    from services.classify.model_files import ModelFilesError
    from services.stream.claim_review import ClaimReviewError

    try:
        yield
    except (ClaimReviewError, KnowledgeError, ModelFilesError, FileNotFoundError, PermissionError) as error:
        raise CannotStart(f"{command}: {error}") from None
