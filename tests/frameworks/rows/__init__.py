"""A real application of each framework, asked the same things over real sockets.

`table.py` names the frameworks, and `apps/` holds an application of each, written as its users write them and with
the same routes. `tools/suites.py` runs this folder in an environment that has them all. `tools/frameworks_page.py`
writes a page of what passed. pytest finds the folder only when it is named: other environments lack the packages.
"""
