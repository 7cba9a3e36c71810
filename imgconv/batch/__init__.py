"""Inputs -> planned output names -> run each -> outcomes. Prints nothing."""

from .item import Done, Item, Outcome, Step
from .planes import EachPlane
from .planning import Plan, plan, plan_inputs
from .running import run

__all__ = ["Done", "EachPlane", "Item", "Outcome", "Plan", "Step", "plan", "plan_inputs", "run"]
