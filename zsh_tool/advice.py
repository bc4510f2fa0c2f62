"""Keeps an error in the making of advice from reaching the command's reply."""

import logging
from collections.abc import Callable
from typing import ParamSpec, TypeVar

log = logging.getLogger(__name__)

Parameters = ParamSpec("Parameters")
Advice = TypeVar("Advice")


def advice_or(
    nothing: Advice,
    make: Callable[Parameters, Advice],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Advice:
    """Return what ``make`` makes of the arguments, or ``nothing`` and a line in the log if it fails."""
    try:
        return make(*args, **kwargs)
    except Exception:  # what the past says may be lost; how the command ended, which it is about, may not
        log.exception("no advice: %s failed", getattr(make, "__name__", make))
        return nothing
