"""The paper's figures, one module each: ``compute`` makes the data, ``draw`` the figure.

``python -m paper_figures [NAME ...] [--out DIR]`` makes them.
"""
