"""Slow, plain-Python references that compiled and concurrent code is held against."""
