"""The engines that must agree, for the tests that name this file in `pytest_plugins`.

Spark runs on this machine; where it cannot, its tests skip and say why. (PYTEST_DONT_REWRITE: several files name it.)
"""

import os
import shutil

import pytest

from csi.engine import connect

SPARK = {
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",
    "spark.driver.memory": "1g",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",  # compiling costs more than these small tables
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


@pytest.fixture(scope="session")
def spark_settings():
    return SPARK


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'csi[spark]'")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Java on this machine, which Spark needs")
    folder = str(tmp_path_factory.mktemp("spark"))
    places = {"spark.sql.warehouse.dir": folder, "spark.local.dir": folder}
    engine = connect("local[2]", settings=SPARK | places)
    yield engine
    engine.backend.disconnect()


@pytest.fixture(scope="module", params=["duckdb", "spark"])
def engine(request):
    """Every test that takes this fixture is part of the conformance suite."""
    return connect(threads=2, memory="1GB") if request.param == "duckdb" else request.getfixturevalue("spark")
