"""Arrow columns as columns of texts: what Arrow has already coded as a dictionary is not coded again."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from csi.survey.readers.raw import Texts


def texts_of(column: Any, text: Callable[[Any], str] = str) -> Texts:  # noqa: ANN401 - pyarrow has no types
    """The texts of an Arrow array or chunked array of any type; what is absent becomes an empty text.

    `text` turns a value into what stands in the cell. It sees each distinct value once, as a Python object.

    >>> import pyarrow as pa
    >>> texts_of(pa.chunked_array([["5", "7"], ["5", None]]))
    Texts(codes=array([0, 1, 0, 2], dtype=int32), distinct=('5', '7', ''))
    >>> texts_of(pa.array([7.5, 7.0]), "{:g}".format).distinct
    ('7.5', '7')
    """
    chunked = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    coded = chunked if pa.types.is_dictionary(chunked.type) else chunked.dictionary_encode()
    coded = coded.unify_dictionaries()
    values = coded.chunk(0).dictionary.to_pylist() if coded.num_chunks else []
    indices = [part.indices.fill_null(len(values)).to_numpy(zero_copy_only=False) for part in coded.chunks]
    codes = np.concatenate(indices).astype(np.int32, copy=False) if indices else np.empty(0, dtype=np.int32)
    return _once_each(codes, ["" if value is None else text(value) for value in values], bool(coded.null_count))


def _once_each(codes: np.ndarray[Any, np.dtype[np.int32]], texts: list[str], absent: bool) -> Texts:
    """Different values may have one text, and a text may be empty as an absent value is: each text is kept once."""
    if absent:
        texts = [*texts, ""]
    place: dict[str, int] = {}
    moved = [place.setdefault(text, len(place)) for text in texts]
    if len(place) < len(texts):
        codes = np.array(moved, dtype=np.int32)[codes]
    return Texts(codes, tuple(place))
