"""Tables where they live: the only room that imports ibis, and the few operations that the house needs."""

from csi.engine.moments import moments_of as moments_of
from csi.engine.scores import with_scores as with_scores
from csi.engine.table import POSITION as POSITION
from csi.engine.table import Engine as Engine
from csi.engine.table import Summary as Summary
from csi.engine.table import Table as Table
from csi.engine.table import connect as connect
from csi.engine.table import table_of as table_of
