"""SymPy twins of the numerical formulas. The only package that imports SymPy."""
