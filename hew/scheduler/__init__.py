"""Runs a program on worker processes: region, workers, recovery, verdict."""

from hew.scheduler.supervisor import Companion, ExitHook, View, run

__all__ = ["Companion", "ExitHook", "View", "run"]
