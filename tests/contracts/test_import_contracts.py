"""Contract: importing the package is cheap (who may import whom is checked by ``make lint``)."""


def test_importing_the_package_loads_nothing(program):
    done = program("import sys, regretlab; print(sorted({'numpy', 'scipy', 'numba', 'torch'} & set(sys.modules)))")
    assert (done.code, done.out.strip()) == (0, "[]"), done.err
