"""How time and memory of a bootstrap grow with the answers and with the items."""

# ruff: noqa: PLC0415 - see ecsi.py

from dataclasses import fields
from statistics import median

from ecsi import SCALE, SIZES, made_up, model
from measuring import Found, fresh, peak, resident, table, timed, verdict

TITLE = "Growth with answers and items"
ANSWERS = (250, 2_500, 25_000, 250_000, 1_000_000)
ITEMS = {12: (2, 2, 2, 1, 2, 1, 2), 24: SIZES, 60: (13, 7, 18, 5, 7, 3, 7), 120: tuple(5 * count for count in SIZES)}
MOST_DRAWS, WORK = 10_000, 2e10  # draws x answers x squared items
ENOUGH, MEGABYTES = 10, 1000  # seconds after which no further run is begun; goal beyond the data


def draws_of(n: int, p: int) -> int:
    """As many draws as are much the same work everywhere, 8 at least; one figure and noughts."""
    draws = max(8, int(WORK / (n * p**2)))
    place = 10 ** (len(str(draws)) - 1)
    return min(MOST_DRAWS, draws // place * place)


def cell(n: int, p: int) -> Found:
    """Seconds of the fit and of each draw with the table of paths, memory beyond the data, and what a draw keeps in memory."""
    import csi

    csi.bootstrap(csi.fit(model(), made_up(500), scale=SCALE), 2).table()  # so that all libraries are loaded
    asked, frame = model(sizes=ITEMS[p]), made_up(n, ITEMS[p])
    before, draws, last = resident(), draws_of(n, p), {}

    def fit() -> None:
        last.clear()  # one at a time in memory
        last["fit"] = csi.fit(asked, frame, scale=SCALE)

    def bootstrap() -> None:
        last.pop("boot", None)
        last["boot"] = csi.bootstrap(last["fit"], draws, seed=1)
        last["boot"].table()

    fits, fitted = timed(fit, enough=ENOUGH), peak()
    times = timed(bootstrap, enough=ENOUGH)
    kept = (last["boot"].draws, last["boot"].moments, last["boot"].base)
    arrays = {id(a): a.nbytes for part in kept for a in (getattr(part, f.name) for f in fields(part))}
    return {
        "times": times,
        "fit": median(fits),
        "data": int(frame.to_numpy().nbytes) / 1e6,
        "fitted": fitted - before,
        "beyond": peak() - before,
        "kept": sum(arrays.values()) / draws / 1e3,
    }


def measure() -> Found:
    """Every pair of n and p in a process of its own."""
    return {f"{n} {p}": fresh("growth", "cell", n, p) for n in ANSWERS for p in ITEMS}


def written(found: Found) -> list[str]:
    """One row a pair."""
    rows = []
    for pair, own in found.items():
        n, p = map(int, pair.split())
        draws = draws_of(n, p)
        each = median(own["times"]) / draws
        memory = [f"{own['data']:,.0f} MB", f"{own['fitted']:,.0f} MB", f"{own['beyond']:,.0f} MB"]
        time = [f"{own['fit']:.3f} s", f"{1000 * each:,.3f} ms"]
        row = [f"{n:,}", f"{p}", f"{draws:,}", str(len(own["times"])), *time, *memory, f"{own['kept']:.1f} kB"]
        rows.append([*row, verdict(own["beyond"], MEGABYTES)])
    heads = [
        "answers",
        "items",
        "draws",
        "runs",
        "fit",
        "time a draw",
        "data",
        "beyond it: fit",
        "beyond it: all",
        "kept a draw",
    ]
    return [
        *table([*heads, f"{MEGABYTES:,} MB"], rows),
        f"- Made-up answers in a frame of floats; no further run after {ENOUGH} s. A draw counts its share of the table of "
        "paths. The more answers and items, the fewer draws: the time of one hardly depends on their number.",
        "- Beyond it: peak resident memory less that with the libraries and the frame loaded, after the fit and after all runs. "
        "Kept a draw: bytes of the arrays that the bootstrap holds, by the draw.",
    ]
