"""Entry: `python -m licorne.server.attached.entry FD`, a worker process that was started by a supervisor.

FD is its end of the channel. The first message there says what to serve; it may be long in coming, because a
supervisor can keep a process in reserve. What the import of a server takes is spent before.
"""

import os
import socket
import sys
from collections.abc import Sequence

from licorne.errors import StartupError
from licorne.server.attached.assignment import unpack_start
from licorne.server.attached.channel import Channel
from licorne.server.attached.leaving import leave
from licorne.server.attached.messages import Start
from licorne.server.attached.orphans import end_with_parent
from licorne.server.attached.serving import leave_signals_to_supervisor, report_failure, serve_attached

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve what the supervisor says; return the exit status."""
    (fd,) = sys.argv[1:] if arguments is None else arguments
    leave_signals_to_supervisor()
    end_with_parent()
    channel = Channel(socket.socket(fileno=int(fd)))
    start = channel.receive_first()
    if not isinstance(start, Start):  # the supervisor does not want it any more, or is gone
        return 0
    sys.path[:] = start.import_path
    try:
        assignment = unpack_start(start)
        listeners = assignment.open_listeners()
        _keep_from_children(int(fd), *assignment.inherited)
    except (StartupError, OSError) as error:
        failure = error if isinstance(error, StartupError) else StartupError(f"cannot use an inherited socket: {error}")
        return report_failure(channel, failure)
    status = serve_attached(assignment.config, channel, listeners, assignment.index, loads_fd=assignment.loads_fd)
    if assignment.config.reload:  # its successor starts when it is gone
        leave(status)
    return status


def _keep_from_children(*fds: int) -> None:
    """Have programs that the application starts inherit nothing of ours: a socket would stay open in them."""
    for fd in fds:
        os.set_inheritable(fd, False)


if __name__ == "__main__":
    sys.exit(main())
