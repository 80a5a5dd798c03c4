"""Measures of the product, each with its baseline in the same run: `python -m bench --help`."""
