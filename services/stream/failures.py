"""The three ways in which a step can fail. Each has one answer, given by the consume loop and nowhere else."""

from __future__ import annotations


class NotReady(Exception):
    """Something the step needs is away for now (database locked, model loading): keep the batch, wait, try again."""


class Invalid(Exception):
    """This record can never be processed: dead letter. The message names the field and the fix."""


class Fatal(Exception):
    """Stop without acknowledging, exit non-zero. Any exception that is neither of the above counts as this one."""
