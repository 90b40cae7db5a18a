"""The officer's console: cases by urgency, one case with all that speaks for it, and the decisions about it."""
