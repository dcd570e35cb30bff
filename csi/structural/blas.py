"""One thread for many small matrix products: two that wait for each other cost more than they bring, above all when busy."""

from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")
_MANY_ROWS = 50_000  # beyond, a product is large enough to be shared out


def one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function of a fit (or bootstrap) with one thread of linear algebra, unless the fit has very many rows."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        source = args[0] if args else None
        if int(getattr(getattr(source, "fit", source), "n", 0)) > _MANY_ROWS:
            return function(*args, **kwargs)
        with _controller().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return run


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()
