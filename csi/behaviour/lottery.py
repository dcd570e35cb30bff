"""Numbers drawn from customer keys: a seeded draw that does not depend on the order of rows, files or machines."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def tickets(keys: Sequence[str], seed: int, purpose: str) -> NDArray[np.uint64]:
    """(n,) number of each key under a seed; another purpose is an independent draw.

    >>> one, two = tickets(["A", "B"], 1, "ties"), tickets(["B", "A"], 1, "ties")
    >>> bool((one == two[::-1]).all()), bool((one == tickets(["A", "B"], 1, "hold-out")).any())
    (True, False)
    """
    secret = hashlib.blake2b(f"{seed}/{purpose}".encode(), digest_size=8).hexdigest()
    return pd.util.hash_array(np.asarray(keys, dtype=object), hash_key=secret, categorize=False)
