"""Hew: an actor language with a built-in profiler.

Nothing but the version lives here, so that `hew --version` loads nothing else.
"""

__version__ = "0.1.0"
