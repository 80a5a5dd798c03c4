"""Official sources: the national sheets and the préfecture's own site.

What comes from outside is opened with ceilings (`containers`), fetched behind a guard (`guard`), read into an `OfficialPage`
(`service_public`, `site_page`), and stored as a proposal (`pages`). Nothing that was fetched is quoted before a person approves it.
"""
