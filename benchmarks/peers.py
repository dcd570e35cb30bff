"""The bootstrap of the European index in the open packages of PyPI, by their documented functions; one process each.

Each is asked for few and, where that takes seconds only, for many draws, so that its start is counted once when its time is
scaled. plspm and openpls-engine get standardised items, for plspm's own scaling divides all items by one pooled deviation.
"""

# ruff: noqa: PLC0415 - each process imports the one package that it measures

from functools import partial
from importlib import import_module
from importlib.metadata import version
from statistics import median

from ecsi import PAIRS, PATHS, answers, blocks
from measuring import Found, timed

FEW, MANY = 100, 1_000


def seminr(cores: int) -> Found:
    """Paths, loadings, weights, total and indirect effects and HTMT, each with its limits; no R2 and no index."""
    import seminr as peer

    _, frame = answers()
    measurement = peer.constructs(*(peer.composite(name, block) for name, block in blocks().items()))
    structure = peer.relationships(*(peer.paths(cause, effects) for cause, effects in PATHS.items()))
    model = peer.estimate_pls((list(frame.columns), frame.to_numpy()), measurement, structure)

    def task(draws: int) -> None:
        peer.summarize(peer.bootstrap_model(model, draws, seed=1, cores=cores))

    few, many = (median(timed(partial(task, draws))) for draws in (FEW, MANY))
    paths = [float(model.path_coef.get(cause, effect)) for cause, effect in PAIRS]
    return {"version": version("seminr"), "few": few, "many": many, "paths": paths}


def plspm(package: str, distribution: str) -> Found:
    """Paths, loadings, weights, total effects and R2 of plspm or of openpls-engine, its fork; one run, for it takes long.

    The time of the draws is that of an estimation with them less that of one without.
    """
    config, scheme, mode, plspm = (import_module(f"{package}.{name}") for name in ("config", "scheme", "mode", "plspm"))
    _, frame = answers()
    frame = (frame - frame.mean()) / frame.std()
    structure = config.Structure()
    for cause, effects in PATHS.items():
        structure.add_path([cause], effects)
    asked = config.Config(structure.path(), scaled=False)
    for name, block in blocks().items():
        asked.add_lv(name, mode.Mode.A, *(config.MV(item) for item in block))
    estimate = partial(plspm.Plspm, frame, asked, scheme.Scheme.PATH, 300, 1e-7)

    def task() -> None:
        draws = estimate(bootstrap=True, bootstrap_iterations=FEW, processes=1).bootstrap()
        for name in ("paths", "loading", "weights", "total_effects", "r_squared"):
            getattr(draws, name)()

    found = estimate().path_coefficients()
    paths = [float(found.at[effect, cause]) for cause, effect in PAIRS]
    start, few = median(timed(estimate)), timed(task, most=1)[0]
    return {"version": version(distribution), "start": start, "few": few, "paths": paths}
