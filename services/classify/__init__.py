"""Classify: posts in, verdicts out."""

import os

# OpenMP's waiting threads spin by default, which halves our speed as soon as anything else wants the processor.
# It is read once, when torch is loaded, so it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
