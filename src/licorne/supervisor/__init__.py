"""Supervisor: the parent process that starts workers, watches them, replaces them and drains them.

fleet.py        all decisions: which worker is started, told, killed, and when
modes.py        what a fleet is about, and what it tells those who ask
slots.py        the places of a fleet, and of which generation the next worker is
roster.py       the workers of a fleet: what is true of each whatever the fleet is about
members.py      what is known of one worker, and of the place that it takes
actions.py      what a fleet wants to be done

supervise.py    opens everything in the one order that is right, and closes it again
supervisor.py   the loop that does what the fleet wants, and follows signals
processes.py    what it does to the processes of workers, and hears from them
inbox.py, board.py, sockets.py, rereading.py, unread.py    parts of it
children.py     one process of a worker, which spawn.py, spare.py and fork.py start

stations.py     what the loop serves besides workers:
health.py       the answers to probes
reload.py       changes of files; changes.py waits for them, watch.py knows which matter
upgrade.py      a new process that takes over; inheritance.py is what it is left

premises.py     what a supervisor finds and leaves in the system, beyond what every server does
"""
