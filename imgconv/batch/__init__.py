"""Inputs -> planned output names -> run each -> outcomes. Prints nothing."""

from .item import FIRST, Done, Item, Outcome, Step
from .planning import Plan, plan, plan_inputs
from .running import run

__all__ = ["FIRST", "Done", "Item", "Outcome", "Plan", "Step", "plan", "plan_inputs", "run"]
