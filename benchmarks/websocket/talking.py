"""Open the connections of a talk for the length of a `with` block.

`python -m benchmarks.websocket.talking PORT FLOW [SECONDS]` talks with a server that runs already.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from .broadcast import Broadcast, OfferedBroadcast
from .conversation import Conversation, Flow, Talk
from .deflated import DeflatedEcho
from .echo import Echo
from .opening import Opened, open_websocket

__all__ = ["talking"]

CONVERSATIONS = {
    Flow.ECHO: Echo,
    Flow.DEFLATED: DeflatedEcho,
    Flow.BROADCAST: Broadcast,
    Flow.OFFERED_BROADCAST: OfferedBroadcast,
}


@contextmanager
def talking(talk: Talk, port: int) -> Iterator[Conversation]:
    """Open all connections, prove that what they bring is right, and close them when the block ends."""
    everybody: list[Opened] = []
    try:
        while len(everybody) < talk.connections:
            everybody.append(open_websocket(port, talk.path, is_deflated=talk.flow.offers_compression))
        conversation = CONVERSATIONS[talk.flow](talk, everybody)
        conversation.prove()
        yield conversation
        conversation.close()
    finally:
        for opened in everybody:
            opened.close()


def main() -> None:
    """Talk once and print what was counted."""
    port, flow, *seconds = sys.argv[1:]
    with talking(Talk(flow=Flow(flow)), int(port)) as conversation:
        load = conversation.run(float(seconds[0]) if seconds else 3.0)
    print(f"{load.rate:,.0f} a second, p50 {load.p50} µs, p99 {load.p99} µs, load busy {load.busy:.0%}")


if __name__ == "__main__":
    main()
