"""Benchmarks of licorne and its peers. `README.md` has the method; nothing here is installed or imported by licorne.

    python -m benchmarks.macro    rates and CPU per request, memory, start-up, against the other servers
    python -m benchmarks.fault    what hostile and broken clients cost
    python -m benchmarks.micro    the engine alone, compiled and pure

Only the standard library is used; servers live in virtual environments of their own, outside git.
"""
