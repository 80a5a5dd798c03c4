"""Measures of the product, each with its baseline in the same run: `python -m bench --help`."""

import knowledge  # noqa: F401 - before numpy
