"""Tables where they live: the only room that imports ibis, and the few operations that the house needs."""

from csi.engine.clocks import on_clock as on_clock
from csi.engine.connection import Engine as Engine
from csi.engine.connection import connect as connect
from csi.engine.customers import numbered as numbered
from csi.engine.customers import read_mapping as read_mapping
from csi.engine.customers import through_mapping as through_mapping
from csi.engine.event_windows import WindowMeasure as WindowMeasure
from csi.engine.moments import moments_of as moments_of
from csi.engine.scores import with_scores as with_scores
from csi.engine.table import POSITION as POSITION
from csi.engine.table import Summary as Summary
from csi.engine.table import Table as Table
from csi.engine.table import table_of as table_of
from csi.engine.writing import write as write
