"""What `python -m bot evaluate` measures and prints: how well questions are understood, answered, and left unanswered.

`questions` reads the sets, `asking` puts them to the assistant, one module a part of the report measures (`ranks`, `risk`, `natures`,
`conversations`, `robustness`, `speed`), `report` puts the parts together. Figures are computed in `figures`, drawn in `charts`.
"""
