"""The model and the answers of the benchmarks: the European index (7 constructs, 12 paths) on mobi.csv or on made-up answers."""

# ruff: noqa: PLC0415 - a process imports only what its task needs, for its memory and its start are measured

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    import csi

STEMS = {
    "Image": "IMAG",
    "Expectation": "CUEX",
    "Quality": "PERQ",
    "Value": "PERV",
    "Satisfaction": "CUSA",
    "Complaints": "CUSCO",
    "Loyalty": "CUSL",
}
SIZES = (5, 3, 7, 2, 3, 1, 3)  # items of each construct in mobi.csv: 24 together
PATHS = {
    "Image": ["Expectation", "Satisfaction", "Loyalty"],
    "Expectation": ["Quality", "Value", "Satisfaction"],
    "Quality": ["Value", "Satisfaction"],
    "Value": ["Satisfaction"],
    "Satisfaction": ["Complaints", "Loyalty"],
    "Complaints": ["Loyalty"],
}
PAIRS = [(cause, effect) for cause, effects in PATHS.items() for effect in effects]
SCALE = (1, 10)


def blocks(sizes: Sequence[int] = SIZES) -> dict[str, list[str]]:
    """The items of each construct."""
    counts = zip(STEMS.items(), sizes, strict=True)
    return {name: [f"{stem}{i + 1}" for i in range(count)] if count > 1 else [stem] for (name, stem), count in counts}


def items(sizes: Sequence[int] = SIZES) -> list[str]:
    """All items, construct by construct."""
    return [item for block in blocks(sizes).values() for item in block]


def pieces(n: int, sizes: Sequence[int] = SIZES, rows: int = 50_000) -> Iterator[NDArray[np.int8]]:
    """Made-up answers 1-10 that follow the model, some rows at a time."""
    import numpy as np

    rng = np.random.default_rng(1)
    for first in range(0, n, rows):
        count = min(rows, n - first)
        score = {name: rng.standard_normal(count, dtype=np.float32) for name in STEMS}
        for cause, effect in PAIRS:  # causes stand before their effects
            score[effect] += 0.5 * score[cause]
        piece = np.empty((count, sum(sizes)), dtype=np.int8)
        for column, name in enumerate(np.repeat(list(STEMS), sizes)):
            noisy = score[name] / score[name].std() + 0.7 * rng.standard_normal(count, dtype=np.float32)
            piece[:, column] = np.clip(np.rint(7.5 + 1.5 * noisy), *SCALE)
        yield piece


def made_up(n: int, sizes: Sequence[int] = SIZES) -> pd.DataFrame:
    """Made-up answers as a frame of floats, without more memory on the way than the frame has."""
    import numpy as np
    import pandas as pd

    X, first = np.empty((n, sum(sizes))), 0
    for piece in pieces(n, sizes):
        X[first : first + len(piece)] = piece
        first += len(piece)
    return pd.DataFrame(X, columns=items(sizes), copy=False)


def answers() -> tuple[str, pd.DataFrame]:
    """Where the answers come from, and 250 of them: mobi.csv from the folder CSI_DATA, or made-up ones."""
    import pandas as pd

    file = Path(os.environ.get("CSI_DATA", "")) / "mobi.csv"
    if file.is_file():
        return "mobi", pd.read_csv(file)[items()].astype(float)
    return "made-up answers in the shape of mobi", made_up(250)


def model(kind: str = "composite", sizes: Sequence[int] = SIZES) -> csi.Model:
    """The model with all constructs of one kind; what has one item is a composite."""
    import csi

    constructs = [
        csi.Construct(name, block, kind=kind if len(block) > 1 else "composite")
        for name, block in blocks(sizes).items()
    ]
    return csi.Model(constructs, PATHS)


def fitted(kind: str = "composite") -> csi.Fit:
    """The model fitted to the 250 answers."""
    import csi

    return csi.fit(model(kind), answers()[1], scale=SCALE)
