"""Measurements that need a quiet machine or a long time: each module writes one committed file in ``results``.

``python -m paper_figures.measurements.NAME`` measures again; the file says on which machine, when and by which command.
"""
