"""10,000 bootstrap draws of the European index with all tables and intervals, here and in the open packages of PyPI."""

# ruff: noqa: PLC0415 - see ecsi.py

import shutil
from statistics import median

from ecsi import PAIRS, answers, fitted
from measuring import Found, NotMeasuredError, fresh, table, timed, verdict
from peers import FEW, MANY

TITLE = "10,000 bootstrap draws of the ECSI model (7 constructs, 24 items, 12 paths), with intervals"
DRAWS, SECONDS, RATIO = 10_000, 0.35, 120
QUANTITIES = (
    "paths",
    "total_effects",
    "indirect_effects",
    "loadings",
    "weights",
    "r_squared",
    "htmt",
    "index",
)
# plspm fails with pandas 3 ("zip() argument 2 is longer than argument 1"), which csi has: an environment of its own.
APART = ("uv", "run", "--quiet", "--isolated", "--no-project", "--with", "plspm", "--with", "pandas<3", "python")
PEERS = {
    "seminr, one process": ("seminr", 1),
    "seminr, two processes": ("seminr", 2),
    "openpls-engine, one process": ("plspm", "openpls", "openpls-engine"),
    "plspm, one process": ("plspm", "plspm", "plspm"),
}


def ours() -> Found:
    """Our draws and tables, and the point estimate of every path."""
    import csi

    fit = fitted()

    def task() -> None:
        draws = csi.bootstrap(fit, DRAWS, seed=1)
        for name in QUANTITIES:
            draws.quantity(name)

    times = timed(task)
    return {
        "source": answers()[0],
        "times": times,
        "paths": [float(fit.paths.at[cause, effect]) for cause, effect in PAIRS],
    }


def measure() -> Found:
    """Ours, and every peer that can be run; of the others the reason."""
    found: Found = {"ours": fresh("bootstrap", "ours"), "peers": {}}
    for name, (function, *arguments) in PEERS.items():
        apart = name.startswith("plspm")
        try:
            if apart and not shutil.which("uv"):
                raise NotMeasuredError(
                    "it needs pandas 2 and so an environment of its own, which uv makes; uv is absent"
                )
            how = {"python": APART} if apart else {}
            found["peers"][name] = fresh("peers", function, *arguments, **how)
        except NotMeasuredError as reason:
            found["peers"][name] = {"failed": str(reason)}
    return found


def scaled(peer: Found) -> float:
    """Seconds for all draws, with the start counted once."""
    if "many" in peer:
        return float(peer["many"] + (DRAWS - MANY) * (peer["many"] - peer["few"]) / (MANY - FEW))
    return float(peer["start"] + DRAWS * (peer["few"] - peer["start"]) / FEW)


def written(found: Found) -> list[str]:
    """The table, whether the goals are met, and what was measured."""
    own = found["ours"]
    seconds = median(own["times"])
    measured = {name: peer for name, peer in found["peers"].items() if "failed" not in peer}
    rows = [["csi, one process", f"{DRAWS:,}", f"{seconds:.2f} s", f"{seconds:.2f} s", "1", f"{own['peak']:.0f} MB"]]
    for name, peer in measured.items():
        draws, time = (MANY, peer["many"]) if "many" in peer else (FEW, peer["few"])
        package, _, processes = name.partition(",")
        cells = [f"{package} {peer['version']},{processes}", f"{draws:,}", f"{time:.2f} s", f"{scaled(peer):,.0f} s"]
        rows.append([*cells, f"{scaled(peer) / seconds:,.0f}", f"{peer['peak']:.0f} MB"])
    lines = table(["", "draws run", "time", f"for {DRAWS:,}", "ratio", "peak memory"], rows)
    lines += [f"- Time of csi: {seconds:.2f} s; goal {SECONDS} s: {verdict(seconds, SECONDS)}."]
    if measured:
        best = min(measured, key=lambda name: scaled(measured[name]))
        ratio = scaled(measured[best]) / seconds
        lines += [f"- Against the fastest peer ({best}): {ratio:.0f} times; goal {RATIO}: {verdict(RATIO, ratio)}."]
        lines += [f"- Point paths, largest difference from csi: {_differences(own, measured)}."]
    lines += [
        f"- Answers: {own['source']}, n = 250. The first run of csi took {own['times'][0]:.2f} s; "
        f"estimates, standard errors, 95 % intervals and p values of {', '.join(QUANTITIES)}.",
        f"- seminr: {FEW} and {MANY:,} draws, scaled; it has no intervals of R2 and index. "
        f"openpls-engine and plspm: one run of {FEW} draws, scaled; they have none of HTMT, index and total indirect effects. "
        "Both run in one process: those of plspm draw the same resamples.",
        "- plspm cannot be installed beside the others: it fails with pandas 3, so it has an environment with pandas 2.",
        "- Peak memory is that of the largest process.",
    ]
    lines += [
        f"- {name}: not measured ({peer['failed']})." for name, peer in found["peers"].items() if "failed" in peer
    ]
    return lines


def _differences(own: Found, measured: dict[str, Found]) -> str:
    apart = {
        name.partition(",")[0]: max(abs(a - b) for a, b in zip(own["paths"], peer["paths"], strict=True))
        for name, peer in measured.items()
    }
    return ", ".join(
        f"{name} {most:.1e}{'' if most < 1e-6 else ' (THEY DO NOT AGREE)'}" for name, most in apart.items()
    )
